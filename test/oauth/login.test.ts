import { afterEach, describe, expect, test } from "bun:test";
import { UserError } from "../../src/errors.ts";
import { introspect, whoAmI } from "../../src/oauth/account.ts";
import { CALLBACK_PORTS } from "../../src/oauth/callback.ts";
import type { LoginTarget } from "../../src/oauth/discovery.ts";
import { createHttp } from "../../src/oauth/http.ts";
import { DEFAULT_SCOPES, type LoginOptions, login, SignInRefused } from "../../src/oauth/login.ts";
import { refresh } from "../../src/oauth/token.ts";
import { visit } from "../workspace/browser.ts";
import { startWorkspace, type Workspace, type WorkspaceOptions } from "../workspace/server.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const notes: string[] = [];
const http = createHttp({ fetch, env: {}, userAgent: "test/1", debug: (note) => notes.push(note) });
const now = () => 1_800_000_000_000;

type Controls = NonNullable<WorkspaceOptions["controls"]>;

/** A workspace that takes callbacks at a port that no other test uses. */
async function workspaceWith(
  controls: Controls = {},
): Promise<{ workspace: Workspace; port: number }> {
  const probe = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const port = probe.port ?? 0;
  probe.stop(true);
  const workspace = await startWorkspace({ controls: { callbackPorts: [port], ...controls } });
  cleanups.push(workspace.stop);
  return { workspace, port };
}

interface Attempt {
  result: ReturnType<typeof login>;
  /** The page that the browser ended on; null where it never came. */
  page: Promise<Response | null>;
  link: Promise<URL>;
}

/** Logs in with a browser that does as told, by default what a person would. */
function start(
  target: LoginTarget,
  port: number,
  changes: Partial<LoginOptions> = {},
  browser: (link: string) => Promise<Response | null> = visit,
): Attempt {
  const { promise: page, resolve: setPage, reject } = Promise.withResolvers<Response | null>();
  const { promise: link, resolve: setLink } = Promise.withResolvers<URL>();
  page.catch(() => {});
  const result = login({
    target,
    scopes: DEFAULT_SCOPES,
    ports: [port],
    timeoutMs: 5000,
    http,
    now,
    onAuthorizeUrl(url) {
      setLink(new URL(url));
      browser(url).then(setPage, reject);
    },
    onBusyPorts: () => {},
    ...changes,
  });
  result.catch(() => {});
  return { result, page, link };
}

const failureOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error("it worked"),
    (error: Error) => error,
  );

const workspaceTarget = ({ url }: Workspace): LoginTarget => ({ kind: "workspace", host: url });

