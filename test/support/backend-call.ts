/**
 * One call of the Linux backend in a process of its own: GIO reads its environment once, and
 * what a dying bus does to a process can only be seen from outside.
 */
import { KeyringError, type KeyringErrorCode } from "../../src/keyring/backend.ts";
import { openLinuxBackend } from "../../src/keyring/linux.ts";

export interface BackendCall {
  operation: "get" | "set" | "delete";
  account: string;
  secret?: string;
  /** How long the call may take, in milliseconds. */
  within?: number;
  interactive?: boolean;
  leavePromptOpen?: boolean;
}

export interface Answer {
  /** What the call gave, or the code with which it failed. */
  value?: string | boolean | null;
  code?: KeyringErrorCode;
  message?: string;
  /** How long the call took, in milliseconds. */
  took: number;
}

export interface Ended {
  answer: Answer;
  exitCode: number;
  /** What stood on stderr. */
  noise: string;
}

export interface Surroundings {
  env: Record<string, string | undefined>;
  cwd?: string;
  /** A command that runs the given one, such as `strace -f`. */
  wrapper?: string[];
}

export const WITHIN = 1000;

/** Starts the call; `ended` is when its process has exited. */
export function startCall(call: BackendCall, { env, cwd, wrapper = [] }: Surroundings) {
  const child = Bun.spawn([...wrapper, process.execPath, import.meta.path, JSON.stringify(call)], {
    env: { ...process.env, ...env },
    ...(cwd !== undefined && { cwd }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  async function end(): Promise<Ended> {
    const [output, noise, exitCode] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    if (output === "") throw new Error(`no answer, exit code ${exitCode}: ${noise}`);
    return { answer: JSON.parse(output), exitCode, noise };
  }
  return { child, ended: end() };
}

export const runCall = (call: BackendCall, surroundings: Surroundings): Promise<Ended> =>
  startCall(call, surroundings).ended;

async function answer(call: BackendCall): Promise<Answer> {
  const { operation, account, secret = "", within = WITHIN, interactive = false } = call;
  const backend = openLinuxBackend();
  const startedAt = performance.now();
  const options = {
    deadline: startedAt + within,
    interactive,
    leavePromptOpen: call.leavePromptOpen ?? false,
  };
  const took = () => Math.round(performance.now() - startedAt);
  try {
    const value =
      operation === "set"
        ? ((await backend.set(account, secret, options)) ?? null)
        : await backend[operation](account, options);
    return { value, took: took() };
  } catch (error) {
    if (!(error instanceof KeyringError)) throw error;
    return { code: error.code, message: error.message, took: took() };
  }
}

if (import.meta.main) {
  process.stdout.write(JSON.stringify(await answer(JSON.parse(process.argv[2] ?? ""))));
  process.exit(0);
}
