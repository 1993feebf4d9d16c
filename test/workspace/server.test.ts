import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { fingerprint } from "./answer.ts";
import { getCode, redeem, refresh, statusOfMe } from "./login-client.ts";
import { startWorkspace } from "./server.ts";

const workspace = await startWorkspace({ controls: { cloud: "gcp" } });
const issuer = `${workspace.url}/oidc`;

beforeEach(workspace.reset);
afterAll(workspace.stop);

describe("the request log", () => {
  test("tells who asked what, by which grant, and what came of it", async () => {
    const { refresh_token = "" } = workspace.issueToken();
    await refresh(issuer, refresh_token, { scope: "all-apis" });
    const [record] = workspace.requests;
    expect(record).toEqual({
      started: expect.any(Number),
      ended: expect.any(Number),
      method: "POST",
      origin: workspace.url,
      path: "/oidc/v1/token",
      proxied: false,
      endpoint: "token",
      grant: "refresh_token",
      scope: "all-apis",
      queryNames: [],
      formNames: ["grant_type", "client_id", "refresh_token", "scope"],
      credential: fingerprint(refresh_token),
      status: 200,
    });
    expect(workspace.count("refresh_token")).toBe(1);
    expect(workspace.count("authorization_code")).toBe(0);
  });

  test("holds no secret", async () => {
    const code = await getCode(issuer);
    const tokens = await redeem(issuer, code);
    await statusOfMe(workspace.url, tokens.access_token);
    await refresh(issuer, tokens.refresh_token);
    const log = JSON.stringify(workspace.requests);
    expect(workspace.requests).toHaveLength(4);
    expect(log).not.toMatch(/(access|refresh|code)-\d/);
    expect(log).not.toContain("a-verifier");
  });
});

test("reset goes back to the switches it was started with", async () => {
  const { refresh_token } = workspace.issueToken();
  workspace.control.cloud = "azure";
  workspace.control.delayMs = { token: 1 };
  await refresh(issuer, "refresh-0");
  workspace.reset();
  expect([workspace.control.cloud, workspace.control.delayMs]).toEqual(["gcp", {}]);
  expect(workspace.requests).toEqual([]);
  expect((await refresh(issuer, refresh_token)).error).toBe("invalid_grant");
});

test("stopping cuts what hangs and frees the port", async () => {
  const short = await startWorkspace({
    controls: { delayMs: { metadata: 60_000 }, faults: { me: { kind: "never" } } },
  });
  const failureOf = (path: string) => fetch(short.url + path).catch((error) => error.code);
  const delayed = failureOf("/oidc/.well-known/oauth-authorization-server");
  const hanging = failureOf("/api/2.0/preview/scim/v2/Me");
  while (short.requests.length < 2) await Bun.sleep(5);
  await short.stop();
  expect([await delayed, await hanging]).toEqual(["ECONNRESET", "ECONNRESET"]);
  const again = await startWorkspace({ port: short.port });
  expect(again.url).toBe(short.url);
  await again.stop();
});

describe("as a proxy", () => {
  test("answers for the host that was asked, and says so in the log", async () => {
    const link = "http://accounts.localhost:1/.well-known/databricks-config";
    const response = await fetch(link, { proxy: workspace.url });
    expect(response.status).toBe(200);
    expect(workspace.requests[0]).toMatchObject({
      origin: "http://accounts.localhost:1",
      proxied: true,
    });
  });

  test.skipIf(Bun.which("openssl") === null)("CONNECT leads to its HTTPS side", async () => {
    const secure = await startWorkspace({ tls: { names: ["accounts.example.com"] } });
    const ca = await Bun.file(secure.tls?.certificateFile ?? "").text();
    const path = "/.well-known/databricks-config";
    const direct = await fetch(secure.tls?.url + path, { tls: { ca } });
    expect(await direct.json()).toMatchObject({ oidc_endpoint: `${secure.tls?.url}/oidc` });
    const tunnelled = await fetch(`https://accounts.example.com${path}`, {
      proxy: secure.url,
      tls: { ca },
    });
    expect(await tunnelled.json()).toMatchObject({
      oidc_endpoint: "https://accounts.example.com/oidc/accounts/{account_id}",
    });
    const untrusted = fetch(`https://other.example.com${path}`, { proxy: secure.url, tls: { ca } });
    expect(await untrusted.catch((error) => error.code)).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
    const connects = secure.requests.filter((request) => request.method === "CONNECT");
    expect(connects.map((request) => request.origin)).toEqual([
      "accounts.example.com:443",
      "other.example.com:443",
    ]);
    await secure.stop();
    expect(await Bun.file(secure.tls?.certificateFile ?? "").exists()).toBe(false);
  });
});

test("many at once are all served", async () => {
  workspace.control.delayMs = { token: 50 };
  const tokens = Array.from({ length: 100 }, () => workspace.issueToken());
  const answers = await Promise.all(
    tokens.map(({ refresh_token }) => refresh(issuer, refresh_token)),
  );
  expect(answers.filter(({ status }) => status === 200)).toHaveLength(100);
});
