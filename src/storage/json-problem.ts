/** Where a text stops being JSON (RFC 8259). JSON.parse does not say. */

/** Counted from 1; columns in UTF-16 units. */
export interface Position {
  line: number;
  column: number;
}

const SPACE = /[ \t\n\r]*/y;
const TOKEN =
  /[{}[\]:,]|"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[\da-fA-F]{4})[^"\\\x00-\x1f]*)*"|(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;

type Expected = "value" | "value or ]" | "key" | "key or }" | ":" | "next" | "end";

/** The first place that no JSON text could have, or null when `text` is JSON. */
export function findJsonProblem(text: string): Position | null {
  const open: string[] = [];
  let expected: Expected | null = "value";
  for (let at = skipSpace(text, 0); at < text.length; ) {
    TOKEN.lastIndex = at;
    const token = TOKEN.exec(text)?.[0];
    expected = token === undefined ? null : step(expected, token, open);
    if (token === undefined || expected === null) return positionOf(text, at);
    at = skipSpace(text, at + token.length);
  }
  return expected === "end" ? null : positionOf(text, text.length);
}

/** What may follow `token`, or null when it may not stand here. `open` holds the brackets around it. */
function step(expected: Expected, token: string, open: string[]): Expected | null {
  const closes =
    (token === "}" && (expected === "key or }" || (expected === "next" && open.at(-1) === "{"))) ||
    (token === "]" && (expected === "value or ]" || (expected === "next" && open.at(-1) === "[")));
  if (closes) {
    open.pop();
    return afterValue(open);
  }
  switch (expected) {
    case "value":
    case "value or ]":
      if (token === "{" || token === "[") {
        open.push(token);
        return token === "{" ? "key or }" : "value or ]";
      }
      return "}]:,".includes(token) ? null : afterValue(open);
    case "key":
    case "key or }":
      return token.startsWith('"') ? ":" : null;
    case ":":
      return token === ":" ? "value" : null;
    case "next":
      if (token !== ",") return null;
      return open.at(-1) === "{" ? "key" : "value";
    case "end":
      return null;
  }
}

function afterValue(open: readonly string[]): Expected {
  return open.length > 0 ? "next" : "end";
}

function skipSpace(text: string, at: number): number {
  SPACE.lastIndex = at;
  return at + (SPACE.exec(text)?.[0].length ?? 0);
}

function positionOf(text: string, at: number): Position {
  const before = text.slice(0, at).split("\n");
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}
