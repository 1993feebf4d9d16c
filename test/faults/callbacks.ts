/** Everything but the right answer comes to a login's callback; then the right one, or a refusal. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { visit } from "../workspace/browser.ts";
import { startWorkspace } from "../workspace/server.ts";
import { type Ended, makeBed } from "./bed.ts";
import { secretsIn } from "./leaks.ts";
import { type Ground, isAlive, PROFILE, readState, seedLogins } from "./logins.ts";
import type { Random } from "./random.ts";
import { type Bench, during, insist, lacksNothing, type OpenRow, type Row } from "./row.ts";
import { loginArgs } from "./scenarios.ts";

const MARKUP = '"><script>alert(1)</script>\u202e\u001b[2J';

/** What a stranger sends. `state` is the right one, which only the browser and the server know. */
type Intruder = (port: number, state: string) => string;

const get = (target: string, host: string, ...headers: string[]) =>
  `${[`GET ${target} HTTP/1.1`, `Host: ${host}`, ...headers].join("\r\n")}\r\n\r\n`;

const query = (parameters: Record<string, string>) => `/?${new URLSearchParams(parameters)}`;

const local = (target: string) => (port: number) => get(target, `localhost:${port}`);

const INTRUDERS: Readonly<Record<string, Intruder>> = {
  nothing: local("/"),
  "no state": local(query({ code: "stolen" })),
  "a wrong state": local(query({ code: "stolen", state: "guessed" })),
  "markup for a state": local(query({ code: "stolen", state: MARKUP })),
  "a refusal without a state": local(query({ error: "access_denied", error_description: MARKUP })),
  "a refusal with a wrong state": local(query({ error: MARKUP, state: "guessed" })),
  "a path": (port, state) => get(`/callback${query({ code: "x", state })}`, `localhost:${port}`),
  dots: (port, state) => get(`/x/..//${query({ code: "x", state })}`, `localhost:${port}`),
  "another name": (_port, state) => get(query({ code: "x", state }), "evil.example.com"),
  "no name": (_port, state) => `GET ${query({ code: "x", state })} HTTP/1.1\r\n\r\n`,
  "another name for itself": (_port, state) =>
    get(`http://evil.example.com${query({ code: "x", state })}`, "evil.example.com"),
  POST: (port, state) =>
    `POST ${query({ code: "x", state })} HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 5\r\n\r\nstate`,
  HEAD: (port, state) =>
    get(query({ code: "x", state }), `localhost:${port}`).replace("GET", "HEAD"),
  OPTIONS: (port) =>
    get("/", `localhost:${port}`, "Origin: https://evil.example.com").replace("GET", "OPTIONS"),
  "two states": (port, state) => get(`/?code=x&state=${state}&state=guessed`, `localhost:${port}`),
  "a long query": (port, state) =>
    get(query({ state, code: "x".repeat(60_000) }), `localhost:${port}`),
  "long headers": (port) => get("/", `localhost:${port}`, `X: ${"x".repeat(200_000)}`),
  "a large body": (port) =>
    `POST / HTTP/1.1\r\nHost: localhost:${port}\r\nContent-Length: 99999999\r\n\r\n${"x".repeat(99_999)}`,
  "half a request": (port) => `GET /?code=x HTTP/1.1\r\nHost: localhost:${port}\r\nX: `,
  "no HTTP": () => `\x16\x03\x01\0\xa5${MARKUP}\0\r\n\r\n`,
  silence: () => "",
};

/** How long an intruder waits for its reply, in milliseconds. */
const PATIENCE = 250;

/** Sends it, and gives what comes back in time. The connection stays open. */
async function intrude(port: number, bytes: string): Promise<{ socket: Socket; reply: string }> {
  const socket = connect(port, "127.0.0.1");
  let reply = "";
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  socket.on("data", (chunk: Buffer) => {
    reply += chunk.toString("latin1");
    resolve();
  });
  // It may be cut off in the middle of what it sends.
  socket.on("error", () => resolve());
  socket.on("close", () => resolve());
  socket.write(bytes, "latin1");
  await Promise.race([answered, Bun.sleep(PATIENCE)]);
  return { socket, reply };
}

const ENDINGS = ["approve", "deny", "two tabs"] as const;

export const callbackRows: readonly Row[] = [
  {
    name: "hostile callback",
    tries: { quick: 15, full: 300 },
    lacks: lacksNothing,
    open: openCallbacks,
  },
];

