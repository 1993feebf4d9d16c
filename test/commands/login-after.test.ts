import { expect, test } from "bun:test";
import { flagsOfCopy } from "../../src/commands/auth/login-after.ts";
import { readMirrors } from "../../src/commands/auth/storage/logins.ts";
import { readIni } from "../../src/config/ini-document.ts";

const HOST = "https://h.example";
const ACCOUNT_KEY = `${HOST}/oidc/accounts/acc`;

/** What is said after a login under `key`, beside a file with a token of that name under each of `file`'s keys. */
function flags(key: string, profiles: readonly string[], file: Record<string, string>) {
  const sections = readIni(
    profiles.map((name) => `[${name}]\nhost = ${HOST}\naccount_id = acc\n`).join(""),
  );
  const tokens = Object.entries(file).map(
    ([name, token]) => [name, { access_token: token, token_type: "Bearer" }] as const,
  );
  return flagsOfCopy(key, new Map(tokens), readMirrors({ sections }));
}

const ONE = ["one"];
const TWO = ["one", "two"];

test.each<[title: string, string, string[], Record<string, string>, string | null]>([
  ["no copy", "one", TWO, {}, null],
  ["a copy under the name", "one", TWO, { one: "old", [HOST]: "old" }, "--profile one"],
  ["one under the host", "one", ONE, { [HOST]: "old" }, "--profile one"],
  ["one under the account", "one", ONE, { [ACCOUNT_KEY]: "old" }, "--profile one"],
  ["one under a host that is shared", "one", TWO, { [HOST]: "old" }, `--profile ${HOST}`],
  ["the copy of another profile's", "one", TWO, { two: "new", [HOST]: "new" }, null],
  [
    "one beside another profile's own",
    "one",
    TWO,
    { two: "new", [HOST]: "new", [ACCOUNT_KEY]: "old" },
    `--profile ${ACCOUNT_KEY}`,
  ],
  ["a host's, without profiles", HOST, [], { [HOST]: "old" }, `--host ${HOST}`],
  [
    "an account's, without profiles",
    ACCOUNT_KEY,
    [],
    { [ACCOUNT_KEY]: "old" },
    `--host ${HOST} --account-id acc`,
  ],
  ["a host's, beside its profile", HOST, ONE, { [HOST]: "old" }, `--profile ${HOST}`],
  ["a host's that is the profile's copy", HOST, ONE, { one: "a", [HOST]: "a" }, null],
])("%s", (_title, key, profiles, file, expected) => {
  expect(flags(key, profiles, file)).toBe(expected);
});
