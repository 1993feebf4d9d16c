/** The files that hold tokens and settings, and who else can reach them. */
import { readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isLoose } from "../../../config/profiles.ts";
import { systemCode } from "../../../files/system-error.ts";
import { SET_ASIDE } from "../../../storage/repair.ts";

/** A file or folder that others than its owner have rights to. */
export interface LooseFile {
  path: string;
  /** Permission bits. */
  mode: number;
  /** What they should be. */
  wanted: number;
}

/** What stands at a path; undefined where there is nothing, or no way to it. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

export function looseFiles(
  configPath: string,
  cachePath: string,
  setAside: readonly string[],
): LooseFile[] {
  const files = [configPath, `${realPath(configPath)}.bak`, cachePath, ...setAside];
  const folder = dirname(cachePath);
  return [
    ...files
      .map((path) => ({ path, stat: statOf(path), wanted: 0o600 }))
      .filter(({ stat }) => stat?.isFile()),
    { path: folder, stat: statOf(folder), wanted: 0o700 },
  ].flatMap(({ path, stat, wanted }) => {
    const mode = stat ? stat.mode & 0o777 : null;
    return mode !== null && isLoose(mode) ? [{ path, mode, wanted }] : [];
  });
}

/** The copy that a change leaves lies beside the real file, not beside a link to it. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** What repairs of the file cache left. */
export function filesSetAside(cachePath: string): string[] {
  const folder = dirname(cachePath);
  try {
    return readdirSync(folder)
      .filter((name) => name.startsWith(basename(cachePath) + SET_ASIDE))
      .sort()
      .map((name) => join(folder, name));
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return [];
  }
}
