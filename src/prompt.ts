/** Questions to a person at a terminal, on stderr: stdout belongs to results. */
import { Interrupted } from "./errors.ts";

export interface Choice {
  value: string;
  label: string;
  hint?: string;
}

/** Every question throws `Interrupted` on Ctrl-C, Ctrl-D or Escape, or without a terminal any more, and leaves the terminal as it was. */
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
  clack.updateSettings({ aliases: { "\x04": "cancel" } });

  async function ask<T>(question: Promise<T>): Promise<Exclude<T, symbol>> {
    // Where a signal ends the process, the runtime gives the terminal back as it was, but for the cursor.
    const showCursor = () => output.write(SHOW_CURSOR);
    process.once("exit", showCursor);
    // readline stops reading while the program is suspended, and leaves it to others to go on.
    const goOn = () => setImmediate(() => process.stdin.resume());
    process.on("SIGCONT", goOn);
    // When the terminal is gone, readline throws, where only this hears of it.
    const failed = Promise.withResolvers<never>();
    const fail = (error: Error) =>
      failed.reject(process.stdin.readable ? error : new Interrupted());
    process.once("uncaughtException", fail);
    try {
      const answer = await Promise.race([question, failed.promise]);
      if (clack.isCancel(answer)) throw new Interrupted();
      return answer as Exclude<T, symbol>;
    } finally {
      process.off("exit", showCursor);
      process.off("SIGCONT", goOn);
      process.off("uncaughtException", fail);
    }
  }

  return {
    pick: (message, choices) =>
      ask(
        clack.autocomplete({
          message,
          options: choices.map((choice) => ({ ...choice })),
          maxItems: 10,
          validate: (value) =>
            value === undefined ? "Choose one; delete letters to see more" : undefined,
          output,
        }),
      ),
    async text(message, { initial, placeholder, check } = {}) {
      const line = await ask(
        clack.text({
          message,
          output,
          ...(initial !== undefined && { initialValue: initial }),
          ...(placeholder !== undefined && { placeholder }),
          ...(check && { validate: (typed = "") => check(typed.trim()) }),
        }),
      );
      return line.trim();
    },
    secret: (message) => ask(clack.password({ message, output })),
    confirm: (message) => ask(clack.confirm({ message, output, initialValue: false })),
  };
}
