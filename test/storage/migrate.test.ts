import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../src/errors.ts";
import { LockTimeout } from "../../src/files/lock.ts";
import { openKeyring } from "../../src/keyring/keyring.ts";
import { type FileStore, openFileStore } from "../../src/storage/file-store.ts";
import { openKeyringStore } from "../../src/storage/keyring-store.ts";
import {
  type Mirrors,
  type Move,
  moveToken,
  planCopies,
  planMove,
  planRemoval,
} from "../../src/storage/migrate.ts";
import { holdKey } from "../../src/storage/refresh-lock.ts";
import type { Token, TokenStore } from "../../src/storage/store.ts";
import { openMemoryBackend } from "../support/memory-backend.ts";
import { scratchFolder } from "../support/scratch.ts";

const NOW = Date.parse("2026-11-24T12:00:00Z");
const HOST = "https://work.example.com";

/** A token that can be renewed; `hours` from now until it ends. */
const tokenOf = (name: string, hours = 1): Token => ({
  access_token: `access-${name}`,
  token_type: "Bearer",
  refresh_token: `refresh-${name}`,
  expiry: NOW + hours * 3_600_000,
});

const fixed = (name: string, hours = 1): Token => {
  const { refresh_token: _, ...token } = tokenOf(name, hours);
  return token;
};

const never = () => false;

describe("what is done with a key", () => {
  const newer = tokenOf("newer", 2);
  const older = tokenOf("older", 1);
  const cases: [title: string, source: Token | null, destination: Token | null, outcome: string][] =
    [
      ["nothing anywhere", null, null, "absent"],
      ["only at the destination", null, older, "in-place"],
      ["only at the source", older, null, "moved"],
      ["the same in both", older, older, "source-removed"],
      ["newer at the source", newer, older, "moved"],
      ["newer at the destination", older, newer, "source-removed"],
      ["one that lasts, but cannot be renewed, at the destination", older, fixed("x", 9), "moved"],
      [
        "one that lasts, but cannot be renewed, at the source",
        fixed("x", 9),
        older,
        "source-removed",
      ],
      ["two that cannot be renewed", fixed("x", 2), fixed("y", 1), "moved"],
    ];
  test.each(cases)("%s", (_title, source, destination, outcome) => {
    const plan = planMove(source, destination, false, never);
    expect<string>(plan.outcome).toBe(outcome);
    expect(plan.remove).toBe(source !== null);
    expect(plan.copy).toBe(outcome === "moved");
    const kept = planMove(source, destination, true, never);
    expect(kept.remove).toBe(false);
    expect(kept.copy).toBe(plan.copy);
    expect<string>(kept.outcome).toBe(
      { moved: "copied", "source-removed": "in-place" }[outcome] ?? outcome,
    );
  });

  test("a refresh token that the server rejected is worth nothing", () => {
    const isRejected = (refreshToken: string) => refreshToken === "refresh-newer";
    expect(planMove(newer, older, false, isRejected).outcome).toBe("source-removed");
    expect(planMove(older, newer, false, isRejected).outcome).toBe("moved");
  });
});

