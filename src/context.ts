/** Everything of the outside world that a command touches, in one object. */
import { forbidCoreDumps, libc } from "../native/libc.ts";
import { UserError } from "./errors.ts";
import { writeSome } from "./files/quick-io.ts";
import { systemCode, systemReason } from "./files/system-error.ts";
import type { Keyring } from "./keyring/keyring.ts";
import type { Prompt } from "./prompt.ts";
import { showWaiting } from "./waiting.ts";

export type Environment = Record<string, string | undefined>;

export interface Output {
  readonly isTTY: boolean;
  write(text: string): void;
}

export interface Input {
  readonly isTTY: boolean;
  /** All of it, to its end. @throws UserError where it cannot be read, or is far too long */
  text(): Promise<string>;
  /** Line by line, until the signal is aborted. */
  lines(signal: AbortSignal): AsyncIterable<string>;
}

export interface Context {
  env: Environment;
  platform: NodeJS.Platform;
  /** The person's home folder: HOME, USERPROFILE on Windows, else what the system says. */
  home: string;
  stdin: Input;
  stdout: Output;
  stderr: Output;
  fetch: typeof fetch;
  /** Milliseconds since the epoch. */
  now(): number;
  /** When the process was started: milliseconds since the epoch. */
  startedAt: number;
  /**
   * The keyring of this machine, opened once; all its calls share one time budget. With `ask`
   * false it never asks the person for anything, and waits no longer than without a terminal.
   */
  keyring(options?: { ask: boolean }): Promise<Keyring>;
  /** Questions to the person; only where `isInteractive` says that somebody can answer. */
  prompt(): Promise<Prompt>;
  /** Keeps secrets out of core dumps: a crash must not leave them on a disk. */
  guardMemory(): void;
  /** Work that may outlast the results; the process ends when it is done. */
  unfinished: Promise<unknown>[];
  /** Work that a first Ctrl-C must not cut short; the process ends after it. */
  unbroken: Set<Promise<unknown>>;
  /** One line on stderr, under `--debug` only. Never given a secret. */
  debug(message: string): void;
}

/** A person can be asked: stdin and stderr are terminals, and this is no CI job. */
export function isInteractive(context: Context): boolean {
  return context.stdin.isTTY && context.stderr.isTTY && !context.env["CI"];
}

/** Path of the config file: DATABRICKS_CONFIG_FILE (`~/`, on Windows `~\` too, is the home folder), else ~/.databrickscfg. */
export function configPath(context: Context): string {
  const given = context.env["DATABRICKS_CONFIG_FILE"];
  if (!given) return below(context, ".databrickscfg");
  const inHome = context.platform === "win32" ? /^~[\\/]/ : /^~\//;
  return inHome.test(given)
    ? below(context, given.slice(2))
    : absolutePath(given, context.platform);
}

/** What is relative counts from the current folder. @throws UserError where that is gone: Bun would write beside the executable */
function absolutePath(path: string, platform: NodeJS.Platform): string {
  if (platform !== "win32" && path.startsWith("/")) return path;
  const { resolve } = process.getBuiltinModule("node:path");
  try {
    return resolve(process.cwd(), path);
  } catch (error) {
    throw new UserError(`there is no ${path} here: the current folder was deleted`, {
      cause: error,
    });
  }
}

/** Path of the file cache. */
export function cachePath(context: Context): string {
  return below(context, ".databricks/token-cache.json");
}

/** Folder of the lock files. */
export function lockDirectory(context: Context): string {
  return below(context, ".databricks/locks");
}

/** A path below the home folder. */
function below({ home, platform }: Pick<Context, "home" | "platform">, path: string): string {
  // The module is loaded only where its rules are more than this.
  return platform === "win32"
    ? process.getBuiltinModule("node:path").join(home, path)
    : `${home.replace(/\/+$/, "")}/${path}`;
}

/** @throws UserError where nothing says which it is, as for a container's user without a name */
export function homeFolder(env: Environment, platform: NodeJS.Platform): string {
  const given = platform === "win32" ? env["USERPROFILE"] : env["HOME"];
  if (given) return given;
  try {
    return process.getBuiltinModule("node:os").homedir();
  } catch (error) {
    throw new UserError("there is no home folder here: set HOME", { cause: error });
  }
}

