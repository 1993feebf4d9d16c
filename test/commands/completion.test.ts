/** Completion in the shells themselves: what is on the line after Tab, as the shell then reads it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Shell, type ShellSession, startShell } from "../support/interactive-shell.ts";
import { compiledProgram } from "../support/program.ts";

const PROGRAM = await compiledProgram();

/** Each begins with other letters, so that a few of them name it. */
const NAMES = [
  "plain",
  "spaced out",
  "dollar$HOME",
  "it's",
  'say "hi"',
  "eq=b",
  "colon:d:e",
  "back\\slash",
  "tick`id`",
  "wild*",
  "hash~",
  "question?",
  "new!line",
  "user@example.com",
  "amp&and",
  "pipe|d",
  "x.y,z",
  "ünï côdé",
  "日本語",
];

const words = (line: string) => line.split(" ");

const LINES: [typed: string, expected: string[]][] = [
  ["databricks ver", words("databricks version")],
  ["databricks auth tok", words("databricks auth token")],
  ["databricks help auth tok", words("databricks help auth token")],
  ["databricks -p plain auth tok", words("databricks -p plain auth token")],
  ["databricks completion fi", words("databricks completion fish")],
  ["databricks auth token --forc", words("databricks auth token --force-refresh")],
  ["databricks auth token --storage pl", words("databricks auth token --storage plaintext")],
  ["databricks auth token --storage=se", words("databricks auth token --storage=secure")],
  ["databricks auth token -o j", words("databricks auth token -o json")],
  ["databricks auth token --output=te", words("databricks auth token --output=text")],
  ["databricks auth token -o json pla", words("databricks auth token -o json plain")],
  ["databricks auth token --help -p pla", words("databricks auth token --help -p plain")],
  ["databricks auth token --version -p pla", words("databricks auth token --version -p plain")],
  ["databricks auth login --host htt", words("databricks auth login --host https://h.example.com")],
  ["databricks auth login --host=htt", words("databricks auth login --host=https://h.example.com")],
  ["databricks auth token plain pla", words("databricks auth token plain pla")],
  ["databricks auth token --timeout pla", words("databricks auth token --timeout pla")],
];

/** The ways to begin a name, each with how the word that holds it then begins. */
const FORMS: [typed: (begun: string) => string, prefix: string][] = [
  [(begun) => `-p ${begun}`, ""],
  [(begun) => `-p "${begun}`, ""],
  [(begun) => `-p '${begun}`, ""],
  [(begun) => `--profile=${begun}`, "--profile="],
  [(begun) => `--profile="${begun}`, "--profile="],
  [(begun) => `--profile='${begun}`, "--profile="],
];

/** macOS's own Bash is 3.2, of 2007: it completes, but quotes in other ways. */
const OLDEST_BASH = 4;

function missingFor(shell: Shell): string {
  if (!Bun.which(shell)) return ` (skipped: no ${shell})`;
  if (process.platform === "win32") return " (skipped: a terminal of Unix)";
  if (shell !== "bash") return "";
  const version = Bun.spawnSync(["bash", "-c", "echo $BASH_VERSINFO"]).stdout.toString();
  return Number(version) < OLDEST_BASH ? ` (skipped: bash ${version.trim()})` : "";
}

function describeShell(shell: Shell): void {
  const missing = missingFor(shell);
  describe.skipIf(missing !== "")(`completion in ${shell}${missing}`, () => {
    const start = () => startShell(shell, folder, PROGRAM);
    let folder: string;
    let session: ShellSession;

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), "databricks-test-"));
      const profiles = NAMES.map((name) => `[${name}]\nhost = https://h.example.com\n`);
      writeFileSync(join(folder, "databrickscfg"), profiles.join("\n"));
      session = await start();
    });

    afterAll(async () => {
      await session.close();
      rmSync(folder, { recursive: true });
    });

    test.each(LINES)("%s", async (typed, expected) => {
      expect(await session.complete(typed)).toEqual(expected);
    });

    test.each(NAMES)("profile %s", async (name) => {
      const begun = name.slice(0, 2);
      for (const [typed, prefix] of FORMS) {
        const line = `databricks auth token ${typed(begun)}`;
        const completed = await session.complete(line);
        expect([line, completed.at(-1)]).toEqual([line, `${prefix}${name}`]);
      }
      // All but the last sign, each that is no letter behind a backslash.
      const escaped = name.slice(0, -1).replace(/[^\p{L}]/gu, "\\$&");
      expect((await session.complete(`databricks auth token -p ${escaped}`)).at(-1)).toBe(name);
    });

    test("shows what there is to choose from", async () => {
      const meaning = shell === "bash" ? [] : ["sign in with the browser"];
      const own = await start();
      await own.list("databricks auth log", ["login", "logout", ...meaning]);
      await own.close();
    });
  });
}

describeShell("bash");
describeShell("zsh");
describeShell("fish");

test("PowerShell's script names the program and asks it", async () => {
  const script = Bun.spawnSync([PROGRAM, "completion", "powershell"]).stdout.toString();
  expect(script).toContain("Register-ArgumentCompleter -Native -CommandName databricks");
  expect(script).toContain(`__complete "--current=$current" '--' @words`);
});

test.each([
  ["", ["auth", "completion", "configure", "version"]],
  ["ver", ["version"]],
  ["zzz", []],
])("PowerShell's way to ask, with %j being typed", (current, expected) => {
  const asked = Bun.spawnSync([PROGRAM, "__complete", `--current=${current}`, "--"]);
  const lines = asked.stdout.toString().split("\n").slice(0, -1);
  expect(lines.map((line) => line.split("\t")[0] ?? "")).toEqual(expected);
});