describe("a login", () => {
  test("to a workspace brings a token that works and can be refreshed", async () => {
    const { workspace, port } = await workspaceWith({ accessLifetimeSeconds: 600 });
    const { result, page, link } = start(workspaceTarget(workspace), port);
    const { token, target } = await result;
    expect(target).toEqual({ kind: "workspace", host: workspace.url });
    expect(token).toMatchObject({ token_type: "Bearer", expires_in: 600, expiry: now() + 600_000 });
    const authorization = `Bearer ${token.access_token}`;
    expect(await whoAmI({ http, host: workspace.url, authorization })).toBe("ada@example.com");
    const server = {
      issuer: `${workspace.url}/oidc`,
      authorization_endpoint: "",
      token_endpoint: `${workspace.url}/oidc/v1/token`,
      authorization_response_iss_parameter_supported: false,
    };
    const refreshed = await refresh({ http, server, refreshToken: token.refresh_token ?? "", now });
    expect(refreshed.access_token).not.toBe(token.access_token);

    const shown = await page;
    expect(shown?.status).toBe(200);
    expect(await shown?.text()).toContain("You are signed in");
    const query = (await link).searchParams;
    expect(Object.fromEntries(query)).toEqual({
      response_type: "code",
      client_id: "databricks-cli",
      redirect_uri: `http://localhost:${port}`,
      scope: "offline_access all-apis",
      state: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge: expect.stringMatching(/^[\w-]{43}$/),
      code_challenge_method: "S256",
    });
  });

  test("asks for the scopes given, and for offline_access once", async () => {
    const { workspace, port } = await workspaceWith();
    const scopes = ["sql", "offline_access", "files"];
    const { result, link } = start(workspaceTarget(workspace), port, { scopes });
    expect((await result).token.scope).toBe("offline_access sql files");
    expect((await link).searchParams.get("scope")).toBe("offline_access sql files");
  });

  test("is another one each time: state, verifier and challenge are new", async () => {
    const { workspace, port } = await workspaceWith();
    const first = start(workspaceTarget(workspace), port);
    await first.result;
    const second = start(workspaceTarget(workspace), port);
    await second.result;
    const [a, b] = [(await first.link).searchParams, (await second.link).searchParams];
    expect(a.get("state")).not.toBe(b.get("state"));
    expect(a.get("code_challenge")).not.toBe(b.get("code_challenge"));
  });

  test("to a unified host uses the account's server", async () => {
    const { workspace, port } = await workspaceWith({ hostMetadata: "account" });
    const { accountId } = workspace.control;
    const unified: LoginTarget = { kind: "unified", host: workspace.url, accountId };
    const { target, token } = await start(unified, port).result;
    expect(target).toEqual(unified);
    expect(token.refresh_token).toBeString();
    const paths = workspace.requests.map(({ path }) => path);
    expect(paths).toEqual([
      `/oidc/accounts/${accountId}/.well-known/oauth-authorization-server`,
      `/oidc/accounts/${accountId}/v1/authorize`,
      `/oidc/accounts/${accountId}/v1/token`,
    ]);
  });

  test("to an account console asks no metadata", async () => {
    const { workspace, port } = await workspaceWith();
    const { accountId } = workspace.control;
    const host = `http://accounts.localhost:${workspace.port}`;
    const { token } = await start({ kind: "account", host, accountId }, port).result;
    expect(token.access_token).toBeString();
    expect(workspace.requests.map(({ endpoint }) => endpoint)).toEqual(["authorize", "token"]);
  });

  test("without a host learns it from the issuer that answers", async () => {
    const { workspace, port } = await workspaceWith();
    const picked = `http://localhost:${workspace.port}`;
    workspace.control.discoveredOrigin = picked;
    const discovery: LoginTarget = { kind: "discovery", discoveryHost: workspace.url };
    const { result, link } = start(discovery, port);
    const { target, token } = await result;
    expect(target).toEqual({ kind: "workspace", host: picked });
    const destination = (await link).searchParams.get("destination_url") ?? "";
    expect(destination).toStartWith(
      "/oidc/v1/authorize?response_type=code&client_id=databricks-cli&",
    );
    const tokenRequest = workspace.requests.find(({ endpoint }) => endpoint === "token");
    expect(tokenRequest?.origin).toBe(picked);
    const authorization = `Bearer ${token.access_token}`;
    expect(await introspect({ http, host: picked, authorization })).toEqual({
      accountId: workspace.control.accountId,
      workspaceId: "6051921418418893123",
    });
  });

  test("takes the issuer where the server names it, as RFC 9207 wants", async () => {
    const { workspace, port } = await workspaceWith({ issuer: "always" });
    expect((await start(workspaceTarget(workspace), port).result).token.access_token).toBeString();
  });
});

