/**
 * Checks the signature inside a macOS executable as the kernel does: every page of the file
 * against its hash in the CodeDirectory, every other part against its own. It says nothing of
 * who signed. Layouts: Apple's mach-o/loader.h (little-endian here) and cs_blobs.h (big-endian).
 */

const MH_MAGIC_64 = 0xfeedfacf;
const LC_SEGMENT_64 = 0x19;
const LC_CODE_SIGNATURE = 0x1d;
const MAGIC_SUPERBLOB = 0xfade0cc0;
const MAGIC_CODE_DIRECTORY = 0xfade0c02;
const SLOT_CODE_DIRECTORY = 0;
const SLOT_ENTITLEMENTS = 5;
/** Blobs of a type below this have a hash in the CodeDirectory, before the pages' hashes. */
const FIRST_SLOT_WITHOUT_HASH = 0x1000;
const HASH_TYPE_SHA256 = 2;

/** CodeDirectory flags. */
export const ADHOC = 0x2;
export const HARDENED_RUNTIME = 0x10000;

export interface CodeSignature {
  identifier: string;
  flags: number;
  pages: number;
  /** XML; empty when there is none. */
  entitlements: string;
  /** What does not fit, one sentence each; empty for a good signature. */
  problems: string[];
}

/** Reads and checks the signature. Throws for a file that is no thin 64-bit Mach-O, or has none. */
export function checkCodeSignature(file: Buffer): CodeSignature {
  const { linkEdit, text, signature } = readLoadCommands(file);
  const blobs = readSuperBlob(file.subarray(signature.offset, signature.offset + signature.size));
  const directory = readCodeDirectory(blobs.get(SLOT_CODE_DIRECTORY));
  const problems = [
    ...pageProblems(file, directory),
    ...slotProblems(blobs, directory),
    ...misfit("end of the signed part", directory.codeLimit, signature.offset),
    ...misfit("start of the executable segment", directory.execBase, text.offset),
    ...misfit("size of the executable segment", directory.execLimit, text.size),
    ...misfit("end of the last segment", linkEdit.offset + linkEdit.size, file.length),
  ];
  const entitlements = blobs.get(SLOT_ENTITLEMENTS)?.subarray(8).toString() ?? "";
  const { identifier, flags, pages } = directory;
  return { identifier, flags, pages, entitlements, problems };
}

interface Extent {
  offset: number;
  size: number;
}

function readLoadCommands(file: Buffer) {
  if (file.length < 32 || file.readUInt32LE(0) !== MH_MAGIC_64) {
    throw new Error("not a 64-bit Mach-O file");
  }
  const segments = new Map<string, Extent>();
  let signature: Extent | undefined;
  const count = file.readUInt32LE(16);
  for (let command = 0, at = 32; command < count; command++) {
    const kind = file.readUInt32LE(at);
    if (kind === LC_SEGMENT_64) {
      const name = file.toString("latin1", at + 8, at + 24).replace(/\0+$/, "");
      const offset = Number(file.readBigUInt64LE(at + 40));
      segments.set(name, { offset, size: Number(file.readBigUInt64LE(at + 48)) });
    } else if (kind === LC_CODE_SIGNATURE) {
      signature = { offset: file.readUInt32LE(at + 8), size: file.readUInt32LE(at + 12) };
    }
    at += file.readUInt32LE(at + 4);
  }
  const text = segments.get("__TEXT");
  const linkEdit = segments.get("__LINKEDIT");
  if (!text || !linkEdit || !signature) throw new Error("not signed");
  return { text, linkEdit, signature };
}

/** The blobs by their type, each with its 8 bytes of magic and length. */
function readSuperBlob(data: Buffer): Map<number, Buffer> {
  if (data.readUInt32BE(0) !== MAGIC_SUPERBLOB) throw new Error("not signed");
  const blobs = new Map<number, Buffer>();
  for (let index = 0; index < data.readUInt32BE(8); index++) {
    const type = data.readUInt32BE(12 + 8 * index);
    const offset = data.readUInt32BE(16 + 8 * index);
    blobs.set(type, data.subarray(offset, offset + data.readUInt32BE(offset + 4)));
  }
  return blobs;
}

type CodeDirectory = ReturnType<typeof readCodeDirectory>;

function readCodeDirectory(blob: Buffer | undefined) {
  if (blob?.readUInt32BE(0) !== MAGIC_CODE_DIRECTORY) throw new Error("no CodeDirectory");
  const identifierAt = blob.readUInt32BE(20);
  const hashesAt = blob.readUInt32BE(16);
  const hashSize = blob.readUInt8(36);
  if (blob.readUInt8(37) !== HASH_TYPE_SHA256) throw new Error("hashes other than SHA-256");
  return {
    identifier: blob.toString("utf8", identifierAt, blob.indexOf(0, identifierAt)),
    flags: blob.readUInt32BE(12),
    slots: blob.readUInt32BE(24),
    pages: blob.readUInt32BE(28),
    codeLimit: blob.readUInt32BE(32),
    pageSize: 2 ** blob.readUInt8(39),
    execBase: Number(blob.readBigUInt64BE(64)),
    execLimit: Number(blob.readBigUInt64BE(72)),
    /** The stored hash of page `index`; special slots count down from -1. */
    hash: (index: number) =>
      blob.subarray(hashesAt + index * hashSize, hashesAt + (index + 1) * hashSize),
  };
}

function pageProblems(file: Buffer, directory: CodeDirectory): string[] {
  const { codeLimit, pageSize, pages } = directory;
  const problems = misfit("number of pages", pages, Math.ceil(codeLimit / pageSize));
  for (let page = 0; page < pages; page++) {
    const end = Math.min((page + 1) * pageSize, codeLimit);
    if (!sha256(file.subarray(page * pageSize, end)).equals(directory.hash(page))) {
      problems.push(`page ${page} does not have its hash`);
    }
  }
  return problems;
}

function slotProblems(blobs: Map<number, Buffer>, directory: CodeDirectory): string[] {
  const problems: string[] = [];
  for (let slot = 1; slot <= directory.slots; slot++) {
    const expected = directory.hash(-slot);
    const blob = blobs.get(slot);
    const actual = blob ? sha256(blob) : Buffer.alloc(expected.length);
    if (!actual.equals(expected)) problems.push(`slot ${slot} does not have its hash`);
  }
  for (const type of blobs.keys()) {
    if (type > directory.slots && type < FIRST_SLOT_WITHOUT_HASH) {
      problems.push(`slot ${type} has no hash`);
    }
  }
  return problems;
}

function misfit(what: string, actual: number, expected: number): string[] {
  return actual === expected ? [] : [`${what} is ${actual}, not ${expected}`];
}

function sha256(bytes: Buffer): Buffer {
  return Buffer.from(new Bun.CryptoHasher("sha256").update(bytes).digest());
}
