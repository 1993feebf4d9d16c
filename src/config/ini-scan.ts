/**
 * The config file's syntax: text → headers and keys with their places. It is read as
 * gopkg.in/ini.v1 reads it under the options of the Go SDK, which is what writes most of these
 * files; its oddities (a header's name runs to the last `]`, a comment ends a value even inside
 * quotes, a trailing backslash swallows the next header) are kept on purpose.
 */
import { UserError } from "../errors.ts";

/** The section of keys that stand before any header. */
export const DEFAULT_SECTION = "DEFAULT";

/** A text that cannot be read. Its message holds no content of the line, which may be a secret. */
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

/** A `[name]` line. Places are offsets into the text; an `end` lies behind the line feed. */
export interface Header {
  kind: "header";
  section: string;
  start: number;
  end: number;
}

/** A key and its value, over one or several lines. */
export interface Entry {
  kind: "entry";
  section: string;
  key: string;
  value: string;
  start: number;
  end: number;
  /** Where reading goes on: behind `end` when a blank line had to end a joined value. */
  resume: number;
  /** A joined value that only the end of the text ended: what follows would become part of it. */
  open: boolean;
  keyStart: number;
  delimiter: number;
  /** The value as it is written, quotes included, comment not. */
  valueStart: number;
  valueEnd: number;
}

/** @throws IniError for a header or key that cannot be read, and for a raw value without an end */
export function scanIni(text: string): (Header | Entry)[] {
  const items: (Header | Entry)[] = [];
  let section = DEFAULT_SECTION;
  let counter = 1;
  let start = text.startsWith(BYTE_ORDER_MARK) ? 1 : 0;
  const fail = (reason: string) => new IniError(text.slice(0, start).split("\n").length, reason);
  while (start < text.length) {
    const end = endOfLine(text, start);
    const first = skipSpace(text, start, end);
    const sign = first < end ? text[first] : "#";
    let next = end;
    if (sign === "[") {
      section = headerName(text.slice(first, end), fail);
      counter = 1;
      items.push({ kind: "header", section, start, end });
    } else if (sign !== "#" && sign !== ";") {
      const { name, delimiter } = readKey(text.slice(first, end), fail);
      const key = name === "-" ? `#${counter++}` : name;
      const value = readValue(text, first + delimiter + 1, end, fail);
      const places = { start, keyStart: first, delimiter: first + delimiter };
      items.push({ kind: "entry", section, key, ...places, ...value });
      next = value.resume;
    }
    start = next;
  }
  return items;
}

const BYTE_ORDER_MARK = "\u{feff}";

/** Makes the error of the line at hand. */
type Fail = (reason: string) => IniError;

function headerName(line: string, fail: Fail): string {
  const close = line.lastIndexOf("]");
  if (close < 0) throw fail("a section's [ without its ]");
  if (close === 1) throw fail("a section without a name");
  return line.slice(1, close);
}

const KEY_QUOTES = ['"""', '"', "`"];

function readKey(line: string, fail: Fail): { name: string; delimiter: number } {
  const quote = KEY_QUOTES.find((candidate) => line.startsWith(candidate)) ?? "";
  const close = quote ? line.indexOf(quote, quote.length) : 0;
  if (close < 0) throw fail("a key's quote is not closed");
  const delimiter = indexOfDelimiter(line, close + quote.length);
  if (delimiter < 0) throw fail('no "=" or ":" behind the key');
  const name = trim(quote ? line.slice(quote.length, close) : line.slice(0, delimiter));
  if (name === "") throw fail("no key");
  return { name, delimiter };
}

function indexOfDelimiter(line: string, from: number): number {
  for (let at = from; at < line.length; at++) {
    const sign = line[at];
    if (sign === "=" || sign === ":") return at;
  }
  return -1;
}

type ScannedValue = Pick<Entry, "value" | "valueStart" | "valueEnd" | "end" | "resume" | "open">;

function readValue(text: string, from: number, end: number, fail: Fail): ScannedValue {
  const valueStart = skipSpace(text, from, end);
  if (valueStart === end) {
    const place = from + (text[from] === " " || text[from] === "\t" ? 1 : 0);
    return plain("", place, place, end);
  }
  const quote = rawQuote(text, valueStart, end);
  if (quote) return readRaw(text, valueStart, end, quote, fail);
  const valueEnd = trimEnd(text, valueStart, end);
  if (text[valueEnd - 1] === "\\") return readJoined(text, valueStart, valueEnd, end);
  const written = cutComment(text.slice(valueStart, valueEnd));
  return plain(unquote(written), valueStart, valueStart + written.length, end);
}

const plain = (value: string, valueStart: number, valueEnd: number, end: number): ScannedValue => ({
  value,
  valueStart,
  valueEnd,
  end,
  resume: end,
  open: false,
});

function rawQuote(text: string, from: number, end: number): string | null {
  if (text[from] === "`") return "`";
  // Three quotes as the very last of the text are an ordinary value.
  return text.startsWith('"""', from) && end - from > 3 ? '"""' : null;
}

function readRaw(
  text: string,
  valueStart: number,
  firstEnd: number,
  quote: string,
  fail: Fail,
): ScannedValue {
  const from = valueStart + quote.length;
  let start = from;
  let end = firstEnd;
  while (start < text.length) {
    const close = text.slice(start, end).lastIndexOf(quote);
    const behind = start + close + quote.length;
    // On a later line, a backslash behind the quote makes that quote a part of the value.
    const goesOn = start > from && text[trimEnd(text, behind, end) - 1] === "\\" && close >= 0;
    if (close >= 0 && !goesOn)
      return plain(text.slice(from, start + close), valueStart, behind, end);
    start = end;
    end = endOfLine(text, start);
  }
  throw fail(`the value's ${quote} is not closed`);
}

/** A trailing backslash joins the next line, until one lacks it or is blank. */
function readJoined(
  text: string,
  valueStart: number,
  firstValueEnd: number,
  firstEnd: number,
): ScannedValue {
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
    if (!value.endsWith("\\")) return plain(value, valueStart, valueEnd, end);
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
  const quoted =
    (quote === "'" || quote === '"') &&
    value.length > 1 &&
    value.indexOf(quote, 1) === value.length - 1;
  return quoted ? value.slice(1, -1) : value;
}

/** Behind the line feed, or the end of the text. */
export function endOfLine(text: string, from: number): number {
  const feed = text.indexOf("\n", from);
  return feed < 0 ? text.length : feed + 1;
}

/** What Go's unicode.IsSpace takes for a space. String.prototype.trim differs: U+0085 and U+FEFF. */
function isSpace(code: number): boolean {
  if (code < 0x80) return code === 0x20 || (code >= 0x09 && code <= 0x0d);
  if (code < 0x1680) return code === 0x85 || code === 0xa0;
  return (
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x202f ||
    code === 0x205f ||
    code === 0x3000
  );
}

/** The first place from `from` that holds no space; `end` if there is none. */
export function skipSpace(text: string, from: number, end: number): number {
  let at = from;
  while (at < end && isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** Where the spaces before `end` begin. */
function trimEnd(text: string, from: number, end: number): number {
  let at = end;
  while (at > from && isSpace(text.charCodeAt(at - 1))) at--;
  return at;
}

function trim(text: string): string {
  const start = skipSpace(text, 0, text.length);
  return text.slice(start, trimEnd(text, start, text.length));
}
