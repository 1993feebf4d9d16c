/** All that `auth storage status` looks at. Nothing is changed, and a bad file or setting is a finding rather than an error. */
import { ATTRIBUTES } from "../../../config/attributes.ts";
import { canonicalHost } from "../../../config/host.ts";
import { editIni } from "../../../config/ini-document.ts";
import {
  type ConfigFile,
  type Difference,
  differencesForJavaScriptSdk,
  listProfiles,
  readConfigFile,
  readSettings,
} from "../../../config/profiles.ts";
import { placeOf } from "../../../config/resolve.ts";
import { type Context, cachePath, configPath, lockDirectory } from "../../../context.ts";
import { UserError } from "../../../errors.ts";
import { CorruptCache, listEntries } from "../../../storage/file-store.ts";
import { parseStorageMode, resolveStorageMode, type StorageChoice } from "../../../storage/mode.ts";
import type { Token } from "../../../storage/store.ts";
import {
  filesSetAside,
  type LooseFile,
  looseFiles,
  statOf,
  type UnusableLocks,
  unusableLocks,
} from "./files-on-disk.ts";
import { askKeyring, type KeyringAnswer } from "./keyring-state.ts";
import {
  type Found,
  keysOfHost,
  knownKeys,
  type PlacedLogin,
  placeLogins,
  readMirrors,
} from "./logins.ts";

export interface Survey {
  /** Milliseconds since the epoch. */
  now: number;
  platform: NodeJS.Platform;
  settings: SettingsSurvey;
  keyring: Omit<KeyringAnswer, "found">;
  cache: {
    path: string;
    state: "ok" | "absent" | "corrupt" | "unreadable";
    entries: number;
    problem: string | null;
  };
  config: ConfigSurvey;
  loose: LooseFile[];
  /** null where there is locking. */
  locks: UnusableLocks | null;
  /** Paths of what repairs left. */
  setAside: string[];
  logins: PlacedLogin[];
}

export interface SettingsSurvey {
  /** The mode in force; null where the setting in force is none, or cannot be read. */
  choice: StorageChoice | null;
  /** What is wrong with each bad setting. */
  bad: { source: "env" | "config"; problem: string }[];
  /** Both are set, to different modes, and the environment has its way. */
  overridden: { env: string; config: string } | null;
}

export interface ConfigSurvey {
  path: string;
  problem: string | null;
  /** What default_profile names, if that is no profile. */
  missingDefault: string | null;
  /** With each, the line that both readers read alike; null where there is none. */
  differences: (Difference & { line: string | null })[];
  /** Profiles such as `a.b`, beside a profile `a`. */
  dotted: { name: string; parent: string }[];
}

/** What narrows the survey to certain logins; where nothing is given, it is of all. */
export interface Wanted {
  profile: string | undefined;
  host: string | undefined;
  /** Of the host. */
  accountId: string | undefined;
}

/** @param storage the `--storage` flag. @throws UserError for a bad flag */
export async function takeSurvey(
  wanted: Wanted,
  storage: string | undefined,
  context: Context,
): Promise<Survey> {
  const { config, problem } = readConfig(configPath(context));
  const { cache, file } = readCache(cachePath(context));
  const settings = surveySettings(storage, problem === null ? config : null, context);
  const mirrors = readMirrors(config);
  const keys = knownKeys(mirrors, [...file.keys(), ...hostKeysOf(wanted)]).filter(
    narrowing(wanted, config),
  );
  const { found, ...keyring } = await askKeyring(keys, context);
  const setAside = filesSetAside(cache.path);
  return {
    now: context.now(),
    platform: context.platform,
    settings,
    keyring,
    cache,
    config: await surveyConfig(config, problem),
    loose: looseFiles(config.path, cache.path, setAside),
    locks: unusableLocks(lockDirectory(context)),
    setAside,
    logins: placeLogins(keys, config, mirrors, found, file),
  };
}

function readConfig(path: string): { config: ConfigFile; problem: string | null } {
  try {
    return { config: readConfigFile(path), problem: null };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const config: ConfigFile = { path, text: null, sections: new Map() };
    return { config, problem: error.message };
  }
}

