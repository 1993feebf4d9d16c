import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LockTimeout } from "../../src/files/lock.ts";
import { openFileStore } from "../../src/storage/file-store.ts";
import {
  holdKey,
  type RefreshOptions,
  RefreshRejected,
  refreshOnce,
  storeLogin,
} from "../../src/storage/refresh-lock.ts";
import type { Token } from "../../src/storage/store.ts";
import { startScript } from "../support/run-script.ts";
import { scratchFolder } from "../support/scratch.ts";
import { startTokenEndpoint } from "./token-endpoint.ts";

const worker = new URL("./refresh-worker.ts", import.meta.url);
const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 24);

/** Numbered tokens, as a server that rotates would issue them. */
function tokenOf(generation: number, expiry = NOW + HOUR): Token {
  return {
    access_token: `access-${generation}`,
    token_type: "Bearer",
    refresh_token: `refresh-${generation}`,
    expiry,
  };
}
const expired = tokenOf(1, NOW - 1);

class Rejection extends Error {}

function openStore(folder: string) {
  const options = { lockDirectory: join(folder, "locks"), lockTimeout: 5_000, debug: () => {} };
  return openFileStore({ path: join(folder, "token-cache.json"), ...options });
}

/**
 * Callers on one machine, whose cache holds `held` under P. The clock stands still at `clock.now`;
 * the server answers tokens 2, 3, … unless `overrides.request` says otherwise.
 */
async function machine(held: Token | null) {
  const folder = scratchFolder();
  const store = openStore(folder);
  if (held) await store.put(["P"], held);
  const clock = { now: NOW };
  const sent: string[] = [];
  const debugged: string[] = [];
  const failures: unknown[] = [];
  const options = (overrides: Partial<RefreshOptions> = {}): RefreshOptions => ({
    key: "P",
    putKeys: () => ["P", "https://example.com"],
    store,
    lockDirectory: join(folder, "locks"),
    deadline: performance.now() + 5_000,
    now: () => clock.now,
    debug: (message) => debugged.push(message),
    startedAt: clock.now,
    force: false,
    isFresh: (token) => token.expiry !== undefined && token.expiry > clock.now + 300_000,
    isRejection: (error) => error instanceof Rejection,
    onExchange: () => {},
    onStoreFailure: (error) => failures.push(error),
    ...overrides,
    request: async (refreshToken, isFrom) => {
      sent.push(refreshToken);
      return overrides.request
        ? overrides.request(refreshToken, isFrom)
        : tokenOf(sent.length + 1, clock.now + HOUR);
    },
  });
  const ask = (overrides?: Partial<RefreshOptions>) => refreshOnce(options(overrides));
  return { folder, store, clock, sent, debugged, failures, options, ask };
}

const reject = async () => {
  throw new Rejection();
};

async function reasonOf(asking: Promise<unknown>): Promise<string> {
  const error: unknown = await asking.catch((thrown) => thrown);
  if (error instanceof RefreshRejected) return error.reason;
  throw error;
}

describe("one caller", () => {
  test("gets a fresh token without a request", async () => {
    const { ask, sent } = await machine(tokenOf(1));
    expect(await ask()).toEqual(tokenOf(1));
    expect(sent).toEqual([]);
  });

  test("gets a refreshed one for one that has ended, stored under all keys", async () => {
    const { ask, sent, store } = await machine(expired);
    expect(await ask()).toEqual(tokenOf(2));
    expect(sent).toEqual(["refresh-1"]);
    expect(await store.lookup("P")).toEqual(tokenOf(2));
    expect(await store.lookup("https://example.com")).toEqual(tokenOf(2));
  });

  test("gets a refreshed one for a fresh one by force, each time it comes", async () => {
    const { ask, clock } = await machine(tokenOf(1));
    expect((await ask({ force: true }))?.access_token).toBe("access-2");
    clock.now += 1;
    expect((await ask({ force: true }))?.access_token).toBe("access-3");
  });

  test("says what must not be cut short: from the request to the store", async () => {
    const { ask, store } = await machine(expired);
    const steps: string[] = [];
    const noteEnd = (exchange: Promise<unknown>) =>
      exchange.then(async () => steps.push(`ends with ${(await store.lookup("P"))?.access_token}`));
    await ask({
      onExchange: (exchange) => void noteEnd(exchange),
      async request() {
        steps.push("request");
        return tokenOf(2);
      },
    });
    await Bun.sleep(0);
    expect(steps).toEqual(["request", "ends with access-2"]);
  });

  test("gets nothing where somebody logged out", async () => {
    const { ask, sent } = await machine(null);
    expect(await ask()).toBeNull();
    expect(sent).toEqual([]);
  });

  test("is told that there is no refresh token", async () => {
    const { ask, sent } = await machine({
      access_token: "access-1",
      token_type: "Bearer",
      expiry: 0,
    });
    expect(await reasonOf(ask())).toBe("missing");
    expect(sent).toEqual([]);
  });

  test("keeps what the answer leaves out, but not the old end", async () => {
    const unknown = { session: "s" };
    const { ask, store } = await machine({
      ...expired,
      scope: "all-apis",
      unknown,
      expires_in: 60,
    });
    const answer = { access_token: "access-2", token_type: "Bearer" };
    const kept = { ...answer, refresh_token: "refresh-1", unknown, scope: "all-apis" };
    expect(await ask({ request: async () => answer })).toEqual(kept);
    expect(await store.lookup("P")).toEqual(kept);
    const narrowed = await ask({
      force: true,
      startedAt: NOW + 1,
      request: async () => ({ ...answer, scope: "sql" }),
    });
    expect(narrowed?.scope).toBe("sql");
  });

  test("passes an error of the server on, and stores nothing", async () => {
    const { ask, store, sent } = await machine(expired);
    const broken = new Error("HTTP 500");
    const failing = { request: () => Promise.reject(broken) };
    await expect(ask(failing)).rejects.toBe(broken);
    await expect(ask(failing)).rejects.toBe(broken);
    expect(sent).toEqual(["refresh-1", "refresh-1"]);
    expect(await store.lookup("P")).toEqual(expired);
    expect(await ask()).not.toBeNull();
  });
});

