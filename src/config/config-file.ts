/** The config file on disk. `~/.databrickscfg` belongs to every Databricks tool, and to people with editors. */
import { isUtf8 } from "node:buffer";
import { UserError } from "../errors.ts";
import { readWhole } from "../files/quick-io.ts";
import { systemReason } from "../files/system-error.ts";
import { ATTRIBUTES } from "./attributes.ts";
import { type Change, editIni, IniError, readIni, type Sections } from "./ini-document.ts";

export interface ConfigFile {
  path: string;
  /** null where there is no file. */
  text: string | null;
  sections: Sections;
}

/** @throws UserError that names the path, and the line where it is about one */
export function readConfigFile(path: string): ConfigFile {
  const bytes = load(path);
  if (!bytes) return { path, text: null, sections: readIni("") };
  if (!isUtf8(bytes)) throw unreadable(path, `line ${foreignLine(bytes)}: not UTF-8`);
  const text = bytes.toString("utf8");
  try {
    return { path, text, sections: readIni(text) };
  } catch (error) {
    if (error instanceof IniError) throw unreadable(path, error.message, error);
    throw error;
  }
}

const unreadable = (path: string, reason: string, cause?: unknown) =>
  new UserError(`cannot read ${path}: ${reason}`, { cause });

function load(path: string): Buffer | null {
  try {
    return readWhole(path);
  } catch (error) {
    throw unreadable(path, systemReason(error), error);
  }
}

/** The first line that is not UTF-8, counted from 1. No sign of UTF-8 holds a line feed in its bytes. */
function foreignLine(bytes: Buffer): number {
  let line = 1;
  let start = 0;
  for (;;) {
    const feed = bytes.indexOf("\n", start);
    if (feed < 0 || !isUtf8(bytes.subarray(start, feed))) return line;
    line += 1;
    start = feed + 1;
  }
}

/** Others than the owner have rights to a file with these permission bits. */
export function isLoose(mode: number): boolean {
  // Windows makes mode bits up; what counts there is the folder's access list.
  return process.platform !== "win32" && (mode & 0o077) !== 0;
}

/** What a change came to. */
export interface Saved {
  changed: boolean;
  /** What the person should know about the file as it is now: one sentence each, for stderr. */
  warnings: string[];
}

/** How long a change waits for others to finish theirs, in milliseconds. */
const PATIENCE = 30_000;

/** How often a change begins anew because an editor, or a program that knows no locks, was faster. */
const MOST_ROUNDS = 5;

const NEW_FILE =
  "; Profiles of the Databricks tools. Where no profile is named, [DEFAULT] is the fallback.\n";

/**
 * Makes the changes that `change` wants of the file as it is once nobody else is changing it.
 * The old content is left beside it as `.bak`; a symbolic link stays one.
 *
 * @throws UserError; the file is then as it was
 */
export async function changeConfigFile(
  path: string,
  change: (config: ConfigFile) => Change[],
  { lockDirectory }: { lockDirectory: string },
): Promise<Saved> {
  // Most commands only read; these bring the system's locks with them.
  const { realName, watchVersion, writeAtomic } = await import("../files/atomic-write.ts");
  const { lockPath, withLock } = await import("../files/lock.ts");
  const file = realName(path);
  const deadline = performance.now() + PATIENCE;
  const unlocked: string[] = [];
  const onUnavailable = (error: Error) =>
    unlocked.push(`${path} was changed without a lock: ${error.message}`);
  return withLock(lockPath(lockDirectory, file), { deadline, onUnavailable }, async () => {
    for (let round = 1; ; round++) {
      const isUnchanged = watchVersion(path);
      const isCurrent = () => round === MOST_ROUNDS || isUnchanged();
      const config = readConfigFile(path);
      const mode = modeOf(path);
      const changes = change(config);
      const before = config.text ?? NEW_FILE;
      const after = await editIni(before, changes);
      if (after === before) return { changed: false, warnings: [] };
      if (config.text) writeAtomic(`${file}.bak`, config.text, { mode: 0o600, ownedLike: file });
      if (!writeAtomic(path, after, { mode: mode ?? 0o600, isCurrent })) continue;
      const written = { ...config, mode: mode === null ? null : modeOf(path) };
      const warnings = await warningsAfter(written, changes, after);
      return { changed: true, warnings: [...unlocked, ...warnings] };
    }
  });
}

/** Permission bits; null where there is no file. */
function modeOf(path: string): number | null {
  const { statSync } = process.getBuiltinModule("node:fs");
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats ? stats.mode & 0o777 : null;
  } catch (error) {
    throw unreadable(path, systemReason(error), error);
  }
}

async function warningsAfter(
  { path, sections, mode }: ConfigFile & { mode: number | null },
  changes: readonly Change[],
  after: string,
): Promise<string[]> {
  const isSet = ({ section, key }: Difference) =>
    changes.some((made) => made.kind === "set" && made.section === section && made.key === key);
  const differences = await differencesForJavaScriptSdk(after);
  const names = new Set(changes.filter(({ kind }) => kind === "set").map(({ section }) => section));
  const dotted = [...names].filter((name) => name.includes(".") && !sections.has(name));
  return [
    ...differences.filter(isSet).map(({ message }) => message),
    ...dotted.map((name) => dottedNameWarning(name)),
    ...(mode !== null && isLoose(mode) ? [looseWarning(path, mode)] : []),
  ];
}

function dottedNameWarning(name: string): string {
  const parent = name.slice(0, name.lastIndexOf("."));
  return `Go programs may take settings that [${name}] lacks from [${parent}], because of the dot in its name`;
}

function looseWarning(path: string, mode: number): string {
  const bits = mode.toString(8).padStart(4, "0");
  return `others on this machine have rights to ${path} (mode ${bits}); to keep it to yourself, run \`chmod 600 ${path}\``;
}

/** A value that the JavaScript SDK reads otherwise than the Go side and this program. */
export interface Difference {
  section: string;
  key: string;
  message: string;
}

/** All such values of a config file's text. */
export async function differencesForJavaScriptSdk(text: string): Promise<Difference[]> {
  const { readAsJavaScript } = await import("./ini-second-reader.ts");
  const others = readAsJavaScript(text);
  return [...readIni(text)].flatMap(([section, keys]) =>
    [...keys].flatMap(([key, value]) => {
      const other = others.get(section)?.get(key);
      if (other === value) return [];
      return [{ section, key, message: describeDifference(section, key, other) }];
    }),
  );
}

/** Shows values of well-known settings alone: any other may be a secret. */
function describeDifference(section: string, key: string, other: unknown): string {
  const place = `${key} of [${section}]`;
  if (other === undefined) return `the JavaScript SDK will not find ${place}`;
  const shown = ATTRIBUTES.some((attribute) => attribute.key === key && !attribute.secret);
  return `the JavaScript SDK will read ${place} as ${shown ? JSON.stringify(other) : "another value"}`;
}
