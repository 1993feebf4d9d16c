import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { UserError } from "../../src/errors.ts";
import { acquireLock, LockTimeout } from "../../src/files/lock.ts";
import { hasEntries, listEntries, openFileStore } from "../../src/storage/file-store.ts";
import type { Token } from "../../src/storage/store.ts";
import { canInject, canMount, onSmallDisk, withFault } from "../support/faults.ts";
import { runScript, startScript } from "../support/run-script.ts";
import { scratchFolder } from "../support/scratch.ts";

const worker = new URL("./file-store-worker.ts", import.meta.url);

const token: Token = {
  access_token: "access-1",
  token_type: "Bearer",
  refresh_token: "refresh-1",
  expiry: Date.UTC(2026, 10, 24, 0, 33, 53, 955),
};
const stored = {
  access_token: "access-1",
  token_type: "Bearer",
  refresh_token: "refresh-1",
  expiry: "2026-11-24T00:33:53.955Z",
};

/** A store in a home folder of its own; `content` is put there first. */
function openStore(content?: string | Uint8Array, lockTimeout = 5_000) {
  const folder = join(scratchFolder(), ".databricks");
  const path = join(folder, "token-cache.json");
  if (content !== undefined) {
    mkdirSync(folder, { mode: 0o700 });
    writeFileSync(path, content, { mode: 0o600 });
  }
  const lockDirectory = join(folder, "locks");
  const debugged: string[] = [];
  const debug = (message: string) => debugged.push(message);
  const store = openFileStore({ path, lockDirectory, lockTimeout, debug });
  return { store, folder, path, lockDirectory, debugged };
}

function contentOf(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}

describe("the file cache", () => {
  test("loses nothing that a program without locks wrote meanwhile", async () => {
    const { store, path } = openStore('{"version":1,"tokens":{}}');
    const rounds: string[][] = [];
    await store.edit((entries) => {
      rounds.push([...entries.keys()]);
      if (rounds.length === 1) {
        writeFileSync(path, JSON.stringify({ version: 1, tokens: { other: stored } }));
      }
      return { put: new Map([["P", token]]), remove: [] };
    });
    expect(rounds).toEqual([[], ["other"]]);
    expect(contentOf(path)).toEqual({ version: 1, tokens: { other: stored, P: stored } });
  });

  test("is changed in the end, however often somebody else was faster", async () => {
    const { store, path } = openStore('{"version":1,"tokens":{}}');
    let round = 0;
    await store.edit(() => {
      writeFileSync(path, JSON.stringify({ version: 1, tokens: { [`other-${++round}`]: stored } }));
      return { put: new Map([["P", token]]), remove: [] };
    });
    expect(round).toBe(5);
    expect(listEntries(path).map(({ key }) => key)).toContain("P");
  });

  test("that does not exist is empty, and is not created by looking", async () => {
    const { store, path } = openStore();
    expect(store.location).toBe("file");
    expect(await store.lookup("P")).toBeNull();
    expect(await store.remove("P")).toBe(false);
    expect(hasEntries(path)).toBe(false);
    expect(listEntries(path)).toEqual([]);
    expect(existsSync(path)).toBe(false);
  });

  test("holds a token under all its keys, in the documented form", async () => {
    const { store, path } = openStore();
    await store.put(["P", "https://example.com"], token);
    expect(contentOf(path)).toEqual({
      version: 1,
      tokens: { P: stored, "https://example.com": stored },
    });
    expect(await store.lookup("P")).toEqual(token);
    expect(await store.lookup("https://example.com")).toEqual(token);
    expect(await store.lookup("other")).toBeNull();
  });

  test("replaces and removes one entry, and says whether there was one", async () => {
    const { store, path } = openStore();
    await store.put(["P", "Q"], token);
    await store.put(["P"], { ...token, access_token: "access-2" });
    expect((await store.lookup("P"))?.access_token).toBe("access-2");
    expect((await store.lookup("Q"))?.access_token).toBe("access-1");
    expect(await store.remove("P")).toBe(true);
    expect(await store.remove("P")).toBe(false);
    expect(contentOf(path)).toEqual({ version: 1, tokens: { Q: stored } });
  });

  test.skipIf(process.platform === "win32")(
    "is private, whatever the umask and its mode before",
    async () => {
      const before = process.umask(0o000);
      try {
        const { store, folder, path } = openStore();
        await store.put(["P"], token);
        expect(statSync(folder).mode & 0o777).toBe(0o700);
        expect(statSync(path).mode & 0o777).toBe(0o600);
        chmodSync(path, 0o644);
        await store.put(["P"], token);
        expect(statSync(path).mode & 0o777).toBe(0o600);
      } finally {
        process.umask(before);
      }
    },
  );

  test.each(["__proto__", "constructor", "toString", "0", "a b", 'ü\n"\\'])(
    "takes the key %p for an ordinary one",
    async (key) => {
      const { store, path } = openStore();
      expect(await store.lookup(key)).toBeNull();
      await store.put([key, "other"], token);
      expect(await store.lookup(key)).toEqual(token);
      expect(listEntries(path).map((entry) => entry.key)).toContain(key);
      expect(await store.remove(key)).toBe(true);
      expect(await store.lookup(key)).toBeNull();
      expect(await store.lookup("other")).toEqual(token);
    },
  );

  test("keeps whatever it does not know, digit by digit", async () => {
    const foreign =
      '"Q":{"access_token":"access-2","token_type":"Bearer","id":12345678901234567890,"rate":1e400},"R":{"half":';
    const before = `{"version":1,"owner":{"id":98765432109876543210},"tokens":{${foreign}0.10000000000000000001}},"__proto__":[1]}`;
    const { store, path } = openStore(before);
    await store.put(["P"], token);
    await store.remove("P");
    expect(readFileSync(path, "utf8").replace(/\s/g, "")).toBe(before);
  });

  test("writes unknown fields of an entry back when its token is replaced", async () => {
    const { store, path } = openStore(
      '{"version":1,"tokens":{"P":{"access_token":"access-1","token_type":"Bearer","id":12345678901234567890}}}',
    );
    const found = await store.lookup("P");
    await store.put(["P"], { ...token, ...(found?.unknown && { unknown: found.unknown }) });
    expect(readFileSync(path, "utf8")).toContain("12345678901234567890");
  });

  test("without tokens, or with none, is empty", async () => {
    for (const content of [
      '{"version":1}',
      '{"version":1,"tokens":null}',
      '{"version":1,"tokens":{}}',
    ]) {
      const { store, path } = openStore(content);
      expect(await store.lookup("P")).toBeNull();
      expect(hasEntries(path)).toBe(false);
      await store.put(["P"], token);
      expect(await store.lookup("P")).toEqual(token);
    }
  });
});

