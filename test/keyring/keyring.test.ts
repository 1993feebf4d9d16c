/** The time budget of a command's keyring calls, the write probe, and what is said meanwhile. */
import { describe, expect, test } from "bun:test";
import { type Backend, type CallOptions, KeyringError } from "../../src/keyring/backend.ts";
import { type KeyringOptions, openKeyring, systemBackend } from "../../src/keyring/keyring.ts";
import { openMemoryBackend } from "../support/memory-backend.ts";

/** Where the test's clock starts: past every deadline of the real one, and a whole number. */
const LATER = 1_000_000_000;

const never = () => new Promise<never>(() => {});
const slowly = () => Bun.sleep(1100).then(() => null);
const fails = (code: KeyringError["code"]) => async () => {
  throw new KeyringError(code, "in the test");
};

/** A keyring on a memory backend, with `changes` to it, and a clock that only the test moves. */
function open(
  changes: (memory: Backend) => Partial<Backend> = () => ({}),
  options: Partial<KeyringOptions> = {},
) {
  const clock = { time: LATER };
  const waits: string[] = [];
  const memory = openMemoryBackend();
  const backend = { ...memory, ...changes(memory) };
  const keyring = openKeyring({
    backend,
    terminal: false,
    waiting(elapsed) {
      waits.push(`from ${elapsed} ms`);
      return () => waits.push("ended");
    },
    now: () => clock.time,
    ...options,
  });
  return { keyring, memory, clock, waits };
}

/** A backend's call that takes `ms` on the test's clock and notes the time it was given. */
function taking(ms: number, given: number[], clock: { time: number }) {
  return async (_account: string, { deadline }: CallOptions) => {
    given.push(deadline - clock.time);
    clock.time += ms;
    return null;
  };
}

describe("budget", () => {
  test("3 s for all calls together, 60 s on a terminal", async () => {
    for (const [terminal, budget] of [
      [false, 3000],
      [true, 60_000],
    ] as const) {
      const given: number[] = [];
      const clock = { time: LATER };
      const { keyring } = open(() => ({ get: taking(1000, given, clock) }), {
        terminal,
        now: () => clock.time,
      });
      await keyring.get("a");
      clock.time += 5000; // between the calls it does not run
      await keyring.get("a");
      expect(given).toEqual([budget, budget - 1000]);
    }
  });

  test("calls at the same time are counted once", async () => {
    const { promise: answered, resolve: answer } = Promise.withResolvers<null>();
    const given: number[] = [];
    const { keyring, clock } = open(() => ({
      get: (_account, { deadline }) => {
        given.push(deadline - clock.time);
        return answered;
      },
    }));
    const calls = [keyring.get("a"), keyring.get("b")];
    clock.time += 1000;
    answer(null);
    await Promise.all(calls);
    await keyring.get("c");
    expect(given).toEqual([3000, 3000, 2000]);
  });

  test("when it is used up, nothing more is asked, until there is a fresh one", async () => {
    const given: number[] = [];
    const clock = { time: LATER };
    const { keyring } = open(() => ({ get: taking(3000, given, clock) }), {
      now: () => clock.time,
    });
    await keyring.get("a");
    await expect(keyring.get("a")).rejects.toMatchObject({
      code: "timed-out",
      message: "waited 3 s for the Memory",
    });
    expect(given).toHaveLength(1);
    keyring.freshBudget();
    await keyring.get("a");
    expect(given).toEqual([3000, 3000]);
  });

  test("holds for a backend that never answers", async () => {
    const { keyring } = open(() => ({ get: never }), { now: () => performance.now() });
    const startedAt = performance.now();
    const outcome = keyring.get("a");
    await expect(outcome).rejects.toMatchObject({
      code: "timed-out",
      message: "waited 3 s for the Memory",
    });
    expect(performance.now() - startedAt).toBeWithin(3000, 3500);
  });

  test("the wait for one's turn to write costs nothing of it", async () => {
    const given: number[] = [];
    const turns: string[] = [];
    const { keyring, clock } = open(
      (memory) => ({
        set(account, secret, options) {
          given.push(options.deadline - clock.time);
          return memory.set(account, secret, options);
        },
      }),
      {
        async inTurn(body) {
          clock.time += 9000;
          turns.push("begins");
          const result = await body();
          turns.push("ends");
          return result;
        },
      },
    );
    await keyring.probeWrite();
    await keyring.set("a", "secret");
    await keyring.get("a");
    expect(given).toEqual([3000, 3000]);
    expect(turns).toEqual(["begins", "ends", "begins", "ends"]);
  });

  test("a backend's own timing out is told with the time that passed", async () => {
    const { keyring, clock } = open(() => ({
      get: async () => {
        clock.time += 1800;
        throw new KeyringError("timed-out", "of its own");
      },
    }));
    await expect(keyring.get("a")).rejects.toMatchObject({
      code: "timed-out",
      message: "waited 2 s for the Memory",
    });
  });

  test("other failures pass as they are", async () => {
    const { keyring } = open(() => ({ get: fails("locked") }));
    await expect(keyring.get("a")).rejects.toMatchObject({
      code: "locked",
      message: "in the test",
    });
  });
});

