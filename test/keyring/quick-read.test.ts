/** The lookup on the bus's own socket: what it finds, and that it leaves all else to others. */
import { afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "bun";
import { socketOf } from "../../src/keyring/dbus-socket.ts";
import { quickRead } from "../../src/keyring/quick-read.ts";
import { runCall } from "../support/backend-call.ts";
import { type Call, type Reply, reply, type Value } from "../support/dbus.ts";
import {
  LOGIN,
  missingTools,
  type Session,
  type SessionState,
  startSession,
} from "../support/secret-service.ts";
import { attributes, secretTool } from "../support/secret-tool.ts";

describe("the socket of", () => {
  test.each<[string, string | null]>([
    ["unix:path=/run/user/1/bus", "/run/user/1/bus"],
    ["unix:path=/run/user/1/bus,guid=0123456789abcdef", "/run/user/1/bus"],
    ["unix:path=/a%20b%2Cc%3Bd%3De%25f/bus", "/a b,c;d=e%f/bus"],
    ["unix:abstract=/tmp/dbus-Ab1,guid=01", "\0/tmp/dbus-Ab1"],
    ["unix:path=/a;unix:path=/b", null],
    ["unix:path=/a,abstract=b", null],
    ["unix:path=/%zz", null],
    ["unix:path=", null],
    ["unix:tmpdir=/tmp", null],
    ["tcp:host=127.0.0.1,port=1", null],
    ["unixexec:path=/bin/true", null],
    ["", null],
  ])("%j", (address, socket) => expect(socketOf(address)).toBe(socket));
});

const missing = missingTools("secret-tool");
const skipped = missing.length > 0 ? ` (skipped: no ${missing.join(", ")})` : "";
const WITHIN = 1000;

let session: Session;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(state: SessionState): Promise<void> {
  session = await startSession(state);
  closers.push(session.close);
}

const busAddress = () => session.env["DBUS_SESSION_BUS_ADDRESS"] ?? "";

async function look(address = busAddress(), account = "work"): Promise<string | null> {
  const secret = await quickRead(account, address, performance.now() + WITHIN);
  return secret && new TextDecoder().decode(secret);
}

const store = (secret: string) =>
  secretTool(session, ["store", "--label=a token", ...attributes("work")], secret);

describe.skipIf(missing.length > 0)(`on a real keyring${skipped}`, () => {
  test.each([
    ["a token", "a token"],
    ["nothing", ""],
    ["characters of many languages", "größe 日本語 🔑"],
    ["8 KB", "x".repeat(8000)],
  ])("finds what another program stored: %s", async (_title, secret) => {
    await start("unlocked");
    await store(secret);
    expect(await look()).toBe(secret);
    expect(await look(busAddress(), "other")).toBeNull();
  });

  test("finds it whatever pieces the answers come in", async () => {
    await start("unlocked");
    await store("a token");
    const path = join(session.env["XDG_RUNTIME_DIR"] ?? "", "slow");
    const slow = await relay(path, socketOf(busAddress()) ?? "");
    closers.push(slow.close);
    expect(await look(`unix:path=${path}`)).toBe("a token");
    expect(slow.pieces()).toBeGreaterThan(500);
  });

  test("does the keyring no harm", async () => {
    await start("unlocked");
    await store("a token");
    // gnome-keyring (42.1) dies sooner or later of those who open a session before it has noted them.
    for (let round = 0; round < 2000; round++) expect(await look()).toBe("a token");
  }, 60_000);

  test("finds it at a path with every sign that an address escapes", async () => {
    await start("unlocked");
    await store("a token");
    const folder = mkdtempSync(join(tmpdir(), "a b,c;d=e%f"));
    closers.push(() => rmSync(folder, { recursive: true }));
    symlinkSync(session.env["XDG_RUNTIME_DIR"] ?? "", join(folder, "run"));
    const path = encodeURIComponent(join(folder, "run", "bus")).replaceAll("%2F", "/");
    expect(await look(`unix:path=${path},guid=0`)).toBe("a token");
  });

  test("is what the backend does first, without GIO", async () => {
    await start("unlocked");
    await store("a token");
    // The loader of glibc then tells on stderr what it loads.
    const surroundings = { env: { ...session.env, LD_DEBUG: "files" } };
    const found = await runCall({ operation: "get", account: "work" }, surroundings);
    const none = await runCall({ operation: "get", account: "other" }, surroundings);
    expect([found.answer.value, found.noise.includes("libgio-2.0")]).toEqual(["a token", false]);
    expect([none.answer.value, none.noise.includes("libgio-2.0")]).toEqual([null, true]);
  });

  const elsewhere: SessionState[] = [
    "locked",
    "never-unlocked",
    "denied",
    "no-collection",
    "no-service",
    "garbage-bus",
    "stale-bus",
  ];
  test.each(elsewhere)("has nothing to say of %s", async (state) => {
    await start(state);
    expect(await look()).toBeNull();
  });

  test.each<SessionState>(["hung", "hung-bus", "silent-bus"])(
    "gives up in time: %s",
    async (state) => {
      await start(state);
      const startedAt = performance.now();
      expect(await look()).toBeNull();
      const took = performance.now() - startedAt;
      expect(took).toBeGreaterThanOrEqual(WITHIN);
      expect(took).toBeLessThan(WITHIN + 300);
    },
  );
});

const SESSION_PATH = "/org/freedesktop/secrets/session/s1";
const ITEM = `${LOGIN}/1`;
const secretOf = (parameters: Value[], content: Value[]): Reply =>
  reply("a{o(oayays)}", [[ITEM, [SESSION_PATH, parameters, content, "text/plain"]]]);

describe.skipIf(missing.length > 0)(`of a service that answers otherwise${skipped}`, () => {
  const usual: Record<string, Reply> = {
    OpenSession: reply("vo", ["s", ""], SESSION_PATH),
    SearchItems: reply("aoao", [ITEM], []),
    GetSecrets: secretOf([], [...Buffer.from("hush")]),
  };
  const cases: [string, Record<string, Reply>, string | null][] = [
    ["nothing is odd", {}, "hush"],
    ["only encrypted sessions", { OpenSession: { error: "org.example.No" } }, null],
    ["a session with a key", { OpenSession: reply("vo", ["ay", [1]], SESSION_PATH) }, null],
    ["an encrypted secret", { GetSecrets: secretOf([1], [2]) }, null],
    ["no secret", { GetSecrets: reply("a{o(oayays)}", []) }, null],
    ["another type", { SearchItems: reply("ao", [ITEM]) }, null],
    ["a locked entry", { SearchItems: reply("aoao", [], [ITEM]) }, null],
    ["an error", { GetSecrets: { error: "org.freedesktop.Secret.Error.IsLocked" } }, null],
  ];
  test("whatever lengths paths and types have", async () => {
    await start("no-service");
    const peer = await session.connect();
    let more = "";
    await peer.own("org.freedesktop.secrets", ({ member }) => {
      const [item, own] = [`${ITEM}${more}`, `${SESSION_PATH}${more}${more}`];
      if (member === "OpenSession") return reply("vo", ["s", more], own);
      if (member === "SearchItems") return reply("aoao", [item, `${item}0`], []);
      const secret: Value = [own, [], [...Buffer.from(`hush${more}`)], `text/plain${more}`];
      return reply("a{o(oayays)}", [[item, secret]]);
    });
    for (; more.length < 9; more += "0") expect(await look()).toBe(`hush${more}`);
  });

  test.each(cases)("%s", async (_title, odd, found) => {
    await start("no-service");
    const peer = await session.connect();
    const answers = { ...usual, ...odd };
    const answer = ({ member }: Call) => answers[member] ?? "silence";
    await peer.own("org.freedesktop.secrets", answer);
    expect(await look()).toBe(found);
  });
});

describe.skipIf(process.platform === "win32")("of something else than a bus", () => {
  const header = (...start: number[]) => {
    const bytes = Buffer.alloc(16);
    bytes.set(start);
    bytes.writeUInt32LE(2 << 20, 4);
    return Buffer.concat([Buffer.from("OK 0\r\n"), bytes]);
  };
  const LITTLE_ENDIAN = 0x6c;
  test.each<[string, Buffer | null]>([
    ["that refuses everyone", Buffer.from("REJECTED EXTERNAL\r\n")],
    ["that hangs up", null],
    ["that never ends its line", Buffer.alloc(2000, "x")],
    ["whose message is longer than any secret", header(LITTLE_ENDIAN, 2, 0, 1)],
    ["whose message is none", header(1, 2, 3, 4)],
  ])("%s", async (_title, greeting) => {
    const folder = mkdtempSync(join(tmpdir(), "listener-"));
    closers.push(() => rmSync(folder, { recursive: true }));
    const path = join(folder, "socket");
    const listener = Bun.listen({
      unix: path,
      socket: { data: (client) => void (greeting ? client.write(greeting) : client.end()) },
    });
    closers.push(() => listener.stop(true));
    expect(await look(`unix:path=${path}`)).toBeNull();
  });
});

/** A socket that hands on what a bus says, byte by byte. */
async function relay(path: string, busPath: string) {
  let pieces = 0;
  const buses = new Map<Socket, Socket>();
  const listener = Bun.listen({
    unix: path,
    socket: {
      async open(client) {
        buses.set(client, await openBus(client));
      },
      async data(client, chunk) {
        while (!buses.has(client)) await Bun.sleep(1);
        buses.get(client)?.write(chunk);
      },
    },
  });
  function openBus(client: Socket) {
    let handedOn = Promise.resolve();
    return Bun.connect({
      unix: busPath,
      socket: {
        data(_bus, chunk) {
          handedOn = handedOn.then(async () => {
            for (const byte of chunk) {
              client.write(Buffer.of(byte));
              pieces++;
              await new Promise((resolve) => setImmediate(resolve));
            }
          });
        },
      },
    });
  }
  return { pieces: () => pieces, close: () => listener.stop(true) };
}
