/** Questions to a person at a terminal, on stderr: stdout belongs to results. */
import { autocomplete, confirm, isCancel, password, text } from "@clack/prompts";
import { Interrupted } from "./errors.ts";

export interface Choice {
  value: string;
  label: string;
  hint?: string;
}

/** Every question throws `Interrupted` on Ctrl-C or Escape, and leaves the terminal as it was. */
export interface Prompt {
  /** One of the choices, the first being preselected; typing filters them. */
  pick(message: string, choices: readonly Choice[]): Promise<string>;
  /** A line; `check` gives what is wrong with it, or undefined. */
  text(
    message: string,
    options?: {
      initial?: string;
      placeholder?: string;
      check?: (line: string) => string | undefined;
    },
  ): Promise<string>;
  /** A line that is not shown. */
  secret(message: string): Promise<string>;
  confirm(message: string): Promise<boolean>;
}

/** Loads a prompt library: import this module where somebody is asked. */
export function openPrompt(): Prompt {
  const output = process.stderr;

  function answered<T>(answer: T): Exclude<T, symbol> {
    if (isCancel(answer)) throw new Interrupted();
    return answer as Exclude<T, symbol>;
  }

  return {
    async pick(message, choices) {
      const options = choices.map((choice) => ({ ...choice }));
      return answered(await autocomplete({ message, options, maxItems: 10, output }));
    },
    async text(message, { initial, placeholder, check } = {}) {
      return answered(
        await text({
          message,
          output,
          ...(initial !== undefined && { initialValue: initial }),
          ...(placeholder !== undefined && { placeholder }),
          ...(check && { validate: (line) => check(line ?? "") }),
        }),
      );
    },
    secret: async (message) => answered(await password({ message, output })),
    confirm: async (message) => answered(await confirm({ message, output, initialValue: false })),
  };
}
