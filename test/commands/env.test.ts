import { expect, test } from "bun:test";
import { envOf } from "../../src/commands/auth/env.ts";
import type { AuthType } from "../../src/config/attributes.ts";
import { authTypeOf } from "../../src/config/auth-type.ts";
import { resolve } from "../../src/config/resolve.ts";

const HOST = "https://h.example";
const MACHINE = { client_id: "i", client_secret: "s" };

test.each<[type: AuthType, section: Record<string, string>, env: Record<string, string>]>([
  ["databricks-cli", { token: "t" }, {}],
  ["pat", { token: "t", ...MACHINE }, { DATABRICKS_TOKEN: "t" }],
  [
    "oauth-m2m",
    { ...MACHINE, scopes: "sql" },
    { DATABRICKS_CLIENT_ID: "i", DATABRICKS_CLIENT_SECRET: "s" },
  ],
  [
    "file-oidc",
    { ...MACHINE, databricks_id_token_filepath: "/f" },
    { DATABRICKS_CLIENT_ID: "i", DATABRICKS_OIDC_TOKEN_FILEPATH: "/f" },
  ],
  [
    "pat",
    { token: "t", warehouse_id: "7" },
    { DATABRICKS_TOKEN: "t", DATABRICKS_WAREHOUSE_ID: "7" },
  ],
])("%s of %j: %j", (type, section, env) => {
  const sections = new Map([["p", new Map(Object.entries({ host: HOST, ...section }))]]);
  const resolution = resolve({ profile: "p" }, {}, { path: "/cfg", sections });
  expect(envOf(resolution, type, undefined)).toEqual({
    DATABRICKS_HOST: HOST,
    DATABRICKS_AUTH_TYPE: type,
    DATABRICKS_CONFIG_PROFILE: "p",
    ...env,
  });
});

test("the config file is named with the profile that lies in it", () => {
  const host = resolve({ host: HOST }, {}, { path: "/cfg", sections: new Map() });
  expect(envOf(host, "databricks-cli", "/cfg")).toEqual({
    DATABRICKS_HOST: HOST,
    DATABRICKS_AUTH_TYPE: "databricks-cli",
  });
});

test("a program that is given the variables, and nothing else, comes to the same settings", () => {
  const section = { host: HOST, account_id: "1", azure_tenant_id: "2", ...MACHINE };
  const sections = new Map([["p", new Map(Object.entries(section))]]);
  const config = { path: "/cfg", sections };
  const first = resolve({ profile: "p" }, {}, config);
  const env = envOf(first, authTypeOf(first), undefined);
  const second = resolve({}, env, config);
  expect(second.profile?.value).toBe("p");
  expect(envOf(second, authTypeOf(second), undefined)).toEqual(env);
});
