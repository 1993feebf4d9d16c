import { afterEach, describe, expect, test } from "bun:test";
import { UserError } from "../../src/errors.ts";
import {
  askTarget,
  DEFAULT_DISCOVERY_HOST,
  discoveredServer,
  fetchHostMetadata,
  findServer,
  type HostMetadata,
  type HostTarget,
  hostKeyOf,
  loginTarget,
  targetOfKey,
} from "../../src/oauth/discovery.ts";
import { createHttp } from "../../src/oauth/http.ts";
import { startWorkspace, type WorkspaceOptions } from "../workspace/server.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const http = createHttp({ fetch, env: {}, userAgent: "test/1", debug: () => {} });

async function workspaceWith(controls: NonNullable<WorkspaceOptions["controls"]> = {}) {
  const workspace = await startWorkspace({ controls });
  cleanups.push(workspace.stop);
  return workspace;
}

/** A host that describes its OAuth server as given; `{host}` stands for its own address. */
function hostThatSays(body: Record<string, unknown>): string {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ url }) => {
      const text = JSON.stringify(body).replaceAll("{host}", new URL(url).origin);
      return new Response(text, { headers: { "content-type": "application/json" } });
    },
  });
  cleanups.push(() => server.stop(true));
  return `http://127.0.0.1:${server.port}`;
}

const metadata = (fields: Partial<HostMetadata>): HostMetadata => ({
  oidcEndpoint: undefined,
  accountId: undefined,
  workspaceId: undefined,
  cloud: undefined,
  ...fields,
});

describe("host metadata", () => {
  test("keeps the digits of a 64-bit workspace id", async () => {
    const { url, control } = await workspaceWith();
    expect(await fetchHostMetadata(http, url)).toEqual({
      oidcEndpoint: `${url}/oidc`,
      accountId: control.accountId,
      workspaceId: "6051921418418893123",
      cloud: "aws",
    });
  });

  test("reads an integer as it reads a string, and skips what is neither", async () => {
    const host = hostThatSays({ workspace_id: 12, account_id: "", cloud: null, oidc_endpoint: [] });
    expect(await fetchHostMetadata(http, host)).toEqual(metadata({ workspaceId: "12" }));
  });

  test("is null where there is none", async () => {
    const { url } = await workspaceWith({ hostMetadata: "absent" });
    expect(await fetchHostMetadata(http, url)).toBeNull();
  });

  test.each([
    { kind: "html", status: 200 },
    { kind: "status", status: 403 },
    { kind: "empty" },
    { kind: "truncated" },
    { kind: "redirect" },
    { kind: "large-json" },
  ] as const)("is null after $kind", async (fault) => {
    const { url } = await workspaceWith({ faults: { "databricks-config": fault } });
    expect(await fetchHostMetadata(http, url)).toBeNull();
  });

  test.each([
    { kind: "status", status: 429 },
    { kind: "html", status: 503 },
    { kind: "cut-before-headers" },
    { kind: "cut-mid-body" },
  ] as const)("is not known after $kind $status", async (fault) => {
    const { url } = await workspaceWith({ faults: { "databricks-config": fault } });
    const { unasked, ...said } = (await fetchHostMetadata(http, url)) ?? {};
    expect(unasked?.message).toStartWith(`${url} could not be asked where it signs people in: `);
    expect(said).toEqual(metadata({}));
  });

  test("is not waited for longer than 5 s", async () => {
    const { url } = await workspaceWith({ faults: { "databricks-config": { kind: "never" } } });
    const startedAt = performance.now();
    expect((await fetchHostMetadata(http, url))?.unasked).toBeInstanceOf(UserError);
    expect(performance.now() - startedAt).toBeWithin(4900, 6000);
  }, 10_000);

  test("gives way to who aborts", async () => {
    const { url } = await workspaceWith({ faults: { "databricks-config": { kind: "never" } } });
    const reason = new UserError("too late");
    const failure = fetchHostMetadata(http, url, AbortSignal.abort(reason));
    expect(await failure.catch((error: unknown) => error)).toBe(reason);
  });

  test("an account console is not asked", async () => {
    const host = "https://accounts.nowhere.invalid";
    const never: typeof http = async (url) => {
      throw new Error(`asked ${url}`);
    };
    expect(await fetchHostMetadata(never, host)).toBeNull();
  });
});

