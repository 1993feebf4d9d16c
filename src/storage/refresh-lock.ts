/**
 * One refresh at a time: of all processes that want a new token under one key, one asks the
 * server and the others take what it stored.
 *
 * A refresh token may be good for a single use, and a server may answer its second use by
 * revoking the whole login (RFC 9700 section 4.14.2). So the one that is sent is always the
 * one read under the lock. The stores carry no time, so the lock file notes, by hash, which
 * token was stored last, where it is from, and which refresh token is known to be dead, and when.
 */
import { acquireLock, type Lock, LockTimeout, LockUnavailable, lockPath } from "../files/lock.ts";
import { systemReason } from "../files/system-error.ts";
import type { Token, TokenStore } from "./store.ts";

/** What all work on one key needs. */
export interface KeyAccess {
  /** The key that the token is looked up by. */
  key: string;
  store: TokenStore;
  /** Folder of the lock files. Where it cannot be used, everything goes on without a lock. */
  lockDirectory: string;
  /** Point in time of `performance.now()`, in milliseconds, at which waiting for another process ends. */
  deadline: number;
  /** Milliseconds since the epoch. */
  now: () => number;
  debug: (message: string) => void;
}

export interface RefreshOptions extends KeyAccess {
  /** Every key that the new token is stored under, the last one its host's; asked once `request` has answered. */
  putKeys: () => readonly [string, ...string[]];
  /** When this process was started: milliseconds since the epoch. */
  startedAt: number;
  /** Refresh even a fresh token, unless one was stored since `startedAt`. */
  force: boolean;
  isFresh: (token: Token) => boolean;
  /** Asks the server. `isFrom` tells whether the token is known to be from the server that a host's key stands for. */
  request: (refreshToken: string, isFrom: (hostKey: string) => boolean) => Promise<Token>;
  /** Whether an error of `request` means that the refresh token will never work again. */
  isRejection: (error: unknown) => boolean;
  /** Told of the work between asking the server and storing its answer: whatever cuts it short loses the login. */
  onExchange: (exchange: Promise<unknown>) => void;
  /** Told when the new token could not be stored; it is returned all the same. */
  onStoreFailure: (error: unknown) => void;
}

/** There is no new token without a new login: the refresh token is dead, or there is none. */
export class RefreshRejected extends Error {
  override name = "RefreshRejected";
  constructor(
    readonly reason: "rejected" | "missing",
    options?: ErrorOptions,
  ) {
    super(`refresh token ${reason}`, options);
  }
}

/** For how long a rejected refresh token is not sent again, in milliseconds. */
const REJECTION_TTL = 15 * 60_000;

/**
 * The token under the key, refreshed unless another process just did that; null when there is none any more.
 *
 * @throws RefreshRejected, LockTimeout at the deadline, and what the store and `request` throw
 */
export async function refreshOnce(options: RefreshOptions): Promise<Token | null> {
  return holdKey(options, (notebook) => refresh(options, notebook));
}

/**
 * Stores the token of a login, the last key being its host's. It overrules a remembered rejection
 * and counts as just stored.
 */
export async function storeLogin(
  access: KeyAccess,
  putKeys: readonly [string, ...string[]],
  token: Token,
): Promise<void> {
  const lock = await lockKey(access).catch((error: unknown) => {
    // A login is too dear to be lost to a refresh that hangs.
    if (!(error instanceof LockTimeout)) throw error;
    access.debug(`${error.message}; storing the login without the lock`);
    return null;
  });
  try {
    await access.store.put(putKeys, token);
    openNotebook(lock, access.debug).noteStored(token, access.now(), putKeys);
  } finally {
    lock?.release();
  }
}

/** Runs `body` while no other process refreshes or stores the token: for a logout, which a refresh in flight would undo. */
export async function holdKey<T>(
  access: Pick<KeyAccess, "key" | "lockDirectory" | "deadline" | "debug">,
  body: (notebook: Notebook) => Promise<T>,
): Promise<T> {
  const lock = await lockKey(access);
  try {
    return await body(openNotebook(lock, access.debug));
  } finally {
    lock?.release();
  }
}

/** The key's lock, or null where there is no locking: a read-only or full disk must not lock anybody out. */
async function lockKey(
  access: Pick<KeyAccess, "key" | "lockDirectory" | "deadline" | "debug">,
): Promise<Lock | null> {
  try {
    const { deadline } = access;
    return await acquireLock(lockPath(access.lockDirectory, `token:${access.key}`), { deadline });
  } catch (error) {
    if (!(error instanceof LockUnavailable)) throw error;
    access.debug(`${error.message}; going on without a lock`);
    return null;
  }
}

async function refresh(options: RefreshOptions, notebook: Notebook): Promise<Token | null> {
  const { store, key, now } = options;
  const held = await store.lookup(key);
  if (!held) return null;
  if (!options.force && options.isFresh(held)) return held;
  if (notebook.wasStoredSince(options.startedAt, held, now()) && isAlive(held, now())) return held;

  const sent = held.refresh_token;
  if (!sent) throw new RefreshRejected("missing");
  if (notebook.wasRejected(sent, now())) {
    options.debug("this refresh token was rejected a short while ago; not asking again");
    throw new RefreshRejected("rejected");
  }

  const exchanged = exchange(options, notebook, held, sent);
  options.onExchange(exchanged);
  return exchanged;
}

