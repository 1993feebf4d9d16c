import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  FINDING_CODES,
  type Finding,
  type FindingCode,
  findFindings,
  type Severity,
} from "../../src/commands/auth/storage/findings.ts";
import { stateOf } from "../../src/commands/auth/storage/keyring-state.ts";
import {
  type Found,
  knownKeys,
  placeLogins,
  readMirrors,
} from "../../src/commands/auth/storage/logins.ts";
import { describeSurvey, renderSurvey } from "../../src/commands/auth/storage/status.ts";
import type { Survey } from "../../src/commands/auth/storage/survey.ts";
import { readIni } from "../../src/config/ini-document.ts";
import { KeyringError, type KeyringErrorCode } from "../../src/keyring/backend.ts";
import { shellWord, stylist } from "../../src/output.ts";
import type { StorageChoice } from "../../src/storage/mode.ts";
import type { Token } from "../../src/storage/store.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");
const CONFIG = "/home/ada/.databrickscfg";
const CACHE = "/home/ada/.databricks/token-cache.json";

const tokenOf = (name: string): Token => ({
  access_token: `access-${name}`,
  token_type: "Bearer",
  refresh_token: `refresh-${name}`,
  expiry: NOW + 3_600_000,
});
const held = (name: string): Found => ({ state: "present", token: tokenOf(name) });
const ended: Found = {
  state: "present",
  token: { access_token: "access-ended", token_type: "Bearer", expiry: NOW - 1 },
};
const absent: Found = { state: "absent" };
const unknown: Found = { state: "unknown" };
const garbled: Found = { state: "unreadable", code: "invalid", reason: "not a token" };

const HEALTHY: Survey = {
  now: NOW,
  platform: "linux",
  settings: { choice: { mode: "secure", source: "default" }, bad: [], overridden: null },
  keyring: { backend: "Secret Service", state: "ok", milliseconds: 12, failure: null },
  cache: { path: CACHE, state: "absent", entries: 0, problem: null },
  config: { path: CONFIG, problem: null, missingDefault: null, differences: [], dotted: [] },
  loose: [],
  locks: null,
  setAside: [],
  logins: [],
};

const choose = (choice: StorageChoice | null): Partial<Survey> => ({
  settings: { ...HEALTHY.settings, choice },
});
const EXPLICIT = choose({ mode: "secure", source: "env" });
const PLAINTEXT = choose({ mode: "plaintext", source: "config" });

const failing = (code: Exclude<KeyringErrorCode, "invalid">): Partial<Survey> => ({
  keyring: {
    ...HEALTHY.keyring,
    state: code,
    failure: new KeyringError(code, "the cause"),
  },
});

/** A login of the profile `work`, or of what is given. */
const login = (
  places: Partial<Survey["logins"][number]>,
  key = "work",
  isPerson = true,
): Partial<Survey> => ({
  logins: [
    {
      key,
      ...(isPerson && { profile: key }),
      isPerson,
      keyring: absent,
      file: absent,
      mirrors: [],
      ...places,
    },
  ],
});

const find = (...parts: Partial<Survey>[]): Finding[] =>
  findFindings(Object.assign({}, HEALTHY, ...parts));

