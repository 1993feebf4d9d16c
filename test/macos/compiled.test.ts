/** The backend inside a compiled binary, where its thread is a second entry point. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../../scripts/build.ts";
import { openStandIn, type StandIn, standInRuns } from "./stand-in.ts";

describe.skipIf(!standInRuns)("Keychain (stand-in) in a compiled binary", () => {
  let folder: string;
  let binary: string;
  let standIn: StandIn;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "keychain-probe-"));
    binary = join(folder, "probe");
    await build({ outfile: binary, entrypoint: "test/macos/probe.ts", keychainWorker: true });
    standIn = await openStandIn();
  });
  beforeEach(() => standIn.setState({}));
  afterAll(() => {
    standIn.remove();
    rmSync(folder, { recursive: true });
  });

  function run(...args: string[]) {
    const start = performance.now();
    const child = Bun.spawnSync([binary, standIn.folder, ...args], { cwd: folder });
    return {
      milliseconds: performance.now() - start,
      exitCode: child.exitCode,
      output: child.stdout.toString() + child.stderr.toString(),
    };
  }

  test("runs the contract and leaks nothing", () => {
    const { exitCode, output } = run("contract");
    expect(output).toMatch(/\d{2} passed, 0 failed, 0 skipped\n$/);
    expect(exitCode).toBe(0);
  });

  test("takes its thread from itself, not from the current folder", async () => {
    await standIn.backend.set("p", "secret", { deadline: Infinity, interactive: false });
    mkdirSync(join(folder, "keyring"));
    for (const name of ["macos-worker.js", "macos-worker.ts"]) {
      writeFileSync(join(folder, name), "process.exit(66)");
      writeFileSync(join(folder, "keyring", name), "process.exit(66)");
    }
    expect(run("get", "p", "5000")).toMatchObject({ output: "secret\n", exitCode: 0 });
  });

  test("ends at the deadline while a prompt is open", () => {
    standIn.setState({ locked: true, promptDelay: 60_000 });
    const { milliseconds, output, exitCode } = run("get", "p", "500");
    expect({ output, exitCode }).toEqual({ output: "timed-out\n", exitCode: 1 });
    expect(milliseconds).toBeWithin(500, 800);
    expect(standIn.prompts()).toBe(1);
  });
});