describe("copies under host keys", () => {
  const one = tokenOf("one");
  const two = tokenOf("two");
  const shared: Mirrors = new Map([
    ["one", [HOST]],
    ["two", [HOST]],
  ]);
  const planFor = (entries: Record<string, Token>, mirrors = shared, known = [one]) => {
    const { put, remove } = planRemoval("one", known, new Map(Object.entries(entries)), mirrors);
    return { put: Object.fromEntries(put), remove };
  };

  test("go with their profile", () => {
    expect(planFor({ one, [HOST]: one }, new Map([["one", [HOST]]]))).toEqual({
      put: {},
      remove: ["one", HOST],
    });
  });

  test("go, too, where they are of another refresh, or of the token that lost", () => {
    const refreshed = { ...one, access_token: "access-later" };
    const rotated = { ...one, refresh_token: "refresh-later" };
    for (const copy of [refreshed, rotated]) {
      expect(planFor({ one, [HOST]: copy }).remove).toEqual(["one", HOST]);
    }
    expect(planFor({ one, [HOST]: two }, shared, [one, two]).remove).toEqual(["one", HOST]);
  });

  test("become those of a profile that stays", () => {
    expect(planFor({ one, two, [HOST]: one })).toEqual({ put: { [HOST]: two }, remove: ["one"] });
  });

  test("stay where they are somebody else's", () => {
    expect(planFor({ one, two, [HOST]: two })).toEqual({ put: {}, remove: ["one"] });
    expect(planFor({ one, [HOST]: tokenOf("stranger") })).toEqual({ put: {}, remove: ["one"] });
  });

  test("are made of what comes into the file, unless there is something better", () => {
    const made = (entries: Record<string, Token>) => {
      const { put, remove } = planCopies("one", one, new Map(Object.entries(entries)), shared);
      expect(remove).toEqual([]);
      expect([...put.values()].every((token) => token === one)).toBe(true);
      return [...put.keys()];
    };
    expect(made({})).toEqual(["one", HOST]);
    expect(made({ [HOST]: tokenOf("older", 0) })).toEqual(["one", HOST]);
    expect(made({ [HOST]: tokenOf("newer", 2) })).toEqual(["one"]);
  });
});

interface Stores {
  keyring: TokenStore;
  file: FileStore;
  folder: string;
}

function openStores(): Stores {
  const folder = scratchFolder();
  const keyring = openKeyring({
    backend: openMemoryBackend(),
    terminal: false,
    waiting: () => () => {},
  });
  const file = openFileStore({
    path: join(folder, "token-cache.json"),
    lockDirectory: join(folder, "locks"),
    lockTimeout: 1000,
    debug: () => {},
  });
  return { keyring: openKeyringStore(keyring), file, folder };
}

const accessTo = ({ folder }: Stores, patience = 1000) => ({
  lockDirectory: join(folder, "locks"),
  deadline: performance.now() + patience,
  now: () => NOW,
  debug: () => {},
});

const MIRRORS: Mirrors = new Map([["work", [HOST]]]);
const MOVE: Omit<Move, "to"> = { key: "work", mirrors: MIRRORS, keep: false, dryRun: false };
const work: Token = { ...tokenOf("work"), scope: "all-apis", unknown: { odd: [1, { a: null }] } };

async function put(stores: Stores, to: "keyring" | "file"): Promise<void> {
  if (to === "keyring") await stores.keyring.put(["work"], work);
  else await stores.file.put(["work", HOST], work);
}

/** What lies where, by key. */
async function placesOf({ keyring, file }: Stores) {
  const held = await keyring.lookup("work");
  return { keyring: held ? { work: held } : {}, file: Object.fromEntries(file.entries()) };
}

const IN_KEYRING = { keyring: { work }, file: {} };
const IN_FILE = { keyring: {}, file: { work, [HOST]: work } };

