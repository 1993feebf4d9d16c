/** The config file's text: reading it, and changing it without losing anything else. */
import { UserError } from "../errors.ts";
import { applyChange, type Change, type Proof } from "./ini-edit.ts";
import { DEFAULT_SECTION, IniError, scanIni } from "./ini-scan.ts";

export type { Change } from "./ini-edit.ts";
export { IniError } from "./ini-scan.ts";

/** Sections → keys → values. */
export type Sections = Map<string, Map<string, string>>;

/**
 * Sections in the file's order; `DEFAULT` is always there. Repeated sections merge, the last of
 * repeated keys wins.
 *
 * @throws IniError for a text that the Go side refuses as well
 */
export function readIni(text: string): Sections {
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

/**
 * The text with the changes made and nothing else changed; the same text if there is nothing to
 * do. A value is written bare, or in the first quotes that the JavaScript SDK understands too.
 *
 * @throws IniError for a text that cannot be read, UserError for what cannot be written
 */
export async function editIni(text: string, changes: readonly Change[]): Promise<string> {
  const wanted = readIni(text);
  for (const change of changes) {
    refuseControlSigns(change);
    wish(wanted, change);
  }
  const prove = await createProof();
  const edited = changes.reduce((rest, change) => applyChange(rest, change, prove), text);
  if (edited !== text && !isSame(readAgain(edited), wanted)) {
    throw new UserError(
      `the change to ${changes.map(describe).join(", ")} would change other settings too; edit the file by hand`,
    );
  }
  return edited;
}

function refuseControlSigns(change: Change): void {
  if (Object.values(change).some((part) => /[\r\n\0]/.test(part))) {
    throw new UserError(`${describe(change)}: line breaks and NUL cannot be written`);
  }
}

/** Names what is changed; never the value, which may be a secret. */
const describe = (change: Change) =>
  JSON.stringify(change.kind === "delete-section" ? `[${change.section}]` : change.key);

function wish(sections: Sections, change: Change): void {
  const keys = sections.get(change.section);
  if (change.kind === "set") {
    sections.set(change.section, (keys ?? new Map()).set(change.key, change.value));
  } else if (change.kind === "delete") {
    keys?.delete(change.key);
  } else if (change.section === DEFAULT_SECTION) {
    keys?.clear();
  } else {
    sections.delete(change.section);
  }
}

async function createProof(): Promise<Proof> {
  const { readAsJavaScript } = await import("./ini-second-reader.ts");
  return (lines, value) => {
    const sample = `[s]\n${lines}\n`;
    if (!holdsOnly(readAgain(sample), value)) return "neither";
    return holdsOnly(readAsJavaScript(sample), value) ? "both" : "ours";
  };
}

function holdsOnly(sections: ReadonlyMap<string, ReadonlyMap<string, unknown>>, value: string) {
  const values = [...sections.values()].flatMap((keys) => [...keys.values()]);
  return values.length === 1 && values[0] === value;
}

/** A text of our own making; empty where it cannot even be read. */
function readAgain(text: string): Sections {
  try {
    return readIni(text);
  } catch (error) {
    if (error instanceof IniError) return new Map();
    throw error;
  }
}

function isSame(one: Sections, other: Sections): boolean {
  return (
    one.size === other.size &&
    [...one].every(([section, keys]) => {
      const others = other.get(section);
      return (
        others?.size === keys.size && [...keys].every(([key, value]) => others.get(key) === value)
      );
    })
  );
}
