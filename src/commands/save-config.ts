import { changeConfigFile, type Saved } from "../config/profiles.ts";
import { type Context, configPath, lockDirectory } from "../context.ts";
import { printable } from "../output.ts";

/** Changes the config file, and tells the person what there is to know about it as it is now. */
export async function saveConfig(
  context: Context,
  change: Parameters<typeof changeConfigFile>[1],
): Promise<Saved> {
  const saved = await changeConfigFile(configPath(context), change, {
    lockDirectory: lockDirectory(context),
  });
  for (const warning of saved.warnings) context.stderr.write(`Warning: ${printable(warning)}\n`);
  return saved;
}
