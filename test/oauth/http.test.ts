import { afterEach, describe, expect, test } from "bun:test";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { UserError } from "../../src/errors.ts";
import { ApiError, createHttp, type HttpRequest, oneLine, readJson } from "../../src/oauth/http.ts";
import { startWorkspace } from "../workspace/server.ts";
import { type RawServer, startRawServer } from "./raw-server.ts";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

/** For the certificates of the embedded workspace. */
const withTls = test.skipIf(Bun.which("openssl") === null);

const notes: string[] = [];
const http = createHttp({ fetch, env: {}, userAgent: "test/1", debug: (note) => notes.push(note) });

async function rawServer(answer: (socket: Socket) => void): Promise<RawServer> {
  const server = await startRawServer(answer);
  cleanups.push(server.stop);
  return server;
}

function serve(answer: (request: Request) => Response): string {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  cleanups.push(() => server.stop(true));
  return `http://127.0.0.1:${server.port}`;
}

async function failureOf(url: string, request: HttpRequest = {}): Promise<Error> {
  try {
    const response = await http(url, request);
    return new Error(`no failure: ${response.status}`);
  } catch (error) {
    return error as Error;
  }
}

test("only https, and http to this machine alone", async () => {
  for (const url of [
    "http://example.com/",
    "http://10.0.0.1/",
    "ftp://localhost/",
    "file:///etc/passwd",
  ]) {
    const failure = await failureOf(url);
    expect(failure).toBeInstanceOf(UserError);
    expect(failure.message).toContain("only https is accepted");
  }
});

describe("what is no answer is an error that names the host", () => {
  const answers: [string, (socket: Socket) => void, string][] = [
    ["nothing at all", () => {}, "did not answer within 0.3 s"],
    ["cut before the answer", (socket) => socket.destroy(), "the connection was cut"],
    [
      "cut in the body",
      (socket) =>
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc", () => socket.destroy()),
      "the connection was cut",
    ],
    [
      "cut between chunks",
      (socket) =>
        socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", () =>
          socket.destroy(),
        ),
      "the connection was cut",
    ],
    ["no HTTP", (socket) => socket.end("220 mail ready\r\n"), "its answer is not HTTP"],
    [
      "a drip that never ends",
      (socket) => {
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n");
        const drip = setInterval(() => socket.write("x"), 20);
        socket.on("close", () => clearInterval(drip));
      },
      "did not answer within 0.3 s",
    ],
    [
      "a body without end",
      (socket) => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        const flood = () => {
          while (socket.writable && socket.write(Buffer.alloc(65536)));
        };
        socket.on("drain", flood);
        flood();
      },
      "sent more than 1024 KiB",
    ],
  ];
  test.each(answers)("%s", async (_name, answer, message) => {
    const server = await rawServer(answer);
    const failure = await failureOf(`${server.url}/path`, { timeoutMs: 300 });
    expect(failure).toBeInstanceOf(UserError);
    expect(failure.message).toContain(`127.0.0.1:${server.port}`);
    expect(failure.message).toContain(message);
    // The connection is given up, not left behind.
    while (server.closed === 0) await Bun.sleep(5);
  });

  test("nobody listens", async () => {
    const server = await startRawServer(() => {});
    await server.stop();
    const failure = await failureOf(server.url);
    expect(failure.message).toBe(`127.0.0.1:${server.port}: connection refused; check the address`);
  });

  test("a name that does not exist", async () => {
    const failure = await failureOf("https://nowhere.invalid/");
    expect(failure.message).toStartWith("nowhere.invalid: ");
    expect(failure.message).toMatch(/check (its spelling and )?the network/);
  });

  test("plain HTTP where TLS is due", async () => {
    const url = serve(() => new Response("plain"));
    const failure = await failureOf(url.replace("http:", "https:"));
    expect(failure.message).toContain("does not speak TLS");
  });

  withTls("a certificate that nobody vouches for", async () => {
    const workspace = await startWorkspace({ tls: { names: [] } });
    cleanups.push(workspace.stop);
    const failure = await failureOf(workspace.tls?.url ?? "");
    expect(failure.message).toContain("its certificate is not trusted");
    expect(workspace.requests).toEqual([]);
  });
});

