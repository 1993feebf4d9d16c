/** The stand-in finds what it is there to find: otherwise its silence proved nothing. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { copyStandIn, standInRuns } from "./stand-in.ts";

const FOUND: [kind: string, sentence: string][] = [
  ["over-release", "CFRelease: use after free of a string"],
  ["over-release of a tagged reference", "CFRelease: over-release of a string"],
  ["release of NULL", "CFRelease: NULL"],
  ["use after free", "CFDataGetLength: use after free of a data"],
  ["use after free of what a dictionary held", "CFDataGetLength: use after free of a data"],
  ["wrong type", "CFDataGetLength: a string where a data is wanted"],
  ["the address of a constant instead of the constant", "is no reference"],
  ["no callbacks", "CFDictionaryCreateMutable: without the kCFType callbacks"],
  ["a leak", "at exit, 1 references were not released"],
  ["a leak of a tagged reference", "at exit, 1 references were not released"],
  ["no word about prompts", "SecItemDelete: before SecKeychainSetUserInteractionAllowed"],
  ["an empty account", "SecItemDelete: an empty attribute is a wildcard"],
  ["no account", "SecItemDelete: the query names no single item"],
  ["a query with a value", "SecItemUpdate: the query names a value or a result"],
];

describe.skipIf(!standInRuns)("misuse of the frameworks is found", () => {
  let standIn: Awaited<ReturnType<typeof copyStandIn>>;
  beforeAll(async () => {
    standIn = await copyStandIn();
  });
  afterAll(() => standIn.remove());

  function run(kind: string) {
    const { coreFoundation, security } = standIn.frameworks;
    const script = join(import.meta.dir, "misuse.ts");
    return Bun.spawnSync([process.execPath, script, kind, coreFoundation, security]);
  }

  test("none, none found", () => {
    const { exitCode, stderr } = run("none");
    expect(stderr.toString()).toBe("");
    expect(exitCode).toBe(0);
  });

  test.each(FOUND)("%s", (kind, sentence) => {
    const { signalCode, stderr } = run(kind);
    expect(stderr.toString()).toContain(sentence);
    expect(signalCode).toBe("SIGABRT");
  });
});
