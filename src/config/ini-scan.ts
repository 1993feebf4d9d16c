/**
 * The config file's syntax. It is read as gopkg.in/ini.v1 reads it under the options of the Go
 * SDK, which writes most of these files; its oddities (a header's name runs to the last `]`, a
 * comment ends a value even inside quotes, a trailing backslash swallows the next header) are
 * kept on purpose. Places are offsets into the text; every `end` lies behind the line feed.
 */
import { UserError } from "../errors.ts";

/** The section of keys that stand before any header. */
export const DEFAULT_SECTION = "DEFAULT";

/** A text that cannot be read. Its message holds nothing of the line, which may be a secret. */
export class IniError extends UserError {
  override name = "IniError";
  /** Counted from 1. */
  readonly line: number;
  readonly reason: string;

  constructor(line: number, reason: string) {
    super(`line ${line}: ${reason}`);
    this.line = line;
    this.reason = reason;
  }
}

export interface Visitor {
  /** A `[section]` line. */
  header(section: string, start: number, end: number): void;
  /** A key of the section at hand. `start` is for `readEntry`. */
  entry(key: string, value: string, start: number): void;
}

/**
 * A blank line, a header, or an entry without quotes, comments, backslashes or inner spaces: nearly
 * every line. Read in one step, they make a file of a thousand profiles ten times as fast to read.
 */
const PLAIN_LINE =
  /[ \t]*(?:\[([^\]\r\n]+)\]|([A-Za-z_]\w*)[ \t]*=[ \t]*([!$-&(-:<-[\]^_a-~]*)|)[ \t]*\r?\n/y;

/**
 * Visits what stands in the text, in order.
 *
 * @throws IniError for a header or key that cannot be read, and for a raw value without an end
 */
export function scanIni(text: string, visit: Visitor): void {
  let unnamed = 0;
  let start = text.startsWith(BYTE_ORDER_MARK) ? 1 : 0;
  while (start < text.length) {
    PLAIN_LINE.lastIndex = start;
    const plain = PLAIN_LINE.exec(text);
    if (plain) {
      const [, section, key, value] = plain;
      const end = PLAIN_LINE.lastIndex;
      if (section !== undefined) {
        visit.header(section, start, end);
        unnamed = 0;
      } else if (key !== undefined && value !== undefined) visit.entry(key, value, start);
      start = end;
      continue;
    }
    const end = endOfLine(text, start);
    const first = skipSpace(text, start, end);
    const sign = first < end ? text[first] : "";
    let next = end;
    if (sign === "[") {
      visit.header(readHeader(text, first, end), start, end);
      unnamed = 0;
    } else if (sign && sign !== "#" && sign !== ";") {
      const entry = readEntry(text, start);
      visit.entry(entry.key === "-" ? `#${++unnamed}` : entry.key, entry.value, start);
      next = entry.resume;
    }
    start = next;
  }
}

export const BYTE_ORDER_MARK = "\u{feff}";

const errorAt = (text: string, place: number, reason: string) =>
  new IniError(text.slice(0, place).split("\n").length, reason);

function readHeader(text: string, start: number, end: number): string {
  const line = text.slice(start, end);
  const close = line.lastIndexOf("]");
  if (close < 0) throw errorAt(text, start, "a section's [ without its ]");
  if (close === 1) throw errorAt(text, start, "a section without a name");
  return line.slice(1, close);
}

/** Where a key stands. `delimiter` is the place of its `=` or `:`. */
interface Key {
  key: string;
  keyStart: number;
  delimiter: number;
}

/** Where a value stands, as written: with its quotes, without a comment. */
interface Value {
  value: string;
  valueStart: number;
  valueEnd: number;
  end: number;
  /** Where reading goes on: behind `end` if it took a blank line to end a joined value. */
  resume: number;
  /** A joined value that only the end of the text ended: a line put there would become part of it. */
  open: boolean;
}

export type Entry = Key & Value;

/** The entry whose first line begins at `start`. Its key is unquoted, but not yet numbered. */
export function readEntry(text: string, start: number): Entry {
  const end = endOfLine(text, start);
  const key = readKey(text, start, end);
  return { ...key, ...readValue(text, key.delimiter + 1, end) };
}

