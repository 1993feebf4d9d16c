/**
 * The C library of Linux and macOS: loading of other libraries, files, locks, terminals, local time.
 *
 * Other libraries are loaded through the C library's own `dlopen`, never through
 * bun:ffi's: that one also tries `$CWD/<name>`, so a file planted in somebody's folder
 * would run. The C library itself is part of the process already: glibc finds it by its
 * soname, musl answers any `libc.*` with itself, macOS has it at a fixed address.
 */
import { dlopen, type FFIFunction, linkSymbols, type Pointer, read } from "bun:ffi";
import { cString, ptr, readCString, toPointer } from "./memory.ts";

export const RTLD_NOW = 2;

/** Operations of `flock(2)`; the same numbers on Linux and macOS. */
export const LOCK_EX = 2;
export const LOCK_NB = 4;

/** Of `madvise(2)`, Linux only. */
export const MADV_HUGEPAGE = 14;

const C_LIBRARY = process.platform === "darwin" ? "/usr/lib/libSystem.B.dylib" : "libc.so.6";

const declarations = {
  dlopen: { args: ["ptr", "i32"], returns: "ptr" },
  dlsym: { args: ["ptr", "ptr"], returns: "ptr" },
  dlerror: { args: [], returns: "ptr" },
  madvise: { args: ["ptr", "usize", "i32"], returns: "i32" },
  access: { args: ["ptr", "i32"], returns: "i32" },
  fopen: { args: ["ptr", "ptr"], returns: "ptr" },
  fread: { args: ["ptr", "usize", "usize", "ptr"], returns: "usize" },
  ferror: { args: ["ptr"], returns: "i32" },
  fclose: { args: ["ptr"], returns: "i32" },
  write: { args: ["i32", "ptr", "usize"], returns: "i64" },
  flock: { args: ["i32", "i32"], returns: "i32" },
  isatty: { args: ["i32"], returns: "i32" },
  getrlimit: { args: ["i32", "ptr"], returns: "i32" },
  setrlimit: { args: ["i32", "ptr"], returns: "i32" },
  sigaction: { args: ["i32", "ptr", "ptr"], returns: "i32" },
  tzset: { args: [], returns: "void" },
  localtime_r: { args: ["ptr", "ptr"], returns: "ptr" },
} as const satisfies Record<string, FFIFunction>;

let bound: ReturnType<typeof dlopen<typeof declarations>> | undefined;

/** The C library's functions, bound on first use. */
export function libc() {
  bound ??= dlopen(C_LIBRARY, declarations);
  return bound.symbols;
}

/** A library or a symbol of it is not on this machine. `message` is the loader's own text. */
export class LibraryMissing extends Error {
  override name = "LibraryMissing";
}

function open(names: readonly string[]): Pointer {
  const reasons: string[] = [];
  for (const name of names) {
    const text = cString(name);
    const handle = toPointer(libc().dlopen(ptr(text), RTLD_NOW));
    if (handle) return handle;
    reasons.push(readCString(libc().dlerror()) ?? name);
  }
  throw new LibraryMissing(reasons.join("; "));
}

function symbol(handle: Pointer, name: string): Pointer {
  const text = cString(name);
  const address = toPointer(libc().dlsym(handle, ptr(text)));
  if (!address) throw new LibraryMissing(readCString(libc().dlerror()) ?? `no symbol ${name}`);
  return address;
}

/**
 * Binds functions and data symbols of a shared library.
 *
 * @param names the library's file names by preference; the system's search path applies, the current folder does not
 * @param functions C declarations by name
 * @param data names of data symbols; their addresses come back under the same names
 * @throws LibraryMissing when the library or one of the symbols is absent
 */
export function openLibrary<F extends Record<string, FFIFunction>, D extends string = never>(
  names: readonly string[],
  functions: F,
  data: readonly D[] = [],
) {
  const handle = open(names);
  const located = Object.fromEntries(
    Object.entries(functions).map(([name, declaration]) => [
      name,
      { ...declaration, ptr: symbol(handle, name) },
    ]),
  ) as F;
  return {
    functions: linkSymbols(located).symbols,
    data: Object.fromEntries(data.map((name) => [name, symbol(handle, name)])) as Record<
      D,
      Pointer
    >,
  };
}

