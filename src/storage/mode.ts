import { UserError } from "../errors.ts";

/** `secure`: the operating system's keyring. `plaintext`: the file cache. */
export type StorageMode = "secure" | "plaintext";

/** Who chose the mode, highest first: the `--storage` flag, the environment, the config file, nobody. */
export type StorageSource = "override" | "env" | "config" | "default";

/** The mode and who chose it; the two travel together, because only a default may be left silently. */
export interface StorageChoice {
  mode: StorageMode;
  source: StorageSource;
}

export const STORAGE_MODES: readonly StorageMode[] = ["plaintext", "secure"];

/** The raw settings, as given; undefined where not given. */
export interface StorageSettings {
  flag: string | undefined;
  env: string | undefined;
  config: string | undefined;
}

/** What an error calls each source. */
const SETTING_NAMES = {
  override: "--storage",
  env: "DATABRICKS_AUTH_STORAGE",
  config: "auth_storage",
} as const;

/** @throws UserError naming the setting when the value is no mode */
export function parseStorageMode(
  raw: string,
  source: Exclude<StorageSource, "default">,
): StorageMode {
  return requireMode(raw, SETTING_NAMES[source]);
}

/** @throws UserError that begins with `what` when the value is no mode */
export function requireMode(raw: string, what: string): StorageMode {
  const value = raw.trim().toLowerCase();
  const mode = STORAGE_MODES.find((candidate) => candidate === value);
  if (mode) return mode;
  throw new UserError(
    `${what}: unknown storage mode ${JSON.stringify(raw)} (want plaintext or secure)`,
  );
}

/** The mode in force. An empty setting counts as not set; blanks alone are an error. */
export function resolveStorageMode(settings: StorageSettings): StorageChoice {
  const candidates = [
    ["override", settings.flag],
    ["env", settings.env],
    ["config", settings.config],
  ] as const;
  for (const [source, raw] of candidates) {
    if (raw) return { mode: parseStorageMode(raw, source), source };
  }
  return { mode: "secure", source: "default" };
}