describe("findings", () => {
  test("none, where all is well", () => {
    expect(find()).toEqual([]);
    expect(find(login({ keyring: held("work") }))).toEqual([]);
    expect(find(PLAINTEXT, login({ file: held("work"), mirrors: ["https://h"] }))).toEqual([]);
    expect(find(login({}))).toEqual([]);
  });

  type Expected = [code: FindingCode, severity: Severity, fix: string | RegExp];
  const cases: [title: string, parts: Partial<Survey>[], expected: Expected[]][] = [
    [
      "a bad setting in the environment",
      [{ settings: { choice: null, bad: [{ source: "env", problem: "p" }], overridden: null } }],
      [["setting-invalid", "error", "unset DATABRICKS_AUTH_STORAGE"]],
    ],
    [
      "the same on Windows, whose shells forget a variable in other words",
      [
        { platform: "win32" },
        { settings: { choice: null, bad: [{ source: "env", problem: "p" }], overridden: null } },
      ],
      [["setting-invalid", "error", "Remove-Item Env:DATABRICKS_AUTH_STORAGE"]],
    ],
    [
      "a bad setting in the file, where another one counts",
      [
        {
          settings: {
            choice: { mode: "plaintext", source: "env" },
            bad: [{ source: "config", problem: "p" }],
            overridden: null,
          },
        },
      ],
      [["setting-invalid", "warning", "databricks auth storage set secure"]],
    ],
    [
      "a setting that does not count",
      [
        {
          settings: {
            choice: { mode: "plaintext", source: "env" },
            bad: [],
            overridden: { env: "plaintext", config: "secure" },
          },
        },
      ],
      [["setting-overridden", "notice", "unset DATABRICKS_AUTH_STORAGE"]],
    ],
    [
      "no keyring, by default",
      [failing("unreachable"), login({ keyring: unknown, file: held("work") })],
      [["keyring-unreachable", "notice", "databricks auth storage set plaintext"]],
    ],
    [
      "no keyring, where one was asked for",
      [EXPLICIT, failing("unreachable"), login({ keyring: unknown, file: held("work") })],
      [["keyring-unreachable", "error", /DATABRICKS_AUTH_STORAGE=plaintext/]],
    ],
    [
      "a locked keyring",
      [failing("locked")],
      [["keyring-locked", "error", /--unlock.*DATABRICKS_AUTH_STORAGE=plaintext/]],
    ],
    ["one that denies", [failing("denied")], [["keyring-denied", "error", /allow/]]],
    ["one that hangs", [failing("timed-out")], [["keyring-timed-out", "error", /restart/]]],
    ["one that fails", [failing("failed")], [["keyring-failed", "error", /restart/]]],
    [
      "a locked keyring that nobody needs",
      [PLAINTEXT, failing("locked")],
      [["keyring-locked", "notice", /--unlock/]],
    ],
    [
      "an entry of the keyring that cannot be read",
      [login({ keyring: garbled })],
      [["keyring-entry-unreadable", "warning", "databricks auth login --profile work"]],
    ],
    [
      "an entry of the keyring that is not given out",
      [login({ keyring: { state: "unreadable", code: "denied", reason: "it asks first" } })],
      [["keyring-entry-unreadable", "warning", /^let the keyring give out /]],
    ],
    [
      "an entry of the file that cannot be read",
      [PLAINTEXT, login({ file: garbled }, "https://h.example.com/oidc/accounts/a-1", false)],
      [
        [
          "cache-entry-unreadable",
          "warning",
          "databricks auth login --host https://h.example.com --account-id a-1",
        ],
      ],
    ],
    [
      "a corrupt file that is in use",
      [PLAINTEXT, { cache: { path: CACHE, state: "corrupt", entries: 0, problem: "p" } }],
      [["cache-corrupt", "error", "databricks auth storage repair"]],
    ],
    [
      "a corrupt file that is not in use",
      [{ cache: { path: CACHE, state: "corrupt", entries: 0, problem: "p" } }],
      [["cache-corrupt", "warning", "databricks auth storage repair"]],
    ],
    [
      "a file that cannot be read",
      [{ cache: { path: CACHE, state: "unreadable", entries: 0, problem: "p" } }],
      [["cache-unreadable", "warning", /token-cache\.json/]],
    ],
    [
      "what a repair left",
      [{ setAside: ["/home/ada lovelace/token-cache.json.corrupt-1"] }],
      [
        [
          "cache-set-aside",
          "notice",
          `rm ${shellWord("/home/ada lovelace/token-cache.json.corrupt-1")}`,
        ],
      ],
    ],
    [
      "a config file that cannot be read: nothing is said about logins",
      [
        choose(null),
        { config: { ...HEALTHY.config, problem: "p" } },
        login({ file: held("work") }, "work", false),
      ],
      [["config-unreadable", "error", `correct ${CONFIG} by hand`]],
    ],
    [
      "a default profile that is gone",
      [{ config: { ...HEALTHY.config, missingDefault: "gone" } }],
      [["default-profile-missing", "warning", "databricks auth switch"]],
    ],
    [
      "a value that is read in two ways",
      [
        {
          config: {
            ...HEALTHY.config,
            differences: [
              { section: "work", key: "scopes", message: "m", line: "scopes = 'a;b'" },
              { section: "work", key: "cluster_id", message: "m", line: null },
            ],
          },
        },
      ],
      [
        ["value-read-differently", "warning", `in ${CONFIG}, below [work], write: scopes = 'a;b'`],
        ["value-read-differently", "warning", /^give cluster_id of \[work\] in the environment/],
      ],
    ],
    [
      "a profile that is the child of another",
      [{ config: { ...HEALTHY.config, dotted: [{ name: "a.b", parent: "a" }] } }],
      [["dotted-profile", "notice", /\[a\.b\]/]],
    ],
    [
      "a file that others can read",
      [{ loose: [{ path: CACHE, mode: 0o644, wanted: 0o600 }] }],
      [["loose-permissions", "warning", `chmod 600 ${CACHE}`]],
    ],
    [
      "locks of somebody else",
      [{ locks: { path: "/home/me/locks", reason: "permission denied", isForeign: true } }],
      [["locks-unusable", "warning", 'sudo chown -R "$(id -u)" /home/me/locks']],
    ],
    [
      "a home that cannot be written",
      [{ locks: { path: "/home/me", reason: "read-only file system", isForeign: false } }],
      [
        [
          "locks-unusable",
          "warning",
          "make /home/me a folder that you can write to, and what is in it files that you can",
        ],
      ],
    ],
    [
      "a token where nobody looks",
      [login({ file: held("work") })],
      [["token-in-other-store", "warning", "databricks auth storage migrate --to secure work"]],
    ],
    [
      "a token where nobody looks, the other way round",
      [PLAINTEXT, login({ keyring: held("work") }, "odd name")],
      [
        [
          "token-in-other-store",
          "warning",
          `databricks auth storage migrate --to plaintext ${shellWord("odd name")}`,
        ],
      ],
    ],
    [
      "a copy in the file",
      [login({ keyring: held("new"), file: held("old") })],
      [["plaintext-copy", "warning", "databricks auth storage migrate --to secure work"]],
    ],
    [
      "a copy in the file, under a host key alone",
      [login({ keyring: held("work"), mirrors: ["https://h"] })],
      [["plaintext-copy", "warning", "databricks auth storage migrate --to secure work"]],
    ],
    [
      "a copy in the keyring",
      [PLAINTEXT, login({ keyring: held("old"), file: held("new") })],
      [["keyring-copy", "notice", "databricks auth storage migrate --to plaintext work"]],
    ],
    [
      "a token of no profile",
      [login({ file: held("gone") }, "gone", false)],
      [
        [
          "token-without-profile",
          "notice",
          "databricks auth logout --auto-approve --storage plaintext --profile gone",
        ],
      ],
    ],
    [
      "a token under the host of profiles that is none of theirs",
      [login({ file: held("old"), leftover: "never-read" }, "https://h", false)],
      [
        [
          "host-key-leftover",
          "warning",
          "databricks auth logout --auto-approve --storage plaintext --profile https://h",
        ],
      ],
    ],
    [
      "names that begin with a dash",
      [login({ file: held("-a") }, "-a")],
      [["token-in-other-store", "warning", "databricks auth storage migrate --to secure -- -a"]],
    ],
    [
      "a token of no profile whose name begins with a dash",
      [login({ file: held("gone") }, "-gone", false)],
      [
        [
          "token-without-profile",
          "notice",
          "databricks auth logout --auto-approve --storage plaintext --profile=-gone",
        ],
      ],
    ],
    [
      "a login that has ended",
      [login({ keyring: ended })],
      [["login-expired", "warning", "databricks auth login --profile work"]],
    ],
  ];

  test.each(cases)("%s", (_title, parts, expected) => {
    const found = find(...parts);
    expect(found.map(({ code, severity }) => [code, severity])).toEqual(
      expected.map(([code, severity]) => [code, severity]),
    );
    for (const [index, [, , fix]] of expected.entries()) {
      if (typeof fix === "string") expect(found[index]?.fix).toBe(fix);
      else expect(found[index]?.fix).toMatch(fix);
    }
  });

  test("every code has a case above, and is explained in the documentation", () => {
    const covered = new Set(cases.flatMap(([, , expected]) => expected.map(([code]) => code)));
    expect([...covered].sort()).toEqual([...FINDING_CODES].sort());
    const page = readFileSync(join(import.meta.dir, "../../docs/storage.md"), "utf8");
    const explained = [...page.matchAll(/^\| `([a-z-]+)` \| (?:error|warning|notice)/gm)];
    expect(explained.map(([, code = ""]) => code).sort()).toEqual([...FINDING_CODES].sort());
  });

  test("the worst come first", () => {
    const found = find(
      failing("locked"),
      { setAside: ["/x"] },
      { loose: [{ path: CACHE, mode: 0o644, wanted: 0o600 }] },
    );
    expect(found.map(({ severity }) => severity)).toEqual(["error", "warning", "notice"]);
  });

  test("many logins become one finding, whose command fits on a line", () => {
    const logins = Array.from({ length: 11 }, (_, index) => ({
      key: `p${index}`,
      isPerson: true,
      keyring: absent,
      file: held(`p${index}`),
      mirrors: [],
    }));
    const [finding, ...others] = find({ logins });
    expect(others).toEqual([]);
    expect(finding?.keys).toHaveLength(11);
    expect(finding?.fix).toBe("databricks auth storage migrate --to secure --all");
    expect(find({ logins: logins.slice(0, 2) })[0]?.fix).toEndWith("--to secure p0 p1");
  });
});

