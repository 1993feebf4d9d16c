/** The files that hold tokens and settings, and who else can reach them. */
import { readdirSync, realpathSync, statSync } from "node:fs";
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

/** Permission bits, or null where there is nothing, or no way to it. */
export function modeOf(path: string): number | null {
  try {
    return statSync(path).mode & 0o777;
  } catch {
    return null;
  }
}

export function looseFiles(
  configPath: string,
  cachePath: string,
  setAside: readonly string[],
): LooseFile[] {
  const files = [configPath, `${realPath(configPath)}.bak`, cachePath, ...setAside];
  return [
    ...files.map((path) => ({ path, wanted: 0o600 })),
    { path: dirname(cachePath), wanted: 0o700 },
  ].flatMap(({ path, wanted }) => {
    const mode = modeOf(path);
    return mode !== null && isLoose({ mode }) ? [{ path, mode, wanted }] : [];
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
