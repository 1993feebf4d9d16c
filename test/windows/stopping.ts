/** Writers that stop between two calls. */
import type { Credentials } from "../../src/keyring/credentials.ts";

/** The same credentials, but `onChange` is called after each call that changed something, with their number so far. */
export function watched(
  credentials: Credentials,
  onChange: (changes: number) => void,
): Credentials {
  let changes = 0;
  return {
    ...credentials,
    write(credential) {
      credentials.write(credential);
      onChange(++changes);
    },
    remove(target) {
      const existed = credentials.remove(target);
      onChange(++changes);
      return existed;
    },
  };
}

/** Changes of a secret whose writer is stopped after every one of its calls: sizes in bytes, null for none. */
export const TRANSITIONS: readonly { from: number | null; to: number | null }[] = [
  { from: null, to: 10_000 },
  { from: 300, to: 10_000 },
  { from: 10_000, to: 300 },
  { from: 10_000, to: 6_000 },
  { from: 6_000, to: 10_000 },
  { from: 10_000, to: null },
];

/** A secret of this size that no other size shares a part with. */
export function secretOf(size: number): string {
  return `${size}-`.repeat(size).slice(0, size);
}