describe("an entry that is no token", () => {
  const content = JSON.stringify({
    version: 1,
    tokens: { bad: { access_token: 1 }, good: stored },
  });

  test("is an error that names the file and the entry, and does no harm to the others", async () => {
    const { store, path } = openStore(content);
    expect(await store.lookup("good")).toEqual(token);
    const error: unknown = await store.lookup("bad").catch((thrown) => thrown);
    expect(error).toBeInstanceOf(UserError);
    expect(String(error)).toContain(`${path}: the entry "bad" is not a token`);
    expect(listEntries(path)).toEqual([
      { key: "bad", token: null },
      { key: "good", token },
    ]);
  });

  test("stays when others change, and can be replaced", async () => {
    const { store, path } = openStore(content);
    await store.put(["new"], token);
    expect(contentOf(path)).toMatchObject({ tokens: { bad: { access_token: 1 } } });
    await store.put(["bad"], token);
    expect(await store.lookup("bad")).toEqual(token);
  });

  test("is no sign of an earlier login", () => {
    const { path } = openStore('{"version":1,"tokens":{"bad":{"access_token":1}}}');
    expect(hasEntries(path)).toBe(false);
    expect(hasEntries(openStore(content).path)).toBe(true);
  });
});

describe("a file that cannot be read", () => {
  test.each([
    ["empty", "", "line 1, column 1 is not JSON"],
    [
      "cut off",
      '{"version":1,\n "tokens":{"P":{"access_token":"acc',
      "line 2, column 32 is not JSON",
    ],
    ["a list", "[]", "is not a token cache"],
    ["of tokens in a list", '{"version":1,"tokens":[]}', "is not a token cache"],
    ["of a version in text", '{"version":"1"}', "is not a token cache"],
    ["of a later version", '{"version":2,"tokens":{}}', "needs version 1, got version 2. Repair"],
    ["of no version", '{"tokens":{}}', "needs version 1, got version 0"],
    ["not UTF-8", Buffer.from('{"version":1,"x":"\xff"}', "latin1"), "is not UTF-8"],
    [
      "nested too deeply",
      `{"version":1,"x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
      "nested",
    ],
  ])("because it is %s is named, and never overwritten", async (_what, content, problem) => {
    const { store, path } = openStore(content);
    for (const call of [() => store.put(["P"], token), () => store.remove("P")]) {
      const error: unknown = await call().catch((thrown) => thrown);
      expect(error).toBeInstanceOf(UserError);
      expect(String(error)).toContain(path);
      expect(String(error)).toContain(problem);
    }
    expect(hasEntries(path)).toBe(false);
    expect(readFileSync(path).equals(Buffer.from(content))).toBe(true);
  });

  test("because it is a folder is named", async () => {
    const { store, path } = openStore();
    mkdirSync(path, { recursive: true });
    await expect(store.lookup("P")).rejects.toThrow(path);
    expect(hasEntries(path)).toBe(false);
  });

  test("never shows what is in it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: 90 }),
        fc.constantFrom("", '"', "}", "x"),
        async (at, sign) => {
          const whole = JSON.stringify({
            version: 1,
            tokens: { P: { access_token: "s3cret-s3cret" } },
          });
          const { store } = openStore(whole.slice(0, at) + sign + whole.slice(at + 1 + (at % 3)));
          const error: unknown = await store.lookup("P").catch((thrown) => thrown);
          if (error instanceof Error) expect(String(error.stack)).not.toContain("s3cret");
        },
      ),
    );
  });
});

describe("changes by several processes", () => {
  test("lose no update of 30 processes", async () => {
    const { path, folder } = openStore();
    const keys = Array.from({ length: 30 }, (_, index) => `P${index}`);
    const outcomes = await Promise.all(keys.map((key) => runScript(worker, ["put", path, key])));
    expect(outcomes.filter(({ exitCode }) => exitCode !== 0)).toEqual([]);
    const expected = keys.flatMap((key) => [key, `${key}-mirror`]).sort();
    expect(
      listEntries(path)
        .map(({ key }) => key)
        .sort(),
    ).toEqual(expected);
    expect(readdirSync(folder).sort()).toEqual(["locks", "token-cache.json"]);
  }, 60_000);

  test("wait for each other where they know the home by two names, also before it holds anything", async () => {
    const { path, folder, lockDirectory } = openStore();
    const other = join(scratchFolder(), "home");
    symlinkSync(join(folder, ".."), other, "junction");
    const names = [path, join(other, ".databricks", "token-cache.json")];
    for (const name of [...names, join(folder, "..", ".databricks", "token-cache.json")]) {
      await openFileStore({ path: name, lockDirectory, lockTimeout: 5_000, debug() {} }).put(
        ["P"],
        token,
      );
    }
    expect(readdirSync(lockDirectory)).toHaveLength(1);

    const keys = Array.from({ length: 20 }, (_, index) => `P${index}`);
    await Promise.all(
      keys.map((key, index) => runScript(worker, ["put", names[index % 2] ?? "", key])),
    );
    expect(listEntries(path)).toHaveLength(1 + 2 * keys.length);
  }, 60_000);

  test("survive the death of a writer", async () => {
    const { store, path, folder } = openStore();
    await store.put(["P"], token);
    for (let round = 0; round < 10; round++) {
      const writer = startScript(worker, ["put-forever", path, "Q"]);
      await writer.stdout.getReader().read();
      await Bun.sleep(Math.random() * 20);
      writer.kill("SIGKILL");
      await writer.exited;
      expect(await store.lookup("P")).toEqual(token);
    }
    await store.put(["R"], token);
    expect(readdirSync(folder).sort()).toEqual(["locks", "token-cache.json"]);
  }, 30_000);

  test("wait for each other no longer than they may", async () => {
    const { store, lockDirectory, path } = openStore(undefined, 100);
    await store.put(["P"], token);
    const [name = ""] = readdirSync(lockDirectory);
    const lock = await acquireLock(join(lockDirectory, name), {
      deadline: performance.now() + 1_000,
    });
    await expect(store.put(["Q"], token)).rejects.toBeInstanceOf(LockTimeout);
    expect(await store.lookup("P")).toEqual(token);
    lock.release();
    expect(listEntries(path).map(({ key }) => key)).toEqual(["P"]);
  });
});

describe("where there is no locking", () => {
  test("changes are made without", async () => {
    const { store, folder, debugged, lockDirectory } = openStore('{"version":1}');
    writeFileSync(lockDirectory, "a file in the place of the folder");
    await store.put(["P"], token);
    expect(await store.lookup("P")).toEqual(token);
    expect(debugged).toEqual([expect.stringContaining(lockDirectory)]);
    expect(readdirSync(folder).sort()).toEqual(["locks", "token-cache.json"]);
  });

  test.skipIf(!canInject)("as on a file system that has no locks", async () => {
    const { path } = openStore();
    const { exitCode, stderr } = await runScript(
      worker,
      ["put", path, "P"],
      withFault("flock:error=ENOLCK"),
    );
    expect(exitCode).toBe(0);
    expect(stderr).toContain("without a lock");
    expect(hasEntries(path)).toBe(true);
  });
});

test.skipIf(!canMount)("a full disk costs nothing that was stored", async () => {
  const folder = scratchFolder();
  const path = join(folder, "token-cache.json");
  const { stdout } = await runScript(
    worker,
    ["fail-to-put", path, "P"],
    onSmallDisk(folder, "128k"),
  );
  expect(JSON.parse(stdout)).toEqual({
    error: { name: "UserError", message: `cannot write ${path}: no space left on device` },
    intact: true,
    files: ["filler", "locks", "token-cache.json"],
  });
});
