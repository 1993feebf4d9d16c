import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join, sep } from "node:path";
import { run } from "../../src/cli.ts";
import { contextOf } from "../support/context.ts";
import { scratchFolder } from "../support/scratch.ts";

/** Runs `auth switch` on a config file; gives the exit code, what was said, and the file as it is then. */
async function switchTo(configFile: string, argv: readonly string[], env = {}) {
  const home = scratchFolder();
  const path = join(home, ".databrickscfg");
  writeFileSync(path, configFile, { mode: 0o600 });
  let said = "";
  const write = (text: string) => {
    said += text.replaceAll(home + sep, "~/");
  };
  const stream = { isTTY: false, write };
  const code = await run(
    ["auth", "switch", ...argv],
    contextOf({ home, env, stdout: stream, stderr: stream, debug: () => {} }),
  );
  return { code, said, file: readFileSync(path, "utf8") };
}

const FILE = "[work]\nhost = w.example\n\n[home]\nhost = h.example\n";

test.each([[["work"]], [["-p", "work"]]])("%j becomes the default profile", async (argv) => {
  expect(await switchTo(FILE, argv)).toEqual({
    code: 0,
    said: "Profile work is now the default\n",
    file: `${FILE}\n[__settings__]\ndefault_profile = work\n`,
  });
});

test.each<[argv: string[], said: string]>([
  [
    ["wrok"],
    'Error: no profile "wrok" in ~/.databrickscfg (it has: work, home); did you mean work?\n',
  ],
  [["w.example"], 'Error: no profile "w.example" in ~/.databrickscfg (it has: work, home)\n'],
  [["work", "-p", "home"], 'Error: "work" cannot be combined with --profile; give one\n'],
  [[], "Error: name a profile: give it as argument, or with --profile\n"],
  [
    ["work", "--storage", "bogus"],
    'Error: --storage: unknown storage mode "bogus" (want plaintext or secure)\n',
  ],
])("%j changes nothing", async (argv, said) => {
  expect(await switchTo(FILE, argv)).toEqual({ code: 1, said, file: FILE });
});

test("a bad storage mode in the environment is an error here, too", async () => {
  const { code, said, file } = await switchTo(FILE, ["work"], { DATABRICKS_AUTH_STORAGE: " " });
  expect(code).toBe(1);
  expect(said).toContain('DATABRICKS_AUTH_STORAGE: unknown storage mode " "');
  expect(file).toBe(FILE);
});
