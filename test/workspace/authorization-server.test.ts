import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import {
  askedOfCallback,
  authorizeLink,
  type Changes,
  getCode,
  postToken,
  redeem,
  refresh,
  statusOfMe,
} from "./login-client.ts";
import { startWorkspace } from "./server.ts";

const workspace = await startWorkspace({ controls: { hostMetadata: "account" } });
const issuer = `${workspace.url}/oidc`;
const accountIssuer = `${issuer}/accounts/${workspace.control.accountId}`;

beforeEach(workspace.reset);
afterAll(workspace.stop);

describe("authorize", () => {
  test("approves at once, with the state and without an issuer", async () => {
    const asked = await askedOfCallback(authorizeLink(issuer));
    expect([...asked.keys()].sort()).toEqual(["code", "state"]);
    expect(asked.get("state")).toBe("state-1");
  });

  test.each<[string, Changes]>([
    ["another client", { client_id: "somebody" }],
    ["no client", { client_id: null }],
    ["no redirect", { redirect_uri: null }],
    ["127.0.0.1 for localhost", { redirect_uri: "http://127.0.0.1:8020" }],
    ["a path", { redirect_uri: "http://localhost:8020/callback" }],
    ["a trailing slash", { redirect_uri: "http://localhost:8020/" }],
    ["a port below the range", { redirect_uri: "http://localhost:8019" }],
    ["a port above the range", { redirect_uri: "http://localhost:8041" }],
    ["another host", { redirect_uri: "https://example.com" }],
  ])("redirects nowhere for %s", async (_, changes) => {
    const response = await fetch(authorizeLink(issuer, changes), { redirect: "manual" });
    expect([response.status, response.headers.get("location")]).toEqual([400, null]);
  });

  test("redirects nowhere for a parameter given twice", async () => {
    const link = `${authorizeLink(issuer)}&state=state-2`;
    expect((await fetch(link, { redirect: "manual" })).status).toBe(400);
  });

  test.each<[string, Changes, string]>([
    ["another response type", { response_type: "token" }, "unsupported_response_type"],
    ["no state", { state: null }, "invalid_request"],
    ["no challenge", { code_challenge: null }, "invalid_request"],
    ["a challenge that is no SHA-256", { code_challenge: "short" }, "invalid_request"],
    ["the plain method", { code_challenge_method: "plain" }, "invalid_request"],
    ["no method", { code_challenge_method: null }, "invalid_request"],
    ["no offline_access", { scope: "all-apis" }, "invalid_scope"],
  ])("tells the callback of %s", async (_, changes, error) => {
    const asked = await askedOfCallback(authorizeLink(issuer, changes));
    expect([asked.get("error"), asked.get("code")]).toEqual([error, null]);
  });

  test("takes a further callback port when told", async () => {
    workspace.control.callbackPorts = [9999];
    const link = authorizeLink(issuer, { redirect_uri: "http://localhost:9999" });
    expect((await askedOfCallback(link)).has("code")).toBe(true);
  });

  test("denies, with markup in the reason", async () => {
    workspace.control.authorize = "deny";
    const asked = await askedOfCallback(authorizeLink(issuer));
    expect(asked.get("error")).toBe("access_denied");
    expect(asked.get("error_description")).toContain("<script>");
    expect(asked.get("state")).toBe("state-1");
    expect(asked.has("code")).toBe(false);
  });

  test.each([
    ["wrong-state", "of-someone-else"],
    ["no-state", null],
  ] as const)("sends a code with %s", async (behaviour, state) => {
    workspace.control.authorize = behaviour;
    const asked = await askedOfCallback(authorizeLink(issuer));
    expect(asked.has("code")).toBe(true);
    expect(asked.get("state")).toBe(state);
  });

  test("shows a page whose links approve and deny", async () => {
    workspace.control.authorize = "page";
    const page = await (await fetch(authorizeLink(issuer))).text();
    const links = [...page.matchAll(/href="([^"]+)"/g)].map(([, link = ""]) =>
      link.replaceAll("&amp;", "&"),
    );
    const [approve = "", deny = ""] = links;
    expect((await askedOfCallback(approve)).has("code")).toBe(true);
    expect((await askedOfCallback(deny)).get("error")).toBe("access_denied");
  });

  test.each([
    ["always", issuer],
    ["never", null],
    ["discovery", null],
    ["wrong", "https://issuer.example.com/oidc"],
  ] as const)("issuer parameter: %s", async (behaviour, expected) => {
    workspace.control.issuer = behaviour;
    expect((await askedOfCallback(authorizeLink(issuer))).get("iss")).toBe(expected);
  });

  test("knows its account and no other", async () => {
    expect((await askedOfCallback(authorizeLink(accountIssuer))).has("code")).toBe(true);
    const other = authorizeLink(`${issuer}/accounts/someone-else`);
    expect((await fetch(other, { redirect: "manual" })).status).toBe(404);
  });

  test("knows no account where the host is a workspace", async () => {
    workspace.control.hostMetadata = "workspace";
    const link = authorizeLink(accountIssuer);
    expect((await fetch(link, { redirect: "manual" })).status).toBe(404);
  });
});

