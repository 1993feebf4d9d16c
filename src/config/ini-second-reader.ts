/**
 * What the JavaScript SDK makes of a config file. It reads with the npm package `ini`, which
 * differs from the Go side in quotes, comments, escapes and types. Loaded only after an edit and
 * for diagnoses, never to read settings.
 */
import { parse } from "ini";

/** Sections → keys → values, which may be booleans and numbers too. */
export function readAsJavaScript(text: string): Map<string, Map<string, unknown>> {
  const sections = new Map<string, Map<string, unknown>>();
  collect(parse(text), [], sections);
  return sections;
}

/**
 * The package makes `[a.b]` an object inside of `a`, and the SDK takes such nesting apart again.
 * So it has no value where a key's value became an object or `null`, and none of the keys before
 * the first header.
 */
function collect(
  node: Record<string, unknown>,
  path: readonly string[],
  sections: Map<string, Map<string, unknown>>,
): void {
  const keys = new Map<string, unknown>();
  for (const [key, value] of Object.entries(node)) {
    if (value === null) continue;
    if (isNode(value)) collect(value, [...path, key], sections);
    else keys.set(key, value);
  }
  if (path.length > 0 && keys.size > 0) sections.set(path.join("."), keys);
}

const isNode = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
