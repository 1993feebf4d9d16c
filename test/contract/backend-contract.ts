/**
 * What every backend must do, as data: `bun test` runs it through `describeBackend`, beds
 * that can only start a compiled program run it through `printContract`.
 *
 * Accounts are random, so a failed run leaves no trap for the next one.
 */
import assert from "node:assert/strict";
import {
  type Backend,
  type CallOptions,
  KeyringError,
  type KeyringErrorCode,
} from "../../src/keyring/backend.ts";

export interface ContractCase {
  name: string;
  run(backend: Backend): Promise<void>;
}

const KIB = 1024;

export const ODD_ACCOUNTS = [
  "with spaces",
  "https://adb-1.azuredatabricks.net/oidc/accounts/abc?x=1&y=2#z",
  "back\\slash",
  `"double" and 'single' quotes`,
  "größe-日本語-🔑",
  "-p",
  "100%",
  "a:b",
  "$HOME `id` $(id)",
  "long-".repeat(30),
];

export const ODD_SECRETS = [
  "",
  " leading and trailing ",
  "one\ntwo\r\nthree\n",
  "größe 日本語 🔑 e\u0301",
  '{"token":{"access_token":"a\\"b"}}',
  "go-keyring-base64:not really",
  "\t\u0001\u007f",
];

const soon = (): CallOptions => ({ deadline: performance.now() + 10_000, interactive: false });

/** Runs `body` with a fresh account and removes what it left there. */
async function withAccount(
  backend: Backend,
  suffix: string,
  body: (account: string) => Promise<void>,
): Promise<void> {
  const account = `contract-${crypto.randomUUID()}${suffix}`;
  try {
    await body(account);
  } finally {
    await backend.delete(account, soon());
  }
}

async function failure(call: Promise<unknown>): Promise<KeyringError> {
  const outcome = await call.then(
    () => "it succeeded",
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof KeyringError, `not a KeyringError: ${outcome}`);
  return outcome;
}

async function assertFails(call: Promise<unknown>, code: KeyringErrorCode): Promise<void> {
  assert.equal((await failure(call)).code, code);
}

