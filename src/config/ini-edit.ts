/** Single changes of a config file's text. Every byte that a change does not concern stays as it is. */
import { UserError } from "../errors.ts";
import {
  BYTE_ORDER_MARK,
  DEFAULT_SECTION,
  type Entry,
  readEntry,
  scanIni,
  skipSpace,
  trim,
  trimEnd,
} from "./ini-scan.ts";

/** One wish. Setting a value creates the section and the key where they are missing. */
export type Change =
  | { kind: "set"; section: string; key: string; value: string }
  | { kind: "delete"; section: string; key: string }
  | { kind: "delete-section"; section: string };

/** Which readers get one value, and that it is `value`, out of the lines of one entry. */
export type Proof = (lines: string, value: string) => "both" | "ours" | "neither";

/** @throws UserError where the value cannot be written */
export function applyChange(text: string, change: Change, prove: Proof): string {
  const items = itemsOf(text);
  switch (change.kind) {
    case "set":
      return setValue(text, items, change, prove);
    case "delete":
      return cut(text, entriesOf(text, items, change.section, change.key));
    case "delete-section":
      return cut(text, blocksOf(text, items, change.section));
  }
}

/** A header or an entry, in the order of the text. */
type Item =
  | { kind: "header"; section: string; start: number; end: number }
  | { kind: "entry"; section: string; key: string; value: string; start: number };

function itemsOf(text: string): Item[] {
  const items: Item[] = [];
  let section = DEFAULT_SECTION;
  scanIni(text, {
    header(name, start, end) {
      section = name;
      items.push({ kind: "header", section, start, end });
    },
    entry(key, value, start) {
      items.push({ kind: "entry", section, key, value, start });
    },
  });
  return items;
}

type SetChange = Extract<Change, { kind: "set" }>;

function setValue(text: string, items: readonly Item[], change: SetChange, prove: Proof): string {
  const { section, key, value } = change;
  const own = items.filter((item) => item.section === section);
  const entries = own.filter((item) => item.kind === "entry");
  const current = entries.findLast((item) => item.key === key);
  if (current?.value === value) return text;
  const compose = (spellings: Iterable<string>) => choose(spellings, change, prove);
  if (current) {
    const entry = readEntry(text, current.start);
    const lines = compose(replacements(text, current.start, entry, value));
    return text.slice(0, current.start) + lines + text.slice(entry.end);
  }
  const last = entries.at(-1);
  if (last) {
    const place = readEntry(text, last.start);
    const before = text.slice(last.start, place.keyStart) + newKey(text, entries, place, key);
    return insert(text, place, compose(spellings(before, value, "")));
  }
  const line = compose(spellings(`${key} = `, value, ""));
  const header = own.findLast((item) => item.kind === "header");
  return header
    ? insert(text, { resume: header.end, open: false }, line)
    : append(text, `[${section}]${lineEnding(text)}${line}`);
}

/** In the order tried. Backticks make a value raw, which suits every value: three quotes never do better. */
const QUOTES = ["", "'", '"', "`"];
const RAW = QUOTES.indexOf("`");

const spellings = (before: string, value: string, behind: string): string[] =>
  QUOTES.map((quote) => before + quote + value + quote + behind);

