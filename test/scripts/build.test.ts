import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build, ROOT, SEALED_VARIABLES, seal } from "../../scripts/build.ts";
import { scratchFolder } from "../support/scratch.ts";

test("an executable names neither the checkout nor a sealed variable, and knows its build", async () => {
  const folder = scratchFolder();
  const outfile = join(folder, process.platform === "win32" ? "program.exe" : "program");
  const entrypoint = join(folder, "main.ts");
  writeFileSync(
    entrypoint,
    `import * as facts from ${JSON.stringify(join(ROOT, "src/build-info.ts"))};
     console.log(JSON.stringify({ facts, execArgv: process.execArgv }));`,
  );
  await build({ outfile, entrypoint });

  const executable = readFileSync(outfile);
  expect(executable.includes(ROOT)).toBe(false);
  for (const name of SEALED_VARIABLES) expect(executable.includes(`\0${name}\0`)).toBe(false);

  const { stdout } = Bun.spawnSync([outfile]);
  const { facts, execArgv } = JSON.parse(stdout.toString());
  const manifest = await Bun.file(join(ROOT, "package.json")).json();
  expect(execArgv).toEqual(["--use-system-ca"]);
  expect(facts.VERSION).toBe(manifest.version);
  expect(facts.BUILD_TIMESTAMP).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
});

describe("sealing", () => {
  const names = SEALED_VARIABLES.map((name) => `\0${name}\0`).join("");

  test("renames each variable and nothing else", () => {
    const executable = Buffer.from(`${names} process.env.BUN_OPTIONS`);
    seal(executable);
    const renamed = names.replaceAll("\0BUN", "\0_UN");
    expect(executable.toString()).toBe(`${renamed} process.env.BUN_OPTIONS`);
  });

  test("refuses an executable in which a variable is missing, or there twice", () => {
    expect(() => seal(Buffer.from(names.replace("BUN_OPTIONS", "BUN_CHOICES")))).toThrow(
      "BUN_OPTIONS is not exactly once",
    );
    expect(() => seal(Buffer.from(`${names}\0BUN_BE_BUN\0`))).toThrow(
      "BUN_BE_BUN is not exactly once",
    );
  });
});