describe("the state of the keyring", () => {
  const denied: Found = { state: "unreadable", code: "denied", reason: "r" };
  test.each([
    ["empty", null, []],
    ["empty", null, [absent]],
    ["ok", null, [absent, held("a")]],
    ["ok", null, [denied, held("a")]],
    ["ok", null, [garbled]],
    ["denied", null, [denied, absent]],
    ["timed-out", new KeyringError("timed-out", "t"), [held("a")]],
    ["locked", new KeyringError("locked", "l"), []],
  ] as const)("%s", (state, failure, found) => {
    expect<string>(stateOf(failure, found)).toBe(state);
  });
});

describe("logins", () => {
  const config = {
    sections: readIni(`
[one]
host = https://shared.example.com
[two]
host = shared.example.com/?o=7
[account]
host = https://accounts.example.com
account_id = a-1
[unified]
host = https://unified.example.com?account_id=a-2
[token]
host = https://shared.example.com
token = planted
[odd]
host = not a host
`),
  };
  const mirrors = readMirrors(config);

  test("of people have copies under their host's keys, others and those of a host that cannot be read none", () => {
    expect(Object.fromEntries(mirrors)).toEqual({
      one: ["https://shared.example.com"],
      two: ["https://shared.example.com"],
      account: ["https://accounts.example.com/oidc/accounts/a-1"],
      unified: ["https://unified.example.com/oidc/accounts/a-2", "https://unified.example.com"],
    });
  });

  test("come first, then whatever else the file holds, then their hosts", () => {
    const keys = knownKeys(mirrors, ["stray", "one", "", "a\0b"]);
    expect(keys.slice(0, 5)).toEqual(["one", "two", "account", "unified", "stray"]);
    expect(new Set(keys)).toEqual(
      new Set([...mirrors.keys(), "stray", ...[...mirrors.values()].flat()]),
    );
  });

  test("have one row each, with their copies in it", () => {
    const file = new Map([
      ["one", held("one")],
      ["https://shared.example.com", held("two")],
      ["https://unified.example.com", held("stranger")],
      ["token", held("leftover")],
    ]);
    const keyring = new Map([["two", held("two")]]);
    const keys = knownKeys(mirrors, file.keys());
    const rows = placeLogins(keys, config, mirrors, keyring, file);
    expect(
      rows.map(({ key, keyring, file, mirrors }) => [key, keyring.state, file.state, mirrors]),
    ).toEqual([
      ["one", "unknown", "present", []],
      ["two", "present", "absent", ["https://shared.example.com"]],
      ["account", "unknown", "absent", []],
      ["unified", "unknown", "absent", []],
      ["https://unified.example.com", "unknown", "present", []],
      ["token", "unknown", "present", []],
    ]);
  });
});