/** The cases; each takes a backend that is unlocked and answers. */
export function contractCases(): ContractCase[] {
  return [
    {
      name: "gives back what was stored",
      run: (backend) =>
        withAccount(backend, "", async (account) => {
          await backend.set(account, "secret-1", soon());
          assert.equal(await backend.get(account, soon()), "secret-1");
        }),
    },
    {
      name: "replaces an entry",
      run: (backend) =>
        withAccount(backend, "", async (account) => {
          await backend.set(account, "the first and longer secret", soon());
          await backend.set(account, "secret-2", soon());
          assert.equal(await backend.get(account, soon()), "secret-2");
          assert.equal(await backend.delete(account, soon()), true);
          assert.equal(await backend.get(account, soon()), null);
        }),
    },
    {
      name: "gives null for an account without entry",
      run: (backend) =>
        withAccount(backend, "", async (account) => {
          assert.equal(await backend.get(account, soon()), null);
        }),
    },
    {
      name: "deletes once, and says so",
      run: (backend) =>
        withAccount(backend, "", async (account) => {
          assert.equal(await backend.delete(account, soon()), false);
          await backend.set(account, "secret", soon());
          assert.equal(await backend.delete(account, soon()), true);
          assert.equal(await backend.delete(account, soon()), false);
          assert.equal(await backend.get(account, soon()), null);
        }),
    },
    ...ODD_SECRETS.map((secret) => ({
      name: `keeps every character of the secret ${JSON.stringify(secret)}`,
      run: (backend: Backend) =>
        withAccount(backend, "", async (account) => {
          await backend.set(account, secret, soon());
          assert.equal(await backend.get(account, soon()), secret);
        }),
    })),
    ...ODD_ACCOUNTS.map((suffix) => ({
      name: `keeps the account ${JSON.stringify(suffix.slice(0, 40))} apart from others`,
      run: (backend: Backend) =>
        withAccount(backend, suffix, async (account) =>
          withAccount(backend, `${suffix}.`, async (neighbour) => {
            await backend.set(account, "secret-1", soon());
            await backend.set(neighbour, "secret-2", soon());
            assert.equal(await backend.get(account, soon()), "secret-1");
            assert.equal(await backend.delete(account, soon()), true);
            assert.equal(await backend.get(neighbour, soon()), "secret-2");
          }),
        ),
    })),
    {
      name: "takes no account for a pattern",
      run: (backend) =>
        withAccount(backend, "", async (account) => {
          await backend.set(account, "secret", soon());
          for (const pattern of ["*", `${account.slice(0, -1)}*`, `${account.slice(0, -1)}?`]) {
            assert.equal(await backend.get(pattern, soon()), null);
            assert.equal(await backend.delete(pattern, soon()), false);
          }
          assert.equal(await backend.get(account, soon()), "secret");
        }),
    },
    // Around 2,560 bytes, the most that one Windows credential holds.
    ...[2 * KIB, 2560, 2561, 10_000, 64 * KIB].map((size) => ({
      name: `holds a secret of ${size} bytes`,
      run: (backend: Backend) =>
        withAccount(backend, "", async (account) => {
          const secret = "0123456789abcdef".repeat(size / 16 + 1).slice(0, size);
          await backend.set(account, secret, soon());
          assert.equal(await backend.get(account, soon()), secret);
        }),
    })),
    ...["", "a\0b"].map((account) => ({
      name: `refuses the account ${JSON.stringify(account)}`,
      run: async (backend: Backend) => {
        await assertFails(backend.get(account, soon()), "invalid");
        await assertFails(backend.set(account, "secret", soon()), "invalid");
        await assertFails(backend.delete(account, soon()), "invalid");
      },
    })),
    {
      name: "refuses NUL in a secret and keeps the old one",
      run: (backend) =>
        withAccount(backend, "", async (account) => {
          await backend.set(account, "the old one", soon());
          await assertFails(backend.set(account, "cut\0here", soon()), "invalid");
          assert.equal(await backend.get(account, soon()), "the old one");
        }),
    },
    {
      name: "fails with timed-out when the deadline is past, and changes nothing",
      run: (backend) =>
        withAccount(backend, "", async (account) => {
          await backend.set(account, "the old one", soon());
          const late: CallOptions = { deadline: performance.now() - 1, interactive: false };
          await assertFails(backend.get(account, late), "timed-out");
          await assertFails(backend.set(account, "too late", late), "timed-out");
          await assertFails(backend.delete(account, late), "timed-out");
          assert.equal(await backend.get(account, soon()), "the old one");
        }),
    },
    {
      name: "puts no secret into an error",
      run: (backend) =>
        withAccount(backend, "", async (account) => {
          const late: CallOptions = { deadline: performance.now() - 1, interactive: false };
          const errors = [
            await failure(backend.set(account, "hush-hush\0", soon())),
            await failure(backend.set("", "hush-hush", soon())),
            await failure(backend.set(account, "hush-hush", late)),
          ];
          for (const error of errors) {
            const shown = [error.message, error.stack, String(error.cause), JSON.stringify(error)];
            assert.doesNotMatch(shown.join("\n"), /hush/);
          }
        }),
    },
    {
      name: "answers several calls at once",
      run: async (backend) => {
        const accounts = Array.from({ length: 8 }, () => `contract-${crypto.randomUUID()}`);
        try {
          await Promise.all(
            accounts.map((account) => backend.set(account, `of ${account}`, soon())),
          );
          assert.deepEqual(
            await Promise.all(accounts.map((account) => backend.get(account, soon()))),
            accounts.map((account) => `of ${account}`),
          );
        } finally {
          const deleted = await Promise.all(
            accounts.map((account) => backend.delete(account, soon())),
          );
          assert.deepEqual(
            deleted,
            accounts.map(() => true),
          );
        }
      },
    },
  ];
}

/**
 * Runs the cases one after the other, printing a line for each and at the end
 * `N passed, N failed, N skipped`. Gives the number of failures, for the exit code.
 */
export async function printContract(
  backend: Backend,
  cases: readonly ContractCase[],
): Promise<number> {
  let failed = 0;
  for (const { name, run } of cases) {
    try {
      await run(backend);
      console.log(`ok ${name}`);
    } catch (error) {
      failed++;
      console.log(`FAILED ${name}: ${error instanceof Error ? error.message : error}`);
    }
  }
  console.log(`${cases.length - failed} passed, ${failed} failed, 0 skipped`);
  return failed;
}
