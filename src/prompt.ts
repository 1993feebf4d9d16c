/** Questions to a person at a terminal, on stderr: stdout belongs to results. */
import { Interrupted } from "./errors.ts";

export interface Choice {
  value: string;
  label: string;
  hint?: string;
}

/** Every question throws `Interrupted` on Ctrl-C, Ctrl-D or Escape, and leaves the terminal as it was. */
export interface Prompt {
  /** One of the choices, the first being preselected; typing filters them. */
  pick(message: string, choices: readonly Choice[]): Promise<string>;
  /** A line without blanks around it; `check` gives what is wrong with it, or undefined. */
  text(
    message: string,
    options?: {
      initial?: string | undefined;
      placeholder?: string;
      check?: (line: string) => string | undefined;
    },
  ): Promise<string>;
  /** A line that is not shown. */
  secret(message: string): Promise<string>;
  confirm(message: string): Promise<boolean>;
}

const SHOW_CURSOR = "\x1b[?25h";

export async function openPrompt(): Promise<Prompt> {
  // To the runtime FORCE_COLOR counts for more.
  if (process.env["NO_COLOR"]) delete process.env["FORCE_COLOR"];
  const clack = await import("@clack/prompts");
  const output = process.stderr;

  async function ask<T>(
    question: (common: { output: NodeJS.WriteStream; signal: AbortSignal }) => Promise<T>,
  ): Promise<Exclude<T, symbol>> {
    // Where a signal ends the process, the runtime gives the terminal back as it was, but for the cursor.
    const showCursor = () => output.write(SHOW_CURSOR);
    const end = new AbortController();
    const endOfInput = (_: unknown, key: { ctrl?: boolean; name?: string }) => {
      if (key.ctrl && key.name === "d") end.abort();
    };
    process.once("exit", showCursor);
    process.stdin.on("keypress", endOfInput);
    // readline stops reading while the program is suspended, and leaves it to others to go on.
    const goOn = () => setImmediate(() => process.stdin.resume());
    process.on("SIGCONT", goOn);
    try {
      const answer = await question({ output, signal: end.signal });
      if (clack.isCancel(answer)) throw new Interrupted();
      return answer as Exclude<T, symbol>;
    } finally {
      process.off("exit", showCursor);
      process.stdin.off("keypress", endOfInput);
      process.off("SIGCONT", goOn);
    }
  }

  return {
    pick: (message, choices) =>
      ask((common) =>
        clack.autocomplete({
          ...common,
          message,
          options: choices.map((choice) => ({ ...choice })),
          maxItems: 10,
          validate: (value) =>
            value === undefined ? "Choose one; delete letters to see more" : undefined,
        }),
      ),
    async text(message, { initial, placeholder, check } = {}) {
      const line = await ask((common) =>
        clack.text({
          ...common,
          message,
          ...(initial !== undefined && { initialValue: initial }),
          ...(placeholder !== undefined && { placeholder }),
          ...(check && { validate: (typed = "") => check(typed.trim()) }),
        }),
      );
      return line.trim();
    },
    secret: (message) => ask((common) => clack.password({ ...common, message })),
    confirm: (message) => ask((common) => clack.confirm({ ...common, message, initialValue: false })),
  };
}