test("a redirect is not followed, wherever it leads", async () => {
  let followed = 0;
  const target = serve(() => {
    followed += 1;
    return new Response("stolen");
  });
  const url = serve(() => Response.redirect(`${target}/?code=code-1`, 307));
  const body = new URLSearchParams({ code: "code-1" });
  const failure = await failureOf(`${url}/token`, { method: "POST", body });
  expect(failure.message).toContain(`answered /token with a redirect to ${target}`);
  expect(failure.message).not.toContain("code-1");
  expect(followed).toBe(0);
});

test("a body of exactly the limit is read, one byte more is not", async () => {
  const url = serve(
    (request) => new Response("x".repeat(Number(new URL(request.url).search.slice(1)))),
  );
  const response = await http(`${url}/?1000`, { maxBytes: 1000 });
  expect(await response.text()).toHaveLength(1000);
  expect((await failureOf(`${url}/?1001`, { maxBytes: 1000 })).message).toContain("sent more than");
});

test("what was packed counts by its unpacked size", async () => {
  const packed = Bun.gzipSync(new Uint8Array(20 * 1024 * 1024));
  const url = serve(() => new Response(packed, { headers: { "content-encoding": "gzip" } }));
  expect((await failureOf(url)).message).toContain("sent more than 1024 KiB");
});

test("who aborts gets its own reason back", async () => {
  const abort = new AbortController();
  const reason = new Error("stop");
  const server = await rawServer(() => abort.abort(reason));
  expect(await failureOf(server.url, { signal: abort.signal })).toBe(reason);
  while (server.closed === 0) await Bun.sleep(5);
});

test("a request says who it comes from, and the debug line holds nothing of a query or body", async () => {
  let agent: string | null = null;
  const url = serve((request) => {
    agent = request.headers.get("user-agent");
    return new Response(null, { status: 204 });
  });
  notes.length = 0;
  const body = new URLSearchParams({ refresh_token: "refresh-1" });
  await http(`${url}/token?code=code-1`, { method: "POST", body });
  expect(String(agent)).toBe("test/1");
  expect(notes.join()).toMatch(/^POST http:\/\/127\.0\.0\.1:\d+\/token: 204 after \d+ ms$/);
});

describe("readJson", () => {
  const answer = (status: number, body: string, type = "application/json") =>
    new Response(body, { status, headers: { "content-type": type } });

  test("keeps every digit of a 64-bit integer", async () => {
    const text = '{"id": 6051921418418893123, "ids": [-9007199254740993], "small": 7, "half": 0.5}';
    expect(await readJson("https://example.com/", answer(200, text))).toEqual({
      id: "6051921418418893123",
      ids: ["-9007199254740993"],
      small: 7,
      half: 0.5,
    });
  });

  test.each([
    [200, "<h1>hello</h1>", "text/html; charset=utf-8", "200 with an HTML page where JSON was due"],
    [200, "", "application/json", "answered 200 where JSON was due"],
    [200, '{"a":', "application/json", "answered 200 where JSON was due"],
    [200, "hello", "text/plain", "200 with text/plain where JSON was due"],
    [503, "<h1>hello</h1>", "text/html", "answered 503 with an HTML page"],
    [
      403,
      '{"message":"no \\u001b[31m\\n entry"}',
      "application/json",
      "answered 403: no [31m entry",
    ],
    [500, '{"message":{}}', "application/json", "answered 500"],
  ])("%d with %p of %s", async (status, body, type, message) => {
    const failure = await readJson("https://example.com/x", answer(status, body, type)).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(status === 200 ? UserError : ApiError);
    expect((failure as Error).message).toEndWith(message);
    expect((failure as Error).message).toStartWith("example.com answered");
  });
});

test("printable text has no control or direction signs, and ends somewhere", () => {
  expect(oneLine("a\u0000b\u001b[2Jc\u202ed\r\ne\u200bf")).toBe("a b [2Jc d e f");
  expect(oneLine("x".repeat(1000))).toBe(`${"x".repeat(300)}…`);
});

/** All that a process with this environment prints, which sends a token to the address: a status or an error. */
async function get(url: string, env: Record<string, string>): Promise<string> {
  const command = [process.execPath, fileURLToPath(new URL("get.ts", import.meta.url)), url];
  const child = Bun.spawn(command, {
    env: { PATH: process.env["PATH"], ...env },
    stderr: "pipe",
  });
  const printed = [child.stdout, child.stderr].map((stream) => new Response(stream).text());
  return (await Promise.all(printed)).join("");
}