describe("what another process stored", () => {
  test("is used by force too, if it came after this process was started", async () => {
    const { ask, clock, sent } = await machine(tokenOf(1));
    const startedAt = clock.now;
    clock.now += 1_000;
    await ask({ force: true });
    clock.now += 1_000;
    expect((await ask({ force: true, startedAt }))?.access_token).toBe("access-2");
    expect(sent).toEqual(["refresh-1"]);
  });

  test("is used although it ends within the margin: a refresh would bring no better", async () => {
    const { ask, sent, clock } = await machine(expired);
    const short = { request: async () => tokenOf(2, NOW + 60_000) };
    await ask(short);
    clock.now += 1_000;
    expect((await ask({ ...short, startedAt: NOW }))?.access_token).toBe("access-2");
    expect(sent).toHaveLength(1);
    clock.now += 60_000;
    await ask({ ...short, startedAt: NOW });
    expect(sent).toHaveLength(2);
  });

  test("is not what a program that keeps no notes put there", async () => {
    const { ask, store, sent, clock } = await machine(tokenOf(1));
    await ask({ force: true });
    await store.put(["P"], tokenOf(7));
    clock.now += 1;
    await ask({ force: true, startedAt: NOW });
    expect(sent).toEqual(["refresh-1", "refresh-7"]);
  });

  test("is not trusted when it was noted by a clock that ran ahead", async () => {
    const { ask, sent, clock } = await machine(tokenOf(1));
    await ask({ force: true });
    clock.now -= HOUR;
    await ask({ force: true });
    expect(sent).toEqual(["refresh-1", "refresh-2"]);
  });
});

describe("where a token is from", () => {
  const host = "https://example.com";

  test("is known of one that a login or a refresh stored, until another program stores its own", async () => {
    const { ask, options, store, clock } = await machine(null);
    const known: boolean[][] = [];
    const request: RefreshOptions["request"] = async (_, isFrom) => {
      known.push([isFrom(host), isFrom("https://other.example.com"), isFrom("P")]);
      return tokenOf(known.length + 1, clock.now - 1);
    };
    await storeLogin(options(), ["P", host], expired);
    const askLater = () => ask({ request, startedAt: clock.now + 1 });
    await askLater();
    await askLater();
    await store.put(["P"], tokenOf(9, clock.now - 1));
    await askLater();
    expect(known).toEqual([
      [true, false, false],
      [true, false, false],
      [false, false, false],
    ]);
  });
});

