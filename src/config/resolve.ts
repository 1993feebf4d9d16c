/** Flags, environment and config file → the profile and settings in force. Pure. */
import { UserError } from "../errors.ts";
import { ATTRIBUTES } from "./attributes.ts";
import { authTypeOf } from "./auth-type.ts";
import { canonicalHost, hostKeys, type ParsedHost, parseHost } from "./host.ts";
import {
  canBeDefault,
  FALLBACK_PROFILE,
  isProfile,
  isReserved,
  knownProfiles,
  noProfile,
  profileFlag,
  SETTINGS_SECTION,
} from "./profile-names.ts";

/** What was typed. `word` is the positional [PROFILE]. */
export interface Selection {
  word?: string | undefined;
  profile?: string | undefined;
  host?: string | undefined;
  accountId?: string | undefined;
  workspaceId?: string | undefined;
}

export type SourceType = "flag" | "env" | "file";

/** Where a setting comes from: a flag's name, a variable's name, or the config file's path. */
export interface Source {
  type: SourceType;
  name: string;
}

export interface Setting {
  value: string;
  source: Source;
}

/** What resolving needs of the config file. */
export interface ConfigSections {
  path: string;
  sections: ReadonlyMap<string, ReadonlyMap<string, string>>;
}

export interface Resolution {
  /** The profile in force and who named it; null when the host alone decides. */
  profile: Setting | null;
  /** The profile's section; undefined when the file has none of that name. */
  section: ReadonlyMap<string, string> | undefined;
  /** Settings in force by their key in the config file; `host` is canonical, ids from its URL are taken apart. */
  settings: ReadonlyMap<string, Setting>;
}

/** A word such as `adb-1.azuredatabricks.net`, `https://…` or `localhost:8080`. */
export function looksLikeHost(word: string): boolean {
  return /\.|:\/\/|:\d+$/.test(word);
}

/**
 * @throws UserError for a positional that is neither a profile nor a host, for flags that exclude
 * each other, for a host that contradicts the profile's, and for a default profile that is gone
 */
export function resolve(
  selection: Selection,
  env: Readonly<Record<string, string | undefined>>,
  config: ConfigSections,
): Resolution {
  const typed = placeWord(selection, config);
  const profile = chooseProfile(typed, selection.accountId, env, config);
  const section = profile ? config.sections.get(profile.value) : undefined;
  rejectContradiction(typed.host, profile, section);

  const fromFile = fileSettings(section, config.path);
  const fromEnv = envSettings(env);
  const explicit = profile?.source.type === "flag";
  const settings = new Map(explicit ? [...fromEnv, ...fromFile] : [...fromFile, ...fromEnv]);
  if (typed.host !== undefined) settings.set("host", typed.host);
  takeHostApart(settings);
  if (selection.accountId) settings.set("account_id", flag("--account-id", selection.accountId));
  if (selection.workspaceId) {
    settings.set("workspace_id", flag("--workspace-id", selection.workspaceId));
  }
  return { profile, section, settings };
}

interface Typed {
  profile?: Setting;
  host?: Setting;
}

const flag = (name: string, value: string): Setting => ({ value, source: { type: "flag", name } });

function placeWord(selection: Selection, config: ConfigSections): Typed {
  const { word, profile, host } = selection;
  const typed: Typed = {
    ...(profile ? { profile: notReserved(flag("--profile", profile)) } : {}),
    ...(host ? { host: flag("--host", host) } : {}),
  };
  if (!word) return typed;
  const other = profile ? "--profile" : host ? "--host" : null;
  if (other)
    throw new UserError(`${JSON.stringify(word)} cannot be combined with ${other}; give one`);
  if (isProfile(config, word) || isReserved(word)) {
    return { profile: notReserved(flag("PROFILE argument", word)) };
  }
  if (looksLikeHost(word)) return { host: flag("PROFILE argument", word) };
  const name = /^[\w.-]+$/.test(word) ? word : "NAME";
  throw new UserError(
    `${noProfile(word, config)}\nTo make it, run \`databricks auth login ${profileFlag(name)} --host URL\`.`,
  );
}

/** Commands change and delete profiles: the settings must never be taken for one. */
function notReserved(profile: Setting): Setting {
  if (!isReserved(profile.value)) return profile;
  const { type, name } = profile.source;
  const lead = type === "flag" ? "" : `${name}: `;
  throw new UserError(
    `${lead}${JSON.stringify(profile.value)} cannot name a profile: that name is reserved`,
  );
}

function chooseProfile(
  typed: Typed,
  accountId: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  config: ConfigSections,
): Setting | null {
  if (typed.profile) return typed.profile;
  const fromEnv = env["DATABRICKS_CONFIG_PROFILE"];
  const own = fromEnv ? config.sections.get(fromEnv) : undefined;
  if (fromEnv && !(typed.host && own && liesElsewhere(own, typed.host.value, accountId))) {
    return notReserved({
      value: fromEnv,
      source: { type: "env", name: "DATABRICKS_CONFIG_PROFILE" },
    });
  }
  if (typed.host || env["DATABRICKS_HOST"]) return null;
  return defaultProfile(config);
}

/** Whether a profile is of another host than the one that was typed, or of another account there. */
function liesElsewhere(
  section: ReadonlyMap<string, string>,
  host: string,
  accountId: string | undefined,
): boolean {
  const ownHost = section.get("host");
  if (!ownHost) return false;
  const typed = parseHost(host);
  if (canonicalHost(ownHost) !== typed.host) return true;
  const own = placeOf(section)?.accountId;
  const wanted = accountId || typed.accountId;
  return own !== undefined && wanted !== undefined && own !== wanted;
}

