/** The logins that are known of, and where their tokens lie. Pure. */
import { hostKeys, isAccountHost, parseHost } from "../../../config/host.ts";
import { type ConfigFile, listProfiles } from "../../../config/profiles.ts";
import { isPersonLogin, placeOf } from "../../../config/resolve.ts";
import type { KeyringErrorCode } from "../../../keyring/backend.ts";
import { isSameLogin } from "../../../storage/compare-tokens.ts";
import { type Mirrors, profilesOf } from "../../../storage/migrate.ts";
import type { Token } from "../../../storage/store.ts";

/** Every profile that is a person's login, with the host keys that the file has copies of its token under. */
export function readMirrors(config: Pick<ConfigFile, "sections">): Mirrors {
  return new Map(
    listProfiles(config)
      .filter(({ settings }) => isPersonLogin(settings))
      .map(({ name, settings }) => [name, mirrorsOf(settings).filter((key) => key !== name)]),
  );
}

function mirrorsOf(settings: ReadonlyMap<string, string>): string[] {
  const place = placeOf(settings);
  if (!place) return [];
  const keys = hostKeys(place.host, place.accountId);
  // Offline, nothing tells a unified host from a workspace: older programs may look under either.
  return isAccountHost(place.host) ? keys.slice(0, 1) : keys;
}

/** A host key taken apart. */
export function parseHostKey(key: string): { host: string; accountId: string | undefined } {
  const [, host = key, accountId] = /^(.+)\/oidc\/accounts\/([^/]+)$/.exec(key) ?? [];
  return { host, accountId };
}

/** The keys that a host as a person writes it, or a host key, stands for; the id given beats its own. */
export function keysOfHost(text: string, given?: string | undefined): [string, ...string[]] {
  const key = parseHostKey(text);
  const { host, accountId } = parseHost(key.host);
  return hostKeys(host, given ?? key.accountId ?? accountId);
}

/**
 * All keys worth a look, as the keyring cannot be listed. Profiles come first: by the turn of a
 * host key, the copies under it are dealt with.
 */
export function knownKeys(mirrors: Mirrors, fileKeys: Iterable<string>): string[] {
  const hosts = [...mirrors.values()].flat();
  return [...new Set([...mirrors.keys(), ...fileKeys, ...hosts])].filter(
    (key) => key !== "" && !key.includes("\0"),
  );
}

/** What a store has under a key; `unknown` where the keyring gave no answer. */
export type Found =
  | { state: "present"; token: Token }
  | { state: "absent" | "unknown" }
  | { state: "unreadable"; code: KeyringErrorCode; reason: string };

export interface PlacedLogin {
  key: string;
  /** Absent for a login that is known by its host alone. */
  profile?: string;
  /** Whether the profile, if there is one, is a person's login. */
  isPerson: boolean;
  host?: string;
  keyring: Found;
  file: Found;
  /** Host keys under which the file has a copy of one of its tokens. */
  mirrors: string[];
  /** When commands read the file's token under a host key of profiles, if it is none of theirs. */
  leftover?: "never-read" | "read-in-file-mode";
}

/** A row for every profile that is a person's login, and for whatever else has a token somewhere. */
export function placeLogins(
  keys: readonly string[],
  { sections }: Pick<ConfigFile, "sections">,
  mirrors: Mirrors,
  keyring: ReadonlyMap<string, Found>,
  file: ReadonlyMap<string, Found>,
): PlacedLogin[] {
  const tokenIn = (store: ReadonlyMap<string, Found>, key: string) => {
    const found = store.get(key);
    return found?.state === "present" ? [found.token] : [];
  };
  const copies = new Map(
    [...mirrors].map(([profile, hostKeys]) => {
      const own = [...tokenIn(keyring, profile), ...tokenIn(file, profile)];
      const isCopy = (copy: Token) => own.some((token) => isSameLogin(token, copy));
      return [profile, hostKeys.filter((hostKey) => tokenIn(file, hostKey).some(isCopy))];
    }),
  );
  const copied = new Set([...copies.values()].flat());
  const leftoverOf = (key: string): Pick<PlacedLogin, "leftover"> => {
    if (copied.has(key) || tokenIn(file, key).length === 0) return {};
    const profiles = profilesOf(key, mirrors);
    if (profiles.some((name) => tokenIn(file, name).length > 0)) return {};
    if (profiles.length > 1) return { leftover: "never-read" };
    // Where the host alone is named, the login of its only profile is looked for under it as well.
    const [only] = profiles;
    const isInKeyring = only !== undefined && tokenIn(keyring, only).length > 0;
    return isInKeyring ? { leftover: "read-in-file-mode" } : {};
  };
  return keys
    .map((key): PlacedLogin => {
      const section = sections.get(key);
      const host = section && placeOf(section)?.host;
      return {
        key,
        ...(section && { profile: key }),
        isPerson: mirrors.has(key),
        ...(host && { host }),
        keyring: keyring.get(key) ?? { state: "unknown" },
        file: (copied.has(key) ? undefined : file.get(key)) ?? { state: "absent" },
        mirrors: copies.get(key) ?? [],
        ...leftoverOf(key),
      };
    })
    .filter(
      (login) =>
        login.isPerson ||
        ["present", "unreadable"].some((state) =>
          [login.keyring.state, login.file.state].includes(state as Found["state"]),
        ),
    );
}