describe("a rejected refresh token", () => {
  test("is not sent again for 15 minutes", async () => {
    const { ask, sent, clock, debugged } = await machine(expired);
    expect(await reasonOf(ask({ request: reject }))).toBe("rejected");
    clock.now += 15 * 60_000 - 1;
    expect(await reasonOf(ask())).toBe("rejected");
    expect(await reasonOf(ask({ force: true }))).toBe("rejected");
    expect(sent).toEqual(["refresh-1"]);
    expect(debugged.join()).not.toContain("refresh-1");
    clock.now += 1;
    expect((await ask())?.access_token).toBe("access-3");
  });

  test("is forgotten when another is stored, by this program or any other", async () => {
    const { ask, options, store } = await machine(expired);
    await reasonOf(ask({ request: reject }));
    await storeLogin(options(), ["P"], { ...expired, refresh_token: "refresh-7" });
    expect((await ask({ startedAt: NOW + 1 }))?.access_token).toBe("access-3");

    await store.put(["P"], { ...expired, refresh_token: "refresh-8" });
    expect((await ask())?.access_token).toBe("access-4");
  });

  test("is not remembered into the past", async () => {
    const { ask, sent, clock } = await machine(expired);
    await reasonOf(ask({ request: reject }));
    clock.now -= HOUR;
    await reasonOf(ask({ request: reject, force: true }));
    expect(sent).toHaveLength(2);
  });

  test("does not matter where the official CLI has used it first", async () => {
    const { ask, store } = await machine(expired);
    const overtaken = async () => {
      await store.put(["P"], tokenOf(7));
      throw new Rejection();
    };
    expect(await ask({ request: overtaken })).toEqual(tokenOf(7));
  });

  test("carries the server's error along, the first time", async () => {
    const { ask } = await machine(expired);
    const error: unknown = await ask({ request: reject }).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(RefreshRejected);
    expect(error instanceof Error && error.cause).toBeInstanceOf(Rejection);
  });
});

describe("a token that cannot be stored", () => {
  const full = new Error("no space");

  test("is given out all the same; the refresh token that it used up is not sent again", async () => {
    const { ask, store, sent, failures } = await machine(expired);
    const broken = { store: { ...store, put: () => Promise.reject(full) } };
    expect(await ask(broken)).toEqual(tokenOf(2));
    expect(failures).toEqual([full]);
    expect(await reasonOf(ask())).toBe("rejected");
    expect(sent).toEqual(["refresh-1"]);
  });

  test("and kept its refresh token can be had again", async () => {
    const { ask, store, sent } = await machine(expired);
    const request = async () => ({ access_token: "access-2", token_type: "Bearer" });
    await ask({ request, store: { ...store, put: () => Promise.reject(full) } });
    expect((await ask({ request }))?.access_token).toBe("access-2");
    expect(sent).toEqual(["refresh-1", "refresh-1"]);
  });
});

describe("a login", () => {
  test("counts as stored since a caller started", async () => {
    const { ask, options, sent, clock } = await machine(expired);
    clock.now += 1_000;
    await storeLogin(options(), ["P"], tokenOf(7));
    expect(await ask({ force: true, startedAt: NOW })).toEqual(tokenOf(7));
    expect(sent).toEqual([]);
  });

  test("is not overwritten by a refresh in flight", async () => {
    const { ask, options, store } = await machine(expired);
    const answer = Promise.withResolvers<Token>();
    const asked = Promise.withResolvers<void>();
    const request = () => {
      asked.resolve();
      return answer.promise;
    };
    const refreshing = ask({ request });
    await asked.promise;
    const login = storeLogin(options(), ["P"], tokenOf(7));
    answer.resolve(tokenOf(2));
    await Promise.all([refreshing, login]);
    expect(await store.lookup("P")).toEqual(tokenOf(7));
  });

  test("is stored even if a refresh hangs, which a refresh is not", async () => {
    const { ask, options, store } = await machine(expired);
    await holdKey(options(), async () => {
      const soon = () => ({ deadline: performance.now() + 50 });
      await expect(ask(soon())).rejects.toBeInstanceOf(LockTimeout);
      await storeLogin(options(soon()), ["P"], tokenOf(7));
    });
    expect(await store.lookup("P")).toEqual(tokenOf(7));
  });
});

test("a logout is not undone by a refresh in flight", async () => {
  const { ask, options, store } = await machine(expired);
  const asked = Promise.withResolvers<void>();
  const request = async () => {
    asked.resolve();
    await Bun.sleep(50);
    return tokenOf(2);
  };
  const refreshing = ask({ request });
  await asked.promise;
  await holdKey(options(), () => store.remove("P"));
  expect(await refreshing).toEqual(tokenOf(2));
  expect(await store.lookup("P")).toBeNull();
});

