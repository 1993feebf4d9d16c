/** The names of profiles: which may stand for one, and how messages speak of them. */
import type { ConfigSections } from "./resolve.ts";

export const SETTINGS_SECTION = "__settings__";
export const FALLBACK_PROFILE = "DEFAULT";

/** The section that is no profile, wherever it is named. */
export const isReserved = (name: string) => name === SETTINGS_SECTION;

/** The Go side would take `%(` for the start of a reference to another key. */
export const canBeDefault = (name: string) => !isReserved(name) && !name.includes("%(");

/** What begins with a dash would be read as a flag of its own. @param word as a shell takes it */
export const profileFlag = (word: string) => `--profile${/^['"]?-/.test(word) ? "=" : " "}${word}`;

/** That there is no such profile, and which there are. */
export function noProfile(name: string, config: ConfigSections): string {
  return `no profile ${JSON.stringify(name)} in ${config.path}${knownProfiles(config)}`;
}

/** Whether the file has a profile of this name; an empty section is none. */
export const isProfile = (config: ConfigSections, name: string) =>
  !isReserved(name) && (config.sections.get(name)?.size ?? 0) > 0;

/** Which profiles there are, in brackets; nothing for none. */
export function knownProfiles(config: ConfigSections): string {
  const names = [...config.sections.keys()].filter((name) => isProfile(config, name));
  return names.length === 0 ? "" : ` (it has: ${someOf(names)})`;
}

/** Names for a message. A program that reads no stderr must not be blocked by a thousand of them. */
export function someOf(names: readonly string[]): string {
  return `${names.slice(0, 10).join(", ")}${names.length > 10 ? ", …" : ""}`;
}
