/** Every state that a Secret Service can be in, real daemons and buses: which code, within which time. */
import { afterEach, describe, expect, test } from "bun:test";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import type { KeyringErrorCode } from "../../src/keyring/backend.ts";
import {
  type BackendCall,
  type Ended,
  runCall,
  type Surroundings,
  startCall,
  WITHIN,
} from "../support/backend-call.ts";
import {
  missingTools,
  type Session,
  type SessionState,
  startSession,
} from "../support/secret-service.ts";

const missing = missingTools();
const skipped = missing.length > 0 ? ` (skipped: no ${missing.join(", ")})` : "";
const OPERATIONS = ["get", "set", "delete"] as const;
/** How far past its deadline a call may come back. */
const SLACK = 300;

const sessions: Session[] = [];

async function session(
  state: SessionState,
  options?: Parameters<typeof startSession>[1],
): Promise<Session> {
  const started = await startSession(state, options);
  sessions.push(started);
  return started;
}

afterEach(async () => {
  await Promise.all(sessions.splice(0).map((started) => started.close()));
});

const settled = ({ answer, exitCode, noise }: Ended) => ({
  outcome: answer.code ?? answer.value,
  exitCode,
  noise,
});

async function expectCode(
  call: BackendCall,
  surroundings: Surroundings,
  code: KeyringErrorCode,
): Promise<void> {
  const ended = await runCall(call, surroundings);
  expect(settled(ended)).toEqual({ outcome: code, exitCode: 0, noise: "" });
  if (code === "timed-out") expect(ended.answer.took).toBeGreaterThanOrEqual(WITHIN);
  expect(ended.answer.took).toBeLessThan(WITHIN + SLACK);
}

const expectEveryCode = (surroundings: Surroundings, code: KeyringErrorCode) =>
  Promise.all(
    OPERATIONS.map((operation) => expectCode({ operation, account: "a" }, surroundings, code)),
  );

describe.skipIf(missing.length > 0)(`states of the Secret Service${skipped}`, () => {
  const states: [SessionState, KeyringErrorCode][] = [
    ["no-bus", "unreachable"],
    ["stale-bus", "unreachable"],
    ["garbage-bus", "unreachable"],
    ["no-service", "unreachable"],
    ["no-collection", "unreachable"],
    ["locked", "locked"],
    ["never-unlocked", "locked"],
    ["denied", "denied"],
    ["hung", "timed-out"],
    ["hung-bus", "timed-out"],
    ["silent-bus", "timed-out"],
  ];
  for (const [state, code] of states) {
    test(`${state}: ${code}`, async () => {
      await expectEveryCode(await session(state), code);
    });
  }

  const addresses = [
    ["an empty address", ""],
    ["an unknown transport", "carrier-pigeon:loft=1"],
    ["no address at all in it", ";;"],
    ["a bare path", "/run/user/bus"],
  ] as const;
  for (const [title, address] of addresses) {
    test(`${title}: unreachable`, async () => {
      const { env } = await session("no-bus");
      await expectEveryCode({ env: { ...env, DBUS_SESSION_BUS_ADDRESS: address } }, "unreachable");
    });
  }

  test("a socket on which nobody listens any longer: unreachable", async () => {
    const { env, killBus } = await session("no-service");
    await killBus();
    await expectEveryCode({ env }, "unreachable");
  });

  test("a miss, and a bus found without a variable", async () => {
    const { env } = await session("unlocked");
    const call: BackendCall = { operation: "get", account: "a" };
    const found = await runCall(call, { env: { ...env, DBUS_SESSION_BUS_ADDRESS: undefined } });
    expect(settled(found)).toEqual({ outcome: null, exitCode: 0, noise: "" });
  });

  test("no keyring yet, and a prompt for one allowed: unreachable all the same", async () => {
    const { env } = await session("no-collection");
    await expectCode({ operation: "set", account: "a", interactive: true }, { env }, "unreachable");
  });

  test("locked, a prompt allowed, and nobody to show it: locked", async () => {
    const { env } = await session("locked");
    await Promise.all(
      OPERATIONS.map((operation) =>
        expectCode({ operation, account: "a", interactive: true }, { env }, "locked"),
      ),
    );
  });

  test("an entry in a keyring that was locked since", async () => {
    const { env, lock } = await session("unlocked");
    await runCall({ operation: "set", account: "a", secret: "secret-1" }, { env });
    await lock();
    await expectEveryCode({ env }, "locked");
  });

  test("a daemon that was stopped and goes on", async () => {
    const { env, stop, cont } = await session("unlocked");
    await runCall({ operation: "set", account: "a", secret: "secret-1" }, { env });
    stop();
    const { ended } = startCall({ operation: "get", account: "a", within: 5000 }, { env });
    await Bun.sleep(500);
    cont();
    expect((await ended).answer.value).toBe("secret-1");
  });
});

describe.skipIf(missing.length > 0)(`what dies in mid call${skipped}`, () => {
  for (const operation of OPERATIONS) {
    test(`the daemon, during ${operation}: unreachable`, async () => {
      const { env, killDaemon } = await session("hung");
      const { ended } = startCall({ operation, account: "a", within: 5000 }, { env });
      await Bun.sleep(500);
      await killDaemon();
      const outcome = settled(await ended);
      expect(outcome).toEqual({ outcome: "unreachable", exitCode: 0, noise: "" });
    });

    test(`the daemon, started again by the bus, during ${operation}: locked`, async () => {
      const { env, stop, killDaemon } = await session("unlocked", { activates: true });
      stop();
      const { ended } = startCall({ operation, account: "a", within: 5000 }, { env });
      await Bun.sleep(500);
      await killDaemon();
      expect(settled(await ended)).toEqual({ outcome: "locked", exitCode: 0, noise: "" });
    });

    test(`the bus, during ${operation}: unreachable, and the process lives`, async () => {
      const { env, killBus } = await session("hung");
      const { ended } = startCall({ operation, account: "a", within: 5000 }, { env });
      await Bun.sleep(500);
      await killBus();
      const outcome = settled(await ended);
      expect(outcome).toEqual({ outcome: "unreachable", exitCode: 0, noise: "" });
    });
  }
});

const notRoot = process.geteuid?.() !== 0 ? " (skipped: not root)" : "";

describe.skipIf(missing.length > 0 || notRoot !== "")(
  `another user's bus${skipped}${notRoot}`,
  () => {
    const wrapper = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];

    test("in a folder that is closed: unreachable", async () => {
      const { env } = await session("unlocked");
      await expectEveryCode({ env, wrapper, cwd: "/" }, "unreachable");
    });

    test("with a socket that is open: unreachable", async () => {
      const { env, directory } = await session("unlocked");
      for (const path of ["", "run"]) chmodSync(join(directory, path), 0o755);
      chmodSync(join(directory, "run", "bus"), 0o777);
      await expectEveryCode({ env, wrapper, cwd: "/" }, "unreachable");
    });
  },
);
