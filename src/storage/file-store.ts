/**
 * Tokens in the file cache, `{"version":1,"tokens":{KEY:{…}}}`, shared with other programs:
 * whatever this one does not know in it stays as it is.
 */
import { isUtf8 } from "node:buffer";
import { UserError } from "../errors.ts";
import { readWhole } from "../files/quick-io.ts";
import { systemReason } from "../files/system-error.ts";
import { excerptEntry } from "./cache-excerpt.ts";
import { findJsonProblem } from "./json-problem.ts";
import type { Token, TokenStore } from "./store.ts";
import { decodeToken, encodeToken, isObject, parseLossless } from "./token-json.ts";

export interface FileStoreOptions {
  /** The file; it need not exist. */
  path: string;
  /** Folder of the lock files. */
  lockDirectory: string;
  debug: (message: string) => void;
  /** How long a change waits for another process to finish its own, in milliseconds. */
  lockTimeout: number;
  /** How often a file that makes no sense is looked at, as somebody may be writing it; 10 by default. */
  looks?: number;
}

/** What is to become of entries. */
export interface EntryChanges {
  put: ReadonlyMap<string, Token>;
  remove: readonly string[];
}

/** A store that shows all of its entries, and changes several of them at once. */
export interface FileStore extends TokenStore {
  readonly location: "file";
  /** Every entry that is a token. */
  entries(): ReadonlyMap<string, Token>;
  /** Makes the changes that `plan` wants of the entries as they are: all of them or none. */
  edit(plan: (entries: ReadonlyMap<string, Token>) => EntryChanges): Promise<void>;
}

/** The file is there and can be read, but it is no token cache. `databricks auth storage repair` keeps what it can of it. */
export class CorruptCache extends UserError {
  override name = "CorruptCache";
}

const SIGN_IN_AGAIN = "sign in again with `databricks auth login`";
const WAY_OUT = `Repair the file with \`databricks auth storage repair\`, or move it away and ${SIGN_IN_AGAIN}`;

/**
 * A store on the file cache. Its failures are `UserError`s that name the file; one that cannot
 * be read is never overwritten.
 */
export function openFileStore(options: FileStoreOptions): FileStore {
  const { path, looks } = options;

  /** Reads, edits and replaces the file, alone. `edit` says whether there is anything to write. */
  const change = (edit: (tokens: Entries) => boolean): Promise<boolean> =>
    changeFile(options, (replace) => {
      const cache = readCache(path, looks);
      if (!edit(cache.tokens)) return false;
      replace(cache);
      return true;
    });

  return {
    location: "file",
    async lookup(key) {
      return lookUp(path, key, looks);
    },
    async put(keys, token) {
      const entry = encodeToken(token);
      await change((tokens) => {
        for (const key of keys) setEntry(tokens, key, entry);
        return true;
      });
    },
    remove: (key) =>
      change((tokens) => {
        if (!Object.hasOwn(tokens, key)) return false;
        delete tokens[key];
        return true;
      }),
    entries: () => tokensOf(listEntries(path, looks)),
    async edit(plan) {
      await change((tokens) => {
        const { put, remove } = plan(tokensOf(decodeEntries(tokens)));
        for (const [key, token] of put) setEntry(tokens, key, encodeToken(token));
        for (const key of remove) delete tokens[key];
        return put.size + remove.length > 0;
      });
    },
  };
}

/** How often a change begins anew because a program that knows no locks was faster. */
const MOST_ROUNDS = 5;

/**
 * Runs `body`, which may replace the whole file, while nobody else changes it; again, where
 * somebody did. Where there is no locking it goes on without.
 */
export async function changeFile<T>(
  { path, lockDirectory, lockTimeout, debug }: FileStoreOptions,
  body: (replace: (cache: Cache) => void) => T,
): Promise<T> {
  // A lookup needs neither; they bring the system's locks with them.
  const { realName, watchVersion, writeAtomic } = await import("../files/atomic-write.ts");
  const { lockPath, withLock } = await import("../files/lock.ts");
  const options = {
    deadline: performance.now() + lockTimeout,
    onUnavailable: (error: Error) => debug(`${error.message}; changing ${path} without a lock`),
  };
  return withLock(lockPath(lockDirectory, `file:${realName(path)}`), options, () => {
    for (let round = 1; ; round++) {
      const isUnchanged = watchVersion(path);
      const isCurrent = () => round === MOST_ROUNDS || isUnchanged();
      let isDone = true;
      const result = body((cache) => {
        const text = `${JSON.stringify(cache, null, 2)}\n`;
        isDone = writeAtomic(path, text, { mode: 0o600, isCurrent });
      });
      if (isDone) return result;
    }
  });
}

/** Finds out whether a token can be stored, before somebody signs in for it. @throws UserError as `put` does */
export async function probeFileStore({ path }: Pick<FileStoreOptions, "path">): Promise<void> {
  readCache(path);
  const { probeAtomicWrite } = await import("../files/atomic-write.ts");
  probeAtomicWrite(path);
}