describe("a token under a host key", () => {
  const HOST = "https://shared.example.com";
  const two = readMirrors({
    sections: readIni(`[one]\nhost = ${HOST}\n[two]\nhost = ${HOST}\n`),
  });
  const single = readMirrors({ sections: readIni(`[one]\nhost = ${HOST}\n`) });
  type Held = Record<string, string>;
  const store = (names: Held) =>
    new Map(Object.entries(names).map(([key, name]) => [key, held(name)]));

  test.each<
    [
      title: string,
      mirrors: typeof two,
      keyring: Held,
      file: Held,
      leftover: Survey["logins"][number]["leftover"],
    ]
  >([
    ["of two profiles without a token", two, {}, {}, "never-read"],
    [
      "of two profiles that are in the keyring",
      two,
      { one: "new", two: "newer" },
      {},
      "never-read",
    ],
    ["of two profiles, one of which is in the file", two, {}, { two: "newer" }, undefined],
    ["that is a copy of a profile's", two, { one: "old" }, {}, undefined],
    ["of the only profile, which has no token", single, {}, {}, undefined],
    [
      "of the only profile, which is in the keyring",
      single,
      { one: "new" },
      {},
      "read-in-file-mode",
    ],
    ["of no profile", new Map(), {}, {}, undefined],
  ])("%s", (_title, mirrors, keyring, file, leftover) => {
    const placed = placeLogins(
      [...mirrors.keys(), HOST],
      { sections: new Map() },
      mirrors,
      store(keyring),
      store({ ...file, [HOST]: "old" }),
    );
    expect(placed.find(({ key }) => key === HOST)?.leftover).toBe(leftover);
  });
});

