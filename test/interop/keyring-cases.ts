/**
 * Entries shared with programs that nobody here wrote, a Secret Service beside gnome-keyring, and a bus
 * beside dbus-daemon.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ODD_ACCOUNTS, ODD_SECRETS } from "../contract/backend-contract.ts";
import { type BackendCall, runCall } from "../support/backend-call.ts";
import { missingTools } from "../support/secret-service.ts";
import { missingForDBusBroker, startOnDBusBroker } from "./dbus-broker.ts";
import { missingForKeePassXC, startKeePassXC } from "./keepassxc.ts";
import { type Keeper, openGoKeyring, openSecretTool } from "./keepers.ts";
import { accessTokenIn, type Machine, type MachineCase } from "./machine.ts";
import type { Ended } from "./runner.ts";

/** A name that the config file, the bus and a command line each write in a way of its own. */
const PROFILE = "größe & co";

const SECRETS = ["s", "long-".repeat(20_000), ...ODD_SECRETS];

const ACCOUNTS = ["work", "long-".repeat(100), ...ODD_ACCOUNTS];

/** In what the loader says of the files that it loads. */
const GIO = /libgio-2\.0/;

const NOT_LOGGED_IN = /databricks OAuth is not configured for this host/;

/** Twice what the program waits for a keyring before it gives a token up, in seconds. */
const PATIENCE = 6;

const missingForGo = () => missingTools("go");

const missingForSecretToolOnDBusBroker = () => [
  ...missingTools("secret-tool"),
  ...missingForDBusBroker(),
];

export const keyringCases: readonly MachineCase[] = [
  {
    name: "go-keyring: small, long and odd secrets, both ways",
    missing: missingForGo,
    run: (machine) =>
      exchange(
        machine,
        SECRETS.map((secret, index) => [`work-${index}`, secret]),
      ),
  },
  {
    name: "go-keyring: odd accounts, both ways",
    missing: missingForGo,
    run: (machine) =>
      exchange(
        machine,
        ACCOUNTS.map((account) => [account, `of ${account}`]),
      ),
  },
  {
    name: "go-keyring and the program: a login, both ways",
    missing: missingForGo,
    run: async (machine) => sharedLogin(machine, await openGoKeyring(machine)),
  },
  {
    name: "secret-tool and the program: a login, both ways",
    missing: () => missingTools("secret-tool"),
    run: async (machine) => sharedLogin(machine, openSecretTool(machine)),
  },
  {
    name: "KeePassXC: the backend contract",
    missing: missingForKeePassXC,
    session: startKeePassXC,
    run: contract,
  },
  {
    name: "KeePassXC: login, token, login again, logout",
    missing: missingForKeePassXC,
    session: startKeePassXC,
    run: wholeLogin,
  },
  {
    name: "KeePassXC, go-keyring and the program: a login, both ways",
    missing: () => [...new Set([...missingForKeePassXC(), ...missingForGo()])],
    session: startKeePassXC,
    run: async (machine) => sharedLogin(machine, await openGoKeyring(machine)),
  },
  {
    name: "KeePassXC: locked",
    missing: missingForKeePassXC,
    session: startKeePassXC,
    run: (machine) => refusedOnceLocked(machine, /the OS keyring is locked: /),
  },
  {
    name: "KeePassXC: locked, and it asks to be unlocked",
    missing: missingForKeePassXC,
    session: () => startKeePassXC({ UnlockBeforeSearch: true }),
    run: (machine) =>
      refusedOnceLocked(machine, /no answer: waited 3 s .*a prompt that is still open/),
  },
  {
    name: "KeePassXC: it asks before it hands a secret out",
    missing: missingForKeePassXC,
    session: () => startKeePassXC({ ConfirmAccessItem: true }),
    async run(machine) {
      await machine.login(PROFILE);
      return refused(machine, /the OS keyring denied access: .*KeePassXC/);
    },
  },
  {
    name: "dbus-broker: the backend contract",
    missing: missingForDBusBroker,
    session: startOnDBusBroker,
    run: contract,
  },
  {
    name: "dbus-broker, secret-tool and the program: a login, both ways",
    missing: missingForSecretToolOnDBusBroker,
    session: startOnDBusBroker,
    run: async (machine) => sharedLogin(machine, openSecretTool(machine)),
  },
  {
    name: "dbus-broker: an entry is found on the bus's socket, without GIO",
    missing: missingForSecretToolOnDBusBroker,
    session: startOnDBusBroker,
    run: async (machine) => foundWithoutGio(machine, openSecretTool(machine)),
  },
  {
    name: "dbus-broker: the keyring does not answer",
    missing: missingForDBusBroker,
    session: startOnDBusBroker,
    async run(machine) {
      await machine.login(PROFILE);
      machine.session.stop();
      return refused(machine, /the OS keyring gave no answer: waited 3 s/);
    },
  },
];