/** The real world, for `main`. `argv` is looked at for `--debug` only. */
export function systemContext(argv: readonly string[]): Context {
  const { env, platform } = process;
  const stderr = systemOutput(2);
  const debug = argv.includes("--debug")
    ? (message: string) => stderr.write(`debug: ${message}\n`)
    : () => {};
  const keyrings = new Map<boolean, Promise<Keyring>>();
  const context: Context = {
    env,
    platform,
    // Asked only where it matters: `version` needs none.
    get home() {
      return absolutePath(homeFolder(env, platform), platform);
    },
    stdin: systemInput(),
    stdout: systemOutput(1),
    stderr,
    fetch: globalThis.fetch,
    now: Date.now,
    startedAt: performance.timeOrigin,
    guardMemory() {
      if (platform !== "win32") forbidCoreDumps();
    },
    unfinished: [],
    unbroken: new Set(),
    prompt: async () => (await import("./prompt.ts")).openPrompt(),
    keyring({ ask } = { ask: true }) {
      const terminal = ask && isInteractive(context);
      const keyring = keyrings.get(terminal) ?? openSystemKeyring(terminal, context);
      keyrings.set(terminal, keyring);
      return keyring;
    },
    debug,
  };
  return context;
}

async function openSystemKeyring(terminal: boolean, context: Context): Promise<Keyring> {
  const { openKeyring, systemBackend } = await import("./keyring/keyring.ts");
  return openKeyring({
    backend: await systemBackend(),
    terminal,
    waiting: (elapsed) =>
      showWaiting("Waiting for the OS keyring; look for its prompt", context.stderr.write, elapsed),
    inTurn: (body) => inTurn(body, context),
  });
}

/** How long a write to the keyring waits for those of other processes, in milliseconds. */
const LONGEST_TURN = 10_000;

/** Runs `body` alone; after a while, and where there is no locking, whoever else is at it. */
async function inTurn<T>(body: () => Promise<T>, context: Context): Promise<T> {
  const { acquireLock, LockTimeout, LockUnavailable, lockPath } = await import("./files/lock.ts");
  const deadline = performance.now() + LONGEST_TURN;
  const path = lockPath(lockDirectory(context), "keyring");
  const lock = await acquireLock(path, { deadline }).catch((error: unknown) => {
    if (!(error instanceof LockTimeout || error instanceof LockUnavailable)) throw error;
    context.debug(`${error.message}; writing to the keyring without a lock`);
    return null;
  });
  try {
    return await body();
  } finally {
    lock?.release();
  }
}

/** The C library is asked where there is one: the module costs a millisecond and two megabytes. */
function isTerminal(descriptor: number): boolean {
  if (process.platform === "win32") return process.getBuiltinModule("node:tty").isatty(descriptor);
  return libc().isatty(descriptor) === 1;
}

/** More than anybody means to give, in bytes; what never ends must not fill the memory. */
const MOST_INPUT = 1 << 16;

async function readInput(): Promise<string> {
  const pieces: Buffer[] = [];
  let length = 0;
  try {
    for await (const piece of process.stdin as AsyncIterable<Buffer>) {
      pieces.push(piece);
      length += piece.length;
      if (length > MOST_INPUT) break;
    }
  } catch (error) {
    throw new UserError(`cannot read stdin: ${systemReason(error)}`, { cause: error });
  }
  if (length > MOST_INPUT) {
    throw new UserError(`stdin holds more than ${MOST_INPUT / 1024} KiB`);
  }
  return Buffer.concat(pieces).toString();
}

function systemInput(): Input {
  return {
    get isTTY() {
      return isTerminal(0);
    },
    text: readInput,
    async *lines(signal) {
      const { createInterface } = await import("node:readline");
      yield* createInterface({ input: process.stdin, signal });
    },
  };
}

/** A stream that is written to at once: the process may exit right after, and nothing is lost. */
function systemOutput(descriptor: 1 | 2): Output {
  return {
    get isTTY() {
      return isTerminal(descriptor);
    },
    write(text) {
      let bytes: Uint8Array = Buffer.from(text);
      while (bytes.length > 0) {
        try {
          bytes = bytes.subarray(writeSome(descriptor, bytes));
        } catch (error) {
          const code = systemCode(error);
          // A reader who has left; and what stderr cannot take must not cost the result.
          if (code === "EPIPE" || (descriptor === 2 && code !== "EAGAIN")) return;
          if (code !== "EAGAIN") {
            throw new UserError(`cannot write to stdout: ${systemReason(error)}`, { cause: error });
          }
          // A pipe that its reader made non-blocking and has not emptied yet.
          Bun.sleepSync(1);
        }
      }
    },
  };
}
