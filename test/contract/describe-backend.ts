import { describe, test } from "bun:test";
import type { Backend } from "../../src/keyring/backend.ts";
import { type ContractCase, contractCases } from "./backend-contract.ts";

/** Registers the contract's cases with `bun test`; `open` is called once, when the first case runs. */
export function describeBackend(
  name: string,
  open: () => Backend | Promise<Backend>,
  cases: readonly ContractCase[] = contractCases(),
): void {
  describe(`backend contract: ${name}`, () => {
    let opened: Promise<Backend> | undefined;
    const backend = () => {
      opened ??= Promise.resolve(open());
      return opened;
    };
    for (const { name: title, run } of cases) {
      test(title, async () => run(await backend()));
    }
  });
}
