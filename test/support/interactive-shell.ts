/** An interactive shell on a pseudo-terminal, with the program and its completion. */
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startOnTerminal } from "./terminal-session.ts";

export type Shell = "bash" | "zsh" | "fish";

/** A session of a shell that reads no file of the person's. */
export interface ShellSession {
  /** Types `line` and Tab, and gives the words that the shell makes of the result. */
  complete(line: string): Promise<string[]>;
  /** Types `line` and Tab twice; rejects unless the shell then shows all of `expected`. Its list stays open. */
  list(line: string, expected: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

const PROMPT = "ready> ";
const ENTER = "\r";
const LINE_START = "\x01";
const TAB = "\t";
/** What `words` prints before, between and after the words: a sign that nobody types. */
const SEPARATOR = "\x1e";
const PRINTED = new RegExp(`${SEPARATOR}([^]*)${SEPARATOR}[^]*${PROMPT}`);

/** What each shell is started with. `words` prints its arguments. */
const SETUP: Record<Shell, { file: string; args: (folder: string) => string[]; text: string }> = {
  bash: {
    file: "bashrc",
    args: (folder) => ["--noprofile", "--rcfile", join(folder, "bashrc"), "-i"],
    text: `PS1='${PROMPT}'
words() { printf '\\036%s' "$@"; printf '\\036\\n'; }
source <(databricks completion bash)
`,
  },
  zsh: {
    file: ".zshrc",
    args: () => ["-i"],
    text: `PROMPT='${PROMPT}'
words() { printf '\\036%s' "$@"; printf '\\036\\n'; }
autoload -U compinit && compinit -u -D
bindkey -e
source <(databricks completion zsh)
`,
  },
  fish: {
    file: "config.fish",
    args: (folder) => ["--no-config", "--init-command", `source ${join(folder, "config.fish")}`],
    text: `function fish_prompt; echo -n '${PROMPT}'; end
function fish_greeting; end
function words; printf '\\036%s' $argv; printf '\\036\\n'; end
databricks completion fish | source
`,
  },
};

/**
 * @param folder an empty one, for the shell's files; its `home` is the shell's HOME
 * @param program path of what the shell calls databricks
 */
export async function startShell(
  shell: Shell,
  folder: string,
  program: string,
): Promise<ShellSession> {
  const { file, args, text } = SETUP[shell];
  const bin = join(folder, "bin");
  mkdirSync(bin, { recursive: true });
  mkdirSync(join(folder, "home"), { recursive: true });
  writeFileSync(join(folder, file), text);
  if (!existsSync(join(bin, "databricks"))) symlinkSync(program, join(bin, "databricks"));

  const terminal = startOnTerminal([shell, ...args(folder)], {
    cwd: folder,
    env: {
      PATH: `${bin}:/usr/local/bin:/usr/bin:/bin`,
      HOME: join(folder, "home"),
      ZDOTDIR: folder,
      XDG_CONFIG_HOME: join(folder, "home"),
      XDG_DATA_HOME: join(folder, "home"),
      DATABRICKS_CONFIG_FILE: join(folder, "databrickscfg"),
      LANG: "C.UTF-8",
      TERM: "xterm",
    },
  });
  await terminal.see(PROMPT);
  return {
    async complete(line) {
      terminal.type(`${line}${TAB}${LINE_START}words ${ENTER}`);
      const words = await terminal.until((text) => PRINTED.exec(text)?.[1] ?? null);
      return words.split(SEPARATOR);
    },
    async list(line, expected) {
      terminal.type(`${line}${TAB}${TAB}`);
      await terminal.until((text) => (expected.every((word) => text.includes(word)) ? text : null));
    },
    close: terminal.close,
  };
}
