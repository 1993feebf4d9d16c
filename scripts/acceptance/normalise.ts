/** What differs from run to run, and what stands for it in `output.txt`; applied from top to bottom. */
const RULES: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // Tokens of the embedded workspace: their number is stable, the rest is random.
  [/\b(access|refresh|code)-(\d+)-[A-Za-z0-9_-]{22}/g, "$1-$2"],
  [/("(?:Branch|Tag|ShortCommit|FullCommit|CommitTime|BuildTimestamp)": ")[^"]*/g, "$1[BUILD]"],
  [/("IsSnapshot": )(true|false)/g, "$1[BUILD]"],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, "[TIME]"],
  [/("expires_in": ?)\d+/g, "$1[SECONDS]"],
  [/("duration_ms": )\d+/g, "$1[MILLISECONDS]"],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b/g, "[UUID]"],
  [/((?:code_challenge|state)(?:=|%3D))[A-Za-z0-9_-]{16,}/g, "$1[RANDOM]"],
  [/localhost(:|%3A|%253A)80(2\d|3\d|40)(?!\d)/g, "localhost$1[CALLBACK PORT]"],
  [/\b\d+(\.\d+)? ?ms\b/g, "[DURATION]"],
  [/… \d+ s\b/g, "… [SECONDS] s"],
  // Where libsecret is missing, what it stands on may be missing too, and is looked for first.
  [/\blib(secret-1|glib-2\.0|gobject-2\.0|gio-2\.0)\.so\.0(?=: cannot open)/g, "[LIBRARY]"],
];

/**
 * The output as it would be in any run.
 * @param literals text of this run (paths, addresses) and what stands for it; the longest goes first
 */
export function normalise(output: string, literals: Readonly<Record<string, string>>): string {
  let text = output;
  const byLength = Object.entries(literals).sort(([a], [b]) => b.length - a.length);
  for (const [found, name] of byLength) text = text.replaceAll(found, name);
  for (const [pattern, replacement] of RULES) text = text.replace(pattern, replacement);
  return text;
}