describe("moving a token", () => {
  test.each([
    ["secure", "file", IN_KEYRING],
    ["plaintext", "keyring", IN_FILE],
  ] as const)("to %s leaves it there alone, whole", async (to, from, expected) => {
    const stores = openStores();
    await put(stores, from);
    expect(await moveToken({ ...MOVE, to }, stores, accessTo(stores))).toBe("moved");
    expect(await placesOf(stores)).toEqual(expected);
    expect(await moveToken({ ...MOVE, to }, stores, accessTo(stores))).toBe("in-place");
    expect(await placesOf(stores)).toEqual(expected);
  });

  test.each(["secure", "plaintext"] as const)("to %s with keep only copies", async (to) => {
    const stores = openStores();
    await put(stores, to === "secure" ? "file" : "keyring");
    expect(await moveToken({ ...MOVE, to, keep: true }, stores, accessTo(stores))).toBe("copied");
    expect(await placesOf(stores)).toEqual({ keyring: { work }, file: { work, [HOST]: work } });
  });

  test.each(["secure", "plaintext"] as const)("to %s as a dry run changes nothing", async (to) => {
    const stores = openStores();
    await put(stores, to === "secure" ? "file" : "keyring");
    const before = await placesOf(stores);
    expect(await moveToken({ ...MOVE, to, dryRun: true }, stores, accessTo(stores))).toBe("moved");
    expect(await placesOf(stores)).toEqual(before);
  });

  test("waits for a refresh of the same key, and gives up in the end", async () => {
    const stores = openStores();
    await put(stores, "file");
    const access = { ...accessTo(stores), key: "work" };
    await holdKey(access, async () => {
      const moving = moveToken({ ...MOVE, to: "secure" }, stores, accessTo(stores, 50));
      await expect(moving).rejects.toBeInstanceOf(LockTimeout);
      const waiting = moveToken({ ...MOVE, to: "secure" }, stores, accessTo(stores));
      await Bun.sleep(20);
      expect(await placesOf(stores)).toEqual(IN_FILE);
      return { waiting };
    }).then(({ waiting }) => waiting);
    expect(await placesOf(stores)).toEqual(IN_KEYRING);
  });

  test("a copy under a host key goes with its profile, not on its own", async () => {
    const stores = openStores();
    await put(stores, "file");
    const move = { ...MOVE, key: HOST, to: "secure" } as const;
    expect(await moveToken(move, stores, accessTo(stores))).toBe("mirror");
    await stores.keyring.put(["work"], work);
    await stores.file.remove("work");
    expect(await moveToken(move, stores, accessTo(stores))).toBe("mirror");
    expect(await moveToken({ ...MOVE, to: "secure" }, stores, accessTo(stores))).toBe(
      "source-removed",
    );
    expect(await placesOf(stores)).toEqual(IN_KEYRING);
  });

  test("a host's own login moves, unless its place in the file is a profile's", async () => {
    const stores = openStores();
    const alone = { ...MOVE, key: HOST, mirrors: new Map() };
    await stores.keyring.put([HOST], work);
    const shared = { ...MOVE, key: HOST, to: "plaintext" } as const;
    expect(await moveToken(shared, stores, accessTo(stores))).toBe("shared");
    expect(await stores.keyring.lookup(HOST)).toEqual(work);
    expect(await moveToken({ ...alone, to: "plaintext" }, stores, accessTo(stores))).toBe("moved");
    expect(stores.file.entries()).toEqual(new Map([[HOST, work]]));
    expect(await moveToken({ ...alone, to: "secure" }, stores, accessTo(stores))).toBe("moved");
    expect(await stores.keyring.lookup(HOST)).toEqual(work);
    expect(stores.file.entries().size).toBe(0);
  });

  test("numbers that no program of ours can hold survive both ways", async () => {
    const stores = openStores();
    const entry = '{"access_token":"a","token_type":"Bearer","id":12345678901234567890}';
    writeFileSync(
      join(stores.folder, "token-cache.json"),
      `{"version":1,"tokens":{"work":${entry}}}`,
    );
    await moveToken({ ...MOVE, to: "secure" }, stores, accessTo(stores));
    await moveToken({ ...MOVE, to: "plaintext" }, stores, accessTo(stores));
    const text = await Bun.file(join(stores.folder, "token-cache.json")).text();
    expect(text.match(/12345678901234567890/g)).toHaveLength(2);
  });
});

