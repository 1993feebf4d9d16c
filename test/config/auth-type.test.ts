import { describe, expect, test } from "bun:test";
import { ATTRIBUTES } from "../../src/config/attributes.ts";
import { authTypeOf, hasCredentials, isUsedBy } from "../../src/config/auth-type.ts";
import { cloudOfHost } from "../../src/config/cloud.ts";
import type { Setting, SourceType } from "../../src/config/resolve.ts";

const AZURE_HOST = "https://adb-1.2.azuredatabricks.net";
const GOOGLE_HOST = "https://1.2.gcp.databricks.com";
const GITHUB = { actions_id_token_request_url: "u", actions_id_token_request_token: "t" };
const SECRET = { azure_client_id: "1", azure_client_secret: "s", azure_tenant_id: "2" };

function settings(values: Record<string, string>, type: SourceType = "file") {
  return Object.entries(values).map(([key, value]): [string, Setting] => [
    key,
    { value, source: { type, name: type } },
  ]);
}

const typeOf = (...entries: [string, Setting][]) =>
  authTypeOf({ profile: null, settings: new Map(entries) });

describe("what settings mean", () => {
  const cases: [expected: string, values: Record<string, string>][] = [
    ["databricks-cli", {}],
    ["databricks-cli", { host: "https://h.example" }],
    ["pat", { token: "t" }],
    ["basic", { username: "u", password: "p" }],
    ["databricks-cli", { username: "u" }],
    ["oauth-m2m", { client_id: "i", client_secret: "s" }],
    ["databricks-cli", { client_id: "i" }],
    ["metadata-service", { metadata_service_url: "u" }],
    ["github-oidc", { client_id: "i", ...GITHUB }],
    ["oauth-m2m", { client_id: "i", client_secret: "s", ...GITHUB }],
    ["env-oidc", { oidc_token_env: "NAME" }],
    ["file-oidc", { databricks_id_token_filepath: "/f" }],
    ["azure-cli", { azure_workspace_resource_id: "r" }],
    ["azure-client-secret", { host: AZURE_HOST, ...SECRET }],
    ["azure-client-secret", { azure_workspace_resource_id: "r", ...SECRET }],
    ["databricks-cli", { host: GOOGLE_HOST, ...SECRET }],
    ["azure-msi", { host: AZURE_HOST, azure_use_msi: "true" }],
    ["databricks-cli", { host: AZURE_HOST, azure_use_msi: "false" }],
    [
      "github-oidc-azure",
      { host: AZURE_HOST, azure_client_id: "1", azure_tenant_id: "2", ...GITHUB },
    ],
    ["google-credentials", { host: GOOGLE_HOST, google_credentials: "c" }],
    ["google-id", { host: GOOGLE_HOST, google_service_account: "a" }],
    ["databricks-cli", { host: AZURE_HOST, google_credentials: "c" }],
    ["databricks-cli", { auth_type: "databricks-cli", token: "t" }],
    ["basic", { auth_type: "basic", token: "t", username: "u", password: "p" }],
    ["azure-devops-oidc", { auth_type: "azure-devops-oidc" }],
  ];
  test.each(cases)("%s: %j", (expected, values) => {
    expect<string>(typeOf(...settings(values))).toBe(expected);
  });

  test("an unknown name is an error that lists the known ones", () => {
    expect(() => typeOf(...settings({ auth_type: "PAT" }))).toThrow(
      /^auth_type: "PAT" is not known \(want one of pat, basic, /,
    );
  });

  test("several ways of different families exclude each other", () => {
    const both = settings({ token: "t", username: "u", password: "p" });
    expect(() => typeOf(...both)).toThrow(
      "more than one way to authenticate is configured (pat, basic); name one of them with auth_type",
    );
  });
});

describe("credentials of the environment beside those of a profile", () => {
  const inFile = settings({ client_id: "i", client_secret: "s" }, "file");
  const inEnv = settings({ token: "t" }, "env");
  const profile = (type: SourceType) => ({ value: "p", source: { type, name: "--profile" } });

  test.each([
    ["env", "pat"],
    ["file", "pat"],
    ["flag", "oauth-m2m"],
  ] as const)("a profile named by %s: %s", (source, expected) => {
    const subject = { profile: profile(source), settings: new Map([...inFile, ...inEnv]) };
    expect<string>(authTypeOf(subject)).toBe(expected);
  });

  test("fill the gaps of a profile that was typed", () => {
    const host = settings({ host: "https://h.example" }, "file");
    const subject = { profile: profile("flag"), settings: new Map([...host, ...inEnv]) };
    expect(authTypeOf(subject)).toBe("pat");
  });
});

test("a host alone is no credentials; a named way is", () => {
  expect(hasCredentials(new Map(settings({ host: "https://h.example" })))).toBe(false);
  expect(hasCredentials(new Map(settings({ token: "t" })))).toBe(true);
  expect(hasCredentials(new Map(settings({ auth_type: "databricks-cli" })))).toBe(true);
});

test("settings are told apart by the ways that look at them", () => {
  expect(isUsedBy("token", "pat")).toBe(true);
  expect(isUsedBy("token", "databricks-cli")).toBe(false);
  expect(isUsedBy("client_id", "file-oidc")).toBe(true);
  expect(isUsedBy("cluster_id", "pat")).toBe(true);
});

test("no key and no variable is listed twice", () => {
  const names = ATTRIBUTES.flatMap(({ key, env }) => (env ? [key, env] : [key]));
  expect(new Set(names).size).toBe(names.length);
});

test.each([
  ["https://x.cloud.databricks.com", "aws"],
  ["https://accounts.cloud.databricks.us", "aws"],
  ["https://adb-1.2.azuredatabricks.net", "azure"],
  ["https://accounts.azuredatabricks.net", "azure"],
  ["https://adb-1.2.databricks.azure.cn:8443", "azure"],
  ["https://1.2.gcp.databricks.com", "gcp"],
  ["https://azuredatabricks.net.example.com", undefined],
  ["https://notazuredatabricks.net", undefined],
  ["http://127.0.0.1:8080", undefined],
])("the cloud of %s: %s", (host, cloud) => {
  expect<string | undefined>(cloudOfHost(host)).toBe(cloud);
});
