import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { contractCases } from "../contract/backend-contract.ts";
import { openStandIn, type StandIn, standInRuns } from "./stand-in.ts";

describe.skipIf(!standInRuns)("backend contract: Keychain (stand-in)", () => {
  let standIn: StandIn;
  beforeAll(async () => {
    standIn = await openStandIn();
  });
  afterAll(() => standIn.remove());

  for (const { name, run } of contractCases()) {
    test(name, async () => {
      await run(standIn.backend);
      expect(standIn.owners()).toBe(0);
    });
  }
});
