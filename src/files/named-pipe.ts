/**
 * A named pipe where a file should be. To open one waits for its writer, and no signal ends that;
 * so it is asked again and again, for a while.
 */
import { systemCode } from "./system-error.ts";

/** How long its writer may take, in milliseconds. */
const PATIENCE = 5000;
const PAUSE = 5;
const PIECE = 1 << 16;

/** Not those that a shell makes (`<(…)`): their writer is there. */
export function isNamedPipe(path: string): boolean {
  return (
    !/^\/(dev|proc)\//.test(path) && process.getBuiltinModule("node:fs").statSync(path).isFIFO()
  );
}

/** All that comes through until its writer leaves. */
export function readNamedPipe(path: string): Buffer {
  const { closeSync, constants, openSync } = process.getBuiltinModule("node:fs");
  const end = performance.now() + PATIENCE;
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const pieces: Buffer[] = [];
  try {
    while (performance.now() < end) {
      const piece = readPiece(fd);
      if (piece?.length) pieces.push(piece);
      // Without a writer there is an end, too: before it came, and after it left.
      else if (piece && pieces.length > 0) return Buffer.concat(pieces);
      else Bun.sleepSync(PAUSE);
    }
  } finally {
    closeSync(fd);
  }
  throw new Error(`it is a named pipe, and not all came through in ${PATIENCE / 1000} seconds`);
}

/** Null where the writer has nothing for now. */
function readPiece(fd: number): Buffer | null {
  const piece = Buffer.allocUnsafe(PIECE);
  try {
    return piece.subarray(0, process.getBuiltinModule("node:fs").readSync(fd, piece));
  } catch (error) {
    if (systemCode(error) === "EAGAIN") return null;
    throw error;
  }
}
