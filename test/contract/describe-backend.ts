import { describe, test } from "bun:test";
import type { Backend } from "../../src/keyring/backend.ts";
import { contractCases } from "./backend-contract.ts";

/**
 * Registers the contract's cases with `bun test`.
 *
 * @param open called once, when the first case runs
 * @param missing programs that `open` needs and this machine lacks: the cases are skipped
 */
export function describeBackend(
  name: string,
  open: () => Backend | Promise<Backend>,
  missing: readonly string[] = [],
): void {
  const without = missing.length > 0 ? ` (skipped: no ${missing.join(", ")})` : "";
  describe(`backend contract: ${name}${without}`, () => {
    let opened: Promise<Backend> | undefined;
    const backend = () => {
      opened ??= Promise.resolve(open());
      return opened;
    };
    for (const { name: title, run } of contractCases()) {
      test.skipIf(missing.length > 0)(title, async () => run(await backend()));
    }
  });
}
