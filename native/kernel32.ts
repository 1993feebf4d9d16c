/**
 * kernel32 of Windows: loading of other system libraries, file locks.
 *
 * kernel32 is mapped into every process before its first instruction, so its bare name
 * cannot be answered by a file in the current folder. All other libraries are loaded by
 * its `LoadLibraryExW` from System32 only.
 */
import { dlopen, type FFIFunction, linkSymbols, type Pointer } from "bun:ffi";
import { cString, ptr, toPointer, wideString } from "./memory.ts";

/** libloaderapi.h */
const LOAD_LIBRARY_SEARCH_SYSTEM32 = 0x800;

/** winnt.h, fileapi.h, winbase.h */
export const GENERIC_READ = 0x80000000;
export const GENERIC_WRITE = 0x40000000;
export const FILE_SHARE_READ_WRITE_DELETE = 0x7;
export const OPEN_ALWAYS = 4;
export const FILE_ATTRIBUTE_NORMAL = 0x80;
/** Opens a link itself instead of what it points to. */
export const FILE_FLAG_OPEN_REPARSE_POINT = 0x00200000;
export const INVALID_HANDLE_VALUE = -1n;
export const LOCKFILE_FAIL_IMMEDIATELY = 1;
export const LOCKFILE_EXCLUSIVE_LOCK = 2;

/** winerror.h */
const ERROR_GEN_FAILURE = 31;
export const ERROR_LOCK_VIOLATION = 33;
export const ERROR_IO_PENDING = 997;

/** minwinbase.h, 64-bit: Internal 0, InternalHigh 8, Offset 16, OffsetHigh 20, hEvent 24. */
const OVERLAPPED = { size: 32, offset: 16, offsetHigh: 20 } as const;

const declarations = {
  LoadLibraryExW: { args: ["ptr", "ptr", "u32"], returns: "ptr" },
  GetProcAddress: { args: ["ptr", "ptr"], returns: "ptr" },
  GetLastError: { args: [], returns: "u32" },
  CreateFileW: { args: ["ptr", "u32", "u32", "ptr", "u32", "u32", "ptr"], returns: "i64" },
  LockFileEx: { args: ["i64", "u32", "u32", "u32", "u32", "ptr"], returns: "i32" },
  CloseHandle: { args: ["i64"], returns: "i32" },
} as const satisfies Record<string, FFIFunction>;

let bound: ReturnType<typeof dlopen<typeof declarations>> | undefined;

/** kernel32's functions, bound on first use. */
export function kernel32() {
  bound ??= dlopen("kernel32.dll", declarations);
  return bound.symbols;
}

/**
 * 0 for a call that gave TRUE, else its Windows error. Ask right after the call: whatever the
 * runtime does in between may change the last error. One that got lost is still a failure.
 */
export function failureOf(result: number): number {
  return result === 0 ? kernel32().GetLastError() || ERROR_GEN_FAILURE : 0;
}

/** A system library or a function of it is not on this machine. */
export class SystemLibraryMissing extends Error {
  override name = "SystemLibraryMissing";
}

function address(handle: Pointer, library: string, name: string): Pointer {
  const text = cString(name);
  const found = toPointer(kernel32().GetProcAddress(handle, ptr(text)));
  if (!found) throw new SystemLibraryMissing(`${library}: no function ${name}`);
  return found;
}

/**
 * Binds functions of a library in System32, and nowhere else.
 *
 * @param name file name of the library, such as `advapi32.dll`
 * @param functions C declarations by name
 * @throws SystemLibraryMissing when the library or one of the functions is absent
 */
export function openSystemLibrary<F extends Record<string, FFIFunction>>(
  name: string,
  functions: F,
) {
  const text = wideString(name);
  const handle = toPointer(
    kernel32().LoadLibraryExW(ptr(text), null, LOAD_LIBRARY_SEARCH_SYSTEM32),
  );
  if (!handle) {
    throw new SystemLibraryMissing(`${name}: Windows error ${kernel32().GetLastError()}`);
  }
  const located = Object.fromEntries(
    Object.entries(functions).map(([symbol, declaration]) => [
      symbol,
      { ...declaration, ptr: address(handle, name, symbol) },
    ]),
  ) as F;
  return { functions: linkSymbols(located).symbols };
}

/** `LockFileEx` on one byte at `offset`; 0, or the Windows error of its failure. */
export function lockByte(handle: bigint, flags: number, offset: bigint): number {
  const { LockFileEx } = kernel32();
  const overlapped = new DataView(new ArrayBuffer(OVERLAPPED.size));
  overlapped.setUint32(OVERLAPPED.offset, Number(offset & 0xffff_ffffn), true);
  overlapped.setUint32(OVERLAPPED.offsetHigh, Number(offset >> 32n), true);
  return failureOf(LockFileEx(handle, flags, 0, 1, 0, ptr(overlapped)));
}