/** What `default_profile` names, whether or not there is such a profile; undefined where it is not set. */
export function namedDefault({ sections }: Pick<ConfigSections, "sections">): string | undefined {
  const named = sections.get(SETTINGS_SECTION)?.get("default_profile");
  return named && canBeDefault(named) ? named : undefined;
}

/** The profile in force when nothing names one: `default_profile`, else `[DEFAULT]` if it has a host. */
export function defaultProfile(config: ConfigSections): Setting | null {
  const source: Source = { type: "file", name: config.path };
  const named = namedDefault(config);
  if (named) {
    if (isProfile(config, named)) return { value: named, source };
    throw new UserError(
      `default_profile in ${config.path} names ${JSON.stringify(named)}, which is no profile there${knownProfiles(config)}; pick another with \`databricks auth switch\``,
    );
  }
  return config.sections.get(FALLBACK_PROFILE)?.get("host")
    ? { value: FALLBACK_PROFILE, source }
    : null;
}

function rejectContradiction(
  host: Setting | undefined,
  profile: Setting | null,
  section: ReadonlyMap<string, string> | undefined,
): void {
  const own = section?.get("host");
  if (!host || !profile || !own || canonicalHost(host.value) === canonicalHost(own)) return;
  throw new UserError(
    `--host ${canonicalHost(host.value)} contradicts profile ${JSON.stringify(profile.value)}, whose host is ${canonicalHost(own)}; leave out one of the two, or name another profile`,
  );
}

/** Older programs wrote `workspace_id = none` for logins to an account. */
export const isPlaceholder = (key: string, value: string) =>
  key === "workspace_id" && value === "none";

function fileSettings(section: ReadonlyMap<string, string> | undefined, path: string) {
  const source: Source = { type: "file", name: path };
  return [...(section ?? [])]
    .filter(([key, value]) => value !== "" && !isPlaceholder(key, value))
    .map(([key, value]): [string, Setting] => [key, { value, source }]);
}

function envSettings(env: Readonly<Record<string, string | undefined>>) {
  return ATTRIBUTES.flatMap(({ key, env: name }): [string, Setting][] => {
    const value = name && env[name];
    return value ? [[key, { value, source: { type: "env", name } }]] : [];
  });
}

/** A host given as a URL may carry the ids; they beat the profile's, and take the host's source. */
function takeHostApart(settings: Map<string, Setting>): void {
  const host = settings.get("host");
  if (!host) return;
  const parsed = parseFrom(host);
  settings.set("host", { ...host, value: parsed.host });
  if (parsed.accountId) settings.set("account_id", { ...host, value: parsed.accountId });
  if (parsed.workspaceId) settings.set("workspace_id", { ...host, value: parsed.workspaceId });
}

/** What was not typed just now is looked for where it stands. */
function parseFrom({ value, source }: Setting): ParsedHost {
  try {
    return parseHost(value);
  } catch (error) {
    if (source.type === "flag" || !(error instanceof UserError)) throw error;
    throw new UserError(`${source.name}: ${error.message}`);
  }
}

/**
 * The names of the profiles that log a person in to `host` (or that suit otherwise),
 * and to the account and workspace where both sides name one. A profile whose host cannot be
 * read matches nothing.
 */
export function profilesForHost(
  config: ConfigSections,
  { host, accountId, workspaceId }: ParsedHost,
  suits: (section: ReadonlyMap<string, string>) => boolean = isPersonLogin,
): string[] {
  const agree = (own: string | undefined, wanted: string | undefined) =>
    !own || !wanted || own === wanted;
  const matches = ([name, section]: [string, ReadonlyMap<string, string>]) => {
    const own = isReserved(name) ? null : placeOf(section);
    return (
      own?.host === host &&
      suits(section) &&
      agree(own.accountId, accountId) &&
      agree(own.workspaceId, workspaceId)
    );
  };
  return [...config.sections].filter(matches).map(([name]) => name);
}

/** The host keys of a login, without those that profiles other than `profile` share. */
export function ownHostKeys(
  config: ConfigSections,
  profile: string | null,
  { host, accountId }: ParsedHost,
): string[] {
  const others = profilesForHost(config, { host }).filter((name) => name !== profile);
  const accountOf = (name: string) => placeOf(config.sections.get(name) ?? new Map())?.accountId;
  const shared = new Set(others.flatMap((name) => hostKeys(host, accountOf(name))));
  return hostKeys(host, accountId).filter((key) => !shared.has(key));
}

/** A profile's host, with its ids: those in the host's URL, else its own keys. Null without a host that can be read. */
export function placeOf(section: ReadonlyMap<string, string>): ParsedHost | null {
  const settings = ownSettings(section);
  return settings && placeIn(settings);
}

/** The host in force, with the ids; null where there is none. */
export function placeIn(settings: Resolution["settings"]): ParsedHost | null {
  const [host, accountId, workspaceId] = ["host", "account_id", "workspace_id"].map(
    (key) => settings.get(key)?.value,
  );
  if (!host) return null;
  return { host, ...(accountId && { accountId }), ...(workspaceId && { workspaceId }) };
}

/** Whether a profile is a person's login (`auth_type = databricks-cli`, also where it is not written). */
export function isPersonLogin(section: ReadonlyMap<string, string>): boolean {
  const settings = ownSettings(section);
  try {
    return settings !== null && authTypeOf({ profile: null, settings }) === "databricks-cli";
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

/** What a profile says by itself; null where its host cannot be read. */
function ownSettings(section: ReadonlyMap<string, string>): Map<string, Setting> | null {
  const settings = new Map(fileSettings(section, ""));
  try {
    takeHostApart(settings);
    return settings;
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}
