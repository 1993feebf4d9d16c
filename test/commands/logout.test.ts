import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../src/cli.ts";
import { contextOf } from "../support/context.ts";
import { scratchFolder } from "../support/scratch.ts";

const HOST = "https://h.example";
const ACCOUNT_KEY = `${HOST}/oidc/accounts/acc`;

type Entries = Readonly<Record<string, string>>;

/** Logs out of a file cache that holds `keys`, or access tokens by key; gives those that remain, and what was said. */
async function logOut(profiles: string, keys: readonly string[] | Entries, ...argv: string[]) {
  const home = scratchFolder();
  const configFile = join(home, ".databrickscfg");
  const cache = join(home, ".databricks", "token-cache.json");
  mkdirSync(join(home, ".databricks"), { mode: 0o700 });
  const entries = Array.isArray(keys)
    ? keys.map((key) => [key, `access of ${key}`])
    : Object.entries(keys);
  const tokens = entries.map(([key, access_token]) => [key, { access_token }]);
  writeFileSync(configFile, profiles, { mode: 0o600 });
  writeFileSync(cache, JSON.stringify({ version: 1, tokens: Object.fromEntries(tokens) }));
  let said = "";
  const write = (text: string) => {
    said += text;
  };
  const env = { DATABRICKS_AUTH_STORAGE: "plaintext" };
  const stream = { isTTY: false, write };
  const context = contextOf({ home, env, stdout: stream, stderr: stream, debug: () => {} });
  const code = await run(["auth", "logout", "--auto-approve", ...argv], context);
  const after: Record<string, { access_token: string }> = JSON.parse(
    readFileSync(cache, "utf8"),
  ).tokens;
  const kept = Object.entries(after).map(([key, { access_token }]) => [key, access_token]);
  const config = readFileSync(configFile, "utf8");
  return { code, said, left: Object.keys(after), tokens: Object.fromEntries(kept), config };
}

test("the profile's token and the host's copies go, and nobody else's", async () => {
  const profiles = `[work]\nhost = h.example\naccount_id = acc\n[other]\nhost = o.example\n`;
  const keys = ["work", HOST, ACCOUNT_KEY, "other", "https://o.example"];
  const { code, said, left, config } = await logOut(profiles, keys, "work");
  expect({ code, said }).toEqual({ code: 0, said: "Logged out of profile work\n" });
  expect(left).toEqual(["other", "https://o.example"]);
  expect(config).toBe(profiles);
});

test.each<[sharer: string, left: string[]]>([
  ["host = h.example", [HOST]],
  ["host = h.example\naccount_id = acc", [HOST, ACCOUNT_KEY]],
  ["host = https://h.example/?a=acc", [HOST, ACCOUNT_KEY]],
  ["host = h.example\ntoken = t", []],
  ["host = o.example", []],
])("beside a profile with %j the host keys %j stay", async (sharer, left) => {
  const profiles = `[work]\nhost = h.example\naccount_id = acc\n[second]\n${sharer}\n`;
  expect((await logOut(profiles, ["work", HOST, ACCOUNT_KEY], "-p", "work")).left).toEqual(left);
});

test.each<[title: string, tokens: Entries, left: Entries]>([
  ["goes where no other profile has a token", { work: "a", [HOST]: "a", [ACCOUNT_KEY]: "a" }, {}],
  [
    "makes way for the token of one that has",
    { work: "a", [HOST]: "a", second: "b" },
    { second: "b", [HOST]: "b" },
  ],
  [
    "stays where it is another one's",
    { work: "a", [HOST]: "b", second: "b" },
    { second: "b", [HOST]: "b" },
  ],
])("a copy under the host of several profiles %s", async (_title, tokens, left) => {
  const profiles = ["work", "second"]
    .map((name) => `[${name}]\nhost = h.example\naccount_id = acc\n`)
    .join("");
  expect((await logOut(profiles, tokens, "work")).tokens).toEqual(left);
});

test("--delete takes the profile along, and the default that names it", async () => {
  const profiles = `[work]\nhost = h.example\n\n[second]\nhost = o.example\n\n[__settings__]\ndefault_profile = work\n`;
  const { code, config } = await logOut(profiles, ["work"], "work", "--delete");
  expect(code).toBe(0);
  expect(config).not.toContain("work");
  expect(config).toContain("[second]");
});

test("a host that several profiles log in to is no answer", async () => {
  const profiles = "[a]\nhost = h.example\n[b]\nhost = h.example\n";
  const { code, said, left } = await logOut(profiles, ["a", "b", HOST], "--host", HOST);
  expect(code).toBe(1);
  expect(said).toContain("(a, b); pick one with --profile");
  expect(left).toEqual(["a", "b", HOST]);
});

test("a thousand profiles of one host do not make a thousand names on stderr", async () => {
  const names = Array.from({ length: 1000 }, (_, index) => `profile-${index}`);
  const profiles = names.map((name) => `[${name}]\nhost = h.example\n`).join("");
  const { said } = await logOut(profiles, names, "--host", HOST);
  expect(said).toContain("1000 profiles log in to");
  expect(said).toContain("profile-9, …); pick one with --profile");
  expect(said).not.toContain("profile-10");
});

test("where nothing is named, nothing is forgotten", async () => {
  const profiles = "[DEFAULT]\nhost = h.example\n";
  const { code, said, left } = await logOut(profiles, ["DEFAULT", HOST]);
  expect(code).toBe(1);
  expect(said).toContain("--profile");
  expect(left).toEqual(["DEFAULT", HOST]);
});
