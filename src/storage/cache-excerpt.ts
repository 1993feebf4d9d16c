/** One entry of a large file cache, without reading the whole: a file of thousands of tokens takes long to parse. */

/** Smaller files are parsed, which takes less than a millisecond and finds every fault. In bytes. */
const LARGE = 256 * 1024;

/** How the programs that write the file begin and end it; its members are indented by two, its entries by four. */
const HEAD = '{\n  "version": 1,\n  "tokens": {\n    "';
const TAIL = "\n    }\n  }\n}";
const MEMBER = '\n  "';
const ENTRY_END = "\n    }";

/**
 * The JSON of the object under `key`, or null where only reading all of the file can tell: it is
 * small, laid out otherwise, or does not have the key exactly once in its usual form.
 *
 * A line break cannot stand in a JSON string as it is, so what looks like the line of an entry is one.
 */
export function excerptEntry(content: Buffer, key: string): string | null {
  if (content.length < LARGE) return null;
  const tail = content.toString("latin1", content.length - TAIL.length - 2).trimEnd();
  const usual = content.toString("latin1", 0, HEAD.length) === HEAD && tail.endsWith(TAIL);
  if (!usual || content.includes(MEMBER, HEAD.length)) return null;
  const opening = Buffer.from(`\n    ${JSON.stringify(key)}: {`);
  const start = content.indexOf(opening);
  if (start < 0 || content.includes(opening, start + 1)) return null;
  const end = content.indexOf(ENTRY_END, start);
  return content.toString("utf8", start + opening.length - 1, end + ENTRY_END.length);
}
