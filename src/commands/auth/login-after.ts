/** What is to be known after a login: that an older copy of it is in the file, or that commands look elsewhere. */
import { readConfigFile } from "../../config/profiles.ts";
import { type Context, cachePath, configPath } from "../../context.ts";
import { printable } from "../../output.ts";
import { isSameLogin } from "../../storage/compare-tokens.ts";
import { listEntries } from "../../storage/file-store.ts";
import { type Mirrors, profilesOf } from "../../storage/migrate.ts";
import type { LoginStore } from "../../storage/open.ts";
import type { Token } from "../../storage/store.ts";
import { parseHostKey, readMirrors } from "./storage/logins.ts";
import { remindOfSetting } from "./storage/set.ts";
import { surveySettings } from "./storage/survey.ts";
import { loginFlags } from "./target.ts";

/** @param key what the login was stored under: its profile's name, else its host key */
export function tellAfterLogin(key: string, { store }: LoginStore, context: Context): void {
  const config = readConfigFile(configPath(context));
  const mode = store.location === "keyring" ? "secure" : "plaintext";
  const { choice } = surveySettings(undefined, config, context);
  if (choice && choice.mode !== mode) {
    // What lies elsewhere is in use: it is no older copy.
    remindOfSetting(mode, choice, context);
    return;
  }
  if (mode === "plaintext") return;
  const path = cachePath(context);
  const flags = flagsOfCopy(key, entriesOf(path), readMirrors(config));
  if (flags === null) return;
  context.stderr.write(
    printable(
      `An older copy of this login is still in ${path}, and no longer used. To remove it, run: databricks auth logout ${flags} --storage plaintext\n`,
    ),
  );
}

type Entries = ReadonlyMap<string, Token | null>;

function entriesOf(path: string): Entries {
  try {
    return new Map(listEntries(path).map(({ key, token }) => [key, token]));
  } catch {
    return new Map();
  }
}

/**
 * What a logout must be given for the file's copy of a login to go; null where the file has none.
 * Only a logout of its own takes what lies under a host key that other profiles share.
 */
export function flagsOfCopy(key: string, file: Entries, mirrors: Mirrors): string | null {
  const sharersOf = (hostKey: string) =>
    profilesOf(hostKey, mirrors).filter((profile) => profile !== key);
  const isTheirs = (hostKey: string) => {
    const copy = file.get(hostKey);
    return sharersOf(hostKey).some((name) => {
      const own = file.get(name);
      return copy && own && isSameLogin(own, copy);
    });
  };
  const copy = [key, ...(mirrors.get(key) ?? [])].find((name) => file.has(name) && !isTheirs(name));
  if (copy === undefined) return null;
  if (sharersOf(copy).length > 0)
    return loginFlags({ profile: copy, host: copy, accountId: undefined });
  return loginFlags({ profile: mirrors.has(key) ? key : null, ...parseHostKey(key) });
}
