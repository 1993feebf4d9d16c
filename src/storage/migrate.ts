/**
 * Moving tokens between the keyring and the file cache: copied, read back, compared, and only
 * then removed where they were. Whenever that is interrupted, the same command goes on from there.
 */
import { UserError } from "../errors.ts";
import { KeyringError } from "../keyring/backend.ts";
import { isBetter, isSameLogin, isSameToken } from "./compare-tokens.ts";
import type { EntryChanges, FileStore } from "./file-store.ts";
import type { StorageMode } from "./mode.ts";
import { holdKey, type KeyAccess } from "./refresh-lock.ts";
import type { Token, TokenStore } from "./store.ts";

/** The host keys under which the file holds copies of a profile's token, by profile; never the profile's own key. */
export type Mirrors = ReadonlyMap<string, readonly string[]>;

export interface Move {
  key: string;
  to: StorageMode;
  mirrors: Mirrors;
  /** Leave the source as it is. */
  keep: boolean;
  /** Only say what would be done. */
  dryRun: boolean;
}

/**
 * - `moved`; `copied`: the same with `keep`
 * - `source-removed`: the destination had this token or a better one
 * - `in-place`: the destination has it, and nothing was to be done
 * - `absent`: neither has one
 * - `mirror`: the source is the copy of a profile's token, and goes with the profile
 * - `shared`: it stays in the keyring, as in the file the key belongs to a profile of its host
 */
export type MoveOutcome =
  | "moved"
  | "copied"
  | "source-removed"
  | "in-place"
  | "absent"
  | "mirror"
  | "shared";

export interface Places {
  keyring: TokenStore;
  file: FileStore;
}

type IsRejected = (refreshToken: string) => boolean;

/**
 * Moves the token of one key, and nobody refreshes it meanwhile.
 *
 * @throws KeyringError, LockTimeout, and UserError where a token cannot be read or came back changed
 */
export async function moveToken(
  move: Move,
  places: Places,
  access: Pick<KeyAccess, "lockDirectory" | "deadline" | "now" | "debug">,
): Promise<MoveOutcome> {
  const run = move.to === "secure" ? moveToKeyring : moveToFile;
  if (move.dryRun) return run(move, places, () => false);
  return holdKey({ ...access, key: move.key }, ({ wasRejected }) =>
    run(move, places, (refreshToken) => wasRejected(refreshToken, access.now())),
  );
}

async function moveToKeyring(
  { key, mirrors, keep, dryRun }: Move,
  { keyring, file }: Places,
  isRejected: IsRejected,
): Promise<MoveOutcome> {
  const source = await file.lookup(key);
  if (source && (await isMirror(key, source, { keyring, file }, mirrors))) return "mirror";
  const destination = await lookUpReadable(keyring, key);
  const plan = planMove(source, destination, keep, isRejected);
  const known = [source, destination].filter((token) => token !== null);
  const removal = (entries: ReadonlyMap<string, Token>) =>
    keep ? NO_CHANGES : planRemoval(key, known, entries, mirrors);
  const { put, remove } = removal(file.entries());
  // Copies under host keys may be all that is left in the file.
  const outcome =
    plan.outcome === "in-place" && put.size + remove.length > 0 ? "source-removed" : plan.outcome;
  if (dryRun) return outcome;
  if (source && plan.copy) {
    await keyring.put([key], source);
    await verify(keyring, key, source);
  }
  await file.edit((entries) => {
    requireUnchanged(entries.get(key), source, key);
    return removal(entries);
  });
  return outcome;
}

const NO_CHANGES: EntryChanges = { put: new Map(), remove: [] };

async function moveToFile(
  { key, mirrors, keep, dryRun }: Move,
  { keyring, file }: Places,
  isRejected: IsRejected,
): Promise<MoveOutcome> {
  const source = await keyring.lookup(key);
  const destination = file.entries().get(key) ?? null;
  if (profilesOf(key, mirrors).length > 0) return source ? "shared" : "absent";
  const plan = planMove(source, destination, keep, isRejected);
  if (!source || dryRun) return plan.outcome;
  if (plan.copy) {
    await file.edit((entries) => {
      requireUnchanged(entries.get(key), destination, key);
      return planCopies(key, source, entries, mirrors);
    });
    await verify(file, key, source);
  }
  if (plan.remove) await keyring.remove(key);
  return plan.outcome;
}