function readKey(text: string, start: number, end: number): Key {
  const keyStart = skipSpace(text, start, end);
  const line = text.slice(keyStart, end);
  const quote = /^("""|"|`)?/.exec(line)?.[0] ?? "";
  const close = quote ? line.indexOf(quote, quote.length) : 0;
  if (close < 0) throw errorAt(text, start, "a key's quote is not closed");
  const behind = close + quote.length;
  const ahead = line.slice(behind).search(/[=:]/);
  if (ahead < 0) throw errorAt(text, start, 'no "=" or ":" behind the key');
  const key = trim(quote ? line.slice(quote.length, close) : line.slice(0, ahead));
  if (key === "") throw errorAt(text, start, "no key");
  return { key, keyStart, delimiter: keyStart + behind + ahead };
}

function readValue(text: string, from: number, end: number): Value {
  const valueStart = skipSpace(text, from, end);
  if (valueStart === end) {
    const place = from + (text[from] === " " || text[from] === "\t" ? 1 : 0);
    return closed("", place, place, end);
  }
  const quote = rawQuote(text, valueStart);
  if (quote) return readRaw(text, valueStart, end, quote);
  const valueEnd = trimEnd(text, valueStart, end);
  if (text[valueEnd - 1] === "\\") return readJoined(text, valueStart, valueEnd, end);
  const written = cutComment(text.slice(valueStart, valueEnd));
  return closed(unquote(written), valueStart, valueStart + written.length, end);
}

const closed = (value: string, valueStart: number, valueEnd: number, end: number): Value => ({
  value,
  valueStart,
  valueEnd,
  end,
  resume: end,
  open: false,
});

function rawQuote(text: string, from: number): string | null {
  if (text[from] === "`") return "`";
  // Three quotes as the very last of the text are an ordinary value.
  return text.startsWith('"""', from) && text.length > from + 3 ? '"""' : null;
}

/** Up to the last such quote of its first line, else of the first later line that has one. */
function readRaw(text: string, valueStart: number, firstEnd: number, quote: string): Value {
  const from = valueStart + quote.length;
  let start = from;
  let end = firstEnd;
  while (start < text.length) {
    const close = text.slice(start, end).lastIndexOf(quote);
    const behind = start + close + quote.length;
    // On a later line, a backslash behind the quote makes that quote a part of the value.
    const goesOn = start > from && text[trimEnd(text, behind, end) - 1] === "\\";
    if (close >= 0 && !goesOn) {
      return closed(text.slice(from, start + close), valueStart, behind, end);
    }
    start = end;
    end = endOfLine(text, start);
  }
  throw errorAt(text, valueStart, `the value's ${quote} is not closed`);
}

/** A trailing backslash joins the next line, until one lacks it or is blank. */
function readJoined(text: string, valueStart: number, firstValueEnd: number, firstEnd: number) {
  let value = text.slice(valueStart, firstValueEnd - 1);
  let valueEnd = firstValueEnd;
  let end = firstEnd;
  while (end < text.length) {
    const nextEnd = endOfLine(text, end);
    const nextStart = skipSpace(text, end, nextEnd);
    if (nextStart === nextEnd) {
      return { value, valueStart, valueEnd, end, resume: nextEnd, open: false };
    }
    valueEnd = trimEnd(text, nextStart, nextEnd);
    end = nextEnd;
    value += text.slice(nextStart, valueEnd);
    if (!value.endsWith("\\")) return closed(value, valueStart, valueEnd, end);
    value = value.slice(0, -1);
  }
  return { value, valueStart, valueEnd, end, resume: end, open: true };
}

/** Only if there is no ` #` does a ` ;` begin a comment. */
function cutComment(line: string): string {
  const hash = line.indexOf(" #");
  const comment = hash < 0 ? line.indexOf(" ;") : hash;
  return comment < 0 ? line : line.slice(0, trimEnd(line, 0, comment));
}

function unquote(value: string): string {
  const quote = value[0];
  const quoted = (quote === "'" || quote === '"') && value.indexOf(quote, 1) === value.length - 1;
  return quoted ? value.slice(1, -1) : value;
}

/** Behind the line feed, or the end of the text. */
function endOfLine(text: string, from: number): number {
  const feed = text.indexOf("\n", from);
  return feed < 0 ? text.length : feed + 1;
}

/** What Go's unicode.IsSpace takes for a space. JavaScript's own idea of it differs in U+0085 and U+FEFF. */
const SPACE = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

const isSpace = (sign: string | undefined) => sign !== undefined && SPACE.test(sign);

/** The first place from `from` that holds no space; `end` if there is none. */
export function skipSpace(text: string, from: number, end: number): number {
  let at = from;
  while (at < end && isSpace(text[at])) at++;
  return at;
}

/** Where the spaces before `end` begin; `from` if all is space. */
export function trimEnd(text: string, from: number, end: number): number {
  let at = end;
  while (at > from && isSpace(text[at - 1])) at--;
  return at;
}

/** Without the spaces around it. */
export function trim(text: string): string {
  const start = skipSpace(text, 0, text.length);
  return text.slice(start, trimEnd(text, start, text.length));
}
