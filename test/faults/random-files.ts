/** Rows of random files: many to a try, made by fast-check, which shrinks the one that fails. */
import fc from "fast-check";
import type { Random } from "./random.ts";
import { Loss } from "./row.ts";

/** Files in one try. */
export const BATCH = 100;

/** Checks a batch of files. The loss holds the smallest file that fails. */
export async function checkBatch<T>(
  files: fc.Arbitrary<T>,
  random: Random,
  check: (file: T) => Promise<void>,
): Promise<void> {
  const property = fc.asyncProperty(files, check);
  const result = await fc.check(property, { numRuns: BATCH, seed: random.below(2 ** 31) });
  if (result.failed) throw new Loss(fc.defaultReportMessage(result) ?? "failed");
}

/** One of the files, for the compiled program. */
export function sampleOf<T>(files: fc.Arbitrary<T>, random: Random): T {
  return fc.sample(files, { numRuns: 1, seed: random.below(2 ** 31) })[0] as T;
}

/** Changes of a file's bytes such as disks, editors and broken programs make. */
export function damaged(files: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> {
  return fc
    .record({
      bytes: files,
      place: fc.double({ min: 0, max: 1, noNaN: true }),
      length: fc.nat(40),
      foreign: fc.uint8Array({ maxLength: 8 }),
      kind: fc.constantFrom("cut", "flip", "insert", "remove", "repeat", "overwrite"),
    })
    .map(({ bytes, place, length, foreign, kind }) => {
      const at = Math.floor(place * bytes.length);
      const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
      const rest = after.subarray(length);
      switch (kind) {
        case "cut":
          return before;
        case "flip":
          return Buffer.concat([before, after.map((byte, i) => (i === 0 ? byte ^ 0x11 : byte))]);
        case "insert":
          return Buffer.concat([before, foreign, after]);
        case "remove":
          return Buffer.concat([before, rest]);
        case "repeat":
          return Buffer.concat([before, after.subarray(0, length), after]);
        default:
          return Buffer.concat([before, foreign, after.subarray(foreign.length)]);
      }
    });
}
