/**
 * Replacing a file as a whole: whoever reads it, and whatever comes in between, there is the
 * old content or the new one.
 */
import {
  accessSync,
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { UserError } from "../errors.ts";
import { asOwner, giveTo, makeFolder } from "./ownership.ts";
import { systemCode, systemReason } from "./system-error.ts";

export interface WriteOptions {
  /** Permission bits of the file afterwards, whatever the umask and whatever they were before. */
  mode: number;
  /** Asked last of all; where it is not so any more, nothing is replaced. */
  isCurrent?: () => boolean;
  /** A file whose owner and group this one gets; by default they stay. */
  ownedLike?: string;
}

/**
 * Replaces the content of the file at `path`, or creates it and its folder (0700). A symbolic
 * link stays one: what it points to is replaced. The owner stays.
 *
 * @returns whether it was replaced
 * @throws UserError that names `path`; the file is then as it was, and nothing is left beside it
 */
export function writeAtomic(
  path: string,
  content: string | Uint8Array,
  { mode, isCurrent = () => true, ownedLike }: WriteOptions,
): boolean {
  return atTarget(path, (target, old) => {
    removeAbandoned(target);
    const like = ownedLike === undefined ? old : statSync(ownedLike, { throwIfNoEntry: false });
    return replace(target, content, { mode, isCurrent, like });
  });
}

/**
 * Finds out whether `writeAtomic` would be let, as far as that shows without writing anything.
 *
 * @throws UserError as `writeAtomic` does
 */
export function probeAtomicWrite(path: string): void {
  atTarget(path, (target) => accessSync(dirname(target), constants.W_OK | constants.X_OK));
}

/** Runs `body` on the real file and what it is now; its folder is there. */
function atTarget<T>(path: string, body: (target: string, old: Stats | undefined) => T): T {
  try {
    makeFolder(dirname(path));
    const target = followLinks(path);
    const old = lstatSync(target, { throwIfNoEntry: false });
    if (old && !old.isFile()) throw new UserError(`cannot write ${path}: not a regular file`);
    return body(target, old);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`cannot write ${path}: ${systemReason(error)}`, { cause: error });
  }
}

/** As many links as Linux follows. */
const MOST_LINKS = 40;

/** The path at the end of a chain of links, whether or not there is a file. */
function followLinks(path: string): string {
  let target = path;
  for (let links = 0; links <= MOST_LINKS; links++) {
    // A link's text counts from the real folder that the link lies in.
    const folder = realFolder(dirname(target));
    target = join(folder, basename(target));
    if (!lstatSync(target, { throwIfNoEntry: false })?.isSymbolicLink()) return target;
    target = resolve(folder, readlinkSync(target));
  }
  throw new UserError(`cannot write ${path}: too many symbolic links`);
}

/** A folder that is yet to be made has its place below one that is there. */
function realFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch (error) {
    const above = dirname(folder);
    if (systemCode(error) !== "ENOENT" || above === folder) throw error;
    return join(realFolder(above), basename(folder));
  }
}

/** One name for a file that has several, so that its lock is one, too. Where no way leads to it, any will do. */
export function realName(path: string): string {
  try {
    return followLinks(path);
  } catch {
    return resolve(path);
  }
}

interface Replacement extends Pick<Required<WriteOptions>, "mode" | "isCurrent"> {
  /** Whose owner and group the file gets. */
  like: Stats | undefined;
}

function replace(
  target: string,
  content: string | Uint8Array,
  { mode, isCurrent, like }: Replacement,
): boolean {
  const temporary = temporaryPath(target);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  const owner = like ?? statSync(dirname(target));
  const fd = asOwner(owner, () => openSync(temporary, flags, 0o600));
  try {
    try {
      const created = fstatSync(fd);
      const hasGroup = !like || giveTo(fd, created, like);
      const allowed = hasGroup ? mode : withoutGroup(mode);
      if ((created.mode & 0o777) !== allowed) setMode(fd, allowed);
      writeFileSync(fd, content);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (!isCurrent()) {
      discard(temporary);
      return false;
    }
    renameOver(temporary, target);
  } catch (error) {
    discard(temporary);
    throw error;
  }
  syncFolder(dirname(target));
  return true;
}

/** Says, whenever it is asked, whether the file at `path` is still the one that is there now. */
export function watchVersion(path: string): () => boolean {
  const version = versionOf(path);
  return () => versionOf(path) === version;
}

function versionOf(path: string): string | null {
  try {
    const { ino, size, mtimeNs } = statSync(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs}`;
  } catch {
    // A missing file is a version like any other; what else is wrong with it, reading will tell.
    return null;
  }
}

/** The group may do what everybody may. */
const withoutGroup = (mode: number) => mode & (((mode & 0o007) << 3) | ~0o070);

/** A file system without modes, such as FAT, refuses any but its own; the content matters more. */
function setMode(fd: number, mode: number): void {
  try {
    fchmodSync(fd, mode);
  } catch (error) {
    if (systemCode(error) !== "EPERM") throw error;
  }
}

/** How long Windows is given to let go of a file that a scanner or another reader has open, in milliseconds. */
const RENAME_PATIENCE = 2000;
const RENAME_PAUSE = 20;

function renameOver(temporary: string, target: string): void {
  const end = performance.now() + RENAME_PATIENCE;
  for (;;) {
    try {
      renameSync(temporary, target);
      return;
    } catch (error) {
      const busy = ["EPERM", "EACCES", "EBUSY"].includes(systemCode(error) ?? "");
      if (process.platform !== "win32" || !busy || performance.now() > end) throw error;
      Bun.sleepSync(RENAME_PAUSE);
    }
  }
}

/** Makes the rename outlast a power cut. Not every system opens or syncs folders, and the new content is in place by now. */
function syncFolder(folder: string): void {
  try {
    const fd = openSync(folder, constants.O_RDONLY);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {}
}

/** `.<name>.<process id>-<random>.tmp` beside the file, so that a rename never crosses file systems. */
function temporaryPath(target: string): string {
  const unique = `${process.pid}-${crypto.randomUUID().slice(0, 8)}`;
  return join(dirname(target), `.${basename(target)}.${unique}.tmp`);
}

/** Removes what writers that were killed left beside the file: it may hold secrets. */
function removeAbandoned(target: string): void {
  const folder = dirname(target);
  const prefix = `.${basename(target)}.`;
  for (const name of listFolder(folder)) {
    if (!name.startsWith(prefix)) continue;
    const writer = /^(\d+)-[0-9a-f]{8}\.tmp$/.exec(name.slice(prefix.length))?.[1];
    if (writer && !isRunning(Number(writer))) discard(join(folder, name));
  }
}

/** A folder can be open to writing and closed to listing. */
function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** What cannot be removed must not hide the error, or stop the write, that this goes with. */
function discard(path: string): void {
  try {
    unlinkSync(path);
  } catch {}
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== "ESRCH";
  }
}