describe("discovery", () => {
  const discoveryLink = (destination: string) =>
    `${workspace.url}/?destination_url=${encodeURIComponent(destination)}`;

  test("leads to the workspace, which says who it is", async () => {
    workspace.control.discoveredOrigin = `http://localhost:${workspace.port}`;
    const link = discoveryLink(authorizeLink("/oidc"));
    const hop = await fetch(link, { redirect: "manual" });
    const asked = await askedOfCallback(hop.headers.get("location") ?? "");
    expect(asked.get("iss")).toBe(`http://localhost:${workspace.port}/oidc`);
    expect((await redeem(asked.get("iss") ?? "", asked.get("code") ?? "")).status).toBe(200);
  });

  test.each(["https://example.com/oidc/v1/authorize?", "//example.com", "/elsewhere"])(
    "redirects nowhere for %s",
    async (destination) => {
      const response = await fetch(discoveryLink(destination), { redirect: "manual" });
      expect([response.status, response.headers.get("location")]).toEqual([400, null]);
    },
  );
});

describe("redeeming a code", () => {
  test("gives tokens that work", async () => {
    const tokens = await redeem(issuer, await getCode(issuer));
    expect(tokens).toMatchObject({ status: 200, token_type: "Bearer", expires_in: 3600 });
    expect(tokens.scope).toBe("all-apis offline_access");
    expect(await statusOfMe(workspace.url, tokens.access_token)).toBe(200);
    expect((await refresh(issuer, tokens.refresh_token)).status).toBe(200);
  });

  test("works once: a replay fails and revokes what the code gave", async () => {
    const code = await getCode(issuer);
    const tokens = await redeem(issuer, code);
    expect(await redeem(issuer, code)).toMatchObject({ status: 400, error: "invalid_grant" });
    expect(await statusOfMe(workspace.url, tokens.access_token)).toBe(401);
    expect((await refresh(issuer, tokens.refresh_token)).error).toBe("invalid_grant");
  });

  test("a wrong verifier fails, and the code is gone", async () => {
    const code = await getCode(issuer);
    const other = "another-verifier-of-at-least-43-characters-long";
    expect((await redeem(issuer, code, { code_verifier: other })).error).toBe("invalid_grant");
    expect((await redeem(issuer, code)).error).toBe("invalid_grant");
  });

  test.each<[string, Changes, number, string]>([
    ["another redirect", { redirect_uri: "http://localhost:8021" }, 400, "invalid_grant"],
    ["no redirect", { redirect_uri: null }, 400, "invalid_request"],
    ["no verifier", { code_verifier: null }, 400, "invalid_request"],
    ["a short verifier", { code_verifier: "short" }, 400, "invalid_request"],
    ["an unknown code", { code: "code-0" }, 400, "invalid_grant"],
    ["another client", { client_id: "somebody" }, 401, "invalid_client"],
    ["a client secret", { client_secret: "none-is-needed" }, 401, "invalid_client"],
    ["another grant type", { grant_type: "password" }, 400, "unsupported_grant_type"],
  ])("refuses %s", async (_, changes, status, error) => {
    expect(await redeem(issuer, await getCode(issuer), changes)).toMatchObject({ status, error });
  });

  test("refuses a code that has expired", async () => {
    workspace.control.codeLifetimeSeconds = 0;
    const answer = await redeem(issuer, await getCode(issuer));
    expect(answer.error_description).toContain("expired");
  });

  test("refuses a code of another issuer", async () => {
    const code = await getCode(issuer);
    expect((await redeem(accountIssuer, code)).error).toBe("invalid_grant");
  });
});

