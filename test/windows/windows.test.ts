import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Backend, type CallOptions, KeyringError } from "../../src/keyring/backend.ts";
import { type Credentials, failure } from "../../src/keyring/credentials.ts";
import { openWindowsBackend } from "../../src/keyring/windows.ts";
import { describeBackend } from "../contract/describe-backend.ts";
import { secretOf, TRANSITIONS, watched } from "./stopping.ts";
import { type StrictCredentials, strictCredentials } from "./strict-credentials.ts";

const ACCOUNT = "dev";
const HEAD = "databricks-cli:dev";
const MINUTE = 60_000;

const soon = (): CallOptions => ({ deadline: performance.now() + 10_000, interactive: false });
const get = (credentials: Credentials, account = ACCOUNT) =>
  openWindowsBackend(credentials).get(account, soon());
const set = (credentials: Credentials, secret: string, account = ACCOUNT) =>
  openWindowsBackend(credentials).set(account, secret, soon());
const remove = (credentials: Credentials, account = ACCOUNT) =>
  openWindowsBackend(credentials).delete(account, soon());
const codeOf = (call: Promise<unknown>) =>
  call.then(
    () => "ok",
    (error: unknown) => (error instanceof KeyringError ? error.code : error),
  );

class Stopped extends Error {}

/** Runs `action` on credentials whose user is stopped after `changes` changes; whether it got that far. */
async function stopAfter(
  credentials: Credentials,
  changes: number,
  action: (stopping: Credentials) => Promise<unknown>,
): Promise<boolean> {
  const stopping = watched(credentials, (done) => {
    if (done === changes) throw new Stopped();
  });
  try {
    await action(stopping);
    return false;
  } catch (error) {
    if (!(error instanceof Stopped)) throw error;
    return true;
  }
}

async function holding(size: number | null): Promise<StrictCredentials> {
  const credentials = strictCredentials();
  if (size !== null) await set(credentials, secretOf(size));
  return credentials;
}

describeBackend("Windows credentials, strict stand-in", () =>
  openWindowsBackend(strictCredentials()),
);

describe("an entry as the Go CLI writes it", () => {
  test("is one credential with the secret's own bytes", async () => {
    const credentials = strictCredentials();
    await set(credentials, "größe");
    expect(credentials.targets()).toEqual([HEAD]);
    const entry = credentials.read(HEAD);
    expect(entry?.user).toBe(ACCOUNT);
    expect(Buffer.from(entry?.blob ?? []).toString("utf8")).toBe("größe");
  });

  test("takes the place of a split one, whose parts go later", async () => {
    const credentials = await holding(10_000);
    credentials.write({ target: HEAD, user: ACCOUNT, blob: Buffer.from("from Go") });
    expect(await get(credentials)).toBe("from Go");
    credentials.age(11 * MINUTE);
    await set(credentials, "x", "another");
    expect(credentials.targets()).toEqual(["databricks-cli:another", HEAD]);
  });

  test("that is no UTF-8 is invalid", async () => {
    const credentials = strictCredentials();
    credentials.write({ target: HEAD, user: ACCOUNT, blob: new Uint8Array([0xff, 0xfe]) });
    expect(await codeOf(get(credentials))).toBe("invalid");
  });
});

describe("a split secret", () => {
  test("has parts that no account can collide with", async () => {
    const credentials = await holding(10_000);
    const targets = credentials.targets();
    expect(targets.filter((target) => target.startsWith("databricks-cli:"))).toEqual([HEAD]);
    expect(targets).toHaveLength(1 + Math.ceil(10_000 / 2560));
  });

  test("is found although another one looks like its head", async () => {
    const credentials = await holding(10_000);
    const head = Buffer.from(credentials.read(HEAD)?.blob ?? []).toString();
    await set(credentials, head, "lookalike");
    expect(await get(credentials, "lookalike")).toBe(head);
    expect(await get(credentials)).toBe(secretOf(10_000));
  });

  test.each([
    ["a part is missing", (c: Credentials, part: string) => c.remove(part)],
    [
      "a part is another",
      (c: Credentials, part: string) =>
        c.write({ target: part, user: ACCOUNT, blob: Buffer.from("x") }),
    ],
    [
      "the head is cut",
      (c: Credentials) =>
        c.write({ target: HEAD, user: ACCOUNT, blob: Buffer.from("databricks-cli:split:12") }),
    ],
  ])("is invalid when %s, and can be replaced", async (_, damage) => {
    const credentials = await holding(10_000);
    damage(credentials, credentials.list("databricks-cli-part:")[1]?.target ?? "");
    expect(await codeOf(get(credentials))).toBe("invalid");
    await set(credentials, "new");
    expect(await get(credentials)).toBe("new");
  });

  test("is read whole by one whose parts are replaced under its eyes", async () => {
    const credentials = await holding(10_000);
    let replaced = false;
    const interrupted: Credentials = {
      ...credentials,
      read(target) {
        if (target.startsWith("databricks-cli-part:") && !replaced) {
          replaced = true;
          // All of `set` runs at once: a backend awaits nothing.
          void set(credentials, secretOf(6_000));
        }
        return credentials.read(target);
      },
    };
    expect(await get(interrupted)).toBe(secretOf(6_000));
  });
});

