import { describe, expect, test } from "bun:test";
import { editIni, readIni } from "../../src/config/ini-document.ts";
import {
  type ConfigFile,
  configureChanges,
  deleteProfileChanges,
  type LoginFields,
  listProfiles,
  loginChanges,
  readSettings,
  setSettingChanges,
  validateProfileName,
} from "../../src/config/profiles.ts";
import { UserError } from "../../src/errors.ts";

const configOf = (text: string): ConfigFile => ({
  path: "cfg",
  text,
  sections: readIni(text),
});

const namesIn = (text: string) => listProfiles(configOf(text)).map(({ name }) => name);

describe("listProfiles", () => {
  const lists: [what: string, text: string, names: string[]][] = [
    [
      "sections with a host or an account id",
      "[a]\nhost = h\n[b]\naccount_id = i\n[c]\ntoken = t\n",
      ["a", "b"],
    ],
    ["no section whose host is empty", "[a]\nhost =\n", []],
    ["DEFAULT too, with or without its header", "host = h\n[a]\nhost = h\n", ["DEFAULT", "a"]],
    ["never the settings", "[__settings__]\nhost = h\n", []],
    [
      "names as they are",
      "[ a ]\nhost = h\n[__proto__]\nhost = h\n[7]\nhost = h\n",
      [" a ", "__proto__", "7"],
    ],
  ];
  for (const [what, text, names] of lists) {
    test(`gives ${what}`, () => expect(namesIn(text)).toEqual(names));
  }

  test("takes the placeholder of older programs for no workspace id", () => {
    const [old, now] = listProfiles(
      configOf("[a]\nhost = h\nworkspace_id = none\n[b]\nhost = h\nworkspace_id = 7\n"),
    );
    expect(old?.settings).toEqual(new Map([["host", "h"]]));
    expect(now?.settings.get("workspace_id")).toBe("7");
  });
});

describe("readSettings", () => {
  const settings: [
    text: string,
    defaultProfile: string | undefined,
    authStorage: string | undefined,
  ][] = [
    ["", undefined, undefined],
    ["[__settings__]\ndefault_profile = a\nauth_storage = secure\n", "a", "secure"],
    ["[__settings__]\ndefault_profile =\nauth_storage =\n", undefined, undefined],
    ["[__settings__]\ndefault_profile = __settings__\n", undefined, undefined],
    ["[__settings__]\ndefault_profile = a%(b\n", undefined, undefined],
    ["[__settings__]\ndefault_profile = 100%\n", "100%", undefined],
    ['[__settings__]\nauth_storage = "  "\n', undefined, "  "],
    ["default_profile = a\nauth_storage = secure\n", undefined, undefined],
  ];
  for (const [text, defaultProfile, authStorage] of settings) {
    test(`of ${JSON.stringify(text)}`, () => {
      expect(readSettings(configOf(text))).toEqual({ defaultProfile, authStorage });
    });
  }
});

describe("validateProfileName", () => {
  for (const name of [
    "a",
    "a.b",
    "prod eu",
    "ünï",
    "7",
    "https://a.b",
    "DEFAULT",
    "constructor",
    "a:b=c",
  ]) {
    test(`takes ${JSON.stringify(name)}`, () => expect(validateProfileName(name)).toBeUndefined());
  }
  for (const name of [
    "",
    "[a",
    "a]",
    "a#b",
    "a;b",
    " a",
    "a\u{a0}",
    "a\u{85}",
    "\u{feff}a",
    "a\tb",
    "a\nb",
    "a\0",
    "a\u{202e}b",
    "a\u{2066}b",
    "a\u{200f}",
    "a%(b",
    "__settings__",
    "__proto__",
  ]) {
    test(`refuses ${JSON.stringify(name)}`, () => {
      expect(() => validateProfileName(name)).toThrow(
        `${JSON.stringify(name)} cannot name a profile: `,
      );
    });
  }
});

const SETTINGS = "\n[__settings__]\ndefault_profile = a\n";

