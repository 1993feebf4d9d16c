import { setSettingChanges } from "../../../config/profiles.ts";
import { type Context, configPath } from "../../../context.ts";
import { UserError } from "../../../errors.ts";
import { unsetOn } from "../../../output.ts";
import { requireMode, type StorageChoice, type StorageMode } from "../../../storage/mode.ts";
import { authArgs, command, type Values } from "../../command.ts";
import { saveConfig } from "../../save-config.ts";

const args = {
  MODE: { type: "positional", required: false, description: "secure or plaintext" },
  ...authArgs,
} as const;

export default command({
  name: "auth storage set",
  summary: "choose where tokens are kept",
  details:
    "Writes auth_storage to [__settings__] of the config file. No token is moved:\nthat is `databricks auth storage migrate --to MODE --all`, which writes the setting, too.",
  args,
  examples: [
    ["auth storage set secure", "the operating system's keyring"],
    ["auth storage set plaintext", "the file ~/.databricks/token-cache.json"],
  ],
  run: runSet,
});

async function runSet(values: Values<typeof args>, context: Context): Promise<void> {
  if (!values.MODE) throw new UserError("name a storage mode: secure or plaintext");
  await writeStorageSetting(requireMode(values.MODE, "MODE"), context);
}

/** Writes the setting and says so, also where the environment overrides it. */
export async function writeStorageSetting(mode: StorageMode, context: Context): Promise<void> {
  const path = configPath(context);
  await saveConfig(context, () => setSettingChanges("auth_storage", mode));
  context.stderr.write(`auth_storage = ${mode} is set in ${path}\n`);
  const env = context.env["DATABRICKS_AUTH_STORAGE"];
  if (!env || env.trim().toLowerCase() === mode) return;
  const unset = unsetOn(context.platform, "DATABRICKS_AUTH_STORAGE");
  context.stderr.write(
    `Warning: DATABRICKS_AUTH_STORAGE=${env} in the environment overrides it; to let it count, run: ${unset}\n`,
  );
}

export const PLACES: Record<StorageMode, string> = { secure: "the keyring", plaintext: "the file" };

/** A token that lies where commands do not look is as good as gone. */
export function remindOfSetting(
  to: StorageMode,
  choice: StorageChoice | null,
  context: Context,
): void {
  if (!choice || choice.mode === to) return;
  const unless = choice.source === "default" ? ", where one can be reached" : "";
  const remedy =
    choice.source === "env"
      ? `set DATABRICKS_AUTH_STORAGE=${to}`
      : `run: databricks auth storage set ${to}`;
  context.stderr.write(
    `Commands still look in ${PLACES[choice.mode]}${unless}; to have them look in ${PLACES[to]}, ${remedy}\n`,
  );
}