describe("the lock folder", () => {
  test("that cannot be used stops nobody", async () => {
    const { ask, options, folder, store, debugged } = await machine(null);
    const lockDirectory = join(folder, "file");
    writeFileSync(lockDirectory, "");
    await storeLogin(options({ lockDirectory }), ["P"], expired);
    expect(await ask({ lockDirectory })).toEqual(tokenOf(2));
    expect(await store.lookup("P")).toEqual(tokenOf(2));
    expect(debugged.filter((message) => message.includes("without a lock"))).toHaveLength(2);
  });

  test("holds no token", async () => {
    const { ask, options, folder } = await machine(expired);
    await ask();
    await ask({ force: true, request: reject, startedAt: NOW + 1 }).catch(() => {});
    await storeLogin(options(), ["P"], tokenOf(7));
    const locks = join(folder, "locks");
    const notes = readdirSync(locks).map((name) => readFileSync(join(locks, name), "utf8"));
    expect(notes.join()).toContain("hash");
    expect(notes.join()).not.toMatch(/access-|refresh-|example/);
  });

  test("with notes that make no sense is as good as new", async () => {
    const { ask, folder, sent } = await machine(expired);
    const locks = join(folder, "locks");
    await ask();
    const garbage = [
      "{",
      "null",
      "[]",
      '{"stored":1}',
      '{"stored":{"hash":1,"at":"x"},"rejected":null}',
      "\0",
    ];
    for (const text of garbage) {
      for (const name of readdirSync(locks)) writeFileSync(join(locks, name), text);
      await ask({ force: true });
    }
    expect(sent).toHaveLength(1 + garbage.length);
  });
});

/** Starts `count` workers at once; `started` resolves when all run, `answers` when all have ended. */
function startCallers(count: number, args: string[]) {
  const callers = Array.from({ length: count }, () => startScript(worker, args));
  const running = Promise.withResolvers<void>();
  let starts = 0;
  async function readAll(caller: (typeof callers)[number]) {
    const decoder = new TextDecoder();
    let output = "";
    for await (const chunk of caller.stdout) {
      if (output === "" && ++starts === count) running.resolve();
      output += decoder.decode(chunk, { stream: true });
    }
    return output.replace("started\n", "").trim();
  }
  return { callers, started: running.promise, answers: Promise.all(callers.map(readAll)) };
}

describe("30 processes at once", () => {
  for (const mode of ["plain", "force"]) {
    test(`cause one request and all get its token (${mode})`, async () => {
      const folder = scratchFolder();
      const allRun = Promise.withResolvers<void>();
      const endpoint = startTokenEndpoint(HOUR, () => allRun.promise);
      await openStore(folder).put(["P"], {
        ...endpoint.current,
        expiry: mode === "plain" ? Date.now() - 1 : Date.now() + HOUR,
      });
      const { started, answers } = startCallers(30, [mode, folder, endpoint.url]);
      started.then(allRun.resolve);
      expect(await answers).toEqual(Array(30).fill("access-2"));
      expect(endpoint.received).toEqual(["refresh-1"]);
    }, 60_000);
  }

  test("cause one request when the refresh token is dead, and all are told", async () => {
    const folder = scratchFolder();
    const endpoint = startTokenEndpoint(HOUR);
    await openStore(folder).put(["P"], { ...endpoint.current, expiry: Date.now() - 1 });
    endpoint.revoke();
    const { answers } = startCallers(30, ["force", folder, endpoint.url]);
    expect(await answers).toEqual(Array(30).fill("rejected"));
    expect(endpoint.received).toEqual(["refresh-1"]);
  }, 60_000);

  test("cause one request when a new token ends within the margin", async () => {
    const folder = scratchFolder();
    const allRun = Promise.withResolvers<void>();
    const endpoint = startTokenEndpoint(60_000, () => allRun.promise);
    await openStore(folder).put(["P"], { ...endpoint.current, expiry: Date.now() - 1 });
    const { started, answers } = startCallers(30, ["plain", folder, endpoint.url]);
    started.then(allRun.resolve);
    expect(await answers).toEqual(Array(30).fill("access-2"));
    expect(endpoint.received).toEqual(["refresh-1"]);
  }, 60_000);
});

test("a caller that is killed while it asks makes room for the next", async () => {
  const folder = scratchFolder();
  const asked = Promise.withResolvers<void>();
  const endpoint = startTokenEndpoint(HOUR, async () => {
    asked.resolve();
    const isFirst = endpoint.received.length === 1;
    if (isFirst) await new Promise(() => {});
  });
  await openStore(folder).put(["P"], { ...endpoint.current, expiry: Date.now() - 1 });
  const first = startCallers(1, ["plain", folder, endpoint.url]);
  await asked.promise;
  const second = startCallers(1, ["plain", folder, endpoint.url]);
  await second.started;
  for (const caller of first.callers) caller.kill("SIGKILL");
  expect(await second.answers).toEqual(["access-2"]);
  expect(endpoint.received).toEqual(["refresh-1", "refresh-1"]);
}, 20_000);
