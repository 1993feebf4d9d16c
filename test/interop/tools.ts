/** Package managers and compilers, with the environment of whoever runs this: they prepare the cases. */

/** How long one may take, in milliseconds: it may have to fetch and to compile. */
const LIMIT = 400_000;

/** Goes before a command that the kernel is to kill when this process ends. */
export const dieWithUs = () => [programPath("setpriv"), "--pdeathsig", "KILL"];

export interface ToolOptions {
  cwd?: string;
  /** In place of the environment of whoever runs this. */
  env?: Record<string, string | undefined>;
  input?: string;
}

/** What the command prints. Rejects with what it said when it fails, or takes too long. */
export async function runTool(command: string[], options: ToolOptions = {}): Promise<string> {
  const { cwd, env, input = "" } = options;
  const child = Bun.spawn([...dieWithUs(), ...command], {
    ...(cwd !== undefined && { cwd }),
    ...(env && { env }),
    stdio: [new Blob([input]), "pipe", "pipe"],
    timeout: LIMIT,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (exitCode === 0) return stdout;
  const ending = child.signalCode ?? `exit code ${exitCode}`;
  throw new Error(`${command.slice(0, 3).join(" ")}…: ${ending}\n${stdout}${stderr}`);
}

/** For environments whose PATH leads elsewhere. */
export function programPath(name: string): string {
  const path = Bun.which(name);
  if (path === null) throw new Error(`there is no ${name}`);
  return path;
}
