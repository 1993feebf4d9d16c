/** Repairing a corrupt file cache: the old bytes are set aside, and what can still be read goes into a new file. */
import { isUtf8 } from "node:buffer";
import { closeSync, constants, fsyncSync, openSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { UserError } from "../errors.ts";
import { asOwnerOf } from "../files/ownership.ts";
import { systemCode, systemReason } from "../files/system-error.ts";
import { isBetter } from "./compare-tokens.ts";
import {
  type Cache,
  CorruptCache,
  changeFile,
  type FileStoreOptions,
  listEntries,
  readBytes,
} from "./file-store.ts";
import { decodeToken, isObject, parseLossless } from "./token-json.ts";

/** What can still be read of a damaged file cache. */
export interface Salvage {
  cache: Cache;
  /** Keys of the entries in it. */
  kept: string[];
  /** Keys of entries that cannot be read any more. Those whose very key is damaged are not known. */
  lost: string[];
}

export interface Repair extends Pick<Salvage, "kept" | "lost"> {
  /** Where the old bytes are, or with a dry run would be. */
  setAside: string;
}

export interface RepairOptions {
  /** Change nothing. */
  dryRun: boolean;
  /** Milliseconds since the epoch. */
  now: number;
}

/**
 * Repairs the file, alone. Null when there is nothing to repair: no file, or one without a fault.
 *
 * @throws UserError for a file that cannot be read or written
 */
export async function repairCache(
  options: FileStoreOptions,
  { dryRun, now }: RepairOptions,
): Promise<Repair | null> {
  const { path } = options;
  const time = new Date(now).toISOString().replace(/\.\d+/, "").replaceAll(":", "-");
  const aside = `${path}${SET_ASIDE}${time}`;
  if (dryRun) {
    const damaged = readDamaged(options);
    return damaged && { ...reportOf(salvage(damaged)), setAside: aside };
  }
  return changeFile(options, (replace) => {
    const damaged = readDamaged(options);
    if (!damaged) return null;
    const saved = salvage(damaged);
    const setAside = writeBeside(aside, damaged);
    replace(saved.cache);
    return { ...reportOf(saved), setAside };
  });
}

/** What follows the file's name in the names of those that were set aside; then comes the time. */
export const SET_ASIDE = ".corrupt-";

const reportOf = ({ kept, lost }: Salvage) => ({ kept, lost });

function readDamaged({ path, looks }: FileStoreOptions): Buffer | null {
  try {
    listEntries(path, looks);
    return null;
  } catch (error) {
    if (error instanceof CorruptCache) return readBytes(path);
    throw error;
  }
}

/** Creates the file under this name, or under one with a number where there is such a file already. */
function writeBeside(path: string, content: Uint8Array): string {
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? path : `${path}-${number}`;
    try {
      writeNew(candidate, content);
      return candidate;
    } catch (error) {
      if (systemCode(error) === "EEXIST") continue;
      throw new UserError(`cannot write ${candidate}: ${systemReason(error)}`, { cause: error });
    }
  }
}

function writeNew(path: string, content: Uint8Array): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  const fd = asOwnerOf(dirname(path), () => openSync(path, flags, 0o600));
  try {
    writeFileSync(fd, content);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** Never throws. Of several entries under one key the better one is kept. */
export function salvage(bytes: Uint8Array): Salvage {
  const text = decode(bytes);
  const isText = isUtf8(bytes) || isUtf16(bytes);
  const whole = isText ? readWhole(text) : null;
  const found = whole?.entries ?? scan(text, isText);
  const tokens = new Map<string, unknown>();
  const lost = new Set<string>();
  for (const { key, value } of found) {
    const token = decodeToken(value);
    const other = decodeToken(tokens.get(key));
    if (!token) lost.add(key);
    else if (!other || !isBetter(other, token)) tokens.set(key, value);
  }
  return {
    // fromEntries defines its keys, so that `__proto__` is one like any other.
    cache: { ...whole?.others, version: 1, tokens: Object.fromEntries(tokens) },
    kept: [...tokens.keys()],
    lost: [...lost].filter((key) => !tokens.has(key)),
  };
}

/** Windows PowerShell and Notepad may have written the file again in their own encoding. */
const isUtf16 = ([first, second]: Uint8Array) => first === 0xff && second === 0xfe;

/** The text without a byte order mark; what is no text becomes U+FFFD. */
function decode(bytes: Uint8Array): string {
  return new TextDecoder(isUtf16(bytes) ? "utf-16le" : "utf-8").decode(bytes);
}

interface FoundEntry {
  key: string;
  value: unknown;
}

/** The entries of a text that is JSON after all, and whatever else stands in it. */
function readWhole(text: string) {
  const whole = parseOrNull(text);
  if (!isObject(whole)) return null;
  const { tokens, ...others } = whole;
  if (!isObject(tokens)) return null;
  return { entries: Object.entries(tokens).map(([key, value]) => ({ key, value })), others };
}

const STRING = String.raw`"[^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*"`;
const SPACE = String.raw`[ \t\r\n]*`;

/** A key whose value is an object. */
const MEMBER = new RegExp(`(${STRING})${SPACE}:${SPACE}(?={)`, "g");

/** Every entry from the list of tokens on, whatever stands between them. */
function* scan(text: string, isText: boolean): Generator<FoundEntry> {
  const list = new RegExp(`"tokens"${SPACE}:${SPACE}{`).exec(text);
  let from = list ? list.index + list[0].length : 0;
  for (;;) {
    MEMBER.lastIndex = from;
    const member = MEMBER.exec(text);
    if (!member) return;
    from = member.index + member[0].length;
    const key = parseOrNull(member[1] ?? "");
    const object = readObject(text, from);
    // Where bytes were replaced, nothing tells what they were.
    const isWhole = object && (isText || !text.slice(member.index, object.end).includes("\ufffd"));
    const entry = isWhole ? withoutTokens(object.value) : null;
    // Around other entries there may be what has lost its own end: go on inside of it.
    if (entry?.isWhole) from = object?.end ?? from;
    if (typeof key !== "string" || key === "tokens") continue;
    yield { key, value: entry?.value };
  }
}

/** An entry that lost its closing brace seems to hold the entries after it. */
function withoutTokens(value: Record<string, unknown>) {
  const own = Object.entries(value).filter(([, member]) => !decodeToken(member));
  const isWhole = own.length === Object.keys(value).length && decodeToken(value) !== null;
  return { value: Object.fromEntries(own), isWhole };
}

const TOKEN = new RegExp(`${SPACE}([{}[\\]:,]|${STRING}|-?\\d[\\d.eE+-]*|true|false|null)`, "y");

/** No entry is nested more deeply; without a bound, what is never closed would be read again and again. */
const DEEPEST = 20;

/** The object that begins at `start`; commas that are too many are passed over. Null when it has no end or is broken. */
function readObject(text: string, start: number) {
  const tokens: string[] = [];
  let depth = 0;
  TOKEN.lastIndex = start;
  do {
    const token = TOKEN.exec(text)?.[1];
    if (token === undefined || depth > DEEPEST) return null;
    if (token === "{" || token === "[") depth++;
    if (token === "}" || token === "]") {
      depth--;
      if (tokens.at(-1) === ",") tokens.pop();
    }
    tokens.push(token);
  } while (depth > 0);
  const end = TOKEN.lastIndex;
  const value = parseOrNull(tokens.join(" "));
  return isObject(value) ? { value, end } : null;
}

function parseOrNull(json: string): unknown {
  try {
    return parseLossless(json);
  } catch {
    return null;
  }
}