describe("loginTarget", () => {
  const host = "https://example.com";
  const accounts = "https://accounts.example.com";
  const scoped = { oidcEndpoint: `${host}/oidc/accounts/{account_id}` };
  const rows: [string, string | undefined, HostMetadata | null, HostTarget][] = [
    [host, undefined, null, { kind: "workspace", host }],
    [host, "a1", null, { kind: "workspace", host }],
    [host, "a1", metadata({ oidcEndpoint: `${host}/oidc` }), { kind: "workspace", host }],
    [host, undefined, metadata(scoped), { kind: "workspace", host }],
    [host, "a1", metadata(scoped), { kind: "unified", host, accountId: "a1" }],
    [
      host,
      undefined,
      metadata({ ...scoped, accountId: "a2" }),
      { kind: "unified", host, accountId: "a2" },
    ],
    [
      host,
      "a1",
      metadata({ ...scoped, accountId: "a2" }),
      { kind: "unified", host, accountId: "a1" },
    ],
    [accounts, "a1", null, { kind: "account", host: accounts, accountId: "a1" }],
    [
      "https://accounts-dod.example.com",
      "a1",
      null,
      { kind: "account", host: "https://accounts-dod.example.com", accountId: "a1" },
    ],
  ];
  test.each(rows)("%s with account %p (%#)", (from, accountId, said, target) => {
    expect(loginTarget(from, accountId, said)).toEqual(target);
  });

  test.each([
    { kind: "workspace", host },
    { kind: "unified", host, accountId: "a1" },
    { kind: "account", host: accounts, accountId: "a1" },
  ] as const)("the key of a login tells: $kind", (target) => {
    expect(targetOfKey(target.host, "a1", hostKeyOf(target))).toEqual(target);
  });

  test("without an account id, a key is a workspace's", () => {
    expect(targetOfKey(host, undefined, host)).toEqual({ kind: "workspace", host });
  });

  test("an account console without an account names the flag", () => {
    expect(() => loginTarget(accounts, undefined, null)).toThrow("--account-id");
  });

  test("an account id that would leave its place in the path is refused, the host's own too", () => {
    expect(() => loginTarget(accounts, "../../x", null)).toThrow(UserError);
    expect(() => loginTarget(host, undefined, metadata({ ...scoped, accountId: "a/b" }))).toThrow(
      UserError,
    );
  });

  test("the key in the file cache is the host's, or the account's at the host", () => {
    expect(hostKeyOf({ kind: "workspace", host })).toBe(host);
    expect(hostKeyOf({ kind: "unified", host, accountId: "a1" })).toBe(`${host}/oidc/accounts/a1`);
    expect(hostKeyOf({ kind: "account", host, accountId: "a1" })).toBe(`${host}/oidc/accounts/a1`);
  });
});