describe("what is shown", () => {
  const survey: Survey = {
    ...HEALTHY,
    logins: [
      ...(login({ keyring: held("work"), file: ended, mirrors: ["https://h"] }).logins ?? []),
      ...(login({ keyring: garbled, file: held("\x1b[31mred") }, "\x1b[31mred", false).logins ??
        []),
    ],
  };
  const findings = findFindings(survey);
  const render = (isTTY: boolean, env: Record<string, string> = {}) =>
    renderSurvey(survey, findings, stylist({ env }, { isTTY, write: () => {} }));

  test("holds no token", () => {
    const json = JSON.stringify(describeSurvey(survey, findings));
    for (const text of [json, render(true), render(false)]) {
      expect(text).not.toContain("access-");
      expect(text).not.toContain("refresh-");
    }
  });

  test("has colours on a terminal alone, and never those of a name", () => {
    const plain = render(false);
    expect(plain).not.toContain("\x1b");
    expect(render(true, { NO_COLOR: "1" })).toBe(plain);
    expect(render(true)).not.toBe(plain);
    expect(Bun.stripANSI(render(true))).toBe(plain);
  });

  test("names the first five of many logins, and counts the rest", () => {
    const shown = (count: number) => {
      const keys = Array.from({ length: count }, (_, index) => `k${index + 1}`);
      const finding = { code: "plaintext-copy", severity: "warning", message: "copies", fix: "f" };
      const text = renderSurvey(HEALTHY, [{ ...finding, keys } as Finding], (_, word) => word);
      return text.match(/copies.*/)?.[0];
    };
    expect(shown(1)).toBe("copies");
    expect(shown(5)).toBe("copies (k1, k2, k3, k4, k5)");
    expect(shown(7)).toBe("copies (k1, k2, k3, k4, k5 and 2 more)");
  });
});