/** Where Linux systems keep their libraries: Debian's multiarch, Fedora's lib64, all the others. */
const LIBRARY_FOLDERS = [
  `/usr/lib/${process.arch === "arm64" ? "aarch64" : "x86_64"}-linux-gnu`,
  "/usr/lib64",
  "/usr/lib",
];

/** Whether a library's file, which is not loaded, lies in a usual folder of this system; false says nothing. */
export function isInstalled(name: string): boolean {
  return LIBRARY_FOLDERS.some((folder) => exists(`${folder}/${name}`));
}

/** The pointer stored at a data symbol's address (a constant such as `extern const T *kName`). */
export function readPointer(address: Pointer): bigint {
  return read.u64(address, 0);
}

/** glibc and musl name it alike. */
const ERRNO_LOCATION = process.platform === "darwin" ? "__error" : "__errno_location";

let errnoCell: Pointer | undefined;

function locateErrno(): Pointer {
  const address = symbol(open([C_LIBRARY]), ERRNO_LOCATION);
  const { location } = linkSymbols({
    location: { args: [], returns: "ptr", ptr: address },
  }).symbols;
  const cell = toPointer(location());
  if (!cell) throw new LibraryMissing(`${ERRNO_LOCATION} gave NULL`);
  return cell;
}

/**
 * `flock(2)`; 0, or the errno of its failure. The two are one function because whatever the
 * runtime does between the call and the look at errno may change it.
 */
export function flock(fd: number, operation: number): number {
  const { flock: call } = libc();
  errnoCell ??= locateErrno();
  return call(fd, operation) === 0 ? 0 : read.i32(errnoCell, 0);
}

/** Of `access(2)`. */
const F_OK = 0;

/** Whether there is something at a path, as far as this user may see. */
export function exists(path: string): boolean {
  const name = cString(path);
  return libc().access(ptr(name), F_OK) === 0;
}

/** Where `struct tm` holds tm_gmtoff, a long: behind nine ints and their padding, on every 64-bit system. */
const TM_GMTOFF = 40;
const TM_SIZE = 56;

/**
 * Local time's offset from UTC at a point in time, in seconds, east being positive.
 * `Date` knows it too, but loads all time zones for it: five milliseconds and four megabytes.
 *
 * @param seconds since the epoch
 */
export function utcOffset(seconds: number): number {
  const { tzset, localtime_r } = libc();
  const time = new BigInt64Array([BigInt(Math.floor(seconds))]);
  const broken = new Uint8Array(TM_SIZE);
  tzset();
  if (!localtime_r(ptr(time), ptr(broken))) return 0;
  return Number(new DataView(broken.buffer).getBigInt64(TM_GMTOFF, true));
}

/** The same numbers on Linux and macOS, where `struct sigaction`, of at most 152 bytes, begins with the handler. */
const SIGHUP = 1;
const SIG_IGN = 1n;
const SIGACTION_SIZE = 152;

/** Whether this process does not end with its terminal, as under `nohup`. */
export function ignoresHangup(): boolean {
  const current = new BigUint64Array(SIGACTION_SIZE / 8);
  return libc().sigaction(SIGHUP, null, ptr(current)) === 0 && current[0] === SIG_IGN;
}

/** The same number on Linux and macOS; `struct rlimit` is the soft limit and the hard one, 64 bits each. */
const RLIMIT_CORE = 4;

/** Sets the soft limit of core dumps to 0. Where there is no such limit, nothing happens. */
export function forbidCoreDumps(): void {
  const { getrlimit, setrlimit } = libc();
  const limits = new BigUint64Array(2);
  if (getrlimit(RLIMIT_CORE, ptr(limits)) !== 0 || limits[0] === 0n) return;
  limits[0] = 0n;
  setrlimit(RLIMIT_CORE, ptr(limits));
}
