import { expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../src/cli.ts";
import { contextOf } from "../support/context.ts";
import { scratchFolder } from "../support/scratch.ts";

/** Windows knows no modes: there, every file seems open to all. */
const PRIVATE = process.platform === "win32" ? 0o666 : 0o600;

/** Runs `configure` with a token on stdin; `file` is the config file afterwards, null for none. */
async function configure(argv: readonly string[], stdin: string, env = {}, before?: string) {
  const home = scratchFolder();
  const path = join(home, ".databrickscfg");
  if (before !== undefined) writeFileSync(path, before, { mode: 0o600 });
  let said = "";
  const write = (text: string) => {
    said += text;
  };
  const stream = { isTTY: false, write };
  const input = { ...contextOf({}).stdin, isTTY: false, text: async () => stdin };
  const context = contextOf({ home, env, stdin: input, stdout: stream, stderr: stream });
  const code = await run(["configure", ...argv], { ...context, debug: () => {} });
  const file = existsSync(path) ? readFileSync(path, "utf8") : null;
  return { code, said, file, mode: file === null ? null : statSync(path).mode & 0o777 };
}

test("the token of stdin goes into a profile of a file for its owner alone", async () => {
  const { code, said, file, mode } = await configure(
    ["-p", "ci", "--host", "H.example/?o=1", "--token"],
    " pat-1\r\n",
  );
  expect({ code, said, mode }).toEqual({
    code: 0,
    said: "Profile ci was successfully saved\n",
    mode: PRIVATE,
  });
  expect(file).toContain("[ci]\nhost = https://h.example\ntoken = pat-1\nworkspace_id = 1\n");
  expect(file).toContain("default_profile = ci\n");
});

test("profile and host may come from the environment", async () => {
  const env = { DATABRICKS_CONFIG_PROFILE: "ci", DATABRICKS_HOST: "h.example" };
  expect((await configure([], "pat-1", env)).file).toContain("[ci]\nhost = https://h.example\n");
});

test("other credentials of the profile go, whatever else it holds stays", async () => {
  const before =
    "[ci]\nhost = https://h.example\nauth_type = databricks-cli\nscopes = a\nclient_id = id\ndatabricks_cli_path = /x\ncluster_id = c\nmine = 1\n";
  const { file } = await configure(["-p", "ci", "--host", "h.example"], "pat-1", {}, before);
  expect(file).toStartWith(
    "[ci]\nhost = https://h.example\ncluster_id = c\nmine = 1\ntoken = pat-1\n",
  );
});

const ANOTHER_HOST =
  "[ci]\nhost = https://A.example/\naccount_id = acc-1\nworkspace_id = 111\ncluster_id = c\n";

test.each([
  ["another host", "b.example", "cluster_id = c\ntoken = pat-1\n"],
  [
    "another host with an id",
    "b.example/?o=2",
    "workspace_id = 2\ncluster_id = c\ntoken = pat-1\n",
  ],
  [
    "the same",
    "a.example",
    "account_id = acc-1\nworkspace_id = 111\ncluster_id = c\ntoken = pat-1\n",
  ],
])("ids go with their host: %s", async (_case, host, rest) => {
  const { file } = await configure(["-p", "ci", "--host", host], "pat-1", {}, ANOTHER_HOST);
  expect(file).toStartWith(`[ci]\nhost = https://${host.split("/")[0]}\n${rest}`);
});

test("a name from the file is no command to the terminal", async () => {
  const before = "[a\x1b[31mred]\nhost = https://h.example\n";
  const argv = ["-p", "a\x1b[31mred", "--host", "h.example"];
  const { said } = await configure(argv, "pat-1", {}, before);
  expect(said).toBe("Profile a\\u001b[31mred was successfully saved\n");
});

test.each<[argv: string[], stdin: string, said: string]>([
  [["--host", "h.example"], " \n", "Error: the token is empty; nothing was changed\n"],
  [
    ["--host", "h.example"],
    "pat 1",
    "Error: the token holds blanks or odd signs; nothing was changed\n",
  ],
  [[], "pat-1", "Error: nothing names the host: give --host, or set DATABRICKS_HOST\n"],
])("%j with %j on stdin changes nothing", async (argv, stdin, said) => {
  expect(await configure(argv, stdin)).toEqual({ code: 1, said, file: null, mode: null });
});

test("a token on the command line is refused, and not quoted", async () => {
  const { code, said, file } = await configure(["--host", "h.example", "--token", "pat-1"], "");
  expect({ code, file }).toEqual({ code: 1, file: null });
  expect(said).toContain("give it on stdin");
  expect(said).not.toContain("pat-1");
});
