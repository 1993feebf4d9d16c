import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { authorizeLink, statusOfMe } from "./login-client.ts";
import { startWorkspace } from "./server.ts";

const root = join(import.meta.dir, "..", "..");
/** It has no signals, and starts no shell scripts. */
const onWindows = process.platform === "win32";

describe("started by itself", () => {
  const child = Bun.spawn([process.execPath, "test/workspace/main.ts"], {
    cwd: root,
    stdout: "pipe",
    stderr: "ignore",
  });
  let url: string;

  beforeAll(async () => {
    const { value } = await child.stdout.getReader().read();
    url = new TextDecoder().decode(value).split("\n")[0] ?? "";
  });

  beforeEach(async () => {
    await call("POST", "reset");
  });

  afterAll(async () => {
    child.kill();
    const exitCode = await child.exited;
    if (!onWindows) expect(exitCode).toBe(0);
  });

  async function call(method: string, action: string, body?: object) {
    const response = await fetch(`${url}/_workspace/${action}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, value: await response.json() };
  }

  test("its switches are set over HTTP", async () => {
    expect((await call("POST", "control", { cloud: "azure" })).value).toHaveProperty(
      "cloud",
      "azure",
    );
    const metadata = await fetch(`${url}/.well-known/databricks-config`);
    expect(await metadata.json()).toHaveProperty("cloud", "azure");
    expect((await call("GET", "control")).value).toHaveProperty("cloud", "azure");
  });

  test("what it cannot take, it refuses", async () => {
    expect(await call("POST", "control", { clowd: "azure" })).toEqual({
      status: 400,
      value: { message: "no such control: clowd" },
    });
    expect((await call("POST", "control", [])).status).toBe(400);
    expect((await call("POST", "issue", { expiresin: 5 })).value).toEqual({
      message: "no such option: expiresin",
    });
    expect((await call("POST", "issue", { expiresIn: "5" })).status).toBe(400);
    expect((await call("POST", "contrl")).status).toBe(404);
  });

  test("it issues entries as the stores write them, and ends them", async () => {
    const { value: token } = await call("POST", "issue", { expiresIn: 60 });
    expect(token).toEqual({
      access_token: expect.stringMatching(/^access-/),
      token_type: "Bearer",
      refresh_token: expect.stringMatching(/^refresh-/),
      expiry: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      expires_in: 3600,
    });
    expect(Date.parse(token.expiry) - Date.now()).toBeLessThanOrEqual(60_000);
    expect(await statusOfMe(url, token.access_token)).toBe(200);
    await call("POST", "expire");
    expect(await statusOfMe(url, token.access_token)).toBe(401);
    const { value: other } = await call("POST", "issue", { refreshable: false });
    expect(other).not.toHaveProperty("refresh_token");
    await call("POST", "revoke");
    expect(await statusOfMe(url, other.access_token)).toBe(401);
  });

  test("its log leaves out the switches themselves", async () => {
    await fetch(`${url}/.well-known/databricks-config`);
    const { value } = await call("GET", "requests");
    expect(value).toHaveLength(1);
    expect(value[0]).toMatchObject({ endpoint: "databricks-config", status: 200 });
  });
});

describe("the browser program", () => {
  /** What the callback was asked while a login's link was open in the browser. */
  async function open(manner: string | undefined, viaProxy = false) {
    const workspace = await startWorkspace();
    const asked: URLSearchParams[] = [];
    const listener = Bun.serve({
      hostname: "localhost",
      port: 0,
      fetch(request) {
        asked.push(new URL(request.url).searchParams);
        return new Response("done");
      },
    });
    workspace.control.callbackPorts = [listener.port ?? 0];
    const origin = viaProxy ? "http://accounts.localhost:1" : workspace.url;
    const path = viaProxy ? `/oidc/accounts/${workspace.control.accountId}` : "/oidc";
    const link = authorizeLink(origin + path, {
      redirect_uri: `http://localhost:${listener.port}`,
    });
    const program = join(import.meta.dir, onWindows ? "browser.ts" : "browser");
    const browser = Bun.spawn([...(onWindows ? [process.execPath] : []), program, link], {
      env: {
        WORKSPACE_BUN: process.execPath,
        ...(manner === undefined ? {} : { WORKSPACE_BROWSER: manner }),
        ...(viaProxy ? { HTTP_PROXY: workspace.url } : {}),
        PATH: process.env["PATH"],
      },
      stderr: "pipe",
    });
    const code = await browser.exited;
    await Promise.all([workspace.stop(), listener.stop(true)]);
    return { code, asked, stderr: await new Response(browser.stderr).text() };
  }

  test("follows the link to the callback", async () => {
    const { code, asked } = await open(undefined);
    expect(code).toBe(0);
    expect(asked.map((query) => [query.has("code"), query.get("state")])).toEqual([
      [true, "state-1"],
    ]);
  });

  test("asks a proxy for all but the callback", async () => {
    const { asked } = await open("approve", true);
    expect(asked.map((query) => query.has("code"))).toEqual([true]);
  });

  test("denies", async () => {
    const { asked } = await open("deny");
    expect(asked.map((query) => [query.get("error"), query.get("state")])).toEqual([
      ["access_denied", "state-1"],
    ]);
  });

  test("ignores", async () => {
    expect(await open("ignore")).toMatchObject({ code: 0, asked: [] });
  });

  test("takes its time", async () => {
    const started = performance.now();
    const { asked } = await open("slow");
    expect(asked.map((query) => query.has("code"))).toEqual([true]);
    expect(performance.now() - started).toBeGreaterThan(2000);
  });

  test("refuses a manner that it does not know", async () => {
    const { code, asked, stderr } = await open("aprove");
    expect([code, asked]).toEqual([1, []]);
    expect(stderr).toContain("WORKSPACE_BROWSER");
  });
});