describe("the environment", () => {
  async function startProxy() {
    const workspace = await startWorkspace({ tls: { names: ["workspace.example.com"] } });
    cleanups.push(workspace.stop);
    const { url, requests, tls } = workspace;
    const trust = { NODE_EXTRA_CA_CERTS: tls?.certificateFile ?? "" };
    return { url, requests, trust };
  }

  withTls.each(["HTTPS_PROXY", "https_proxy"])("https goes through %s by CONNECT", async (name) => {
    const { url, requests, trust } = await startProxy();
    const address = "https://workspace.example.com/.well-known/databricks-config";
    expect(await get(address, { [name]: url, ...trust })).toBe("200\n");
    expect(requests.map(({ method, origin }) => `${method} ${origin}`)).toEqual([
      "CONNECT workspace.example.com:443",
      "GET https://workspace.example.com",
    ]);
  });

  withTls.each(["NO_PROXY", "no_proxy"])("%s names hosts that are asked directly", async (name) => {
    const { url, requests, trust } = await startProxy();
    const env = { HTTPS_PROXY: url, [name]: "other.example, .invalid", ...trust };
    expect(await get("https://nowhere.invalid/", env)).toMatch(
      /nowhere\.invalid: (no such host|the name)/,
    );
    expect(requests).toEqual([]);
  });

  test.each(["http://localhost", "http://ws.localhost", "http://127.0.0.1"])(
    "%s is never asked of a proxy",
    async (host) => {
      let asked = 0;
      const proxy = serve(() => {
        asked += 1;
        return new Response("from the proxy", { status: 502 });
      });
      const target = serve(() => new Response("from this machine"));
      const env = { HTTP_PROXY: proxy, http_proxy: proxy, ALL_PROXY: proxy };
      expect(await get(`${host}:${new URL(target).port}/`, env)).toBe("200\n");
      expect(asked).toBe(0);
    },
  );

  test("http to a name below localhost goes to this machine, whatever a resolver says", async () => {
    const url = serve((request) => new Response(request.headers.get("host")));
    const { port } = new URL(url);
    const asked: string[] = [];
    const spy = (target: URL, init: RequestInit) => {
      asked.push(target.hostname);
      return fetch(target, init);
    };
    const spied = createHttp({ fetch: spy as typeof fetch, env: {}, userAgent: "t", debug() {} });
    const answer = await spied(`http://ws.localhost:${port}/`);
    expect(await answer.text()).toBe(`ws.localhost:${port}`);
    expect(asked).toEqual(["localhost"]);
  });

  withTls("cannot turn the check of certificates off", async () => {
    const workspace = await startWorkspace({ tls: { names: [] } });
    cleanups.push(workspace.stop);
    const printed = await get(workspace.tls?.url ?? "", { NODE_TLS_REJECT_UNAUTHORIZED: "0" });
    expect(printed).toContain("its certificate is not trusted");
    expect(workspace.requests).toEqual([]);
  });

  test.each(["1", "true", "curl"])(
    "cannot have requests printed by BUN_CONFIG_VERBOSE_FETCH=%s",
    async (mode) => {
      const url = serve(() => new Response("hello"));
      expect(await get(url, { BUN_CONFIG_VERBOSE_FETCH: mode })).toBe("200\n");
    },
  );

  test("a proxy that refuses or is away is named by its variable, never by its address", async () => {
    const refusing = await rawServer((socket) =>
      socket.end("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n"),
    );
    const proxy = `http://ada:pass-1@127.0.0.1:${refusing.port}`;
    expect(await get("https://workspace.example.com/", { https_proxy: proxy })).toBe(
      "NoAnswer: workspace.example.com: the proxy refused to connect to it (a proxy is set by https_proxy)\n",
    );
    const away = await get("https://workspace.example.com/", {
      HTTPS_PROXY: "http://ada:pass-1@127.0.0.1:1",
    });
    expect(away).toBe(
      "NoAnswer: workspace.example.com: connection refused; check the address (a proxy is set by HTTPS_PROXY)\n",
    );
    // Where none is asked, none is to blame.
    expect(await get("http://127.0.0.1:1/", { HTTP_PROXY: proxy })).toBe(
      "NoAnswer: 127.0.0.1:1: connection refused; check the address\n",
    );
  });
});