describe("the form of a token request", () => {
  test("only POST", async () => {
    expect((await fetch(`${issuer}/v1/token`)).status).toBe(405);
  });

  test("only form-encoded", async () => {
    const { refresh_token } = workspace.issueToken();
    const form = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: "databricks-cli",
      refresh_token: refresh_token ?? "",
    });
    const asJson = { "content-type": "application/json" };
    expect((await postToken(issuer, form, asJson)).error).toBe("invalid_request");
    const withCharset = { "content-type": "application/x-www-form-urlencoded;charset=UTF-8" };
    expect((await postToken(issuer, form, withCharset)).status).toBe(200);
  });

  test("no parameter in the address, none twice, no Authorization header", async () => {
    const { refresh_token = "" } = workspace.issueToken();
    const fields = { grant_type: "refresh_token", client_id: "databricks-cli", refresh_token };
    const inAddress = await fetch(`${issuer}/v1/token?client_id=databricks-cli`, {
      method: "POST",
      body: new URLSearchParams(fields),
    });
    expect(inAddress.status).toBe(400);
    const twice = new URLSearchParams(fields);
    twice.append("client_id", "databricks-cli");
    expect((await postToken(issuer, twice)).error_description).toContain("twice");
    const basic = { authorization: `Basic ${btoa("databricks-cli:")}` };
    const refused = await postToken(issuer, new URLSearchParams(fields), basic);
    expect(refused.error).toBe("invalid_client");
    expect((await postToken(issuer, new URLSearchParams(fields))).status).toBe(200);
  });
});

