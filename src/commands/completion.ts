import { UserError } from "../errors.ts";
import { nearest } from "./arguments.ts";
import { command, globalArgs } from "./command.ts";
import bash from "./completions/databricks.bash" with { type: "text" };
import fish from "./completions/databricks.fish" with { type: "text" };
import powershell from "./completions/databricks.ps1" with { type: "text" };
import zsh from "./completions/databricks.zsh" with { type: "text" };

/**
 * One script a shell. Each asks the program itself (`databricks __complete -- WORDS…`, the last
 * word being the one that is typed), so profiles made since are known, and the rules are in one place.
 */
const SCRIPTS = { bash, zsh, fish, powershell };

const args = {
  SHELL: { type: "positional", required: false, description: "bash, zsh, fish or powershell" },
  ...globalArgs,
} as const;

export default command({
  name: "completion",
  summary: "print the completion script of a shell",
  details: "Completes commands, flags, their values and the names of profiles.",
  args,
  examples: [
    ["completion bash > ~/.local/share/bash-completion/completions/databricks", "bash"],
    ['completion zsh > "$fpath[1]/_databricks"', "zsh"],
    ["completion fish > ~/.config/fish/completions/databricks.fish", "fish"],
    ["completion powershell >> $PROFILE", "PowerShell"],
  ],
  async run({ SHELL: shell = "" }, context) {
    if (!isShell(shell)) throw unknownShell(shell);
    context.stdout.write(SCRIPTS[shell]);
  },
});

const isShell = (name: string): name is keyof typeof SCRIPTS => Object.hasOwn(SCRIPTS, name);

function unknownShell(name: string): UserError {
  const shells = Object.keys(SCRIPTS);
  const suggestion = nearest(name, shells);
  return new UserError(
    name === ""
      ? `name a shell: ${shells.join(", ")}`
      : `unknown shell ${JSON.stringify(name)} (want ${shells.join(", ")})${suggestion ? `; did you mean ${suggestion}?` : ""}`,
  );
}