/** The stores, whose calls are counted; the one with the number `failing` and all after it fail, before or after they are made. */
function interrupted({ keyring, file, folder }: Stores, failing: number, when: "before" | "after") {
  let calls = 0;
  const wrap =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      calls++;
      if (calls > failing || (calls === failing && when === "before")) throw new Interruption();
      const result = await call(...args);
      if (calls === failing) throw new Interruption();
      return result;
    };
  const wrapStore = <S extends TokenStore>(store: S): S => ({
    ...store,
    lookup: wrap(store.lookup),
    put: wrap(store.put),
    remove: wrap(store.remove),
  });
  return {
    folder,
    keyring: wrapStore(keyring),
    file: { ...wrapStore(file), edit: wrap(file.edit) },
    count: () => calls,
  };
}

class Interruption extends Error {}

describe("a move that is interrupted anywhere loses nothing, and can be run again", () => {
  test.each([
    ["secure", "file", IN_KEYRING],
    ["plaintext", "keyring", IN_FILE],
  ] as const)("to %s", async (to, from, expected) => {
    const move = { ...MOVE, to };
    const whole = openStores();
    await put(whole, from);
    const counted = interrupted(whole, Number.POSITIVE_INFINITY, "after");
    await moveToken(move, counted, accessTo(whole));
    expect(counted.count()).toBeGreaterThan(3);
    for (let failing = 1; failing <= counted.count(); failing++) {
      for (const when of ["before", "after"] as const) {
        const stores = openStores();
        await put(stores, from);
        const broken = interrupted(stores, failing, when);
        const error: unknown = await moveToken(move, broken, accessTo(stores)).catch((e) => e);
        expect(error).toBeInstanceOf(Interruption);
        const { keyring, file } = await placesOf(stores);
        expect([keyring.work, file["work"]]).toContainEqual(work);
        await moveToken(move, stores, accessTo(stores));
        expect(await placesOf(stores)).toEqual(expected);
      }
    }
  });
});

describe("nothing is removed", () => {
  const changed = tokenOf("changed", 2);

  test.each(["secure", "plaintext"] as const)(
    "when what comes back is not what was stored, to %s",
    async (to) => {
      const stores = openStores();
      await put(stores, to === "secure" ? "file" : "keyring");
      const broken = to === "secure" ? "keyring" : "file";
      let stored = false;
      const forgetful = {
        ...stores,
        [broken]: {
          ...stores[broken],
          put: async () => {
            stored = true;
          },
          edit: async () => {
            stored = true;
          },
          lookup: async (key: string) => (stored ? changed : stores[broken].lookup(key)),
        },
      };
      const moving = moveToken({ ...MOVE, to }, forgetful, accessTo(stores));
      await expect(moving).rejects.toThrow("is not what was stored");
      expect(await placesOf(stores)).toEqual(to === "secure" ? IN_FILE : IN_KEYRING);
    },
  );

  test("when another program renewed the token meanwhile", async () => {
    const stores = openStores();
    await put(stores, "file");
    const keyring = {
      ...stores.keyring,
      async put(keys: readonly [string, ...string[]], token: Token) {
        await stores.keyring.put(keys, token);
        await stores.file.put(["work", HOST], changed);
      },
    };
    const moving = moveToken({ ...MOVE, to: "secure" }, { ...stores, keyring }, accessTo(stores));
    await expect(moving).rejects.toBeInstanceOf(UserError);
    expect(stores.file.entries().get("work")).toEqual(changed);
    expect(await moveToken({ ...MOVE, to: "secure" }, stores, accessTo(stores))).toBe("moved");
    expect(await placesOf(stores)).toEqual({ keyring: { work: changed }, file: {} });
  });

  test("for an entry that is no token", async () => {
    const stores = openStores();
    writeFileSync(join(stores.folder, "token-cache.json"), '{"version":1,"tokens":{"work":7}}');
    const moving = moveToken({ ...MOVE, to: "secure" }, stores, accessTo(stores));
    await expect(moving).rejects.toThrow('the entry "work" is not a token');
    await stores.keyring.put(["work"], work);
    expect(await moveToken({ ...MOVE, to: "plaintext" }, stores, accessTo(stores))).toBe("moved");
    expect(await placesOf(stores)).toEqual(IN_FILE);
  });
});