describe("what the browser brings", () => {
  test("a refusal ends the login, and its markup is shown as text", async () => {
    const { workspace, port } = await workspaceWith({ authorize: "deny" });
    const { result, page } = start(workspaceTarget(workspace), port);
    const failure = await failureOf(result);
    expect(failure).toBeInstanceOf(SignInRefused);
    expect(failure).toMatchObject({ error: "access_denied" });
    const said = 'access_denied: <script>alert("denied")</script> & <b>no</b>';
    expect(failure.message).toBe(`sign-in was refused: ${said}`);
    const text = await (await page)?.text();
    expect(text).toContain("Sign-in was refused");
    expect(text).toContain(Bun.escapeHTML(said));
    expect(workspace.count("authorization_code")).toBe(0);
  });

  test.each(["wrong-state", "no-state"] as const)(
    "a %s is refused, and the right answer still works",
    async (authorize) => {
      const { workspace, port } = await workspaceWith({ authorize });
      const { result, page } = start(workspaceTarget(workspace), port, {}, async (link) => {
        const refused = await visit(link);
        workspace.control.authorize = "approve";
        await visit(link);
        return refused;
      });
      expect((await result).token.access_token).toBeString();
      expect((await page)?.status).toBe(400);
      expect(workspace.count("authorization_code")).toBe(1);
    },
  );

  test("the wrong issuer ends the login before the code goes anywhere", async () => {
    const { workspace, port } = await workspaceWith({ issuer: "wrong" });
    const { result, page } = start(workspaceTarget(workspace), port);
    expect((await failureOf(result)).message).toContain(`no valid answer of ${workspace.url}/oidc`);
    expect(await (await page)?.text()).toContain("Sign-in did not work");
    expect(workspace.count("authorization_code")).toBe(0);
  });

  test("no issuer, where the server's metadata promises one, ends it too", async () => {
    const { workspace, port } = await workspaceWith({ issuer: "always" });
    const { result } = start(workspaceTarget(workspace), port, {}, (link) => {
      workspace.control.issuer = "never";
      return visit(link);
    });
    expect((await failureOf(result)).message).toContain("no valid answer");
    expect(workspace.count("authorization_code")).toBe(0);
  });

  test.each(["never", "wrong"] as const)("a discovery with %s issuer ends it", async (issuer) => {
    const { workspace, port } = await workspaceWith({ issuer });
    const { result } = start(
      { kind: "discovery", discoveryHost: "https://login.databricks.com" },
      port,
      {},
      async (link) => {
        // The real host is out of reach: the browser is sent to the workspace in its place.
        const url = new URL(link);
        return visit(`${workspace.url}/${url.search}`);
      },
    );
    const failure = await failureOf(result);
    expect(failure).toBeInstanceOf(UserError);
    expect(failure.message).toContain("https://login.databricks.com");
    expect(workspace.count("authorization_code")).toBe(0);
  });

  test.each([
    ["no code", (query: URLSearchParams) => query.delete("code")],
    ["two codes", (query: URLSearchParams) => query.append("code", "code-2")],
    ["a token in place of a code", (query: URLSearchParams) => query.set("token", "access-1")],
  ])("%s with the right state ends it", async (_name, spoil) => {
    const { workspace, port } = await workspaceWith();
    const { result, page } = start(workspaceTarget(workspace), port, {}, async (link) => {
      const approved = await fetch(link, { redirect: "manual" });
      const callback = new URL(approved.headers.get("location") ?? "");
      spoil(callback.searchParams);
      return fetch(callback);
    });
    expect((await failureOf(result)).message).toContain("brought no valid answer");
    expect((await page)?.status).toBe(400);
    expect(workspace.count("authorization_code")).toBe(0);
  });

  test("nothing in time ends it", async () => {
    const { workspace, port } = await workspaceWith();
    const startedAt = performance.now();
    const { result } = start(
      workspaceTarget(workspace),
      port,
      { timeoutMs: 300 },
      async () => null,
    );
    expect((await failureOf(result)).message).toBe(
      "nobody signed in within 0.3 s; --timeout sets how long to wait",
    );
    expect(performance.now() - startedAt).toBeLessThan(1500);
    // The port is free again.
    Bun.serve({ port, hostname: "127.0.0.1", fetch: () => new Response() }).stop(true);
  });

  test("whoever stops it gets its own reason back", async () => {
    const { workspace, port } = await workspaceWith();
    const abort = new AbortController();
    const reason = new Error("stop");
    const { result } = start(
      workspaceTarget(workspace),
      port,
      { signal: abort.signal },
      async () => {
        abort.abort(reason);
        return null;
      },
    );
    expect(await failureOf(result)).toBe(reason);
  });
});

