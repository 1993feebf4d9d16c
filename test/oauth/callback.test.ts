import { afterEach, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { UserError } from "../../src/errors.ts";
import {
  CALLBACK_PORTS,
  type CallbackListener,
  callbackPorts,
  listenForCallback,
} from "../../src/oauth/callback.ts";
import { failedPage, refusedPage, signedInPage } from "../../src/oauth/page.ts";

const cleanups: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const state = "state-1";
const page = signedInPage("https://example.com");

/** A port that was free just now, outside the range that other logins on this machine use. */
function freePort(): number {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const { port } = server;
  server.stop(true);
  if (port === undefined) throw new Error("no port");
  return port;
}

function occupy(port: number, hostname: string): () => void {
  const server = Bun.serve({
    port,
    hostname,
    ipv6Only: hostname === "::1",
    fetch: () => new Response(),
  });
  const free = () => server.stop(true);
  cleanups.push(free);
  return free;
}

const hasIpv6 = (() => {
  try {
    Bun.serve({ port: 0, hostname: "::1", fetch: () => new Response() }).stop(true);
    return true;
  } catch {
    return false;
  }
})();

interface Given {
  ports?: readonly number[];
  signal?: AbortSignal;
  onBusy?: () => void;
}

async function listen(given: Given = {}): Promise<CallbackListener & { port: number }> {
  const listener = await listenForCallback({
    ports: given.ports ?? [freePort()],
    state,
    signal: given.signal ?? new AbortController().signal,
    onBusy: given.onBusy ?? (() => {}),
  });
  cleanups.push(listener.close);
  return { ...listener, port: Number(new URL(listener.redirectUri).port) };
}

/** Asks as a browser that keeps its connections. */
async function ask(url: string, init: RequestInit = {}) {
  const response = await fetch(url, init);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Sends bytes as they are and gives the first line of the answer. */
async function send(port: number, bytes: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  cleanups.push(() => socket.destroy());
  socket.write(bytes);
  const [data] = await once(socket, "data");
  return String(data).split("\r\n")[0] ?? "";
}

/** However it was closed. */
function closed(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on("error", () => {});
  socket.on("close", () => resolve());
  return promise;
}

describe("the callback", () => {
  test("is taken once, and its page is the one that it was answered with", async () => {
    const { redirectUri, received } = await listen();
    const shown = ask(`${redirectUri}/?code=code-1&state=${state}`);
    const callback = await received;
    expect(callback.parameters.get("code")).toBe("code-1");
    callback.answer(page);
    const { status, headers, text } = await shown;
    expect(status).toBe(200);
    expect(text).toContain("You are signed in");
    expect(headers.get("content-security-policy")).toStartWith("default-src 'none'");
  });

  test.each([
    ["a replay", `/?code=code-1&state=${state}`],
    ["a second code", `/?code=code-2&state=${state}`],
  ])("%s gets a polite page, before and after the answer", async (_name, again) => {
    const { redirectUri, received } = await listen();
    const first = ask(`${redirectUri}/?code=code-1&state=${state}`);
    const callback = await received;
    const early = await ask(`${redirectUri}${again}`);
    callback.answer(page);
    const late = await ask(`${redirectUri}${again}`);
    for (const { status, text } of [early, late]) {
      expect(status).toBe(410);
      expect(text).toContain("already used");
    }
    expect((await first).status).toBe(200);
    expect(callback.parameters.get("code")).toBe("code-1");
  });

  test.each([
    ["a wrong state", "/?code=code-2&state=state-2"],
    ["a state that begins alike", "/?code=code-2&state=state-11"],
    ["no state", "/?code=code-2"],
    ["an empty state", "/?code=code-2&state="],
    ["two states", `/?code=code-2&state=${state}&state=${state}`],
    ["an error without a state", "/?error=access_denied&error_description=<b>no</b>"],
    ["nothing", "/"],
  ])("%s is refused, and the right one still works", async (_name, path) => {
    const { redirectUri, received } = await listen();
    const { status, text } = await ask(redirectUri + path);
    expect(status).toBe(400);
    expect(text).toContain("was not expected");
    expect(text).not.toContain("<b>no");
    const shown = ask(`${redirectUri}/?code=code-1&state=${state}`);
    const callback = await received;
    callback.answer(page);
    expect(callback.parameters.get("code")).toBe("code-1");
    expect((await shown).status).toBe(200);
  });

  test("error parameters are shown as text", async () => {
    const { redirectUri, received } = await listen();
    const shown = ask(`${redirectUri}/?error=access_denied&state=${state}`);
    (await received).answer(refusedPage("access_denied: <script>alert(1)</script>"));
    const { status, text } = await shown;
    expect(status).toBe(400);
    expect(text).toContain("&lt;script&gt;alert(1)&lt;/script&gt;");
    expect(text).not.toContain("<script");
  });

  test("other paths and methods do not count, even with the right state", async () => {
    const { redirectUri, received } = await listen();
    const query = `?code=code-2&state=${state}`;
    expect((await ask(`${redirectUri}/favicon.ico`)).status).toBe(404);
    expect((await ask(`${redirectUri}/callback${query}`)).status).toBe(404);
    for (const method of ["POST", "HEAD", "PUT", "OPTIONS", "DELETE"]) {
      const { status, headers } = await ask(`${redirectUri}/${query}`, { method });
      expect([method, status, headers.get("allow")]).toEqual([method, 405, "GET"]);
      expect(headers.get("access-control-allow-origin")).toBeNull();
    }
    const shown = ask(`${redirectUri}/?code=code-1&state=${state}`);
    const callback = await received;
    callback.answer(page);
    expect(callback.parameters.get("code")).toBe("code-1");
    await shown;
  });

  test("a name that merely resolves to this machine is refused", async () => {
    const { port } = await listen();
    const hosts = [
      `evil.example:${port}`,
      "localhost",
      `localhost:${port + 1}`,
      `x.localhost:${port}`,
      "",
    ];
    for (const host of hosts) {
      const request = `GET /?code=code-2&state=${state} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
      expect([host, await send(port, request)]).toEqual([host, "HTTP/1.1 400 Bad Request"]);
    }
    expect(await send(port, `GET /?code=c&state=${state} HTTP/1.0\r\n\r\n`)).toContain(" 400 ");
  });

  test("too much is refused", async () => {
    const { port, redirectUri } = await listen();
    const long = "x".repeat(9000);
    expect((await ask(`${redirectUri}/?state=${state}&code=${long}`)).status).toBe(414);
    const longer = "x".repeat(40_000);
    const request = `GET /?state=${state}&code=${longer} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`;
    expect(await send(port, request)).toContain(" 431 ");
  });

  test("the page may take as long as a token request", async () => {
    const { redirectUri, received } = await listen();
    const shown = ask(`${redirectUri}/?code=code-1&state=${state}`);
    const callback = await received;
    // Bun's own limit is 10 s, which it counts in steps of 4.
    await Bun.sleep(15_000);
    callback.answer(page);
    expect((await shown).status).toBe(200);
  }, 20_000);
});

describe("closing", () => {
  test("delivers the page, and is prompt in spite of connections that are kept or half open", async () => {
    const listener = await listen();
    const idle = connect(listener.port, "127.0.0.1");
    idle.write(`GET /x HTTP/1.1\r\nHost: localhost:${listener.port}\r\n\r\n`);
    await once(idle, "data");
    const half = connect(listener.port, "127.0.0.1");
    half.write("GET / HT");
    const gone = Promise.all([idle, half].map(closed));
    const shown = ask(`${listener.redirectUri}/?code=code-1&state=${state}`);
    (await listener.received).answer(page);
    const startedAt = performance.now();
    await listener.close();
    expect(performance.now() - startedAt).toBeLessThan(1500);
    expect((await shown).text).toEndWith("</html>\n");
    await gone;
    expect(() => occupy(listener.port, "127.0.0.1")).not.toThrow();
  });

  test("an abort ends the wait with its own reason", async () => {
    const abort = new AbortController();
    const { received } = await listen({ signal: abort.signal });
    const reason = new UserError("too late");
    abort.abort(reason);
    expect(await received.catch((error: unknown) => error)).toBe(reason);
  });
});

describe("ports", () => {
  test("are 8020 to 8040, or the one that is set", () => {
    expect([CALLBACK_PORTS[0], CALLBACK_PORTS.at(-1), CALLBACK_PORTS.length]).toEqual([
      8020, 8040, 21,
    ]);
    expect(callbackPorts(undefined)).toBe(CALLBACK_PORTS);
    expect(callbackPorts("")).toBe(CALLBACK_PORTS);
    expect(callbackPorts("9000")).toEqual([9000]);
    for (const bad of ["0", "65536", "80x", "-1", " 80", "8020,8021", "1e3"]) {
      expect(() => callbackPorts(bad)).toThrow("DATABRICKS_OAUTH_CALLBACK_PORT: ");
    }
  });

  test("the first free one is taken", async () => {
    const ports = [freePort(), freePort(), freePort()];
    occupy(ports[0] ?? 0, "127.0.0.1");
    expect((await listen({ ports })).port).toBe(ports[1] ?? 0);
    expect((await listen({ ports })).port).toBe(ports[2] ?? 0);
  });

  test.skipIf(!hasIpv6)("one that is taken on ::1 alone counts as taken", async () => {
    const ports = [freePort(), freePort()];
    occupy(ports[0] ?? 0, "::1");
    expect((await listen({ ports })).port).toBe(ports[1] ?? 0);
    // Its other half was let go again.
    expect(() => occupy(ports[0] ?? 0, "127.0.0.1")).not.toThrow();
  });

  test.skipIf(!hasIpv6)("both loopback addresses are listened at, and no other", async () => {
    const { port } = await listen();
    expect((await ask(`http://127.0.0.1:${port}/x`)).status).toBe(404);
    expect((await ask(`http://[::1]:${port}/x`)).status).toBe(404);
    // Linux refuses at once, Windows after a while, macOS never: 127.0.0.2 is no address there.
    const signal = AbortSignal.timeout(1000);
    await expect(fetch(`http://127.0.0.2:${port}/x`, { signal })).rejects.toThrow();
  });

  test("when all are taken, that is said once, and the next one freed is taken", async () => {
    const ports = [freePort(), freePort(), freePort()];
    const free = ports.map((port) => occupy(port, "127.0.0.1"));
    let notices = 0;
    const listening = listen({
      ports,
      onBusy: () => {
        notices += 1;
      },
    });
    await Bun.sleep(1200);
    expect(notices).toBe(1);
    free[1]?.();
    expect((await listening).port).toBe(ports[1] ?? 0);
    expect(notices).toBe(1);
  });

  test("the wait for one ends with the abort's reason", async () => {
    const port = freePort();
    occupy(port, "127.0.0.1");
    const abort = new AbortController();
    const reason = new UserError("too late");
    const listening = listen({
      ports: [port],
      signal: abort.signal,
      onBusy: () => abort.abort(reason),
    });
    expect(await listening.catch((error: unknown) => error)).toBe(reason);
  });
});

describe("a pasted address", () => {
  test.each([
    ["whole", `http://localhost:8020/?code=code-1&state=${state}`],
    ["without its scheme", `localhost:8020/?code=code-1&state=${state}`],
    ["in quotes and blanks", `  "http://localhost:8020/?state=${state}&code=code-1#x" `],
    ["only the query", `?code=code-1&state=${state}`],
    ["only the parameters", `code=code-1&state=${state}`],
  ])("is taken %s", async (_name, text) => {
    const listener = await listen();
    expect(listener.offerPasted(text)).toBe("accepted");
    const { parameters, answer } = await listener.received;
    expect(parameters.get("code")).toBe("code-1");
    answer(failedPage("no browser to show it"));
    expect(listener.offerPasted(text)).toBe("used");
  });

  test.each([
    "",
    "code-1",
    "http://localhost:8020/?code=code-1&state=state-2",
    "http://localhost:8020/?code=code-1",
    `http://localhost:8020/?state=${state}&code=${"x".repeat(9000)}`,
  ])("of another kind is refused, and the right one still works (%#)", async (text) => {
    const listener = await listen();
    expect(listener.offerPasted(text)).toBe("foreign");
    expect(listener.offerPasted(`code=code-1&state=${state}`)).toBe("accepted");
  });

  test("makes the browser's return a second one", async () => {
    const listener = await listen();
    listener.offerPasted(`code=code-1&state=${state}`);
    expect((await ask(`${listener.redirectUri}/?code=code-1&state=${state}`)).status).toBe(410);
  });
});
