/** Starts programs on a machine of its own, within a time limit, and knows what is left of them. */
import { commandOf, processesWith } from "../faults/processes.ts";
import { dieWithUs } from "./tools.ts";

export type Environment = Record<string, string | undefined>;

export interface Ended {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

export interface Runner {
  run: (command: readonly string[], input?: string, env?: Environment) => Promise<Ended>;
  /** With a terminal for stdin, stdout and stderr; gives what stood on it. */
  runOnTerminal: (command: readonly string[], env?: Environment) => Promise<string>;
  /** Ends what still runs; gives the command lines. */
  end: () => readonly string[];
}

/** Of a client and of the program, in milliseconds. */
const LIMIT = 90_000;
const markOf = (folder: string) => `INTEROP_MACHINE=${folder}`;

/** @param folder of the machine */
export function openRunner(folder: string, env: Environment, cwd: string): Runner {
  const mark = markOf(folder);
  const envWith = (extra: Environment) => ({ ...env, INTEROP_MACHINE: folder, ...extra });

  /** At the limit, ends whatever still runs here: a child may hold the streams of its parent. */
  async function withinLimit<T>(ended: Promise<T>): Promise<T> {
    let late: readonly string[] = [];
    const timer = setTimeout(() => {
      late = endMarked(mark);
    }, LIMIT);
    const result = await ended.finally(() => clearTimeout(timer));
    if (late.length > 0) throw new Error(`no end after ${LIMIT} ms: ${late.join(", ")}`);
    return result;
  }

  return {
    async run(command, input = "", extra = {}) {
      const child = Bun.spawn([...dieWithUs(), ...command], {
        env: envWith(extra),
        cwd,
        stdin: new Blob([input]),
        stdout: "pipe",
        stderr: "pipe",
      });
      const streams = [child.stdout, child.stderr].map((stream) => new Response(stream).text());
      const [stdout = "", stderr = ""] = await withinLimit(Promise.all([...streams]));
      return { exitCode: await child.exited, stdout, stderr };
    },

    async runOnTerminal(command, extra = {}) {
      const decoder = new TextDecoder();
      const closed = Promise.withResolvers<void>();
      let screen = "";
      const child = Bun.spawn([...dieWithUs(), ...command], {
        env: { ...envWith(extra), TERM: "xterm" },
        cwd,
        terminal: {
          // No line of an answer may be broken by the terminal.
          cols: 4000,
          data(_terminal, bytes) {
            screen += decoder.decode(bytes, { stream: true });
          },
          exit: () => closed.resolve(),
        },
      });
      await withinLimit(Promise.all([child.exited, closed.promise]));
      child.terminal?.close();
      return screen.replaceAll("\r\n", "\n");
    },

    end: () => endMarked(mark),
  };
}

/** Ends what still runs on machines below the folder. */
export const endMachines = (folder: string) => endMarked(`${markOf(folder)}/`);

/** Ends every process with the mark in its environment; gives their command lines. */
function endMarked(mark: string): readonly string[] {
  return processesWith(mark).map((pid) => {
    const command = commandOf(pid);
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself meanwhile.
    }
    return command;
  });
}