/** Asks the server for the successor of `held`, and stores it. */
async function exchange(
  options: RefreshOptions,
  notebook: Notebook,
  held: Token,
  sent: string,
): Promise<Token> {
  let answer: Token;
  try {
    answer = await options.request(sent, (hostKey) => notebook.isFrom(held, hostKey));
  } catch (error) {
    if (!options.isRejection(error)) throw error;
    notebook.noteRejected(sent, options.now());
    const current = await lookUpSuccessor(options, sent);
    if (current) return current;
    throw new RefreshRejected("rejected", { cause: error });
  }
  const token = inherit(answer, held, sent);
  await storeRefreshed(options, notebook, token, sent);
  return token;
}

/** What somebody who does not know this lock, such as the official CLI, made of the refresh token first. */
async function lookUpSuccessor(
  { store, key, now }: RefreshOptions,
  sent: string,
): Promise<Token | null> {
  const current = await store.lookup(key);
  return current && current.refresh_token !== sent && isAlive(current, now()) ? current : null;
}

/** What a refresh answer leaves out stays as it was (RFC 6749 section 6). */
function inherit(answer: Token, held: Token, sent: string): Token {
  return {
    ...(held.scope !== undefined && { scope: held.scope }),
    ...(held.unknown !== undefined && { unknown: held.unknown }),
    ...answer,
    refresh_token: answer.refresh_token || sent,
  };
}

/** Nothing comes before the store's `put`: a process that dies between the server's answer and it loses the login. */
async function storeRefreshed(
  options: RefreshOptions,
  notebook: Notebook,
  token: Token,
  sent: string,
): Promise<void> {
  const keys = options.putKeys();
  try {
    await options.store.put(keys, token);
  } catch (error) {
    // The store still holds the refresh token that was sent. If it is spent, nobody must send it again.
    if (token.refresh_token !== sent) notebook.noteRejected(sent, options.now());
    options.onStoreFailure(error);
    return;
  }
  notebook.noteStored(token, options.now(), keys);
}

function isAlive(token: Token, now: number): boolean {
  return token.expiry === undefined || token.expiry > now;
}

/** What the lock file remembers between its holders. */
interface Notebook {
  wasStoredSince(time: number, token: Token, now: number): boolean;
  /** False also where nothing is known. */
  isFrom(token: Token, hostKey: string): boolean;
  wasRejected(refreshToken: string, now: number): boolean;
  noteStored(token: Token, now: number, putKeys: readonly string[]): void;
  noteRejected(refreshToken: string, now: number): void;
}

/** The hash of a token and a time in milliseconds since the epoch. */
interface Note {
  hash: string;
  at: number;
}

interface Notes {
  /** The access token stored last, and the hash of its host's key. */
  stored?: Note & { from?: unknown };
  /** A refresh token that must not be sent again. */
  rejected?: Note;
}

/** A notebook in the lock file; without a lock, one that remembers nothing. */
function openNotebook(lock: Lock | null, debug: (message: string) => void): Notebook {
  const { stored, rejected } = lock ? readNotes(lock, debug) : {};

  function save(notes: Notes) {
    try {
      lock?.write(JSON.stringify(notes));
    } catch (error) {
      debug(`cannot write the lock file: ${systemReason(error)}`);
    }
  }

  // A time that is still to come was noted before the clock was set back: it says nothing.
  return {
    wasStoredSince: (time, token, now) =>
      stored?.hash === hashOf(token.access_token) && stored.at >= time && stored.at <= now,
    isFrom: (token, hostKey) =>
      stored?.hash === hashOf(token.access_token) && stored.from === hashOf(hostKey),
    wasRejected: (refreshToken, now) =>
      rejected?.hash === hashOf(refreshToken) &&
      rejected.at <= now &&
      now - rejected.at < REJECTION_TTL,
    noteStored: (token, now, putKeys) =>
      save({
        stored: { hash: hashOf(token.access_token), at: now, from: hashOf(putKeys.at(-1) ?? "") },
      }),
    noteRejected: (refreshToken, now) =>
      save({ ...(stored && { stored }), rejected: { hash: hashOf(refreshToken), at: now } }),
  };
}

function readNotes(lock: Lock, debug: (message: string) => void): Notes {
  try {
    const { stored, rejected } = JSON.parse(lock.read()) as Record<string, unknown>;
    return {
      ...(isNote(stored) && { stored }),
      ...(isNote(rejected) && { rejected }),
    };
  } catch (error) {
    // A new lock file is empty, and a holder that was killed may have left half a text.
    if (!(error instanceof SyntaxError)) {
      debug(`cannot read the lock file: ${systemReason(error)}`);
    }
    return {};
  }
}

function isNote(value: unknown): value is Note {
  return (
    typeof value === "object" &&
    value !== null &&
    "hash" in value &&
    typeof value.hash === "string" &&
    "at" in value &&
    typeof value.at === "number"
  );
}

function hashOf(secret: string): string {
  return new Bun.CryptoHasher("sha256").update(secret).digest("hex");
}
