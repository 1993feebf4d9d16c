/**
 * What nearly every command does with files: read one, and write its result. The C library does it where
 * there is one, as `node:fs` takes two milliseconds and two megabytes to load. That is asked where the
 * C library failed: it fails once more, and says why.
 */
import { readFile, write } from "../../native/libc.ts";
import { systemCode } from "./system-error.ts";

const HAS_C_LIBRARY = process.platform !== "win32";

/** The whole of a file; null where there is none. Throws as `readFileSync` does. */
export function readWhole(path: string): Buffer | null {
  const content = HAS_C_LIBRARY ? readFile(path) : null;
  if (content) return content;
  try {
    return process.getBuiltinModule("node:fs").readFileSync(path);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    throw error;
  }
}

/** Writes to a descriptor, and gives how many bytes that took. Throws as `writeSync` does. */
export function writeSome(descriptor: number, bytes: Uint8Array): number {
  const taken = HAS_C_LIBRARY ? write(descriptor, bytes) : -1;
  return taken >= 0 ? taken : process.getBuiltinModule("node:fs").writeSync(descriptor, bytes);
}
