import { afterEach, describe, expect, test } from "bun:test";
import { UserError } from "../../src/errors.ts";
import { fixedServer } from "../../src/oauth/discovery.ts";
import { createHttp } from "../../src/oauth/http.ts";
import { refresh, TokenRefused, TokenRejected } from "../../src/oauth/token.ts";
import type { Token } from "../../src/storage/store.ts";
import { startWorkspace, type Workspace, type WorkspaceOptions } from "../workspace/server.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const notes: string[] = [];
const http = createHttp({ fetch, env: {}, userAgent: "test/1", debug: (note) => notes.push(note) });
const now = () => 1_800_000_000_000;

async function workspaceWith(controls: NonNullable<WorkspaceOptions["controls"]> = {}) {
  const workspace = await startWorkspace({ controls });
  cleanups.push(workspace.stop);
  return workspace;
}

const seed = (workspace: Workspace) => workspace.issueToken().refresh_token ?? "";

function refreshAt(
  workspace: Workspace,
  refreshToken: string,
  signal?: AbortSignal,
): Promise<Token> {
  const server = fixedServer(`${workspace.url}/oidc`);
  return refresh({ http, server, refreshToken, now, signal });
}

/** Refreshes at a workspace with a fault, and gives the error and the token that was sent. */
async function failureAt(controls: NonNullable<WorkspaceOptions["controls"]>) {
  const workspace = await workspaceWith(controls);
  const refreshToken = seed(workspace);
  const failure = await refreshAt(workspace, refreshToken).then(
    () => new Error("it worked"),
    (error: Error) => error,
  );
  return { failure, refreshToken, workspace };
}

describe("a refresh", () => {
  test("brings a new token, whose lifetime counts from when it was asked for", async () => {
    const workspace = await workspaceWith({ accessLifetimeSeconds: 600 });
    const refreshToken = seed(workspace);
    const token = await refreshAt(workspace, refreshToken);
    expect(token).toEqual({
      access_token: expect.stringMatching(/^access-/),
      refresh_token: expect.stringMatching(/^refresh-/),
      token_type: "Bearer",
      expires_in: 600,
      expiry: now() + 600_000,
      scope: "all-apis offline_access",
    });
    expect(token.refresh_token).not.toBe(refreshToken);
    const [request] = workspace.requests;
    expect(request?.formNames.sort()).toEqual(["client_id", "grant_type", "refresh_token"]);
    expect(request?.queryNames).toEqual([]);
  });

  test("keeps the refresh token where the server sends none", async () => {
    const workspace = await workspaceWith({ refreshTokens: "omit" });
    const refreshToken = seed(workspace);
    expect((await refreshAt(workspace, refreshToken)).refresh_token).toBe(refreshToken);
  });

  test("takes a lifetime in digits", async () => {
    const workspace = await workspaceWith({ expiresIn: "string", accessLifetimeSeconds: 600 });
    expect((await refreshAt(workspace, seed(workspace))).expiry).toBe(now() + 600_000);
  });

  test("does without a lifetime", async () => {
    const workspace = await workspaceWith({ expiresIn: "omit" });
    const token = await refreshAt(workspace, seed(workspace));
    expect(token.expires_in).toBeUndefined();
    expect(token.expiry).toBe(now() + 3_600_000);
  });

  test.each(["bearer", "BEARER"])("takes %s for Bearer", async (type) => {
    const workspace = await workspaceWith({
      faults: { token: { kind: "rewrite", set: { token_type: type } } },
    });
    expect((await refreshAt(workspace, seed(workspace))).token_type).toBe("Bearer");
  });

  test("ends with the reason of who aborts it", async () => {
    const workspace = await workspaceWith({ faults: { token: { kind: "never" } } });
    const reason = new Error("stop");
    const abort = new AbortController();
    setTimeout(() => abort.abort(reason), 50);
    const failure = refreshAt(workspace, seed(workspace), abort.signal);
    expect(await failure.catch((error: unknown) => error)).toBe(reason);
  });
});

describe("a refresh token is dead", () => {
  test.each([
    ["invalid_grant", 400],
    ["invalid_grant", 401],
    ["invalid_request", 400],
    ["invalid_request", 401],
  ])("after %s with %d", async (error, status) => {
    const { failure } = await failureAt({
      faults: { token: { kind: "oauth-error", error, status } },
    });
    expect(failure).toBeInstanceOf(TokenRejected);
  });

  test("when the login was revoked", async () => {
    const workspace = await workspaceWith();
    const refreshToken = seed(workspace);
    workspace.revokeAll();
    const failure = await refreshAt(workspace, refreshToken).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(TokenRejected);
  });
});

