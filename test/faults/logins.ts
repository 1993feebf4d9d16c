/** A home with two logins in it, and what became of them. */
import { statusOfMe } from "../workspace/login-client.ts";
import type { Workspace } from "../workspace/server.ts";
import type { Bed } from "./bed.ts";
import type { KeyringEntries } from "./keyring-entries.ts";
import { plantedSecret } from "./leaks.ts";
import { insist } from "./row.ts";

/** A token as the stores write it, and whatever else its entry holds. */
export type Entry = Record<string, unknown>;
export type Entries = ReadonlyMap<string, Entry>;

/** All that the program keeps. */
export interface State {
  config: string | null;
  file: Entries;
  /** Empty where there is no keyring. */
  keyring: Entries;
}

export interface Ground {
  bed: Bed;
  workspace: Workspace;
  /** null: the program finds no bus, and uses the file. */
  keyring: KeyringEntries | null;
}

/** The login that commands are about. */
export const PROFILE = "work";
/** Another one, which no command may touch. */
export const OTHER = "other";

/** More digits than a JavaScript number holds. */
const ODD_NUMBER = "12345678901234567890";

/** A config file as people keep it: with notes, blank lines and an order of its own. */
export function configText(host: string): string {
  return `; kept by hand

[${OTHER}]
host      = https://other.example.com
auth_type = databricks-cli

# the one for every day
[${PROFILE}]
host = ${host}
auth_type = databricks-cli   ; do not touch
cluster_id = 0101-120000-alpha1

[__settings__]
default_profile = ${OTHER}
`;
}

/** Puts the two logins where they belong; with a keyring, the file holds an older login of both profiles. */
export async function seedLogins(ground: Ground, expiresIn: number): Promise<State> {
  const { bed, workspace, keyring } = ground;
  const issue = (): Entry => {
    const token = workspace.issueToken({ expiresIn });
    return { ...token, expiry: new Date(token.expiry).toISOString() };
  };
  const work = issue();
  const other = {
    access_token: plantedSecret(),
    token_type: "Bearer",
    expiry: "2100-01-01T00:00:00Z",
  };
  const filed = keyring ? { [PROFILE]: issue() } : { [PROFILE]: work, [workspace.url]: work };
  const tokens = { ...filed, [OTHER]: other };
  const text = JSON.stringify({ version: 1, tokens, kept: "ODD" });
  bed.write(bed.config, configText(workspace.url));
  bed.write(bed.cache, text.replace('"ODD"', ODD_NUMBER));
  await keyring?.replaceAll(
    new Map(
      Object.entries({ [PROFILE]: work, [OTHER]: other }).map(([account, token]) => [
        account,
        JSON.stringify({ token }),
      ]),
    ),
  );
  return readState(ground);
}

const PROBE = /^__probe_/;

/** Reads the files and the keyring as somebody else would; a file that does not parse is a loss. */
export async function readState({ bed, keyring }: Ground): Promise<State> {
  return {
    config: bed.read(bed.config),
    file: readCache(bed.read(bed.cache)),
    keyring: new Map(
      [...((await keyring?.list()) ?? [])]
        .filter(([account]) => !PROBE.test(account))
        .map(([account, secret]) => [account, tokenIn(account, secret)]),
    ),
  };
}

/** How many write probes lie in the keyring. */
export async function countProbes({ keyring }: Ground): Promise<number> {
  return [...((await keyring?.list()) ?? [])].filter(([account]) => PROBE.test(account)).length;
}

function readCache(text: string | null): Entries {
  if (text === null) return new Map();
  const parsed = parse(text, "the token cache");
  const tokens = parsed["tokens"] as Record<string, Entry>;
  insist(
    !(OTHER in tokens) || text.includes(ODD_NUMBER),
    "the token cache lost a digit of what it does not know",
  );
  return new Map(Object.entries(tokens));
}

function tokenIn(account: string, secret: string): Entry {
  return parse(secret, `the keyring's entry ${account}`)["token"] as Entry;
}

function parse(text: string, name: string): Record<string, unknown> {
  try {
    return JSON.parse(text);
  } catch {
    insist(false, `${name} is no JSON any more: ${JSON.stringify(text)}`);
  }
}

export function isSame(one: unknown, other: unknown): boolean {
  return Bun.deepEquals(one, other, true);
}

/** The entry holds a whole token that the workspace honours. */
export async function isAlive(entry: Entry | undefined, { workspace }: Ground): Promise<boolean> {
  if (typeof entry?.["access_token"] !== "string" || !entry["refresh_token"]) return false;
  return (await statusOfMe(workspace.url, entry["access_token"])) === 200;
}

/** The access token that `auth token` printed. */
export function printedToken(stdout: string): unknown {
  return parse(stdout, "what was printed")["access_token"];
}