interface Plan {
  copy: boolean;
  remove: boolean;
  outcome: MoveOutcome;
}

/** What to do with a key, by what both stores hold. A better token at the destination is never overwritten. */
export function planMove(
  source: Token | null,
  destination: Token | null,
  keep: boolean,
  isRejected: IsRejected,
): Plan {
  if (!source) {
    return { copy: false, remove: false, outcome: destination ? "in-place" : "absent" };
  }
  const copy = !destination || isBetter(source, destination, isRejected);
  if (keep) return { copy, remove: false, outcome: copy ? "copied" : "in-place" };
  return { copy, remove: true, outcome: copy ? "moved" : "source-removed" };
}

/**
 * What goes from the file once `key` is in the keyring: its entry, and those copies of its
 * tokens that no profile with a token in the file shares. A shared one becomes that profile's.
 */
export function planRemoval(
  key: string,
  tokens: readonly Token[],
  entries: ReadonlyMap<string, Token>,
  mirrors: Mirrors,
): EntryChanges {
  const put = new Map<string, Token>();
  const remove = entries.has(key) ? [key] : [];
  for (const mirror of mirrors.get(key) ?? []) {
    const copy = entries.get(mirror);
    if (!copy || !tokens.some((token) => isSameLogin(token, copy))) continue;
    const [heir] = profilesOf(mirror, mirrors)
      .filter((profile) => profile !== key)
      .flatMap((profile) => entries.get(profile) ?? []);
    if (heir) put.set(mirror, heir);
    else remove.push(mirror);
  }
  return { put, remove };
}

/** The entries of a token that comes into the file: its own, and those host keys that hold nothing better. */
export function planCopies(
  key: string,
  token: Token,
  entries: ReadonlyMap<string, Token>,
  mirrors: Mirrors,
): EntryChanges {
  const free = (mirrors.get(key) ?? []).filter((mirror) => {
    const held = entries.get(mirror);
    return !held || !isBetter(held, token);
  });
  return { put: new Map([key, ...free].map((name) => [name, token])), remove: [] };
}

/** The profiles that have copies of their tokens under a host key. */
export function profilesOf(hostKey: string, mirrors: Mirrors): string[] {
  return [...mirrors].filter(([, keys]) => keys.includes(hostKey)).map(([profile]) => profile);
}

/** Whether an entry of the file is the copy of a token that a profile has, wherever that lies. */
async function isMirror(
  key: string,
  token: Token,
  { keyring, file }: Places,
  mirrors: Mirrors,
): Promise<boolean> {
  const isCopyOf = (own: Token | null | undefined) => own && isSameLogin(own, token);
  for (const profile of profilesOf(key, mirrors)) {
    if (isCopyOf(file.entries().get(profile))) return true;
    if (isCopyOf(await lookUpReadable(keyring, profile))) return true;
  }
  return false;
}

/** An entry of the keyring that is no token is as good as none: the file's is better, and it can still be removed. */
export async function lookUpReadable(store: TokenStore, key: string): Promise<Token | null> {
  try {
    return await store.lookup(key);
  } catch (error) {
    const cause = error instanceof UserError ? error.cause : error;
    if (cause instanceof KeyringError && cause.code === "invalid") return null;
    throw error;
  }
}

async function verify(store: TokenStore, key: string, token: Token): Promise<void> {
  const stored = await store.lookup(key);
  if (stored && isSameToken(stored, token)) return;
  throw new UserError(
    `what the ${store.location} gave back under ${JSON.stringify(key)} is not what was stored; the token was left where it was`,
  );
}

/** Programs that do not know our locks may write to the file between two of our steps. */
function requireUnchanged(now: Token | undefined, before: Token | null, key: string): void {
  if (now ? before && isSameToken(now, before) : !before) return;
  throw new UserError(
    `another program changed the token of ${JSON.stringify(key)} meanwhile; run the command again`,
  );
}