describe("a hostile token endpoint", () => {
  const faults: [string, NonNullable<Controls["faults"]>, string][] = [
    ["500", { token: { kind: "status", status: 500 } }, "with 500"],
    ["an HTML page", { token: { kind: "html", status: 502 } }, "502 with an HTML page"],
    ["a cut", { token: { kind: "cut-mid-body" } }, "the connection was cut"],
    ["2 MB", { token: { kind: "large-json" } }, "sent more than"],
    ["another content type", { token: { kind: "wrong-content-type" } }, "with text/plain"],
    ["a redirect", { token: { kind: "redirect" } }, "redirect"],
    ["invalid_grant", { token: { kind: "oauth-error", error: "invalid_grant" } }, "invalid_grant"],
    ["no answer", { token: { kind: "never" } }, "nobody signed in within"],
  ];
  test.each(faults)(
    "that answers %s ends the login; page and terminal say so",
    async (name, fault, message) => {
      const { workspace, port } = await workspaceWith({ faults: fault });
      const timeoutMs = name === "no answer" ? 500 : 5000;
      const { result, page } = start(workspaceTarget(workspace), port, { timeoutMs });
      const failure = await failureOf(result);
      expect(failure).toBeInstanceOf(UserError);
      expect(failure.message).toContain(message);
      const shown = await page;
      expect(shown?.status).toBe(400);
      expect(await shown?.text()).toContain("Sign-in did not work");
    },
  );

  test("gets a code and a verifier that no error and no note repeats", async () => {
    notes.length = 0;
    const { workspace, port } = await workspaceWith();
    let sent = "";
    const spying: typeof http = (url, request) => {
      sent = String(request?.body ?? sent);
      return http(url, request);
    };
    const { result } = start(workspaceTarget(workspace), port, { http: spying }, async (link) => {
      const approved = await fetch(link, { redirect: "manual" });
      const callback = new URL(approved.headers.get("location") ?? "");
      const description = `not with ${callback.searchParams.get("code")}`;
      workspace.control.faults = {
        token: { kind: "oauth-error", error: "invalid_grant", description },
      };
      return fetch(callback);
    });
    const failure = await failureOf(result);
    const { code = "", code_verifier: verifier = "" } = Object.fromEntries(
      new URLSearchParams(sent),
    );
    expect(code).toStartWith("code-");
    expect(verifier).toHaveLength(43);
    expect(failure.message).toContain("not with ***");
    for (const shown of [Bun.inspect(failure), notes.join()]) {
      expect(shown).not.toContain(code);
      expect(shown).not.toContain(verifier);
    }
  });
});

describe("an address pasted over SSH", () => {
  /** The person's own machine: its browser ends on an address that nothing answers. */
  async function redirectedAddress(link: Promise<URL>): Promise<string> {
    const approved = await fetch(await link, { redirect: "manual" });
    return approved.headers.get("location") ?? "";
  }

  test("does what the browser's return would do", async () => {
    const { workspace, port } = await workspaceWith();
    const { promise: link, resolve } = Promise.withResolvers<URL>();
    const refused: number[] = [];
    const { result } = start(
      workspaceTarget(workspace),
      port,
      {
        onAuthorizeUrl: (url) => resolve(new URL(url)),
        async *readPasted() {
          yield "";
          yield "what is this?";
          yield "http://localhost:8020/?code=code-1&state=state-1";
          yield await redirectedAddress(link);
        },
        onPasteRefused: () => refused.push(1),
      },
      async () => null,
    );
    expect((await result).token.access_token).toBeString();
    expect(refused).toHaveLength(2);
  });

  test("reading is over when the login is", async () => {
    const { workspace, port } = await workspaceWith();
    const { promise: over, resolve } = Promise.withResolvers<void>();
    const { result } = start(workspaceTarget(workspace), port, {
      async *readPasted(signal) {
        yield "";
        signal.addEventListener("abort", () => resolve());
        await over;
      },
    });
    await result;
    await over;
  });
});

test("when all 21 ports are taken, a login says so, waits, and takes the one that is freed", async () => {
  const { workspace } = await workspaceWith();
  const held = CALLBACK_PORTS.flatMap((port) => {
    try {
      return [Bun.serve({ port, hostname: "127.0.0.1", fetch: () => new Response() })];
    } catch {
      // Someone else has it already: taken is taken.
      return [];
    }
  });
  cleanups.push(() => Promise.all(held.map((server) => server.stop(true))).then(() => {}));
  let notices = 0;
  const { result } = start(workspaceTarget(workspace), 0, {
    ports: CALLBACK_PORTS,
    onBusyPorts: () => {
      notices += 1;
    },
  });
  await Bun.sleep(700);
  expect(notices).toBe(1);
  expect(workspace.count("authorization_code")).toBe(0);
  held[0]?.stop(true);
  expect((await result).token.access_token).toBeString();
  expect(notices).toBe(1);
});