describe("refreshing", () => {
  test("rotates: the new refresh token works, and the old access token too", async () => {
    const first = workspace.issueToken();
    const second = await refresh(issuer, first.refresh_token);
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect((await refresh(issuer, second.refresh_token)).status).toBe(200);
    expect(await statusOfMe(workspace.url, first.access_token)).toBe(200);
  });

  test("reuse of an old refresh token revokes the whole login", async () => {
    const first = workspace.issueToken();
    const bystander = workspace.issueToken();
    const second = await refresh(issuer, first.refresh_token);
    expect((await refresh(issuer, first.refresh_token)).error).toBe("invalid_grant");
    expect((await refresh(issuer, second.refresh_token)).error).toBe("invalid_grant");
    expect(await statusOfMe(workspace.url, second.access_token)).toBe(401);
    expect((await refresh(issuer, bystander.refresh_token)).status).toBe(200);
  });

  test("keep: the same one again", async () => {
    workspace.control.refreshTokens = "keep";
    const { refresh_token } = workspace.issueToken();
    expect((await refresh(issuer, refresh_token)).refresh_token).toBe(refresh_token);
    expect((await refresh(issuer, refresh_token)).status).toBe(200);
  });

  test("omit: none in the answer, the old one stays good", async () => {
    workspace.control.refreshTokens = "omit";
    const { refresh_token } = workspace.issueToken();
    expect(await refresh(issuer, refresh_token)).not.toHaveProperty("refresh_token");
    expect((await refresh(issuer, refresh_token)).status).toBe(200);
    expect(await redeem(issuer, await getCode(issuer))).not.toHaveProperty("refresh_token");
  });

  test("refuses a wider scope and takes a narrower one", async () => {
    const { refresh_token } = workspace.issueToken();
    expect((await refresh(issuer, refresh_token, { scope: "root" })).error).toBe("invalid_scope");
    expect((await refresh(issuer, refresh_token, { scope: "all-apis" })).status).toBe(200);
  });

  test("refuses an unknown, a missing and a foreign token", async () => {
    expect((await refresh(issuer, "refresh-0")).error).toBe("invalid_grant");
    expect((await refresh(issuer, undefined)).error).toBe("invalid_request");
    const { refresh_token } = workspace.issueToken({ accountId: workspace.control.accountId });
    expect((await refresh(issuer, refresh_token)).error).toBe("invalid_grant");
    expect((await refresh(accountIssuer, refresh_token)).status).toBe(200);
  });

  test("refuses an expired refresh token", async () => {
    workspace.control.refreshLifetimeSeconds = 0;
    const { refresh_token } = workspace.issueToken();
    expect((await refresh(issuer, refresh_token)).error_description).toContain("expired");
  });

  test("refuses after a revocation", async () => {
    const { refresh_token } = workspace.issueToken();
    workspace.revokeAll();
    expect((await refresh(issuer, refresh_token)).error).toBe("invalid_grant");
  });
});

describe("what a token answer says", () => {
  test.each([
    ["number", 120],
    ["string", "120"],
    ["omit", undefined],
  ] as const)("expires_in: %s", async (form, expected) => {
    workspace.control.expiresIn = form;
    workspace.control.accessLifetimeSeconds = 120;
    const { refresh_token } = workspace.issueToken();
    expect((await refresh(issuer, refresh_token)).expires_in).toBe(expected);
  });

  test("an access token ends when it says", async () => {
    workspace.control.accessLifetimeSeconds = 1;
    const tokens = await redeem(issuer, await getCode(issuer));
    expect(await statusOfMe(workspace.url, tokens.access_token)).toBe(200);
    await Bun.sleep(1050);
    expect(await statusOfMe(workspace.url, tokens.access_token)).toBe(401);
  });
});

describe("machine logins", () => {
  const client = { client_id: "machine-1", client_secret: "machine-secret-1" };
  const form = { grant_type: "client_credentials", scope: "all-apis" };

  test("by Basic header and by form, without a refresh token", async () => {
    workspace.control.machineClients = [client];
    const authorization = `Basic ${btoa(`${client.client_id}:${client.client_secret}`)}`;
    const byHeader = await postToken(issuer, new URLSearchParams(form), { authorization });
    expect(await statusOfMe(workspace.url, byHeader.access_token)).toBe(200);
    const byForm = await postToken(issuer, new URLSearchParams({ ...form, ...client }));
    expect(byForm).not.toHaveProperty("refresh_token");
    expect(byForm.status).toBe(200);
  });

  test("no unknown client, no wrong secret", async () => {
    const unknown = new URLSearchParams({ ...form, ...client });
    expect((await postToken(issuer, unknown)).error).toBe("invalid_client");
    workspace.control.machineClients = [client];
    unknown.set("client_secret", "another");
    expect((await postToken(issuer, unknown)).error).toBe("invalid_client");
  });
});

test("metadata names the endpoints of its own issuer", async () => {
  for (const own of [issuer, accountIssuer]) {
    const response = await fetch(`${own}/.well-known/oauth-authorization-server`);
    expect(await response.json()).toMatchObject({
      issuer: own,
      authorization_endpoint: `${own}/v1/authorize`,
      token_endpoint: `${own}/v1/token`,
      code_challenge_methods_supported: ["S256"],
      authorization_response_iss_parameter_supported: false,
    });
  }
});
