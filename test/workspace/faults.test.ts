import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { fingerprint } from "./answer.ts";
import type { Fault } from "./faults.ts";
import { refresh } from "./login-client.ts";
import { startWorkspace } from "./server.ts";

const workspace = await startWorkspace();
const issuer = `${workspace.url}/oidc`;

beforeEach(workspace.reset);
afterAll(workspace.stop);

/** Sends a refresh into the fault; the refresh token tells afterwards whether it took effect. */
async function refreshInto(fault: Fault, init: RequestInit = {}) {
  const { refresh_token = "" } = workspace.issueToken();
  workspace.control.faults = { token: { times: 1, ...fault } };
  const body = new URLSearchParams({
    grant_type: "refresh_token",
    client_id: "databricks-cli",
    refresh_token,
  });
  const outcome = fetch(`${issuer}/v1/token`, { method: "POST", body, ...init }).then(
    async (response) => ({
      status: response.status,
      type: response.headers.get("content-type"),
      headers: response.headers,
      text: await response.text(),
    }),
  );
  return { outcome, refreshToken: refresh_token };
}

async function stillGood(refreshToken: string): Promise<boolean> {
  return (await refresh(issuer, refreshToken)).status === 200;
}

describe("in place of the answer: the request has no effect", () => {
  test("status, with Retry-After", async () => {
    const { outcome, refreshToken } = await refreshInto({
      kind: "status",
      status: 429,
      retryAfter: 7,
    });
    const { status, headers } = await outcome;
    expect([status, headers.get("retry-after")]).toEqual([429, "7"]);
    expect(await stillGood(refreshToken)).toBe(true);
  });

  test.each([200, 500])("html with %d", async (status) => {
    const { outcome, refreshToken } = await refreshInto({ kind: "html", status });
    expect(await outcome).toMatchObject({ status, type: "text/html" });
    expect(await stillGood(refreshToken)).toBe(true);
  });

  test("oauth-error", async () => {
    const { outcome, refreshToken } = await refreshInto({
      kind: "oauth-error",
      error: "invalid_grant",
    });
    const { status, text } = await outcome;
    expect(status).toBe(400);
    expect(JSON.parse(text)).toEqual({ error: "invalid_grant", error_description: "injected" });
    expect(await stillGood(refreshToken)).toBe(true);
  });

  test("empty", async () => {
    const { outcome, refreshToken } = await refreshInto({ kind: "empty" });
    expect(await outcome).toMatchObject({ status: 200, text: "" });
    expect(await stillGood(refreshToken)).toBe(true);
  });

  test("redirect: whoever follows it is found in the log", async () => {
    const { outcome, refreshToken } = await refreshInto({ kind: "redirect" });
    expect((await outcome).status).toBe(404);
    const astray = workspace.requests.filter((request) => request.path === "/elsewhere");
    expect(astray.map((request) => request.credential)).toEqual([fingerprint(refreshToken)]);
    const other = await refreshInto({ kind: "redirect" }, { redirect: "manual" });
    const { status, headers } = await other.outcome;
    expect([status, headers.get("location")]).toEqual([307, "/elsewhere"]);
  });

  test("never: no answer, until the client gives up", async () => {
    const { outcome, refreshToken } = await refreshInto(
      { kind: "never" },
      { signal: AbortSignal.timeout(200) },
    );
    expect(await outcome.catch((error) => error.name)).toBe("TimeoutError");
    expect(await stillGood(refreshToken)).toBe(true);
  });

  test("cut-before-headers", async () => {
    const { outcome, refreshToken } = await refreshInto({ kind: "cut-before-headers" });
    expect(await outcome.catch((error) => error.code)).toBe("ECONNRESET");
    expect(await stillGood(refreshToken)).toBe(true);
  });
});

