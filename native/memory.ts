/**
 * Memory shared with C: NUL-terminated strings, UTF-16, struct layouts.
 *
 * A pointer that C only borrows stays valid as long as its JavaScript buffer is
 * reachable, so every buffer built here is held in a variable until the call returns.
 */
import { CString, type Pointer, ptr, read, toArrayBuffer } from "bun:ffi";

export type { Pointer } from "bun:ffi";
export { JSCallback, ptr, read } from "bun:ffi";

const encoder = new TextEncoder();

/** NUL-terminated UTF-8 bytes. Throws TypeError on an inner NUL, which C would cut the string at. */
export function cString(text: string): Uint8Array {
  if (text.includes("\0")) throw new TypeError("text for a C string contains NUL");
  return encoder.encode(`${text}\0`);
}

/** NUL-terminated UTF-16LE, as Windows wants it. Throws TypeError on an inner NUL. */
export function wideString(text: string): Uint8Array {
  if (text.includes("\0")) throw new TypeError("text for a C string contains NUL");
  return new Uint8Array(Buffer.from(`${text}\0`, "utf16le"));
}

/** What a declaration with `returns: "ptr"` gave, as a pointer; null for NULL. */
export function toPointer(value: number | bigint | null): Pointer | null {
  return value ? (Number(value) as Pointer) : null;
}

/** The UTF-8 text at a borrowed `char *`; null for NULL. */
export function readCString(value: number | bigint | null): string | null {
  const address = toPointer(value);
  return address ? new CString(address).toString() : null;
}

/** The UTF-16 text at a borrowed `wchar_t *` of Windows; null for NULL. */
export function readWideString(value: number | bigint | null): string | null {
  const address = toPointer(value);
  if (!address) return null;
  let length = 0;
  while (read.u16(address, length * 2) !== 0) length++;
  return Buffer.from(copyBytes(address, length * 2)).toString("utf16le");
}

/** A copy of `length` bytes at a borrowed address. */
export function copyBytes(address: Pointer, length: number): Uint8Array<ArrayBuffer> {
  return length === 0
    ? new Uint8Array(0)
    : new Uint8Array(toArrayBuffer(address, 0, length)).slice();
}

/** The pointer in an out-parameter cell (a BigUint64Array of one element); null for NULL. */
export function pointerIn(cell: BigUint64Array): Pointer | null {
  return toPointer(cell[0] ?? 0n);
}

/** A fresh out-parameter cell for one pointer, with its address. */
export function outPointer(): { cell: BigUint64Array; address: Pointer } {
  const cell = new BigUint64Array(1);
  return { cell, address: ptr(cell) };
}
