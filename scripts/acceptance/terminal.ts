/** Runs a command on a pseudo-terminal, types what it waits for, and reads the screen at the end. */
import { Terminal } from "@xterm/headless";
import type { Keystrokes } from "./case.ts";

const COLUMNS = 120;
const ROWS = 40;

export interface TerminalRun {
  /** What a person would see, from the top of the scrollback, without the terminal's own line breaks and blanks. */
  screen: string;
  /** Keys that were never typed, as their text did not come. */
  unsent: readonly Keystrokes[];
  ending: string;
}

export interface SpawnLimits {
  cwd: string;
  env: Record<string, string>;
  timeout: number;
  killSignal: "SIGKILL";
}

export async function runOnTerminal(
  command: string[],
  limits: SpawnLimits,
  keys: readonly Keystrokes[],
): Promise<TerminalRun> {
  const emulator = new Terminal({
    cols: COLUMNS,
    rows: ROWS,
    scrollback: 10_000,
    allowProposedApi: true,
  });
  let cursorShown = true;
  for (const final of ["h", "l"]) {
    // DECTCEM: mode 25.
    emulator.parser.registerCsiHandler({ prefix: "?", final }, (modes) => {
      if (modes.includes(25)) cursorShown = final === "h";
      return false;
    });
  }
  const decoder = new TextDecoder();
  const unsent = [...keys];
  /** What was shown after the text that the last keys waited for. */
  let shown = "";
  const ended = Promise.withResolvers<void>();
  const child = Bun.spawn(command, {
    ...limits,
    env: { ...limits.env, TERM: "xterm-256color" },
    terminal: {
      cols: COLUMNS,
      rows: ROWS,
      data(terminal, bytes) {
        emulator.write(bytes);
        shown += Bun.stripANSI(decoder.decode(bytes, { stream: true }));
        for (let next = unsent[0]; next && shown.includes(next.waitFor); next = unsent[0]) {
          unsent.shift();
          shown = shown.slice(shown.indexOf(next.waitFor) + next.waitFor.length);
          terminal.write(next.send);
        }
      },
      exit: () => ended.resolve(),
    },
  });
  // A terminal answers questions such as "where is the cursor".
  emulator.onData((answer) => child.terminal?.write(answer));
  await child.exited;
  await ended.promise;
  child.terminal?.close();
  await new Promise<void>((written) => emulator.write("", written));
  const cursor = cursorShown ? "" : "[the cursor stays hidden]\n";
  return { screen: readScreen(emulator), unsent, ending: cursor + describeEnding(child) };
}

/** Empty after an ordinary end of the script. */
export function describeEnding(child: Pick<Bun.Subprocess, "exitCode" | "signalCode">): string {
  if (child.signalCode) return `[the script was stopped: ${child.signalCode}]\n`;
  return child.exitCode === 0 ? "" : `[the script itself ended with ${child.exitCode}]\n`;
}

function readScreen(emulator: Terminal): string {
  const buffer = emulator.buffer.active;
  const lines: string[] = [];
  for (let row = 0; row < buffer.length; row++) {
    const line = buffer.getLine(row);
    const text = line?.translateToString() ?? "";
    if (line?.isWrapped) lines.push((lines.pop() ?? "") + text);
    else lines.push(text);
  }
  return `${lines
    .map((line) => line.trimEnd())
    .join("\n")
    .trimEnd()}\n`;
}
