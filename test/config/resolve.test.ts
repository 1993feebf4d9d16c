import { describe, expect, test } from "bun:test";
import { readIni } from "../../src/config/ini-document.ts";
import {
  isPersonLogin,
  placeOf,
  profilesForHost,
  resolve,
  type Selection,
} from "../../src/config/resolve.ts";

const config = (text: string) => ({ path: "/home/u/.databrickscfg", sections: readIni(text) });

const TWO = config(`
[DEFAULT]
host = https://default.example.com

[work]
host = work.example.com/?o=77
account_id = acc-1
workspace_id = none
token = t

[b.example.com]
host = https://b.example.com
`);

function summary(selection: Selection, env: Record<string, string> = {}, file = TWO) {
  const { profile, settings } = resolve(selection, env, file);
  const of = (key: string) => {
    const setting = settings.get(key);
    return setting && `${setting.value} (${setting.source.type} ${setting.source.name})`;
  };
  return {
    profile: profile && `${profile.value} (${profile.source.type} ${profile.source.name})`,
    host: of("host"),
    account: of("account_id"),
    workspace: of("workspace_id"),
  };
}

describe("which profile", () => {
  test("the flag, then the environment, then default_profile, then [DEFAULT]", () => {
    const env = { DATABRICKS_CONFIG_PROFILE: "work" };
    expect(summary({ profile: "b.example.com" }, env).profile).toBe(
      "b.example.com (flag --profile)",
    );
    expect(summary({}, env).profile).toBe("work (env DATABRICKS_CONFIG_PROFILE)");
    const named = config(
      "[__settings__]\ndefault_profile = x\n[x]\nhost = h.example\n[DEFAULT]\nhost = d.example\n",
    );
    expect(summary({}, {}, named).profile).toBe("x (file /home/u/.databrickscfg)");
    expect(summary({}).profile).toBe("DEFAULT (file /home/u/.databrickscfg)");
    expect(summary({}, {}, config("[x]\nhost = h.example\n")).profile).toBeNull();
    expect(summary({}, {}, config("[DEFAULT]\ntoken = t\n")).profile).toBeNull();
  });

  test("a host stands above the default profile", () => {
    expect(summary({ host: "other.example.com" }).profile).toBeNull();
    expect(summary({}, { DATABRICKS_HOST: "other.example.com" }).profile).toBeNull();
    expect(summary({}, { DATABRICKS_HOST: "other.example.com" }).host).toBe(
      "https://other.example.com (env DATABRICKS_HOST)",
    );
  });

  test("a host leaves a profile of the environment that lies elsewhere", () => {
    const env = { DATABRICKS_CONFIG_PROFILE: "work" };
    expect(summary({ host: "other.example.com" }, env).profile).toBeNull();
    expect(summary({ host: "work.example.com" }, env).profile).toBe(
      "work (env DATABRICKS_CONFIG_PROFILE)",
    );
  });

  test("a host leaves a profile of the environment that is to another of its accounts", () => {
    const env = { DATABRICKS_CONFIG_PROFILE: "work" };
    const host = "work.example.com";
    expect(summary({ host, accountId: "acc-2" }, env).profile).toBeNull();
    expect(summary({ host: `${host}/?a=acc-2` }, env).profile).toBeNull();
    const found = "work (env DATABRICKS_CONFIG_PROFILE)";
    expect(summary({ host, accountId: "acc-1" }, env).profile).toBe(found);
    expect(summary({ accountId: "acc-2" }, env).profile).toBe(found);
  });

  test("the settings are none, wherever they are named", () => {
    const name = "__settings__";
    const settings = config("[__settings__]\nauth_storage = secure\n");
    for (const [selection, env] of [
      [{ profile: name }, {}],
      [{ word: name }, {}],
      [{}, { DATABRICKS_CONFIG_PROFILE: name }],
    ] as const) {
      expect(() => summary(selection, env, settings)).toThrow("that name is reserved");
    }
  });

  test("default_profile that is gone is an error, one that cannot be a name is not set", () => {
    expect(() =>
      summary({}, {}, config("[__settings__]\ndefault_profile = gone\n[a]\nhost = h\n")),
    ).toThrow('names "gone", which is no profile there (it has: a)');
    for (const odd of ["__settings__", "%(x)s"]) {
      expect(
        summary({}, {}, config(`[__settings__]\ndefault_profile = ${odd}\n`)).profile,
      ).toBeNull();
    }
  });
});

describe("the positional", () => {
  test("is a profile first, a host if it looks like one, an error otherwise", () => {
    expect(summary({ word: "work" }).profile).toBe("work (flag PROFILE argument)");
    expect(summary({ word: "b.example.com" }).profile).toBe(
      "b.example.com (flag PROFILE argument)",
    );
    expect(summary({ word: "c.example.com" })).toMatchObject({
      profile: null,
      host: "https://c.example.com (flag PROFILE argument)",
    });
    expect(summary({ word: "localhost:8080" }).host).toStartWith("https://localhost:8080 ");
    expect(() => summary({ word: "nope" })).toThrow(
      'no profile "nope" in /home/u/.databrickscfg (it has: ',
    );
    expect(() => summary({ word: "-nope" })).toThrow(
      "databricks auth login --profile=-nope --host",
    );
  });

  test("goes with neither --host nor --profile", () => {
    expect(() => summary({ word: "work", host: "h.example" })).toThrow(
      "cannot be combined with --host",
    );
    expect(() => summary({ word: "work", profile: "work" })).toThrow(
      "cannot be combined with --profile",
    );
  });
});