/** Each entry stored, replaced, read and deleted by the backend and by go-keyring in turn. */
async function exchange(
  machine: Machine,
  entries: readonly (readonly [account: string, secret: string])[],
): Promise<string> {
  const go = await openGoKeyring(machine);
  const ours = async (call: BackendCall) => {
    const { answer } = await runCall({ within: 10_000, ...call }, { env: machine.env });
    if (answer.code) throw new Error(`${call.operation}: ${answer.message}`);
    return answer.value;
  };
  for (const [account, secret] of entries) {
    const get = () => ours({ operation: "get", account });
    const set = (text: string) => ours({ operation: "set", account, secret: text });
    await set(secret);
    assert.equal(await go.get(account), secret);
    await go.set(account, "go's");
    assert.equal(await get(), "go's");
    await set(secret);
    assert.equal(await go.get(account), secret);
    await go.delete(account);
    assert.equal(await get(), null);
    await go.set(account, secret);
    assert.equal(await get(), secret);
    assert.equal(await ours({ operation: "delete", account }), true);
    assert.equal(await go.get(account), null);
  }
  return `${entries.length} entries`;
}

/** Whatever the one leaves in the keyring, the other finds, and the other way round. */
async function sharedLogin(machine: Machine, other: Keeper): Promise<string> {
  await machine.login(PROFILE);
  const first = accessTokenIn(await askToken(machine));
  const stored = await other.get(PROFILE);
  assert.ok(stored !== null);
  const { token } = JSON.parse(stored);
  assert.equal(token.access_token, first);

  await other.delete(PROFILE);
  const refusal = await askToken(machine);
  assert.equal(refusal.exitCode, 1);
  assert.match(refusal.stderr, NOT_LOGGED_IN);

  // The form in which the Go CLI writes times.
  const expired = { ...token, expiry: "2020-01-01T00:00:00.123456789+01:00" };
  await other.set(PROFILE, JSON.stringify({ token: expired }));
  const renewed = accessTokenIn(await askToken(machine));
  assert.notEqual(renewed, first);
  assert.equal(JSON.parse((await other.get(PROFILE)) ?? "").token.access_token, renewed);

  await other.delete(PROFILE);
  const lasting = { ...token, expiry: "2099-01-01T00:00:00.123456789+01:00" };
  await other.set(PROFILE, JSON.stringify({ token: lasting }));
  assert.equal(accessTokenIn(await askToken(machine)), first);

  await succeed(machine, ["auth", "logout", "--profile", PROFILE, "--auto-approve"]);
  assert.equal(await other.get(PROFILE), null);
  return "";
}

async function wholeLogin(machine: Machine): Promise<string> {
  await machine.login(PROFILE);
  const first = accessTokenIn(await askToken(machine));
  await machine.login(PROFILE);
  assert.notEqual(accessTokenIn(await askToken(machine)), first);
  const { stdout } = await succeed(machine, ["auth", "storage", "-o", "json"]);
  const status = JSON.parse(stdout);
  assert.equal(status.keyring.state, "ok");
  assert.deepEqual(status.findings, []);
  assert.ok(!existsSync(join(machine.home, ".databricks/token-cache.json")));
  await succeed(machine, ["auth", "logout", "--profile", PROFILE, "--auto-approve"]);
  assert.match((await askToken(machine)).stderr, NOT_LOGGED_IN);
  return "";
}

async function refusedOnceLocked(machine: Machine, said: RegExp): Promise<string> {
  await machine.login(PROFILE);
  await machine.session.lock();
  return refused(machine, said);
}

/** The program stays on the keyring, and says what it is and what to do. */
async function refused(machine: Machine, said: RegExp): Promise<string> {
  const startedAt = performance.now();
  const { exitCode, stdout, stderr } = await askToken(machine);
  const seconds = (performance.now() - startedAt) / 1000;
  assert.equal(exitCode, 1, stdout);
  assert.match(stderr, said);
  assert.match(stderr, /DATABRICKS_AUTH_STORAGE=plaintext/);
  assert.doesNotMatch(stderr, NOT_LOGGED_IN);
  assert.ok(seconds < PATIENCE, `it took ${seconds} s`);
  return `${seconds.toFixed(1)} s`;
}

/** What loads GIO for any other answer does not where there is an entry. */
async function foundWithoutGio(machine: Machine, other: Keeper): Promise<string> {
  const ask = () => machine.run(["auth", "token", "--profile", PROFILE], { LD_DEBUG: "files" });
  await machine.login(PROFILE);
  const entry = await other.get(PROFILE);
  assert.ok(entry !== null);
  await other.delete(PROFILE);
  const none = await ask();
  assert.match(none.stderr, NOT_LOGGED_IN);
  assert.ok(GIO.test(none.stderr), "the loader does not say what it loads");

  await other.set(PROFILE, entry);
  const found = await ask();
  assert.equal(accessTokenIn(found), JSON.parse(entry).token.access_token);
  assert.ok(!GIO.test(found.stderr), "GIO was loaded");
  return "";
}

/** In a process of its own: GIO joins one bus, once. */
async function contract({ env, runOther }: Machine): Promise<string> {
  const { exitCode, stdout } = await runOther(
    [process.execPath, join(import.meta.dir, "contract.ts")],
    "",
    env,
  );
  assert.equal(exitCode, 0, stdout.replaceAll(/^ok .*\n/gm, ""));
  return `${stdout.match(/^ok /gm)?.length} cases`;
}

const askToken = ({ run }: Machine): Promise<Ended> => run(["auth", "token", "--profile", PROFILE]);

async function succeed({ run }: Machine, args: readonly string[]): Promise<Ended> {
  const ended = await run(args);
  assert.equal(ended.exitCode, 0, ended.stderr);
  return ended;
}
