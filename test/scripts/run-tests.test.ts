import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readJunit } from "../../scripts/run-tests.ts";
import { scratchFolder } from "../support/scratch.ts";

/** What this version of Bun reports on a test file. */
function reportOn(text: string): string {
  const folder = scratchFolder();
  const report = join(folder, "junit.xml");
  writeFileSync(join(folder, "a.test.ts"), text);
  Bun.spawnSync([process.execPath, "test", "--reporter=junit", `--reporter-outfile=${report}`], {
    cwd: folder,
    stderr: "ignore",
  });
  return readFileSync(report, "utf8");
}

test("every test of a report is read, with its blocks and its result", () => {
  const report = reportOn(`
    import { beforeAll, describe, expect, test } from "bun:test";
    describe("<outer> & \\"quoted\\"", () => {
      test("passes", () => {});
      test("fails > here", () => { expect("<skipped />").toBe("2"); });
      describe("inner", () => { test.skip("is left out", () => {}); test.todo("is to come"); });
    });
    test("alone", () => {});`);
  expect(readJunit(report)).toEqual([
    { name: 'a.test.ts: <outer> & "quoted" > passes', result: "passed", detail: "" },
    { name: 'a.test.ts: <outer> & "quoted" > fails > here', result: "failed", detail: "" },
    { name: 'a.test.ts: <outer> & "quoted" > inner > is left out', result: "skipped", detail: "" },
    { name: 'a.test.ts: <outer> & "quoted" > inner > is to come', result: "skipped", detail: "" },
    { name: "a.test.ts: alone", result: "passed", detail: "" },
  ]);
});

test("a hook that failed counts, one that was skipped does not", () => {
  const report = reportOn(`
    import { beforeAll, describe, test } from "bun:test";
    describe("broken", () => { beforeAll(() => { throw new Error(); }); test("a", () => {}); });
    describe.skip("left out", () => { beforeAll(() => {}); test("b", () => {}); });`);
  expect(readJunit(report)).toEqual([
    { name: "a.test.ts: broken > (unnamed)", result: "failed", detail: "" },
    { name: "a.test.ts: left out > b", result: "skipped", detail: "" },
  ]);
});