describe("settings", () => {
  test("an explicit profile beats the environment, which fills the gaps", () => {
    const env = { DATABRICKS_HOST: "env.example.com", DATABRICKS_WORKSPACE_ID: "5" };
    expect(summary({ profile: "b.example.com" }, env)).toMatchObject({
      host: "https://b.example.com (file /home/u/.databrickscfg)",
      workspace: "5 (env DATABRICKS_WORKSPACE_ID)",
    });
  });

  test("otherwise the environment comes first", () => {
    const env = { DATABRICKS_CONFIG_PROFILE: "work", DATABRICKS_ACCOUNT_ID: "acc-2" };
    expect(summary({}, env).account).toBe("acc-2 (env DATABRICKS_ACCOUNT_ID)");
  });

  test("ids in the host's address: flags win over them, they win over the profile", () => {
    expect(summary({ profile: "work" }).workspace).toBe("77 (file /home/u/.databrickscfg)");
    const host = "https://work.example.com/?o=78&account_id=acc-3";
    expect(summary({ profile: "work", host })).toMatchObject({
      account: "acc-3 (flag --host)",
      workspace: "78 (flag --host)",
    });
    expect(summary({ profile: "work", host, workspaceId: "79" }).workspace).toBe(
      "79 (flag --workspace-id)",
    );
  });

  test("workspace_id = none reads as absent", () => {
    expect(
      summary({ profile: "w" }, {}, config("[w]\nhost = h.example\nworkspace_id = none\n"))
        .workspace,
    ).toBeUndefined();
  });

  test("a host beside a profile with another host names both", () => {
    expect(() => summary({ profile: "work", host: "b.example.com" })).toThrow(
      '--host https://b.example.com contradicts profile "work", whose host is https://work.example.com',
    );
    expect(summary({ profile: "work", host: "https://WORK.example.com/" }).profile).not.toBeNull();
  });
});

test("profilesForHost finds logins of the host, account and workspace", () => {
  const file = config(`
[a]
host = https://h.example
[b]
host = h.example
workspace_id = 1
auth_type = databricks-cli
[c]
host = h.example
workspace_id = 2
[pat]
host = h.example
token = t
[pat-and-login]
host = h.example
token = t
auth_type = databricks-cli
[other]
host = o.example
`);
  expect(profilesForHost(file, { host: "https://h.example" })).toEqual([
    "a",
    "b",
    "c",
    "pat-and-login",
  ]);
  expect(profilesForHost(file, { host: "https://h.example", workspaceId: "1" })).toEqual([
    "a",
    "b",
    "pat-and-login",
  ]);
  expect(profilesForHost(file, { host: "https://x.example" })).toEqual([]);
});

test("placeOf takes the ids of the host's URL before the profile's own", () => {
  const of = (settings: Record<string, string>) => placeOf(new Map(Object.entries(settings)));
  expect(of({ host: "H.example/?o=1&a=acc", account_id: "other", workspace_id: "2" })).toEqual({
    host: "https://h.example",
    accountId: "acc",
    workspaceId: "1",
  });
  expect(of({ host: "h.example", account_id: "acc", workspace_id: "none" })).toEqual({
    host: "https://h.example",
    accountId: "acc",
  });
  expect(of({ host: "no host" })).toBeNull();
  expect(of({ account_id: "acc" })).toBeNull();
});

test.each<[settings: Record<string, string>, expected: boolean]>([
  [{}, true],
  [{ auth_type: "databricks-cli", token: "t" }, true],
  [{ auth_type: "pat" }, false],
  [{ auth_type: "of-the-future" }, false],
  [{ token: "t" }, false],
  [{ token: "" }, true],
  [{ client_id: "id" }, true],
  [{ client_id: "id", client_secret: "s" }, false],
  [{ metadata_service_url: "http://localhost" }, false],
  [{ token: "t", username: "u", password: "p" }, false],
  [{ host: "adb-1.2.azuredatabricks.net", azure_workspace_resource_id: "/x" }, false],
])("isPersonLogin of %j: %p", (settings, expected) => {
  expect(isPersonLogin(new Map(Object.entries({ host: "h.example", ...settings })))).toBe(expected);
});

test("a host that cannot be read is named with the place it stands in", () => {
  const file = config("[bad]\nhost = no host\n");
  expect(() => resolve({ profile: "bad" }, {}, file)).toThrow(`${file.path}: "no host" is not`);
  expect(() => resolve({}, { DATABRICKS_HOST: "no host" }, file)).toThrow(
    'DATABRICKS_HOST: "no host" is not a host',
  );
  expect(() => resolve({ host: "no host" }, {}, file)).toThrow(/^"no host" is not a host/);
});
