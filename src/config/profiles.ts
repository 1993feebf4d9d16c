/**
 * What the config file says about profiles, and what a command changes in it: from a file as read
 * to a list of changes. Pure.
 */
import { UserError } from "../errors.ts";
import type { ConfigFile } from "./config-file.ts";
import type { ParsedHost } from "./host.ts";
import type { Change } from "./ini-document.ts";
import { canBeDefault, isReserved, SETTINGS_SECTION } from "./profile-names.ts";
import { isPlaceholder, namedDefault, placeOf } from "./resolve.ts";

export {
  type ConfigFile,
  changeConfigFile,
  type Difference,
  differencesForJavaScriptSdk,
  isLoose,
  readConfigFile,
  type Saved,
} from "./config-file.ts";

export interface Profile {
  name: string;
  /** Keys and values of its section. */
  settings: ReadonlyMap<string, string>;
}

/** The sections that have a host or an account id, in the file's order. */
export function listProfiles({ sections }: Pick<ConfigFile, "sections">): Profile[] {
  return [...sections]
    .filter(([name, keys]) => !isReserved(name) && (keys.get("host") || keys.get("account_id")))
    .map(([name, keys]) => ({
      name,
      settings: new Map([...keys].filter(([key, value]) => !isPlaceholder(key, value))),
    }));
}

/** Settings of the file as a whole, undefined where not set; `authStorage` as it is written. */
export interface Settings {
  defaultProfile: string | undefined;
  authStorage: string | undefined;
}

export function readSettings(config: Pick<ConfigFile, "sections">): Settings {
  return {
    defaultProfile: namedDefault(config),
    authStorage: config.sections.get(SETTINGS_SECTION)?.get("auth_storage") || undefined,
  };
}

/** @throws UserError for a name that one of the clients could not read back from a new section */
export function validateProfileName(name: string): void {
  const problem = nameProblem(name);
  if (problem) throw new UserError(`${JSON.stringify(name)} cannot name a profile: ${problem}`);
}

function nameProblem(name: string): string | null {
  if (name === "") return "it is empty";
  if (isReserved(name) || name === "__proto__") return "that name is reserved";
  if (name !== name.trim()) return "it begins or ends with a space";
  if (/[[\]#;]/.test(name)) return "[ ] # ; have a meaning of their own in the config file";
  if (name.includes("%(")) return "%( begins a reference to another key in the config file";
  // Those of writing direction among them: the name would be shown as another one.
  const control = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
  return control.test(name) ? "it holds a control sign" : null;
}

/** What a login knows of its profile; what is undefined stays as the profile has it. */
export interface LoginFields {
  host: string;
  accountId?: string | undefined;
  workspaceId?: string | undefined;
  scopes?: readonly string[] | undefined;
  /** The compute that code runs on; one excludes the other. */
  compute?: { clusterId: string } | "serverless" | undefined;
}

/** Keys of every other way to authenticate: a login takes their place. */
const CREDENTIAL_KEYS = [
  "metadata_service_url",
  "token",
  "username",
  "password",
  "google_service_account",
  "google_credentials",
  "azure_workspace_resource_id",
  "azure_use_msi",
  "azure_client_secret",
  "azure_client_id",
  "azure_tenant_id",
  "azure_login_app_id",
  "client_id",
  "client_secret",
  "databricks_id_token_filepath",
  "oidc_token_env",
  "experimental_is_unified_host",
];

/** What a login that found its host by itself must not take over from an earlier one. */
const PLACE_KEYS = ["account_id", "workspace_id", "cluster_id", "serverless_compute_id"];

/** @throws UserError for a new profile's name that will not do */
export function loginChanges(
  config: ConfigFile,
  name: string,
  fields: LoginFields,
  { discovery }: { discovery: boolean },
): Change[] {
  const { host, accountId, workspaceId, scopes, compute } = fields;
  const clear = [...CREDENTIAL_KEYS, ...(discovery ? PLACE_KEYS : [])];
  const settings = new Map([["host", host]]);
  if (accountId) settings.set("account_id", accountId);
  if (workspaceId) settings.set("workspace_id", workspaceId);
  settings.set("auth_type", "databricks-cli");
  if (scopes) settings.set("scopes", scopes.join(","));
  if (compute === "serverless") {
    settings.set("serverless_compute_id", "auto");
    clear.push("cluster_id");
  } else if (compute) {
    settings.set("cluster_id", compute.clusterId);
    clear.push("serverless_compute_id");
  }
  return profileChanges(config, name, settings, clear);
}

/** A profile with a personal access token. Ids that are not given stay, but not those of another host. */
export function configureChanges(
  config: ConfigFile,
  name: string,
  { host, accountId, workspaceId, token }: ParsedHost & { token: string },
): Change[] {
  const settings = new Map([
    ["host", host],
    ["token", token],
  ]);
  if (accountId) settings.set("account_id", accountId);
  if (workspaceId) settings.set("workspace_id", workspaceId);
  const clear = [...CREDENTIAL_KEYS, "auth_type", "scopes", "databricks_cli_path"];
  const present = config.sections.get(name);
  if (present?.get("host") && placeOf(present)?.host !== host) {
    clear.push("account_id", "workspace_id");
  }
  return profileChanges(config, name, settings, clear);
}

function profileChanges(
  config: ConfigFile,
  section: string,
  settings: ReadonlyMap<string, string>,
  clear: readonly string[],
): Change[] {
  if (!config.sections.has(section) || isReserved(section)) validateProfileName(section);
  const present = config.sections.get(section) ?? new Map<string, string>();
  const isFirst = listProfiles(config).length === 0;
  return [
    ...clear
      .filter((key) => present.has(key) && !settings.has(key))
      .map((key): Change => ({ kind: "delete", section, key })),
    ...[...settings]
      .filter(([key, value]) => present.get(key) !== value)
      .map(([key, value]): Change => ({ kind: "set", section, key, value })),
    ...(isFirst && canBeDefault(section) ? setSettingChanges("default_profile", section) : []),
  ];
}

/** Removes the profile, and the default profile if it is this one. @throws UserError for what is no profile */
export function deleteProfileChanges(config: ConfigFile, name: string): Change[] {
  if (isReserved(name)) validateProfileName(name);
  const isDefault = readSettings(config).defaultProfile === name;
  return [
    ...(config.sections.has(name) ? [{ kind: "delete-section", section: name } as const] : []),
    ...(isDefault
      ? [{ kind: "delete", section: SETTINGS_SECTION, key: "default_profile" } as const]
      : []),
  ];
}

export function setSettingChanges(
  key: "default_profile" | "auth_storage",
  value: string,
): Change[] {
  return [{ kind: "set", section: SETTINGS_SECTION, key, value }];
}
