/**
 * What nearly every command does with files: read one, and write its result. The C library does it where
 * there is one, as `node:fs` takes two milliseconds and two megabytes to load. That is asked where the
 * C library failed: it fails once more, and says why.
 */
import { libc, MADV_HUGEPAGE } from "../../native/libc.ts";
import { cString, ptr, toPointer } from "../../native/memory.ts";
import { isNamedPipe, readNamedPipe } from "./named-pipe.ts";
import { systemCode } from "./system-error.ts";

const HAS_C_LIBRARY = process.platform !== "win32";

/** The whole of a file; null where there is none. Throws as `readFileSync` does, and where a pipe has no writer. */
export function readWhole(path: string): Buffer | null {
  try {
    const content = HAS_C_LIBRARY ? readQuickly(path) : null;
    if (content) return content;
    return process.getBuiltinModule("node:fs").readFileSync(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    throw error;
  }
}

/** Writes to a descriptor, and gives how many bytes that took. Throws as `writeSync` does. */
export function writeSome(descriptor: number, bytes: Uint8Array): number {
  const taken = HAS_C_LIBRARY ? Number(libc().write(descriptor, ptr(bytes), bytes.length)) : -1;
  return taken >= 0 ? taken : process.getBuiltinModule("node:fs").writeSync(descriptor, bytes);
}

/** The least that is read at once, in bytes: a pipe, and what the kernel makes up, has no size. */
const LEAST_PIECE = 1 << 14;

function readQuickly(path: string): Buffer | null {
  const known = Bun.file(path).size; // Infinity for a pipe
  if (known === Number.POSITIVE_INFINITY && isNamedPipe(path)) return readNamedPipe(path);
  const { fopen, fread, ferror, fclose } = libc();
  const [name, mode] = [cString(path), cString("re")];
  const file = toPointer(fopen(ptr(name), ptr(mode)));
  if (!file) return null;
  const pieces: Buffer[] = [];
  try {
    // With a byte more than there should be, one call shows that nothing follows.
    const first = Math.max(LEAST_PIECE, Number.isFinite(known) ? known + 1 : 0);
    for (let size = first; ; size *= 4) {
      const piece = allocate(size);
      const length = Number(fread(ptr(piece), 1, size, file));
      if (ferror(file) !== 0) return null;
      pieces.push(piece.subarray(0, length));
      if (length < size) return pieces[1] ? Buffer.concat(pieces) : (pieces[0] ?? null);
    }
  } finally {
    fclose(file);
  }
}

/** In bytes; the same on x64 and arm64. */
const LARGE_PAGE = 1 << 21;

/** Memory for a large file. To get it page by page takes most of the time of the reading; in large pages, a third less. */
function allocate(size: number): Buffer {
  if (size < LARGE_PAGE || process.platform !== "linux") return Buffer.allocUnsafe(size);
  const room = Buffer.allocUnsafe(size + 2 * LARGE_PAGE); // what is never written to is not there
  const start = LARGE_PAGE - (ptr(room) % LARGE_PAGE);
  const whole = Math.ceil(size / LARGE_PAGE) * LARGE_PAGE;
  libc().madvise(ptr(room, start), whole, MADV_HUGEPAGE);
  return room.subarray(start, start + size);
}
