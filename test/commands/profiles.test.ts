import { expect, test } from "bun:test";
import { describeProfile } from "../../src/commands/auth/profiles.ts";
import { type ConfigFile, listProfiles } from "../../src/config/profiles.ts";

function rowOf(section: Record<string, string>, settings: Record<string, string> = {}) {
  const sections = new Map([
    ["p", new Map(Object.entries(section))],
    ["__settings__", new Map(Object.entries(settings))],
  ]);
  const config: ConfigFile = { path: "/cfg", text: "", sections };
  const [profile] = listProfiles(config);
  if (!profile) throw new Error("not a profile");
  return describeProfile(profile, config).row;
}

test.each([
  [{ host: "H.cloud.databricks.com/" }, { host: "https://h.cloud.databricks.com", cloud: "aws" }],
  [
    { host: "https://h.example?o=1&a=2" },
    { host: "https://h.example", workspace_id: "1", account_id: "2", cloud: undefined },
  ],
  [{ host: "h.example", cloud: "AZURE" }, { cloud: "azure" }],
  [{ host: "h.example", workspace_id: "none" }, { workspace_id: undefined }],
  [
    { host: "h.example", token: "t" },
    { auth_type: "pat", valid: null },
  ],
  [{ account_id: "2" }, { host: undefined, account_id: "2", auth_type: "databricks-cli" }],
  [{ host: "https://me:pw@h.example" }, { host: "https://***@h.example", valid: false }],
  [{ host: "http://h.example" }, { host: "http://h.example", valid: false, auth_type: undefined }],
  [
    { host: "h.example", token: "t", username: "u", password: "p" },
    { host: "h.example", valid: false },
  ],
])("%j: %j", (section, expected) => {
  expect(rowOf(section)).toMatchObject(expected);
});

test("the default profile", () => {
  expect(rowOf({ host: "h.example" }, { default_profile: "p" }).default).toBe(true);
  expect(rowOf({ host: "h.example" }, { default_profile: "q" }).default).toBe(false);
  expect(rowOf({ host: "h.example" }).default).toBe(false);
});

test("keys come in one order", () => {
  const all = ["name", "host", "account_id", "workspace_id", "cloud", "auth_type"];
  expect(Object.keys(rowOf({ host: "h.example" }))).toEqual([...all, "valid", "default"]);
});
