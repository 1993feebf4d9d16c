import { afterEach, describe, expect, test } from "bun:test";
import { UserError } from "../../src/errors.ts";
import { introspect, listClusters, listWorkspaces, whoAmI } from "../../src/oauth/account.ts";
import { ApiError, createHttp } from "../../src/oauth/http.ts";
import { startWorkspace, type WorkspaceOptions } from "../workspace/server.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const http = createHttp({ fetch, env: {}, userAgent: "test/1", debug: () => {} });

async function start(controls: NonNullable<WorkspaceOptions["controls"]> = {}) {
  const workspace = await startWorkspace({ controls });
  cleanups.push(workspace.stop);
  const authorization = `Bearer ${workspace.issueToken().access_token}`;
  return { workspace, caller: { http, host: workspace.url, authorization } };
}

test("who a token is for", async () => {
  const { caller } = await start();
  expect(await whoAmI(caller)).toBe("ada@example.com");
});

test("who a personal access token or a password is for", async () => {
  const { caller } = await start({
    personalAccessTokens: ["pat-1"],
    basicLogins: [{ username: "ada", password: "pass-1" }],
  });
  const basic = `Basic ${Buffer.from("ada:pass-1").toString("base64")}`;
  for (const authorization of ["Bearer pat-1", basic]) {
    expect(await whoAmI({ ...caller, authorization })).toBe("ada@example.com");
  }
});

test("a token that is refused is an error with its status", async () => {
  const { caller, workspace } = await start();
  workspace.expireAll();
  const failure = await whoAmI(caller).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ApiError);
  expect(failure).toMatchObject({ status: 401 });
  expect((failure as Error).message).toStartWith(`127.0.0.1:${workspace.port} answered 401: `);
});

test("the workspace is named to a host that serves several", async () => {
  const sent: (string | undefined)[] = [];
  const answering: typeof http = async (_url, request) => {
    sent.push(request?.headers?.["x-databricks-org-id"]);
    return Response.json({ userName: "ada" });
  };
  const caller = { http: answering, host: "https://h.example", authorization: "Bearer access-1" };
  await whoAmI({ ...caller, workspaceId: "7" });
  await whoAmI(caller);
  expect(sent).toEqual(["7", undefined]);
});

test("account and workspace of a token, all digits kept", async () => {
  const { caller, workspace } = await start({ workspaceId: "9223372036854775807" });
  expect(await introspect(caller)).toEqual({
    accountId: workspace.control.accountId,
    workspaceId: "9223372036854775807",
  });
});

test("the workspaces of an account, by name, all digits kept", async () => {
  const { workspace } = await start({ hostMetadata: "account" });
  const { accountId } = workspace.control;
  const authorization = `Bearer ${workspace.issueToken({ accountId }).access_token}`;
  const caller = { http, host: workspace.url, authorization };
  expect(await listWorkspaces(caller, accountId)).toEqual([
    { id: "6051921418418893123", name: "Analytics" },
    { id: "9007199254740993", name: "Staging" },
  ]);
});

describe("clusters", () => {
  test("are listed over all pages", async () => {
    const { caller, workspace } = await start({ clusterPageSize: 1 });
    expect(await listClusters(caller)).toEqual([
      { id: "0101-120000-alpha1", name: "Shared", state: "RUNNING", source: "UI" },
      { id: "0101-120000-bravo2", name: "Nightly", state: "TERMINATED", source: "JOB" },
      { id: "0101-120000-carol3", name: "Small", state: "TERMINATED", source: "API" },
    ]);
    expect(workspace.requests).toHaveLength(3);
  });

  test("may be none", async () => {
    const { caller } = await start({ clusters: [] });
    expect(await listClusters(caller)).toEqual([]);
  });

  test("pages that lead in a circle end", async () => {
    const { caller, workspace } = await start();
    workspace.control.faults = { clusters: { kind: "rewrite", set: { next_page_token: "0" } } };
    const failure = await listClusters(caller).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(UserError);
    expect((failure as Error).message).toContain("unknown form");
    expect(workspace.requests).toHaveLength(2);
  });
});

test.each([
  ["me", whoAmI, { remove: ["userName"] }],
  ["me", whoAmI, { set: { userName: {} } }],
  ["introspect", introspect, { remove: ["principal_context"] }],
  ["introspect", introspect, { set: { principal_context: { authentication_scope: [] } } }],
  ["clusters", listClusters, { set: { clusters: {} } }],
  ["clusters", listClusters, { set: { clusters: [{ cluster_id: "c1" }] } }],
] as const)(
  "%s in an unknown form is an error that names the host (%#)",
  async (endpoint, call, change) => {
    const { caller, workspace } = await start({
      faults: { [endpoint]: { kind: "rewrite", ...structuredClone(change) } },
    });
    const failure = await call(caller).catch((error: unknown) => error);
    expect((failure as Error).message).toBe(
      `127.0.0.1:${workspace.port} answered in an unknown form`,
    );
  },
);
