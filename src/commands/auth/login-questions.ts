/** What a person at a terminal is asked before a login. */
import { checkId, isAccountHost } from "../../config/host.ts";
import { FALLBACK_PROFILE } from "../../config/profile-names.ts";
import {
  listProfiles,
  type Profile,
  readConfigFile,
  validateProfileName,
} from "../../config/profiles.ts";
import { placeIn, profilesForHost } from "../../config/resolve.ts";
import { type Context, configPath, isInteractive } from "../../context.ts";
import { messageOf } from "../../errors.ts";
import { hostProblem } from "../command.ts";
import type { LoginValues } from "./login-plan.ts";
import { profileChoices } from "./pick-profile.ts";
import { chooseStorage, openSession } from "./session.ts";

/** What the picker gives for a profile that is yet to be made. */
export const NEW_PROFILE = "\0new";
const ENTER_HOST = "\0host";

/** On a terminal: a known profile, a new one or a host where nothing is named, and the name of a host's profile. */
export async function askWhatToLogInTo(
  values: LoginValues,
  context: Context,
): Promise<LoginValues> {
  if (!isInteractive(context)) return values;
  const named = values.PROFILE || values.profile || values.host;
  const { DATABRICKS_CONFIG_PROFILE, DATABRICKS_HOST } = context.env;
  const chosen =
    named || DATABRICKS_CONFIG_PROFILE || DATABRICKS_HOST
      ? values
      : await pickWhatToLogInTo(values, context);
  return nameProfile(chosen, context);
}

async function pickWhatToLogInTo(values: LoginValues, context: Context): Promise<LoginValues> {
  const config = readConfigFile(configPath(context));
  chooseStorage(values, config, context);
  const prompt = await context.prompt();
  const picked = await prompt.pick("Log in to", [
    ...profileChoices(config),
    { value: NEW_PROFILE, label: "A new profile" },
    { value: ENTER_HOST, label: "A host that I enter" },
  ]);
  if (picked === ENTER_HOST) return { ...values, host: await askForHost(context) };
  if (picked !== NEW_PROFILE) return { ...values, profile: picked };
  return askForNewProfile(values, context);
}

/** Asks for a name that no profile has, and for its host, which may be left open. */
export async function askForNewProfile<V extends LoginValues>(values: V, context: Context) {
  const { sections } = readConfigFile(configPath(context));
  const prompt = await context.prompt();
  const profile = await prompt.text("Name of the new profile", {
    check: (name) =>
      sections.get(name)?.size
        ? `there already is a profile ${JSON.stringify(name)}; choose another name`
        : problemOf(() => validateProfileName(name)),
  });
  const host = await prompt.text("Databricks host (empty: pick the workspace in the browser)", {
    check: (line) => (line === "" ? undefined : hostProblem(line)),
  });
  return { ...values, profile, ...(host !== "" && { host }) };
}

async function askForHost(context: Context): Promise<string> {
  return (await context.prompt()).text("Databricks host", {
    placeholder: "https://example.cloud.databricks.com",
    check: hostProblem,
  });
}

/** Where a host alone is known: the profile that the login is saved as, an existing one of that host or a new one. */
async function nameProfile(values: LoginValues, context: Context): Promise<LoginValues> {
  const { config, resolution } = openSession(values, context);
  const { profile, settings } = resolution;
  const place = placeIn(settings);
  if (profile || !place) return values;
  const { PROFILE: word, ...rest } = values;
  const typed = values.host || word || context.env["DATABRICKS_HOST"];
  const named = (name: string): LoginValues => ({ ...rest, host: typed, profile: name });
  const [known] = profilesForHost(config, place);
  const name = await (await context.prompt()).text("Save the login as profile", {
    initial: known ?? suggestName(place.host, listProfiles(config)),
    check: (line) =>
      problemOf(() => {
        if (!config.sections.has(line)) validateProfileName(line);
        openSession(named(line), context);
      }),
  });
  return named(name);
}

/** The first profile is the fallback one; further ones are named after their host, if that has a name that is free. */
function suggestName(host: string, profiles: readonly Profile[]): string | undefined {
  if (profiles.length === 0) return FALLBACK_PROFILE;
  const [first = ""] = new URL(host).hostname.split(".");
  const taken = profiles.some(({ name }) => name === first);
  return taken || !/^[a-z]/.test(first) ? undefined : first;
}

/** The account that is meant, where the host serves several. */
export async function askForAccount(host: string, context: Context): Promise<string | undefined> {
  if (!isAccountHost(host) || !isInteractive(context)) return undefined;
  return (await context.prompt()).text("Databricks account id", {
    check: (line) =>
      line === "" ? "an account console needs one" : problemOf(() => checkId("account id", line)),
  });
}

/** What is wrong, or undefined. */
function problemOf(check: () => void): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}
