/** Whose login a command is about. */
import { profileFlag, someOf } from "../../config/profile-names.ts";
import {
  type ConfigSections,
  ownHostKeys,
  placeIn,
  placeOf,
  profilesForHost,
  type Resolution,
  type SourceType,
} from "../../config/resolve.ts";
import { UserError } from "../../errors.ts";
import { shellWord } from "../../output.ts";
import { notFoundHint, notFoundMessage } from "../../storage/hint.ts";
import type { Session } from "./session.ts";

/** A person's login, with a profile or known by its host alone. */
export interface Login {
  profile: string | null;
  /** Canonical. */
  host: string;
  accountId: string | undefined;
  /** The keys it may be stored under, the likelier one first. */
  keys: readonly [string, ...string[]];
}

/**
 * The login of the profile in force, else of the one profile for the host, else of the host itself.
 *
 * @throws UserError where nothing is named, several profiles fit, or the profile is no person's login
 */
export function chooseLogin({ config, resolution }: Pick<Session, "config" | "resolution">): Login {
  const { profile, settings } = resolution;
  if (profile) return loginOfProfile(resolution, config);
  const place = placeIn(settings);
  if (!place) {
    const hint = notFoundMessage(notFoundHint("file", false));
    throw new UserError(`${hint} (name a login with --profile or --host)`);
  }
  const { host, accountId } = place;
  const name = onlyOne(profilesForHost(config, place), host);
  if (name === undefined) {
    const [key, ...others] = ownHostKeys(config, null, place);
    if (key !== undefined) return { profile: null, host, accountId, keys: [key, ...others] };
    const profiles = someOf(profilesForHost(config, { host }));
    throw new UserError(
      `no profile of ${host} has these ids (${profiles}): ${notFoundMessage(notFoundHint("file", false))}`,
    );
  }
  const own = placeOf(config.sections.get(name) ?? new Map());
  return loginByHost(config, name, { host, accountId: accountId ?? own?.accountId });
}

/** Where the host alone was named, what lies under the host answers as well, unless it may be another profile's. */
function loginByHost(
  config: ConfigSections,
  profile: string,
  { host, accountId }: Pick<Login, "host" | "accountId">,
): Login {
  const hostKeys = ownHostKeys(config, profile, { host, ...(accountId && { accountId }) });
  return { profile, host, accountId, keys: [profile, ...hostKeys] };
}

/** A profile's tokens belong to the profile's own host: the environment fills its gaps, and no more. */
function loginOfProfile(resolution: Resolution, config: ConfigSections): Login {
  const { profile, section, settings } = resolution;
  const name = profile?.value ?? "";
  if (!section) {
    throw new UserError(
      `profile ${JSON.stringify(name)} is not in ${config.path}: ${notFoundMessage(notFoundHint("file", false))}`,
    );
  }
  const own = placeOf(section);
  const host = own?.host ?? settings.get("host")?.value;
  if (!host) {
    throw new UserError(
      `profile ${JSON.stringify(name)} in ${config.path} has no host; add one, or run \`databricks auth login ${profileFlag(shellWord(name))} --host URL\``,
    );
  }
  if (section.get("client_id") && section.get("client_secret")) {
    throw new UserError(
      `profile ${JSON.stringify(name)} is a machine login (client_id and client_secret); this command serves people's logins only. SDKs get the machine's token themselves from the same profile`,
    );
  }
  requireOwnAccount(resolution);
  const accountId = own?.accountId ?? settings.get("account_id")?.value;
  const isFoundByHost =
    profile?.source.type === "file" && settings.get("host")?.source.type !== "file";
  if (isFoundByHost) return loginByHost(config, name, { host, accountId });
  return { profile: name, host, accountId, keys: [name] };
}

/**
 * A profile's login is to one account: nothing of the kind `from` makes it one to another.
 *
 * @throws UserError that names both
 */
export function requireOwnAccount(
  { profile, section, settings }: Resolution,
  from: SourceType = "flag",
): void {
  const own = section && placeOf(section)?.accountId;
  const given = settings.get("account_id");
  if (!profile || !own || given?.source.type !== from || given.value === own) return;
  throw new UserError(
    `the login of profile ${JSON.stringify(profile.value)} is to account ${own}, but ${given.source.name} says ${given.value}; leave out one of the two, or name another profile`,
  );
}

/** @throws UserError for several */
export function onlyOne(names: readonly string[], host: string): string | undefined {
  if (names.length <= 1) return names[0];
  throw new UserError(
    `${names.length} profiles log in to ${host} (${someOf(names)}); pick one with --profile`,
  );
}

/** The flags that name a login, as a shell takes them. */
export function loginFlags({ profile, host, accountId }: Omit<Login, "keys">): string {
  if (profile !== null) return profileFlag(shellWord(profile));
  const account = accountId ? ` --account-id ${shellWord(accountId)}` : "";
  return `--host ${shellWord(host)}${account}`;
}

/** The `--storage` flag of this run, for a command that must look in the same place. */
export function storageFlag(storage: string | undefined): string {
  return storage ? ` --storage ${shellWord(storage)}` : "";
}

/** The command that signs in again. */
export function loginCommand(login: Login): string {
  return `databricks auth login ${loginFlags(login)}`;
}