describe("prompts and waiting", () => {
  test("a call may open a prompt on a terminal only", async () => {
    for (const terminal of [false, true]) {
      const seen: CallOptions[] = [];
      const { keyring } = open(
        (memory) => ({
          get(account, options) {
            seen.push(options);
            return memory.get(account, options);
          },
          set(account, secret, options) {
            seen.push(options);
            return memory.set(account, secret, options);
          },
        }),
        { terminal },
      );
      await keyring.get("a");
      await keyring.set("a", "secret");
      await keyring.probeWrite();
      expect(seen.map(({ interactive }) => interactive)).toEqual([terminal, terminal, terminal]);
      expect(seen.map(({ leavePromptOpen }) => leavePromptOpen ?? false)).toEqual([
        false,
        false,
        true,
      ]);
    }
  });

  test("after a second on a terminal the person is told, and told when it is over", async () => {
    const { keyring, waits, clock } = open(() => ({ get: slowly }), { terminal: true });
    const first = keyring.get("a");
    clock.time += 1000;
    await Promise.all([first, keyring.get("b")]);
    expect(waits).toEqual(["from 1000 ms", "ended"]);
    await keyring.get("c");
    expect(waits.slice(2)).toEqual(["from 1000 ms", "ended"]);
  });

  test("the wait is over when the call fails, too", async () => {
    const failing = () => slowly().then(fails("locked"));
    const { keyring, waits } = open(() => ({ get: failing }), { terminal: true });
    await expect(keyring.get("a")).rejects.toMatchObject({ code: "locked" });
    expect(waits).toEqual(["from 0 ms", "ended"]);
  });

  test("nobody is told without a terminal, nor of a quick call", async () => {
    const silent = open(() => ({ get: slowly }));
    await silent.keyring.get("a");
    const quick = open(() => ({}), { terminal: true });
    await quick.keyring.get("a");
    await Bun.sleep(1100);
    expect([silent.waits, quick.waits]).toEqual([[], []]);
  });
});

describe("write probe", () => {
  test("stores and deletes an entry of its own", async () => {
    const stored: string[] = [];
    const { keyring, memory } = open((memory) => ({
      set: (account, secret, options) => {
        stored.push(account);
        return memory.set(account, secret, options);
      },
    }));
    await keyring.probeWrite();
    await keyring.probeWrite();
    expect(new Set(stored).size).toBe(2);
    for (const account of stored) {
      expect(account).toMatch(/^__probe_[0-9a-f-]{36}$/);
      expect(await memory.get(account, { deadline: Infinity, interactive: false })).toBeNull();
    }
  });

  test("what it may have left behind is removed, whatever that comes to", async () => {
    const deleted: string[] = [];
    const { keyring } = open(() => ({
      set: fails("timed-out"),
      delete: async (account) => {
        deleted.push(account);
        throw new KeyringError("locked", "in the test");
      },
    }));
    await expect(keyring.probeWrite()).rejects.toMatchObject({ code: "timed-out" });
    await keyring.settle();
    await keyring.settle();
    expect(deleted).toHaveLength(1);
  });

  test("what a prompt lets through late is looked for, not for long, and nobody is asked", async () => {
    for (const [storedAt, looks] of [
      [1, 1],
      [2, 2],
      [Infinity, 3],
    ] as const) {
      const calls: CallOptions[] = [];
      const { keyring } = open(
        () => ({
          set: fails("timed-out"),
          delete: async (_account, options) => calls.push(options) >= storedAt,
        }),
        { terminal: true },
      );
      await expect(keyring.probeWrite()).rejects.toMatchObject({ code: "timed-out" });
      await keyring.settle();
      const options = { deadline: LATER + 3000, interactive: false };
      expect(calls).toEqual(Array(looks).fill(options));
    }
  });

  test("after one that went well there is nothing to remove", async () => {
    const deleted: string[] = [];
    const { keyring } = open((memory) => ({
      delete: (account, options) => {
        deleted.push(account);
        return memory.delete(account, options);
      },
    }));
    await keyring.probeWrite();
    await keyring.settle();
    expect(deleted).toHaveLength(1);
  });
});

test("this system has its backend", async () => {
  const names = { linux: "Secret Service", win32: "Credential Manager", darwin: "Keychain" };
  const expected = new Map<string, string>(Object.entries(names)).get(process.platform);
  expect((await systemBackend()).name).toBe(expected ?? names.linux);
});