describe("spoilt answers: the request has taken effect", () => {
  test("cut-before-headers, processed", async () => {
    const { outcome, refreshToken } = await refreshInto({
      kind: "cut-before-headers",
      processed: true,
    });
    expect(await outcome.catch((error) => error.code)).toBe("ECONNRESET");
    expect(await stillGood(refreshToken)).toBe(false);
  });

  test("cut-mid-body", async () => {
    const { outcome, refreshToken } = await refreshInto({ kind: "cut-mid-body" });
    expect(await outcome.catch((error) => error.code)).toBe("ECONNRESET");
    expect(await stillGood(refreshToken)).toBe(false);
  });

  test("truncated", async () => {
    const { outcome, refreshToken } = await refreshInto({ kind: "truncated" });
    const { status, text } = await outcome;
    expect(status).toBe(200);
    expect(text).toStartWith('{"access_token"');
    expect(() => JSON.parse(text)).toThrow();
    expect(await stillGood(refreshToken)).toBe(false);
  });

  test("wrong-content-type", async () => {
    const { outcome } = await refreshInto({ kind: "wrong-content-type" });
    const { type, text } = await outcome;
    expect(type).toBe("text/plain");
    expect(JSON.parse(text)).toHaveProperty("access_token");
  });

  test("large-json", async () => {
    const { outcome } = await refreshInto({ kind: "large-json" });
    const { text } = await outcome;
    expect(text.length).toBeGreaterThan(2 * 1024 * 1024);
    expect(JSON.parse(text)).toHaveProperty("access_token");
  });

  test("slow-drip", async () => {
    const started = performance.now();
    const { outcome } = await refreshInto({ kind: "slow-drip", millisecondsPerByte: 1 });
    const { text } = await outcome;
    expect(JSON.parse(text)).toHaveProperty("access_token");
    expect(performance.now() - started).toBeGreaterThan(text.length);
  });

  test("rewrite", async () => {
    const { outcome } = await refreshInto({
      kind: "rewrite",
      set: { token_type: "mac" },
      remove: ["access_token"],
    });
    const value = JSON.parse((await outcome).text);
    expect(value).toHaveProperty("token_type", "mac");
    expect(value).not.toHaveProperty("access_token");
    expect(value).toHaveProperty("refresh_token");
  });
});

describe("when and where", () => {
  const statuses = async (count: number) => {
    const seen: number[] = [];
    for (let i = 0; i < count; i += 1) {
      seen.push((await fetch(`${workspace.url}/.well-known/databricks-config`)).status);
    }
    return seen;
  };

  test("a number of times, at its endpoint only", async () => {
    const fault: Fault = { kind: "status", status: 503, times: 2 };
    workspace.control.faults = { "databricks-config": fault };
    expect((await fetch(`${issuer}/.well-known/oauth-authorization-server`)).status).toBe(200);
    expect(await statuses(3)).toEqual([503, 503, 200]);
    expect(fault.times).toBe(2);
  });

  test("always, until it is taken away", async () => {
    workspace.control.faults = { "databricks-config": { kind: "status", status: 500 } };
    expect(await statuses(3)).toEqual([500, 500, 500]);
    workspace.control.faults = {};
    expect(await statuses(1)).toEqual([200]);
  });

  test("a delay is kept", async () => {
    workspace.control.delayMs = { "databricks-config": 150 };
    const started = performance.now();
    await statuses(1);
    expect(performance.now() - started).toBeGreaterThanOrEqual(149);
    const [record] = workspace.requests;
    expect((record?.ended ?? 0) - (record?.started ?? 0)).toBeGreaterThanOrEqual(149);
  });

  test("a client that hangs up during the delay was never heard", async () => {
    workspace.control.delayMs = { token: 200 };
    const { refresh_token = "" } = workspace.issueToken();
    const body = new URLSearchParams({
      grant_type: "refresh_token",
      client_id: "databricks-cli",
      refresh_token,
    });
    const signal = AbortSignal.timeout(50);
    const gaveUp = fetch(`${issuer}/v1/token`, { method: "POST", body, signal });
    expect(await gaveUp.catch((error) => error.name)).toBe("TimeoutError");
    await Bun.sleep(250);
    expect(workspace.requests.map((request) => request.status)).toEqual([null]);
    expect(await stillGood(refresh_token)).toBe(true);
  });
});