/** The ways to write an entry with another value. */
function replacements(text: string, start: number, entry: Entry, value: string): string[] {
  const { keyStart, delimiter, valueStart, valueEnd, end } = entry;
  const cramped = valueStart === valueEnd && valueStart === delimiter + 1 && isSpaced(text, entry);
  const before = text.slice(start, valueStart) + (cramped ? " " : "");
  const behind = text.slice(valueEnd, end);
  const inPlace = spellings(before, value, behind);
  const comment = trim(behind);
  if (comment === "") return inPlace;
  // Behind a raw value, or behind a quoted one for the second reader, a comment is no comment.
  const sign = /^[#;]/.test(comment) ? "" : "# ";
  const above = text.slice(start, keyStart) + sign + comment + lineEnding(text);
  const feed = /\r?\n?$/.exec(behind)?.[0] ?? "";
  return [...inPlace.slice(0, RAW), ...spellings(above + before, value, feed)];
}

/** The first spelling that both readers understand, else the first that ours does. */
function choose(candidates: Iterable<string>, change: SetChange, prove: Proof): string {
  let second: string | undefined;
  for (const lines of candidates) {
    const proof = prove(lines, change.value);
    if (proof === "both") return lines;
    if (proof === "ours") second ??= lines;
  }
  if (second !== undefined) return second;
  throw new UserError(
    `${change.key} of [${change.section}] cannot be written so that it reads back the same`,
  );
}

/** A key with its `=`, aligned and spaced as the section's other keys are, of which `last` is the last. */
function newKey(text: string, items: readonly Item[], last: Entry, key: string): string {
  if (!isSpaced(text, last)) return `${key}=`;
  const entries = items.map(({ start }) => readEntry(text, start));
  const column = last.delimiter - last.keyStart;
  const aligned =
    entries.every((entry) => entry.delimiter - entry.keyStart === column) &&
    entries.some((entry) => /[ \t]{2}$/.test(text.slice(entry.keyStart, entry.delimiter)));
  return `${key.padEnd(aligned ? column - 1 : 0)} = `;
}

const isSpaced = (text: string, { delimiter }: Entry) => /[ \t]/.test(text[delimiter - 1] ?? "");

function insert(text: string, place: Pick<Entry, "resume" | "open">, line: string): string {
  const { resume, open } = place;
  const feed = lineEnding(text);
  const lead = (text[resume - 1] === "\n" ? "" : feed) + (open ? feed : "");
  return text.slice(0, resume) + lead + line + feed + text.slice(resume);
}

/** At the end, after one blank line. */
function append(text: string, lines: string): string {
  const feed = lineEnding(text);
  const begin = beginOf(text);
  const content = trimEnd(text, begin, text.length);
  const feeds = text.slice(content).split("\n").length - 1;
  const wanted = content === begin ? 0 : 2;
  const unfinished = text.length > begin && !text.endsWith("\n") ? 1 : 0;
  return text + feed.repeat(Math.max(wanted - feeds, unfinished)) + lines + feed;
}

const beginOf = (text: string) => (text.startsWith(BYTE_ORDER_MARK) ? 1 : 0);

const lineEnding = (text: string) => (/^[^\n]*\r\n/.test(text) ? "\r\n" : "\n");

interface Span {
  start: number;
  end: number;
}

const cut = (text: string, spans: readonly Span[]): string =>
  spans.reduceRight((rest, { start, end }) => rest.slice(0, start) + rest.slice(end), text);

function entriesOf(text: string, items: readonly Item[], section: string, key: string): Span[] {
  return items
    .filter((item) => item.kind === "entry" && item.section === section && item.key === key)
    .map(({ start }) => ({ start, end: readEntry(text, start).end }));
}

/**
 * From each header, with the blank line above it, to the last key under it. Comments behind that
 * key stay: they may belong to what follows.
 */
function blocksOf(text: string, items: readonly Item[], section: string): Span[] {
  const spans: Span[] = [];
  let block: Span | undefined;
  let free = beginOf(text);
  for (const item of items) {
    const isHeader = item.kind === "header";
    const { end, resume } = isHeader
      ? { end: item.end, resume: item.end }
      : readEntry(text, item.start);
    if (isHeader) block = undefined;
    if (item.section === section && !block) {
      block = { start: isHeader ? withBlankLine(text, item.start, free) : item.start, end };
      spans.push(block);
    }
    if (block) block.end = end;
    free = resume;
  }
  return spans;
}

/** Where the line above `start` begins, if it is blank. One before `free` ended a joined value and must stay. */
function withBlankLine(text: string, start: number, free: number): number {
  const above = free + text.slice(free, start - 1).lastIndexOf("\n") + 1;
  return skipSpace(text, above, start) === start ? above : start;
}