async function openCallbacks(bench: Bench): Promise<OpenRow> {
  const workspace = await startWorkspace({
    controls: { denial: { error: "access_denied", error_description: MARKUP } },
  });
  const names = Object.keys(INTRUDERS);
  let sent = 0;

  async function attempt(index: number, random: Random): Promise<void> {
    const ending = ENDINGS[index % ENDINGS.length] ?? "approve";
    const fixed = await takePort();
    const bed = makeBed(bench, {
      DATABRICKS_AUTH_STORAGE: "plaintext",
      DATABRICKS_OAUTH_CALLBACK_PORT: String(fixed.port),
    });
    workspace.reset();
    workspace.control.callbackPorts = [fixed.port];
    const ground: Ground = { bed, workspace, keyring: null };
    try {
      await seedLogins(ground, 3600);
      const { promise: shown, resolve } = Promise.withResolvers<string>();
      const login = bed.start(loginArgs(ground), { browser: async (link) => resolve(link) });
      // Half of the time the port is taken at first, and the login waits for it.
      await Bun.sleep(random.pick([0, 300]));
      fixed.free();
      const link = await Promise.race([shown, login.ended.then(({ stderr }) => stderr)]);
      const intruders = random.shuffled(names).slice(0, 6);
      sent += intruders.length;
      await during(`${ending} after ${intruders.join(", ")}`, async () => {
        const sockets = await intrudeAll(link, intruders);
        const pages = await finish(link, ending);
        const ended = await login.ended;
        for (const socket of sockets) socket.destroy();
        await judge(ending, ground, ended, pages);
        await requireClosed(fixed.port);
      });
    } finally {
      fixed.free();
      bed.close();
    }
  }

  return { attempt, note: () => `${sent} intruders`, close: workspace.stop };
}

/** A free port that is ours until it is given up. */
async function takePort(): Promise<{ port: number; free: () => void }> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return { port: (server.address() as AddressInfo).port, free: () => void server.close() };
}

async function intrudeAll(link: string, names: readonly string[]): Promise<Socket[]> {
  const parameters = new URL(link).searchParams;
  const port = Number(new URL(parameters.get("redirect_uri") ?? "").port);
  const state = parameters.get("state") ?? "";
  const all = await Promise.all(
    names.map(async (name) => ({
      name,
      ...(await intrude(port, INTRUDERS[name]?.(port, state) ?? "")),
    })),
  );
  for (const { name, reply } of all) {
    insist(reply === "" || /^HTTP\/1\.1 4\d\d /.test(reply), `${name} is served: ${reply}`);
    insist(!reply.includes("<script"), `${name} brings markup onto the page`);
    insist(!/^(Location|Access-Control-Allow)/im.test(reply), `${name} is led on: ${reply}`);
    insist(secretsIn(reply).size === 0 && !reply.includes(state), `${name} is told a secret`);
  }
  return all.map(({ socket }) => socket);
}

/** The person comes to an end in the browser; returns the pages it shows. */
async function finish(link: string, ending: (typeof ENDINGS)[number]): Promise<Response[]> {
  const manner = ending === "deny" ? "deny" : "approve";
  const tabs = ending === "two tabs" ? 2 : 1;
  const pages = await Promise.allSettled(Array.from({ length: tabs }, () => visit(link, manner)));
  return pages.flatMap((page) => (page.status === "fulfilled" && page.value ? [page.value] : []));
}

async function judge(
  ending: (typeof ENDINGS)[number],
  ground: Ground,
  { code, stderr }: Ended,
  pages: readonly Response[],
): Promise<void> {
  const texts = await Promise.all(pages.map((page) => page.text()));
  for (const text of texts) {
    insist(!text.includes("<script") && secretsIn(text).size === 0, `a page shows: ${text}`);
  }
  const good = pages.filter(({ ok }) => ok).length;
  if (ending === "deny") {
    insist(code === 1 && good === 0, `a refusal is not taken for one: ${stderr}`);
    insist(/^Error: sign-in was refused: access_denied/m.test(stderr), `not called so: ${stderr}`);
    return;
  }
  insist(code === 0, `the right answer does not count: ${stderr}`);
  insist(good === 1, `${good} tabs say that it worked`);
  const { file } = await readState(ground);
  insist(await isAlive(file.get(PROFILE), ground), "the token is not stored");
}

/** Nobody listens any more, and a replay meets nothing. */
async function requireClosed(port: number): Promise<void> {
  const { socket, reply } = await intrude(port, get("/", `localhost:${port}`));
  socket.destroy();
  insist(reply === "", `the port is still open: ${reply}`);
}