describe("askTarget", () => {
  const unasked = new UserError("not now");

  test("a host that has been asked is not asked for its servers", async () => {
    const { url, control, requests } = await workspaceWith({ hostMetadata: "account" });
    for (const said of [null, metadata({})]) {
      const target = await askTarget(http, url, control.accountId, said);
      expect(target).toEqual({ kind: "workspace", host: url });
    }
    expect(requests).toEqual([]);
  });

  test("nor is one where no account is named", async () => {
    const { url, requests } = await workspaceWith({ hostMetadata: "account" });
    const target = await askTarget(http, url, undefined, metadata({ unasked }));
    expect(target).toEqual({ kind: "workspace", host: url });
    expect(requests).toEqual([]);
  });

  test("the account's server tells by being there", async () => {
    const { url, control } = await workspaceWith({ hostMetadata: "account" });
    const { accountId } = control;
    const target = await askTarget(http, url, accountId, metadata({ unasked }));
    expect(target).toEqual({ kind: "unified", host: url, accountId });
  });

  test.each([
    ["is not there", {}],
    ["is a page", { faults: { metadata: { kind: "html", status: 200 } } }],
    [
      "is another's",
      {
        hostMetadata: "account",
        faults: { metadata: { kind: "rewrite", set: { issuer: "https://x.example.com" } } },
      },
    ],
  ] as const)("a host whose account's server %s is a workspace", async (_name, controls) => {
    const { url, control } = await workspaceWith(controls);
    const target = await askTarget(http, url, control.accountId, metadata({ unasked }));
    expect(target).toEqual({ kind: "workspace", host: url });
  });

  test.each([
    { kind: "status", status: 503 },
    { kind: "status", status: 429 },
    { kind: "cut-before-headers" },
    { kind: "cut-mid-body" },
  ] as const)("it is not guessed after $kind $status", async (fault) => {
    const { url, control } = await workspaceWith({
      hostMetadata: "account",
      faults: { metadata: fault },
    });
    const asking = askTarget(http, url, control.accountId, metadata({ unasked }));
    expect(await asking.catch((error: unknown) => error)).toBe(unasked);
  });

  test("gives way to who aborts", async () => {
    const { url, control } = await workspaceWith({ faults: { metadata: { kind: "never" } } });
    const reason = new UserError("too late");
    const signal = AbortSignal.abort(reason);
    const asking = askTarget(http, url, control.accountId, metadata({ unasked }), signal);
    expect(await asking.catch((error: unknown) => error)).toBe(reason);
  });
});

describe("findServer", () => {
  test("asks a workspace", async () => {
    const { url } = await workspaceWith({ issuer: "always" });
    expect(await findServer(http, { kind: "workspace", host: url })).toEqual({
      issuer: `${url}/oidc`,
      authorization_endpoint: `${url}/oidc/v1/authorize`,
      token_endpoint: `${url}/oidc/v1/token`,
      authorization_response_iss_parameter_supported: true,
    });
  });

  test("asks a unified host for the account's server", async () => {
    const { url, control } = await workspaceWith({ hostMetadata: "account" });
    const { accountId } = control;
    const server = await findServer(http, { kind: "unified", host: url, accountId });
    expect(server.issuer).toBe(`${url}/oidc/accounts/${accountId}`);
    expect(server.token_endpoint).toBe(`${url}/oidc/accounts/${accountId}/v1/token`);
  });

  test("knows an account console's without asking", async () => {
    const { port, requests, control } = await workspaceWith();
    const { accountId } = control;
    const host = `http://accounts.localhost:${port}`;
    const server = await findServer(http, { kind: "account", host, accountId });
    expect(server.authorization_endpoint).toBe(`${host}/oidc/accounts/${accountId}/v1/authorize`);
    expect(server.token_endpoint).toBe(`${host}/oidc/accounts/${accountId}/v1/token`);
    expect(requests).toEqual([]);
  });

  const own = {
    issuer: "{host}/oidc",
    authorization_endpoint: "{host}/oidc/v1/authorize",
    token_endpoint: "{host}/oidc/v1/token",
  };

  test("takes a host that leaves its issuer out, as both endpoints are at the host itself", async () => {
    const host = hostThatSays({ ...own, issuer: undefined });
    expect((await findServer(http, { kind: "workspace", host })).issuer).toBe(`${host}/oidc`);
  });

  test.each([
    ["the issuer of another host", { issuer: "https://example.com/oidc" }, "another issuer"],
    ["the issuer of another path", { issuer: "{host}/oidc/accounts/a1" }, "another issuer"],
    ["an issuer that is no text", { issuer: 7 }, "another issuer"],
    [
      "someone else's sign-in page",
      { authorization_endpoint: "https://example.com/oidc/v1/authorize" },
      "authorization_endpoint at another host, https://example.com",
    ],
    [
      "someone else's token endpoint",
      { token_endpoint: "https://example.com/oidc/v1/token" },
      "token_endpoint at another host, https://example.com",
    ],
    [
      "a token endpoint at another port",
      { token_endpoint: "http://127.0.0.1:1/oidc/v1/token" },
      "token_endpoint at another host, http://127.0.0.1:1",
    ],
    ["no token endpoint", { token_endpoint: undefined }, "names no token_endpoint"],
    ["a script for a page", { authorization_endpoint: "javascript:alert(1)" }, "at another host"],
  ])("refuses %s", async (_name, change, message) => {
    const host = hostThatSays({ ...own, ...change });
    const failure = await findServer(http, { kind: "workspace", host }).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(UserError);
    expect((failure as Error).message).toContain(message);
  });

  test.each([
    { fault: { kind: "status", status: 404 }, message: "404; is this a Databricks host?" },
    { fault: { kind: "status", status: 503 }, message: /503[^;]*$/ },
    { fault: { kind: "status", status: 429 }, message: /429[^;]*$/ },
    {
      fault: { kind: "html", status: 200 },
      message: "200 with an HTML page where JSON was due; is this a Databricks host?",
    },
    { fault: { kind: "truncated" }, message: "where JSON was due" },
    { fault: { kind: "cut-mid-body" }, message: "the connection was cut" },
    { fault: { kind: "redirect" }, message: "redirect" },
    { fault: { kind: "large-json" }, message: "sent more than 1024 KiB" },
  ] as const)("says what was wrong with $fault.kind", async ({ fault, message }) => {
    const { url } = await workspaceWith({ faults: { metadata: fault } });
    const failure = await findServer(http, { kind: "workspace", host: url }).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(UserError);
    expect((failure as Error).message).toMatch(message);
  });
});

