/** Which profile a person means who named none. */
import { withoutPassword } from "../../config/host.ts";
import { FALLBACK_PROFILE } from "../../config/profile-names.ts";
import {
  type ConfigFile,
  listProfiles,
  readConfigFile,
  readSettings,
} from "../../config/profiles.ts";
import { type Context, configPath, isInteractive } from "../../context.ts";
import { UserError } from "../../errors.ts";
import { printable } from "../../output.ts";
import type { Choice } from "../../prompt.ts";

/** The profiles to pick from, the default one first. */
export function profileChoices(
  config: ConfigFile,
  suits: (name: string) => boolean = () => true,
): Choice[] {
  const preferred = readSettings(config).defaultProfile ?? FALLBACK_PROFILE;
  return listProfiles(config)
    .filter(({ name }) => suits(name))
    .map(({ name, settings }) => {
      const place = withoutPassword(settings.get("host") ?? settings.get("account_id") ?? "");
      const hint = printable(name === preferred ? `${place}, the default` : place);
      return { value: name, label: printable(name), hint };
    })
    .sort((a, b) => Number(b.value === preferred) - Number(a.value === preferred));
}

/**
 * @param names the profiles that are in question; all without it
 * @throws UserError naming the flag where nobody can be asked, and where there is no profile
 */
export async function pickProfile(
  message: string,
  context: Context,
  names?: readonly string[],
): Promise<string> {
  if (!isInteractive(context))
    throw new UserError("name a profile: give it as argument, or with --profile");
  const choices = profileChoices(
    readConfigFile(configPath(context)),
    (name) => names?.includes(name) ?? true,
  );
  if (choices.length === 0) {
    throw new UserError(
      `there are no profiles in ${configPath(context)}; make one with \`databricks auth login\``,
    );
  }
  return (await context.prompt()).pick(message, choices);
}
