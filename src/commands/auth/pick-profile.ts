/** Which profile a person means who named none. */
import { listProfiles, readConfigFile, readSettings } from "../../config/profiles.ts";
import { FALLBACK_PROFILE } from "../../config/resolve.ts";
import { type Context, configPath, isInteractive } from "../../context.ts";
import { UserError } from "../../errors.ts";
import type { Choice } from "../../prompt.ts";

/** The profiles to pick from, the default one first. */
export function profileChoices(context: Context): Choice[] {
  const config = readConfigFile(configPath(context));
  const preferred = readSettings(config).defaultProfile ?? FALLBACK_PROFILE;
  return listProfiles(config)
    .map(({ name, settings }) => ({
      value: name,
      label: name,
      hint: settings.get("host") ?? settings.get("account_id") ?? "",
    }))
    .sort((a, b) => Number(b.value === preferred) - Number(a.value === preferred));
}

/** @throws UserError naming the flag where nobody can be asked, and where there is no profile */
export async function pickProfile(message: string, context: Context): Promise<string> {
  if (!isInteractive(context))
    throw new UserError("name a profile: give it as argument, or with --profile");
  const choices = profileChoices(context);
  if (choices.length === 0) {
    throw new UserError(
      `there are no profiles in ${configPath(context)}; make one with \`databricks auth login\``,
    );
  }
  return (await context.prompt()).pick(message, choices);
}