describe("a refresh token may live on", () => {
  const refusals: [string, number][] = [
    ["invalid_client", 401],
    ["unauthorized_client", 400],
    ["invalid_scope", 400],
    ["temporarily_unavailable", 400],
    ["slow_down", 429],
  ];
  test.each(refusals)("after %s with %d", async (error, status) => {
    const { failure } = await failureAt({
      faults: { token: { kind: "oauth-error", error, status } },
    });
    expect(failure).toBeInstanceOf(TokenRefused);
    expect(failure).not.toBeInstanceOf(TokenRejected);
    expect(failure.message).toContain(`refused the token request: ${error}: injected`);
  });

  const answers: [string, NonNullable<WorkspaceOptions["controls"]>["faults"] & {}, string][] = [
    ["500", { token: { kind: "status", status: 500 } }, "the token request with 500"],
    ["429", { token: { kind: "status", status: 429 } }, "the token request with 429"],
    ["a gateway's page", { token: { kind: "html", status: 502 } }, "502 with an HTML page"],
    ["a page for a token", { token: { kind: "html", status: 200 } }, "200 with an HTML page"],
    [
      "invalid_grant in a 500",
      { token: { kind: "oauth-error", error: "invalid_grant", status: 500 } },
      "the token request with 500",
    ],
    ["nothing", { token: { kind: "empty" } }, "no token that can be used"],
    ["half of the JSON", { token: { kind: "truncated" } }, "no token that can be used"],
    ["half of the body", { token: { kind: "cut-mid-body" } }, "the connection was cut"],
    ["a cut", { token: { kind: "cut-before-headers" } }, "the connection was cut"],
    ["the wrong type", { token: { kind: "wrong-content-type" } }, "200 with text/plain"],
    ["2 MB", { token: { kind: "large-json" } }, "sent more than 1024 KiB"],
    ["a redirect", { token: { kind: "redirect" } }, "with a redirect"],
    ...Object.entries({
      "no access token": { remove: ["access_token"] },
      "no type": { remove: ["token_type"] },
      "an empty access token": { set: { access_token: "" } },
      "an access token that is a number": { set: { access_token: 7 } },
      "an access token of two lines": { set: { access_token: "access-1\r\nx: y" } },
      "a refresh token with a control sign": { set: { refresh_token: "refresh\u0007" } },
      "a refresh token that is null": { set: { refresh_token: null } },
      "another type": { set: { token_type: "mac" } },
      "a proof-bound type": { set: { token_type: "DPoP" } },
      "a lifetime below zero": { set: { expires_in: -1 } },
      "a lifetime in words": { set: { expires_in: "soon" } },
      "a lifetime past all dates": { set: { expires_in: 1e15 } },
    }).map(([name, change]): [string, object, string] => [
      name,
      { token: { kind: "rewrite", ...change } },
      "no token that can be used",
    ]),
  ];
  test.each(answers)("after %s", async (_name, faults, message) => {
    const { failure, workspace } = await failureAt({ faults });
    expect(failure).toBeInstanceOf(UserError);
    expect(failure).not.toBeInstanceOf(TokenRejected);
    expect(failure.message).toStartWith(`127.0.0.1:${workspace.port}`);
    expect(failure.message).toContain(message);
  });
});

test("what was sent and what came is in no error and no note, even where the server repeats it", async () => {
  notes.length = 0;
  const workspace = await workspaceWith();
  const refreshToken = seed(workspace);
  workspace.control.faults = {
    token: {
      kind: "oauth-error",
      error: "invalid_scope",
      description: `cannot use ${refreshToken} \u001b[2J`,
    },
  };
  const failure = await refreshAt(workspace, refreshToken).catch((error: unknown) => error);
  const shown = Bun.inspect(failure);
  expect(shown).toContain("invalid_scope: cannot use *** [2J");
  expect(shown).not.toContain(refreshToken);

  workspace.control.faults = { token: { kind: "rewrite", set: { expires_in: "soon" } } };
  const unusable = await refreshAt(workspace, refreshToken).catch((error: unknown) => error);
  expect(Bun.inspect(unusable)).not.toMatch(/(access|refresh)-\d/);
  expect(notes.length).toBe(2);
  expect(notes.join()).not.toMatch(/(access|refresh)-\d/);
});