/** Whether somebody has signed in to the file cache. One that cannot be read counts as empty. */
export function hasEntries(path: string): boolean {
  try {
    return listEntries(path).some(({ token }) => token !== null);
  } catch {
    return false;
  }
}

/** Every entry of the file cache; `token` is null for one that is no token. Throws UserError as a lookup does. */
export function listEntries(path: string, looks?: number): Entry[] {
  return decodeEntries(readCache(path, looks).tokens);
}

interface Entry {
  key: string;
  token: Token | null;
}

function decodeEntries(tokens: Entries): Entry[] {
  return Object.entries(tokens).map(([key, entry]) => ({ key, token: decodeToken(entry) }));
}

function tokensOf(entries: readonly Entry[]): Map<string, Token> {
  return new Map(entries.flatMap(({ key, token }) => (token ? [[key, token]] : [])));
}

const lookUp = (path: string, key: string, looks?: number): Token | null =>
  readPatiently(path, (content) => findEntry(path, content, key), looks);

function findEntry(path: string, content: Buffer | null, key: string): Token | null {
  const decode = (parse: (text: string) => unknown) => {
    const excerpt = content && excerptEntry(content, key);
    const entry = excerpt && parseOrNull(excerpt, parse);
    if (entry) return decodeEntry(path, key, entry);
    const { tokens } = parseCache(path, content?.toString() ?? null, parse);
    return Object.hasOwn(tokens, key) ? decodeEntry(path, key, tokens[key]) : null;
  };
  const token = decode(JSON.parse);
  // Reading exactly takes four times as long, and only unknown fields need it.
  return token?.unknown ? decode(parseLossless) : token;
}

function parseOrNull(text: string, parse: (text: string) => unknown): unknown {
  try {
    return parse(text);
  } catch {
    return null;
  }
}

function decodeEntry(path: string, key: string, entry: unknown): Token {
  const token = decodeToken(entry);
  if (token) return token;
  throw new UserError(`${path}: the entry ${JSON.stringify(key)} is not a token; ${SIGN_IN_AGAIN}`);
}

type Entries = Record<string, unknown>;

/** The whole file: what is known of it, and whatever else stands there. */
export interface Cache {
  version: 1;
  tokens: Entries;
  [other: string]: unknown;
}

/** The file's bytes, or null when there is none. @throws UserError */
export function readBytes(path: string): Buffer | null {
  try {
    return readWhole(path);
  } catch (error) {
    throw new UserError(`cannot read ${path}: ${systemReason(error)}`, { cause: error });
  }
}

/**
 * What `read` makes of the file's content, null where there is none. Older SDKs write the file
 * in place: for a moment it is empty, or half. It is called corrupt when it stays so.
 */
function readPatiently<T>(path: string, read: (content: Buffer | null) => T, looks = 10): T {
  let before: Buffer | null = null;
  for (let look = 1; ; look++) {
    const content = readBytes(path);
    try {
      if (content && !isUtf8(content)) throw new CorruptCache(`${path} is not UTF-8. ${WAY_OUT}`);
      return read(content);
    } catch (error) {
      const isEmpty = content?.length === 0;
      const stays = !isEmpty && content !== null && before?.equals(content);
      if (!(error instanceof CorruptCache) || stays || look === looks) throw error;
      before = content;
      Bun.sleepSync(isEmpty ? 20 : 2);
    }
  }
}

const readCache = (path: string, looks?: number): Cache =>
  readPatiently(
    path,
    (content) => parseCache(path, content?.toString() ?? null, parseLossless),
    looks,
  );

function parseCache(path: string, text: string | null, parse: (text: string) => unknown): Cache {
  if (text === null) return { version: 1, tokens: {} };
  const cache = parseOrLocate(path, text, parse);
  const version = isObject(cache) ? (cache["version"] ?? 0) : undefined;
  const tokens = isObject(cache) ? (cache["tokens"] ?? {}) : undefined;
  if (typeof version !== "number" || !isObject(tokens)) {
    throw new CorruptCache(`${path} is not a token cache. ${WAY_OUT}`);
  }
  if (version !== 1) {
    throw new CorruptCache(`${path}: needs version 1, got version ${version}. ${WAY_OUT}`);
  }
  return { ...(cache as Entries), version, tokens };
}

function parseOrLocate(path: string, text: string, parse: (text: string) => unknown): unknown {
  try {
    return parse(text);
  } catch {
    // The parser's own message quotes the text, which is secret.
    const at = findJsonProblem(text);
    const problem = at
      ? `line ${at.line}, column ${at.column} is not JSON`
      : "it is nested too deeply";
    throw new CorruptCache(`${path} is corrupt: ${problem}. ${WAY_OUT}`);
  }
}

/** Defined, not assigned: assigning to `__proto__` would change no entry. */
function setEntry(tokens: Entries, key: string, value: unknown): void {
  Object.defineProperty(tokens, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}
