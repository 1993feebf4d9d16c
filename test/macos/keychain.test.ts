/** What the keychain does beyond the contract: statuses, prompts, access lists, the Go CLI's items. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import * as security from "../../native/security.ts";
import {
  type CallOptions,
  KeyringError,
  type KeyringErrorCode,
} from "../../src/keyring/backend.ts";
import { codeOf } from "../../src/keyring/keychain.ts";
import { openMacosBackend } from "../../src/keyring/macos.ts";
import { openStandIn, type StandIn, standInRuns } from "./stand-in.ts";

const TERMINAL = true;
const NO_TERMINAL = false;

function within(milliseconds: number, interactive = NO_TERMINAL): CallOptions {
  return { deadline: performance.now() + milliseconds, interactive };
}

async function failureOf(call: Promise<unknown>): Promise<KeyringError> {
  const outcome = await call.catch((error: unknown) => error);
  if (outcome instanceof KeyringError) return outcome;
  throw new Error(`not a KeyringError: ${outcome}`);
}

const codeOfFailure = async (call: Promise<unknown>) => (await failureOf(call)).code;

const STATUSES: [status: number, locked: KeyringErrorCode, unlocked: KeyringErrorCode][] = [
  [-128, "denied", "denied"],
  [-25293, "denied", "denied"],
  [-25243, "denied", "denied"],
  [-25244, "denied", "denied"],
  [-25308, "locked", "denied"],
  [-25315, "locked", "denied"],
  [-25291, "unreachable", "unreachable"],
  [-25294, "unreachable", "unreachable"],
  [-25307, "unreachable", "unreachable"],
  [-25292, "failed", "failed"],
  [-34018, "failed", "failed"],
  [-50, "failed", "failed"],
  [-1, "failed", "failed"],
];

test.each(STATUSES)("OSStatus %d is %s while locked, else %s", (status, locked, unlocked) => {
  expect(codeOf(status, false)).toBe(locked);
  expect(codeOf(status, true)).toBe(unlocked);
});

describe.skipIf(!standInRuns)("Keychain (stand-in)", () => {
  let standIn: StandIn;

  beforeEach(async () => {
    standIn = await openStandIn();
  });

  afterEach(() => {
    expect(standIn.owners()).toBe(0);
    standIn.remove();
  });

  test.each(STATUSES)("every function may end with OSStatus %d", async (status, _, code) => {
    const { backend } = standIn;
    const fail = (name: string) => standIn.addRule({ function: name, status });
    fail("SecItemAdd");
    expect(await codeOfFailure(backend.set("p", "hush-1", within(9000)))).toBe(code);
    await backend.set("p", "hush-1", within(9000));

    fail("SecItemUpdate");
    expect(await codeOfFailure(backend.set("p", "hush-2", within(9000)))).toBe(code);
    fail("SecItemDelete");
    expect(await codeOfFailure(backend.delete("p", within(9000)))).toBe(code);
    fail("SecItemCopyMatching");
    const error = await failureOf(backend.get("p", within(9000)));
    expect(error.code).toBe(code);
    const words = status === -1 ? "" : `The stand-in’s words for ${status} `;
    expect(error.message).toBe(words ? `${words}(OSStatus ${status})` : `OSStatus ${status}`);

    expect(await backend.get("p", within(9000))).toBe("hush-1");
  });

  test("an account of a few letters, which makes a tagged reference", async () => {
    await standIn.backend.set("DEFAULT", "secret", within(9000));
    expect(await standIn.backend.get("DEFAULT", within(9000))).toBe("secret");
    expect(await standIn.backend.get("DEFAUL", within(9000))).toBeNull();
  });

  test("values are in the Go CLI's form", async () => {
    await standIn.backend.set("p", "größe", within(9000));
    expect(standIn.value("p")).toBe("go-keyring-base64:Z3LDtsOfZQ==");
    await standIn.backend.set("p", "", within(9000));
    expect(standIn.value("p")).toBe("go-keyring-base64:");
  });

  test("an update keeps the item, an addition in between becomes one", async () => {
    await standIn.backend.set("p", "one", within(9000));
    const serial = standIn.serial("p");
    await standIn.backend.set("p", "two", within(9000));
    expect(standIn.serial("p")).toBe(serial);

    // As if another process added it after our update found nothing.
    standIn.addRule({ function: "SecItemUpdate", status: security.errSecItemNotFound });
    await standIn.backend.set("p", "three", within(9000));
    expect(standIn.serial("p")).toBe(serial);
    expect(await standIn.backend.get("p", within(9000))).toBe("three");
  });

  describe("locked", () => {
    beforeEach(async () => {
      await standIn.backend.set("p", "secret", within(9000));
      standIn.setState({ locked: true });
    });

    test("without a terminal: an error, no prompt, and a miss stays a miss", async () => {
      const { backend } = standIn;
      expect(await codeOfFailure(backend.get("p", within(9000)))).toBe("locked");
      expect(await codeOfFailure(backend.set("p", "other", within(9000)))).toBe("locked");
      expect(await codeOfFailure(backend.set("new", "other", within(9000)))).toBe("locked");
      expect(await backend.get("none", within(9000))).toBeNull();
      expect(standIn.prompts()).toBe(0);
    });

    test("with a terminal: the person is asked", async () => {
      expect(await standIn.backend.get("p", within(9000, TERMINAL))).toBe("secret");
      expect(standIn.prompts()).toBe(1);
    });

    test("the person refuses", async () => {
      standIn.setState({ locked: true, promptStatus: security.errSecUserCanceled });
      expect(await codeOfFailure(standIn.backend.get("p", within(9000, TERMINAL)))).toBe("denied");
    });

    test("nobody answers: the deadline holds, and the next call waits for its own", async () => {
      standIn.setState({ locked: true, promptDelay: 1000 });
      const start = performance.now();
      const first = codeOfFailure(standIn.backend.get("p", within(200, TERMINAL)));
      const second = codeOfFailure(standIn.backend.get("none", within(400, TERMINAL)));
      expect(await first).toBe("timed-out");
      expect(performance.now() - start).toBeWithin(190, 350);
      expect(await second).toBe("timed-out");
      expect(performance.now() - start).toBeWithin(390, 550);
      await standIn.backend.get("none", within(9000));
    });

    test("the prompt left open is answered late: the calls behind it go on", async () => {
      standIn.setState({ locked: true, promptDelay: 400 });
      const probe = codeOfFailure(standIn.backend.set("p", "probe", within(100, TERMINAL)));
      expect(await probe).toBe("timed-out");
      await standIn.backend.set("p", "token", within(9000, TERMINAL));
      expect(await standIn.backend.get("p", within(9000))).toBe("token");
      expect(standIn.prompts()).toBe(1);
    });
  });

  test("no keychain: unreachable, for a miss too", async () => {
    const { backend } = standIn;
    standIn.setState({ absent: true });
    expect(await codeOfFailure(backend.get("p", within(9000)))).toBe("unreachable");
    expect(await codeOfFailure(backend.set("p", "secret", within(9000)))).toBe("unreachable");
    expect(await codeOfFailure(backend.delete("p", within(9000)))).toBe("unreachable");
  });

  test("no framework: unreachable", async () => {
    const coreFoundation = `${standIn.folder}/none`;
    const { security } = standIn.frameworks;
    const backend = openMacosBackend({ frameworks: { coreFoundation, security } });
    expect(await codeOfFailure(backend.get("p", within(9000)))).toBe("unreachable");
  });

  describe("an item of the Go CLI", () => {
    const base64 = (text: string) => `go-keyring-base64:${Buffer.from(text).toString("base64")}`;

    test.each([
      ["as it writes it", base64('{"token":{}}'), '{"token":{}}'],
      ["in its older form", `go-keyring-encoded:${Buffer.from("größe").toString("hex")}`, "größe"],
      ["bare", "bare secret", "bare secret"],
      ["bare, with bytes that the tool prints as hex", "größe\n", "größe\n"],
    ])("is read through the tool: %s", async (_, value, secret) => {
      standIn.addByTool("p", value);
      expect(await standIn.backend.get("p", within(9000))).toBe(secret);
      expect(standIn.prompts()).toBe(0);
    });

    test("is not tried with the tool while locked: it would ask for the password", async () => {
      standIn.addByTool("p", base64("secret"));
      standIn.setState({ locked: true });
      standIn.addRule({ function: "SecItemCopyMatching", status: security.errSecAuthFailed });
      const error = await failureOf(standIn.backend.get("p", within(9000)));
      expect(error.code).toBe("denied");
      expect(error.message).toEndWith("(OSStatus -25293)");
    });

    test("with a terminal the person is asked first", async () => {
      standIn.addByTool("p", base64("secret"));
      expect(await standIn.backend.get("p", within(9000, TERMINAL))).toBe("secret");
      expect(standIn.prompts()).toBe(1);

      standIn.setState({ promptStatus: security.errSecUserCanceled });
      expect(await codeOfFailure(standIn.backend.get("p", within(9000, TERMINAL)))).toBe("denied");
    });

    test("keeps its access list when we write to it", async () => {
      standIn.addByTool("p", base64("old"));
      const serial = standIn.serial("p");
      await standIn.backend.set("p", "new", within(9000));
      expect(standIn.serial("p")).toBe(serial);
      expect(await standIn.backend.get("p", within(9000))).toBe("new");
    });

    test("that cannot be decoded is an error without the value", async () => {
      standIn.addByTool("p", "go-keyring-base64:hush!");
      const error = await failureOf(standIn.backend.get("p", within(9000)));
      expect(error.code).toBe("invalid");
      expect(`${error.message}\n${error.stack}`).not.toContain("hush");
    });

    test("gone before the tool looks is a miss; a tool that hangs is stopped", async () => {
      const { frameworks, folder } = standIn;
      standIn.addByTool("p", base64("secret"));
      const script = (name: string, text: string) => {
        writeFileSync(`${folder}/${name}`, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
        return openMacosBackend({ frameworks, securityTool: `${folder}/${name}` });
      };
      const gone = script("gone", "exit 44");
      expect(await gone.get("p", within(9000))).toBeNull();
      const refused = script("refused", "exit 51");
      expect(await codeOfFailure(refused.get("p", within(9000)))).toBe("denied");
      const cancelled = script("cancelled", "exit 128");
      expect(await codeOfFailure(cancelled.get("p", within(9000)))).toBe("denied");
      const absent = openMacosBackend({ frameworks, securityTool: `${folder}/absent` });
      expect(await failureOf(absent.get("p", within(9000)))).toMatchObject({
        code: "failed",
        message: `cannot run ${folder}/absent: no such file or directory`,
      });
      const hung = script("hung", "exec sleep 60");
      const start = performance.now();
      expect(await codeOfFailure(hung.get("p", within(300)))).toBe("timed-out");
      expect(performance.now() - start).toBeLessThan(600);
    });
  });

  test("an item of another build of ours is not tried with the tool, which would ask", async () => {
    await standIn.backend.set("p", "secret", within(9000));
    standIn.setState({ build: 1 });
    expect(await codeOfFailure(standIn.backend.get("p", within(9000)))).toBe("denied");
    expect(await standIn.backend.get("p", within(9000, TERMINAL))).toBe("secret");
  });
});
