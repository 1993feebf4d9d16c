/** The config file's text: reading it, and changing it without losing anything else. */
import { DEFAULT_SECTION, scanIni } from "./ini-scan.ts";

export { IniError } from "./ini-scan.ts";

/**
 * Sections → keys → values, in the file's order; `DEFAULT` is always there. Repeated sections
 * merge, the last of repeated keys wins.
 *
 * @throws IniError for a text that the Go side refuses as well
 */
export function readIni(text: string): Map<string, Map<string, string>> {
  let keys = new Map<string, string>();
  const sections = new Map([[DEFAULT_SECTION, keys]]);
  scanIni(text, {
    header(section) {
      keys = sections.get(section) ?? new Map();
      sections.set(section, keys);
    },
    entry(key, value) {
      keys.set(key, value);
    },
  });
  return sections;
}