describe("a writer that dies", () => {
  for (const { from, to } of TRANSITIONS) {
    test(`leaves the old or the new secret whole: ${from} to ${to} bytes`, async () => {
      const old = from === null ? null : secretOf(from);
      const wanted = to === null ? null : secretOf(to);
      const start = await holding(from);
      const change = (credentials: Credentials) =>
        wanted === null ? remove(credentials) : set(credentials, wanted);

      const seen = new Set<string | null>();
      for (let changes = 1; ; changes++) {
        const credentials = start.copy();
        const stopped = await stopAfter(credentials, changes, change);
        const found = await get(credentials);
        expect([old, wanted]).toContain(found);
        // Once it is the new secret, it stays.
        if (seen.has(wanted)) expect(found).toBe(wanted);
        seen.add(found);

        credentials.age(11 * MINUTE);
        await remove(credentials, "nobody");
        expect(await get(credentials)).toBe(found);
        const parts = found && found.length > 2560 ? Math.ceil(found.length / 2560) : 0;
        expect(credentials.list("databricks-cli-part:")).toHaveLength(parts);
        if (!stopped) break;
      }
      expect(seen.has(wanted)).toBe(true);
    });
  }
});

describe("left-over parts", () => {
  const leaveParts = async () => {
    const credentials = strictCredentials();
    await stopAfter(credentials, 2, (stopping) => set(stopping, secretOf(10_000)));
    expect(credentials.targets()).toHaveLength(2);
    return credentials;
  };

  test("are spared while their writer may still be at work", async () => {
    const credentials = await leaveParts();
    credentials.age(9 * MINUTE);
    await set(credentials, "x", "another");
    expect(credentials.list("databricks-cli-part:")).toHaveLength(2);
  });

  test("go with the account's entry, however young", async () => {
    const credentials = await leaveParts();
    expect(await remove(credentials)).toBe(false);
    expect(credentials.targets()).toEqual([]);
  });
});

test("writers at the same time: one secret is whole in the end", async () => {
  type Op = (credentials: Credentials) => void;
  /** The changes that a writer makes, to be made later. */
  const record = async (start: StrictCredentials, secret: string): Promise<Op[]> => {
    const ops: Op[] = [];
    const copy = start.copy();
    await set(
      {
        ...copy,
        write: (credential) => void ops.push((target) => target.write(credential)),
        remove: (name) => ops.push((target) => target.remove(name)) > 0,
      },
      secret,
    );
    return ops;
  };

  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(null, 300, 10_000),
      fc.constantFrom(200, 6_000),
      fc.constantFrom(250, 7_000),
      fc.nat(4),
      fc.array(fc.boolean(), { minLength: 24, maxLength: 24 }),
      async (from, sizeA, sizeB, lead, turns) => {
        const start = await holding(from);
        const a = await record(start, secretOf(sizeA));
        for (const op of a.splice(0, lead)) op(start);
        const b = await record(start, secretOf(sizeB));
        const seen = new Set<string | null>();
        for (const turn of turns) {
          (turn ? (a.shift() ?? b.shift()) : (b.shift() ?? a.shift()))?.(start);
          seen.add(await get(start));
        }
        expect([a.length, b.length]).toEqual([0, 0]);
        expect([secretOf(sizeA), secretOf(sizeB)]).toContain((await get(start)) ?? "");
        const possible = [from === null ? null : secretOf(from), secretOf(sizeA), secretOf(sizeB)];
        for (const secret of seen) expect(possible).toContain(secret);
      },
    ),
  );
});

test("accounts that differ in letter case only never get each other's secret", async () => {
  const credentials = strictCredentials();
  await set(credentials, "of dev");
  await set(credentials, secretOf(10_000), "DEV");
  expect(await get(credentials)).toBeNull();
  expect(await remove(credentials)).toBe(false);
  expect(await get(credentials, "DEV")).toBe(secretOf(10_000));
});

test("an account name that Windows refuses is invalid", async () => {
  const backend: Backend = openWindowsBackend(strictCredentials());
  expect(await codeOf(backend.set("a".repeat(600), "x", soon()))).toBe("invalid");
  expect(await backend.get("a".repeat(600), soon())).toBeNull();
});

test.each([
  [5, "denied"],
  [31, "failed"],
  [87, "invalid"],
  [1004, "failed"],
  [1058, "unreachable"],
  [1062, "unreachable"],
  [1312, "unreachable"],
  [1722, "unreachable"],
  [1783, "invalid"],
  [2202, "invalid"],
])("Windows error %d is %s", (error, code) => {
  expect(failure("CredReadW", error).code).toBe(code as KeyringError["code"]);
  expect(failure("CredReadW", error).message).toContain(`(CredReadW, Windows error ${error})`);
});
