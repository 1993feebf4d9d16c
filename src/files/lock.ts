/**
 * Locks between processes. They are the kernel's, so a lock dies with its holder, however
 * that ends.
 *
 * Lock files are never deleted: one process could then wait on the deleted file while
 * another creates it anew, and both would hold "the" lock.
 */
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  openSync,
  readSync,
  writeSync,
} from "node:fs";
import { constants as os } from "node:os";
import { dirname, join, toNamespacedPath } from "node:path";
import * as windows from "../../native/kernel32.ts";
import { flock, LOCK_EX, LOCK_NB } from "../../native/libc.ts";
import { ptr, wideString } from "../../native/memory.ts";
import { UserError } from "../errors.ts";
import { asOwnerOf, isRoot, makeFolder } from "./ownership.ts";
import { errnoReason, systemReason } from "./system-error.ts";

/** A held lock, and the lock file's own content, which its holders may use as a notebook. */
export interface Lock {
  read(): string;
  write(text: string): void;
  release(): void;
}

export interface LockOptions {
  /** Point in time of `performance.now()`, in milliseconds, at which waiting ends. */
  deadline: number;
}

/** Another process held the lock until the deadline. */
export class LockTimeout extends UserError {
  override name = "LockTimeout";
}

/**
 * There is no locking here: the lock file cannot be opened or created, or its file system has
 * no locks. Whoever can do without a lock may go on.
 */
export class LockUnavailable extends UserError {
  override name = "LockUnavailable";
}

/** Where the lock of `subject` lies: one file a subject, named by a hash so that any text will do. */
export function lockPath(directory: string, subject: string): string {
  return join(directory, new Bun.CryptoHasher("sha256").update(subject).digest("hex"));
}

/**
 * Waits for the lock on the file at `path`, which is created with its folder if need be.
 *
 * @throws LockTimeout at the deadline, LockUnavailable where there is no locking
 */
export async function acquireLock(path: string, { deadline }: LockOptions): Promise<Lock> {
  const fd = openLockFile(path);
  const locker = process.platform === "win32" ? windowsLocker(path, fd) : posixLocker(path, fd);
  let open = true;
  const release = () => {
    if (open) locker.close();
    open = false;
  };
  try {
    await waitUntilLocked(locker, path, deadline);
  } catch (error) {
    release();
    throw error;
  }
  return { read: () => readAll(fd), write: (text) => replaceContent(fd, text), release };
}

export interface WithLockOptions extends LockOptions {
  /** Told why there is no locking here; `body` then runs without. Otherwise that is an error. */
  onUnavailable?: (error: LockUnavailable) => void;
}

/** Runs `body` while the lock on `path` is held. */
export async function withLock<T>(
  path: string,
  options: WithLockOptions,
  body: () => T | Promise<T>,
): Promise<T> {
  const { onUnavailable } = options;
  const lock = await acquireLock(path, options).catch((error: unknown) => {
    if (!onUnavailable || !(error instanceof LockUnavailable)) throw error;
    onUnavailable(error);
    return null;
  });
  try {
    return await body();
  } finally {
    lock?.release();
  }
}

/** node:fs adds O_CLOEXEC itself. Windows has no O_NOFOLLOW. */
const LOCK_FILE_FLAGS = constants.O_RDWR | constants.O_CREAT | (constants.O_NOFOLLOW ?? 0);

function openLockFile(path: string): number {
  try {
    const folder = dirname(path);
    makeFolder(folder);
    return requireFile(
      path,
      asOwnerOf(folder, () => openSync(path, LOCK_FILE_FLAGS, 0o600)),
    );
  } catch (error) {
    if (error instanceof LockUnavailable) throw error;
    throw new LockUnavailable(`cannot open the lock file ${path}: ${systemReason(error)}`, {
      cause: error,
    });
  }
}

function requireFile(path: string, fd: number): number {
  try {
    const stats = fstatSync(fd);
    // Root must not write to what somebody else made a second name of.
    if (stats.isFile() && !(isRoot() && stats.nlink > 1)) return fd;
    throw new LockUnavailable(`cannot lock ${path}: not a regular file`);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** What a system brings. */
interface Locker {
  /** One attempt, which never waits. */
  tryLock(): boolean;
  /** Gives the lock back, if it was taken, and closes the lock file. */
  close(): void;
}

function posixLocker(path: string, fd: number): Locker {
  return {
    tryLock() {
      const errno = flock(fd, LOCK_EX | LOCK_NB);
      if (errno === 0) return true;
      if (errno === os.errno.EWOULDBLOCK || errno === os.errno.EINTR) return false;
      throw new LockUnavailable(`cannot lock ${path}: ${errnoReason(errno) ?? `errno ${errno}`}`);
    },
    close: () => closeSync(fd),
  };
}

/** Windows keeps others from reading a locked byte, so it lies where no content ever is. */
const LOCKED_BYTE = 0x7fff_ffff_0000_0000n;

function windowsLocker(path: string, fd: number): Locker {
  // Spelt so, a path may have more than 260 characters.
  const name = wideString(toNamespacedPath(path));
  const handle = windows
    .kernel32()
    .CreateFileW(
      ptr(name),
      windows.GENERIC_READ + windows.GENERIC_WRITE,
      windows.FILE_SHARE_READ_WRITE_DELETE,
      null,
      windows.OPEN_ALWAYS,
      windows.FILE_ATTRIBUTE_NORMAL + windows.FILE_FLAG_OPEN_REPARSE_POINT,
      null,
    );
  if (handle === windows.INVALID_HANDLE_VALUE) {
    const error = windows.failureOf(0);
    closeSync(fd);
    throw new LockUnavailable(`cannot open the lock file ${path}: Windows error ${error}`);
  }
  return {
    tryLock() {
      const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY;
      const error = windows.lockByte(handle, flags, LOCKED_BYTE);
      if (error === 0) return true;
      if (error === windows.ERROR_LOCK_VIOLATION || error === windows.ERROR_IO_PENDING)
        return false;
      throw new LockUnavailable(`cannot lock ${path}: Windows error ${error}`);
    },
    close() {
      windows.kernel32().CloseHandle(handle);
      closeSync(fd);
    },
  };
}

/** Shortest and longest pause between two attempts, in milliseconds. */
const FIRST_PAUSE = 2;
const LONGEST_PAUSE = 15;

async function waitUntilLocked(locker: Locker, path: string, deadline: number): Promise<void> {
  for (let pause = FIRST_PAUSE; !locker.tryLock(); pause = Math.min(pause * 1.5, LONGEST_PAUSE)) {
    const left = deadline - performance.now();
    if (left <= 0) throw new LockTimeout(`another process still holds ${path}`);
    // Jitter keeps callers that started together from trying together.
    await Bun.sleep(Math.min(left, pause * (0.5 + Math.random())));
  }
}

function readAll(fd: number): string {
  const content = Buffer.alloc(fstatSync(fd).size);
  const length = readSync(fd, content, 0, content.length, 0);
  return content.toString("utf8", 0, length);
}

/** Writes first and cuts afterwards: a full disk then leaves the old content, or some of both, but never nothing. */
function replaceContent(fd: number, text: string): void {
  const content = Buffer.from(text);
  writeSync(fd, content, 0, content.length, 0);
  ftruncateSync(fd, content.length);
}