function readCache(path: string): { cache: Survey["cache"]; file: Map<string, Found> } {
  try {
    const entries = listEntries(path);
    const state = statOf(path) ? "ok" : "absent";
    return {
      cache: { path, state, entries: entries.length, problem: null },
      file: new Map(entries.map(({ key, token }) => [key, foundInFile(key, token)])),
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const state = error instanceof CorruptCache ? "corrupt" : "unreadable";
    return { cache: { path, state, entries: 0, problem: error.message }, file: new Map() };
  }
}

function foundInFile(key: string, token: Token | null): Found {
  if (token) return { state: "present", token };
  const reason = `the entry ${JSON.stringify(key)} is not a token`;
  return { state: "unreadable", code: "invalid", reason };
}

/** The mode in force and what is wrong with it. `config` is null where the file cannot be read. @throws UserError for a bad flag */
export function surveySettings(
  flag: string | undefined,
  config: ConfigFile | null,
  context: Context,
): SettingsSurvey {
  const env = context.env["DATABRICKS_AUTH_STORAGE"] || undefined;
  const written = config ? readSettings(config).authStorage : undefined;
  const read = (source: "env" | "config", raw: string | undefined) => {
    try {
      return { mode: raw ? parseStorageMode(raw, source) : null, bad: [] };
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      return { mode: null, bad: [{ source, problem: error.message }] };
    }
  };
  const [fromEnv, fromConfig] = [read("env", env), read("config", written)];
  const isKnown = env ? fromEnv.bad.length === 0 : config !== null && fromConfig.bad.length === 0;
  return {
    choice: flag || isKnown ? resolveStorageMode({ flag, env, config: written }) : null,
    bad: [...fromEnv.bad, ...fromConfig.bad],
    overridden:
      fromEnv.mode && fromConfig.mode && fromEnv.mode !== fromConfig.mode
        ? { env: fromEnv.mode, config: fromConfig.mode }
        : null,
  };
}

/** A login without a profile is in the keyring under a key that only its host tells. */
function hostKeysOf({ host, accountId }: Wanted): string[] {
  return host ? keysOfHost(host, accountId) : [];
}

function narrowing({ profile, host }: Wanted, { sections }: ConfigFile): (key: string) => boolean {
  const canonical = host && canonicalHost(host);
  return (key) => {
    if (profile && key !== profile) return false;
    const section = sections.get(key);
    if (!canonical) return true;
    return section
      ? placeOf(section)?.host === canonical
      : key === canonical || key.startsWith(`${canonical}/`);
  };
}

async function surveyConfig(config: ConfigFile, problem: string | null): Promise<ConfigSurvey> {
  const names = new Set(listProfiles(config).map(({ name }) => name));
  const { defaultProfile } = readSettings(config);
  const exists = defaultProfile && (config.sections.get(defaultProfile)?.size ?? 0) > 0;
  return {
    path: config.path,
    problem,
    missingDefault: (!exists && defaultProfile) || null,
    differences: await Promise.all(
      (await differencesForJavaScriptSdk(config.text ?? "")).map(async (difference) => ({
        ...difference,
        line: await lineForBoth(difference, config),
      })),
    ),
    dotted: [...names].flatMap((name) => {
      const parent = name.slice(0, name.lastIndexOf("."));
      return name.includes(".") && names.has(parent) ? [{ name, parent }] : [];
    }),
  };
}

/** How the setting would be written anew, if that helps. Values that may be secret are left out. */
async function lineForBoth({ section, key }: Difference, config: ConfigFile) {
  const value = config.sections.get(section)?.get(key) ?? "";
  const text = await writeAnew(section, key, value);
  if (text === null || (await differencesForJavaScriptSdk(text)).length > 0) return null;
  const line = text.trimEnd().split("\n").at(-1) ?? "";
  const isShown = ATTRIBUTES.some((attribute) => attribute.key === key && !attribute.secret);
  return isShown ? line : line.replace(value, () => "…");
}

/** Null for what this program does not write, such as several lines. */
async function writeAnew(section: string, key: string, value: string): Promise<string | null> {
  try {
    return await editIni("", [{ kind: "set", section, key, value }]);
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}