describe("loginChanges", () => {
  const host = "https://h";
  const logins: [
    what: string,
    before: string,
    fields: LoginFields,
    discovery: boolean,
    after: string,
  ][] = [
    [
      "the first profile becomes the default",
      "",
      { host },
      false,
      `[a]\nhost = https://h\nauth_type = databricks-cli\n${SETTINGS}`,
    ],
    [
      "a second profile does not",
      "[b]\nhost = x\n",
      { host },
      false,
      "[b]\nhost = x\n\n[a]\nhost = https://h\nauth_type = databricks-cli\n",
    ],
    [
      "a default that names no profile gives way to the first",
      "[__settings__]\ndefault_profile = gone\nauth_storage = secure\n",
      { host },
      false,
      "[__settings__]\ndefault_profile = a\nauth_storage = secure\n\n[a]\nhost = https://h\nauth_type = databricks-cli\n",
    ],
    [
      "everything that a login knows",
      "[b]\nhost = x\n",
      { host, accountId: "acc", workspaceId: "7", scopes: ["sql", "jobs"], compute: "serverless" },
      false,
      "[b]\nhost = x\n\n[a]\nhost = https://h\naccount_id = acc\nworkspace_id = 7\nauth_type = databricks-cli\nscopes = sql,jobs\nserverless_compute_id = auto\n",
    ],
    [
      "what is not given stays, and so do unknown keys",
      "[a]\nhost = old\naccount_id = acc\nworkspace_id = 7\nscopes = sql\ncluster_id = c\nmine = 1\nauth_type = pat\n",
      { host },
      false,
      "[a]\nhost = https://h\naccount_id = acc\nworkspace_id = 7\nscopes = sql\ncluster_id = c\nmine = 1\nauth_type = databricks-cli\n",
    ],
    [
      "credentials of other kinds go",
      "[a]\nhost = https://h\ntoken = t\nclient_secret = s\nazure_use_msi = true\nwarehouse_id = w\n",
      { host },
      false,
      "[a]\nhost = https://h\nwarehouse_id = w\nauth_type = databricks-cli\n",
    ],
    [
      "a discovery login forgets another place's ids",
      "[a]\nhost = old\naccount_id = acc # mine\nworkspace_id = 7\ncluster_id = c\nserverless_compute_id = auto\nscopes = sql\n",
      { host, accountId: "new" },
      true,
      "[a]\nhost = https://h\naccount_id = new # mine\nscopes = sql\nauth_type = databricks-cli\n",
    ],
    [
      "serverless compute takes the place of a cluster",
      "[a]\nhost = https://h\nauth_type = databricks-cli\ncluster_id = c\n",
      { host, compute: "serverless" },
      false,
      "[a]\nhost = https://h\nauth_type = databricks-cli\nserverless_compute_id = auto\n",
    ],
    [
      "a cluster takes the place of serverless compute",
      "[a]\nhost = https://h\nauth_type = databricks-cli\nserverless_compute_id = auto\n",
      { host, compute: { clusterId: "c" } },
      false,
      "[a]\nhost = https://h\nauth_type = databricks-cli\ncluster_id = c\n",
    ],
  ];
  for (const [what, before, fields, discovery, after] of logins) {
    test(what, async () => {
      const changes = loginChanges(configOf(before), "a", fields, { discovery });
      expect(await editIni(before, changes)).toBe(after);
      const again = loginChanges(configOf(after), "a", fields, { discovery });
      expect(again).toEqual([]);
    });
  }

  test("refuses a new name that will not do, and never the name of a profile that is there", () => {
    const config = configOf("[ a ]\nhost = h\n[__settings__]\nauth_storage = secure\n");
    const login = (name: string) => () =>
      loginChanges(config, name, { host }, { discovery: false });
    expect(login("b]")).toThrow(UserError);
    expect(login("__settings__")).toThrow(UserError);
    expect(login(" a ")).not.toThrow();
  });
});

test("every credential of another kind is cleared by a login", () => {
  const keys = [
    "metadata_service_url",
    "token",
    "username",
    "password",
    "google_service_account",
    "google_credentials",
    "azure_workspace_resource_id",
    "azure_use_msi",
    "azure_client_secret",
    "azure_client_id",
    "azure_tenant_id",
    "azure_login_app_id",
    "client_id",
    "client_secret",
    "databricks_id_token_filepath",
    "oidc_token_env",
    "experimental_is_unified_host",
  ];
  const text = `[a]\nhost = h\nauth_type = databricks-cli\n${keys.map((key) => `${key} = 1\n`).join("")}`;
  const changes = loginChanges(configOf(text), "a", { host: "h" }, { discovery: false });
  expect(changes).toEqual(keys.map((key) => ({ kind: "delete", section: "a", key })));
});

test("configure leaves host and token of what tells who logs in", async () => {
  const before =
    "[a]\nhost = old\nauth_type = databricks-cli\nscopes = sql\ndatabricks_cli_path = /x\naccount_id = acc\nclient_id = c\ntoken = t\n";
  const changes = configureChanges(configOf(before), "a", { host: "https://h", token: "pat-1" });
  expect(await editIni(before, changes)).toBe("[a]\nhost = https://h\ntoken = pat-1\n");
  const first = configureChanges(configOf(""), "a", { host: "https://h", token: "pat-1" });
  expect(await editIni("", first)).toBe(`[a]\nhost = https://h\ntoken = pat-1\n${SETTINGS}`);
});

test("the first profile is no default where other readers could not find it", () => {
  const config = configOf("[a%(b]\nmy_own_key = 1\n");
  const changes = loginChanges(config, "a%(b", { host: "https://h" }, { discovery: false });
  expect(changes.map(({ section }) => section)).not.toContain("__settings__");
});

describe("deleteProfileChanges", () => {
  test("clears a default that points to the profile", async () => {
    const text = `[b]\nhost = h\n\n[a]\nhost = h\n${SETTINGS}auth_storage = secure\n`;
    const after = await editIni(text, deleteProfileChanges(configOf(text), "a"));
    expect(after).toBe("[b]\nhost = h\n\n[__settings__]\nauth_storage = secure\n");
  });

  test("keeps a default that points elsewhere", async () => {
    const text = `[b]\nhost = h\n\n[a]\nhost = h\n${SETTINGS}`;
    const after = await editIni(text, deleteProfileChanges(configOf(text), "b"));
    expect(after).toBe(`\n[a]\nhost = h\n${SETTINGS}`);
  });

  test("takes the settings for no profile", () => {
    const config = configOf("[__settings__]\nauth_storage = secure\n");
    expect(() => deleteProfileChanges(config, "__settings__")).toThrow("that name is reserved");
  });

  test("asks for nothing where there is no such profile", () => {
    expect(deleteProfileChanges(configOf("[b]\nhost = h\n"), "a")).toEqual([]);
  });
});

test("a setting is made and changed", async () => {
  const pinned = await editIni("", setSettingChanges("auth_storage", "secure"));
  expect(pinned).toBe("[__settings__]\nauth_storage = secure\n");
  expect(await editIni(pinned, setSettingChanges("default_profile", "a"))).toBe(
    "[__settings__]\nauth_storage = secure\ndefault_profile = a\n",
  );
});
