import { afterAll, beforeEach, expect, test } from "bun:test";
import { statusOfMe } from "./login-client.ts";
import { startWorkspace } from "./server.ts";

const workspace = await startWorkspace();
const { accountId } = workspace.control;
const consoleOrigin = "http://accounts.localhost:1";

beforeEach(workspace.reset);
afterAll(workspace.stop);

function get(path: string, authorization: string): Promise<Response> {
  return fetch(workspace.url + path, { headers: { authorization } });
}

/** Asks the account console, which is there only through the proxy. */
function getOfConsole(path: string, token: string): Promise<Response> {
  const headers = { authorization: `Bearer ${token}` };
  return fetch(consoleOrigin + path, { headers, proxy: workspace.url });
}

test("Me says who it is", async () => {
  const { access_token } = workspace.issueToken();
  const response = await get("/api/2.0/preview/scim/v2/Me", `Bearer ${access_token}`);
  expect(await response.json()).toEqual({
    id: "4711",
    userName: "ada@example.com",
    displayName: "Ada Example",
    active: true,
    emails: [{ value: "ada@example.com", type: "work", primary: true }],
  });
});

test("Me refuses a token that is unknown, expired, revoked or of another origin", async () => {
  expect(await statusOfMe(workspace.url, "access-0")).toBe(401);
  const expired = workspace.issueToken({ expiresIn: -1 });
  expect(await statusOfMe(workspace.url, expired.access_token)).toBe(401);
  const ended = workspace.issueToken();
  workspace.expireAll();
  expect(await statusOfMe(workspace.url, ended.access_token)).toBe(401);
  const revoked = workspace.issueToken();
  workspace.revokeAll();
  expect(await statusOfMe(workspace.url, revoked.access_token)).toBe(401);
  const otherOrigin = `http://localhost:${workspace.port}`;
  const foreign = workspace.issueToken({ origin: otherOrigin });
  expect(await statusOfMe(workspace.url, foreign.access_token)).toBe(401);
  expect(await statusOfMe(otherOrigin, foreign.access_token)).toBe(200);
});

test("Me takes the personal access tokens and passwords it was told of", async () => {
  const basic = `Basic ${btoa("ada:pass:word")}`;
  expect((await get("/api/2.0/preview/scim/v2/Me", "Bearer pat-1")).status).toBe(401);
  expect((await get("/api/2.0/preview/scim/v2/Me", basic)).status).toBe(401);
  workspace.control.personalAccessTokens = ["pat-1"];
  workspace.control.basicLogins = [{ username: "ada", password: "pass:word" }];
  expect((await get("/api/2.0/preview/scim/v2/Me", "Bearer pat-1")).status).toBe(200);
  expect((await get("/api/2.0/preview/scim/v2/Me", basic)).status).toBe(200);
});

test("host metadata: workspace, account, absent", async () => {
  const read = () => fetch(`${workspace.url}/.well-known/databricks-config`);
  expect(await (await read()).json()).toEqual({
    oidc_endpoint: `${workspace.url}/oidc`,
    account_id: accountId,
    workspace_id: "6051921418418893123",
    cloud: "aws",
  });
  workspace.control.hostMetadata = "account";
  expect(await (await read()).json()).toEqual({
    oidc_endpoint: `${workspace.url}/oidc/accounts/{account_id}`,
    account_id: accountId,
    cloud: "aws",
  });
  workspace.control.hostMetadata = "absent";
  expect((await read()).status).toBe(404);
});

test("an account lists its workspaces, their numbers whole, to its own logins", async () => {
  const path = `/api/2.0/accounts/${accountId}/workspaces`;
  const { access_token } = workspace.issueToken({ origin: consoleOrigin, accountId });
  const text = await (await getOfConsole(path, access_token)).text();
  expect(text).toContain('"workspace_id":9007199254740993,');
  expect(JSON.parse(text)[0]).toMatchObject({
    workspace_name: "Analytics",
    deployment_name: "example-analytics",
    workspace_url: "http://example-analytics.localhost:1",
  });
  const other = "/api/2.0/accounts/another/workspaces";
  expect((await getOfConsole(other, access_token)).status).toBe(403);
  const workspaceLogin = workspace.issueToken({ origin: consoleOrigin });
  expect((await getOfConsole(path, workspaceLogin.access_token)).status).toBe(403);
  expect((await getOfConsole(path, "access-0")).status).toBe(401);
});

test("a workspace host lists workspaces only when it is unified", async () => {
  const path = `/api/2.0/accounts/${accountId}/workspaces`;
  const { access_token } = workspace.issueToken({ accountId });
  expect((await get(path, `Bearer ${access_token}`)).status).toBe(404);
  workspace.control.hostMetadata = "account";
  expect((await get(path, `Bearer ${access_token}`)).status).toBe(200);
});

test("an account console has no workspace endpoints", async () => {
  const { access_token } = workspace.issueToken({ origin: consoleOrigin, accountId });
  const missing = ["/api/2.0/preview/scim/v2/Me", "/oidc/.well-known/oauth-authorization-server"];
  for (const path of missing) {
    expect((await getOfConsole(path, access_token)).status).toBe(404);
  }
  const metadata = await getOfConsole("/.well-known/databricks-config", access_token);
  expect(await metadata.json()).toEqual({
    oidc_endpoint: `${consoleOrigin}/oidc/accounts/{account_id}`,
    cloud: "aws",
  });
});

test("introspection gives the account, and the workspace as a whole number", async () => {
  const { access_token } = workspace.issueToken();
  const response = await get("/api/2.0/tokens/introspect", `Bearer ${access_token}`);
  expect(await response.text()).toBe(
    `{"principal_context":{"authentication_scope":{"account_id":"${accountId}","workspace_id":6051921418418893123}}}`,
  );
  expect((await get("/api/2.0/tokens/introspect", "Bearer access-0")).status).toBe(401);
});

test("clusters come in pages", async () => {
  const { access_token } = workspace.issueToken();
  const page = async (query: string) => {
    const response = await get(`/api/2.1/clusters/list${query}`, `Bearer ${access_token}`);
    const body = (await response.json()) as {
      clusters?: { cluster_name: string }[];
      next_page_token?: string;
    };
    return {
      status: response.status,
      names: body.clusters?.map((cluster) => cluster.cluster_name),
      next: body.next_page_token,
    };
  };
  expect(await page("")).toEqual({ status: 200, names: ["Shared", "Nightly"], next: "2" });
  expect(await page("?page_token=2")).toEqual({ status: 200, names: ["Small"], next: undefined });
  expect((await page("?page_size=3")).names).toHaveLength(3);
  expect((await page("?page_token=x")).status).toBe(400);
  expect((await page("?page_size=0")).status).toBe(400);
});