describe("discoveredServer", () => {
  const from = DEFAULT_DISCOVERY_HOST;

  test.each([
    ["https://dbc-1.cloud.databricks.com/oidc", from],
    ["https://adb-1.2.azuredatabricks.net/oidc", from],
    ["https://adb-1.2.databricks.azure.cn/oidc", from],
    ["https://example.gcp.databricks.com/oidc", from],
    ["https://workspace.example.com/oidc", "https://login.example.com"],
    ["http://127.0.0.1:8080/oidc", "http://localhost:8080"],
  ])("%s after %s", (iss, discoveryHost) => {
    const { server, target } = discoveredServer(iss, discoveryHost);
    expect(server.issuer).toBe(iss);
    expect(server.token_endpoint).toBe(`${iss}/v1/token`);
    expect(target).toEqual({ kind: "workspace", host: new URL(iss).origin });
  });

  test("an account's issuer makes it a unified or account login", () => {
    const at = (host: string) => discoveredServer(`https://${host}/oidc/accounts/a1`, from).target;
    expect(at("one.databricks.com").kind).toBe("unified");
    expect(at("accounts.cloud.databricks.com")).toEqual({
      kind: "account",
      host: "https://accounts.cloud.databricks.com",
      accountId: "a1",
    });
  });

  test.each([
    ["nothing", null, from],
    ["an empty one", "", from],
    ["no address", "workspace", from],
    ["a query", "https://dbc-1.cloud.databricks.com/oidc?a=b", from],
    ["a fragment", "https://dbc-1.cloud.databricks.com/oidc#a", from],
    ["a password", "https://a:b@dbc-1.cloud.databricks.com/oidc", from],
    ["plain HTTP", "http://dbc-1.cloud.databricks.com/oidc", from],
    ["a strange host", "https://example.com/oidc", from],
    ["a name that ends alike", "https://evildatabricks.com/oidc", from],
    ["a name that begins alike", "https://dbc-1.cloud.databricks.com.example.com/oidc", from],
    ["this machine", "http://localhost:8080/oidc", from],
    ["this machine, from another host", "http://localhost:8080/oidc", "https://login.example.com"],
  ])("refuses %s", (_name, iss, discoveryHost) => {
    expect(() => discoveredServer(iss, discoveryHost)).toThrow(UserError);
  });
});
