/** The files that hold tokens and settings and the locks on them: who else can reach them, and who cannot. */
import { accessSync, constants, readdirSync, realpathSync, type Stats, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isLoose } from "../../../config/profiles.ts";
import { systemCode, systemReason } from "../../../files/system-error.ts";
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
  return listFolder(folder)
    .filter((name) => name.startsWith(basename(cachePath) + SET_ASIDE))
    .sort()
    .map((name) => join(folder, name));
}

/** Why there is no locking here, so that commands go on without. */
export interface UnusableLocks {
  /** The folder that is to be changed. */
  path: string;
  reason: string;
  /** It was made for the locks, and it or something in it belongs to somebody else. */
  isForeign: boolean;
}

/** Null where the locks in `folder` can be used, or made. */
export function unusableLocks(folder: string): UnusableLocks | null {
  const place = nearestThere(folder);
  const names = place === folder ? listFolder(folder) : [];
  const files = names.map((name) => join(folder, name));
  const refused = [
    { path: place, reason: refusal(place, constants.W_OK | constants.X_OK) },
    ...files.map((path) => ({ path, reason: refusal(path, constants.R_OK | constants.W_OK) })),
  ].find(({ reason }) => reason !== null);
  if (!refused?.reason) return null;
  const isMade = [folder, dirname(folder)].includes(place);
  const user = process.geteuid?.(); // Windows has none
  const isForeign = isMade && user !== undefined && statOf(refused.path)?.uid !== user;
  return { path: place, reason: refused.reason, isForeign };
}

const nearestThere = (folder: string): string =>
  statOf(folder) || dirname(folder) === folder ? folder : nearestThere(dirname(folder));

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    return [];
  }
}

function refusal(path: string, wanted: number): string | null {
  try {
    accessSync(path, wanted);
    return null;
  } catch (error) {
    return systemReason(error);
  }
}
