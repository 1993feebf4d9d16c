/**
 * The contract, and what the stand-in cannot prove, on the default keychain of this Mac:
 * `real-keychain PASSWORD`. It is locked and unlocked on the way: give it a throw-away one.
 */
import assert from "node:assert/strict";
import { type CallOptions, KeyringError, SERVICE } from "../../src/keyring/backend.ts";
import { openMacosBackend } from "../../src/keyring/macos.ts";
import { type ContractCase, contractCases, printContract } from "../contract/backend-contract.ts";

const [password = ""] = process.argv.slice(2);

/** Apple's own tool, as the Go CLI runs it; what it printed. */
function security(...args: string[]): string {
  const { success, stdout, stderr } = Bun.spawnSync(["/usr/bin/security", ...args]);
  assert.ok(success, `security ${args[0]}: ${stderr}`);
  return stdout.toString().trim();
}

const inGoForm = (text: string) => `go-keyring-base64:${Buffer.from(text).toString("base64")}`;
const addByTool = (account: string, value: string) =>
  security("add-generic-password", "-U", "-s", SERVICE, "-a", account, "-w", value);
const readByTool = (account: string) =>
  security("find-generic-password", "-s", SERVICE, "-wa", account);

const soon = (): CallOptions => ({ deadline: performance.now() + 10_000, interactive: false });

const cases: ContractCase[] = [
  {
    name: "reads an item of the Go CLI without a prompt",
    async run(backend) {
      const account = `real-${crypto.randomUUID()}`;
      addByTool(account, inGoForm("größe"));
      assert.equal(await backend.get(account, soon()), "größe");
      assert.equal(await backend.delete(account, soon()), true);
    },
  },
  {
    name: "an update of an item of the Go CLI leaves it readable to both",
    async run(backend) {
      const account = `real-${crypto.randomUUID()}`;
      addByTool(account, inGoForm("old"));
      await backend.set(account, "new", soon());
      assert.equal(readByTool(account), inGoForm("new"));
      assert.equal(await backend.get(account, soon()), "new");
      assert.equal(await backend.delete(account, soon()), true);
    },
  },
  {
    name: "a locked keychain is locked, not a miss, and asks nobody",
    async run(backend) {
      const account = `real-${crypto.randomUUID()}`;
      await backend.set(account, "secret", soon());
      security("lock-keychain");
      try {
        for (const call of [
          backend.get(account, soon()),
          backend.set(account, "other", soon()),
          backend.set(`${account}-new`, "other", soon()),
        ]) {
          const error = await call.catch((reason: unknown) => reason);
          assert.equal(error instanceof KeyringError ? error.code : error, "locked");
        }
        assert.equal(await backend.get(`${account}-none`, soon()), null);
      } finally {
        security("unlock-keychain", "-p", password);
      }
      assert.equal(await backend.get(account, soon()), "secret");
      assert.equal(await backend.delete(account, soon()), true);
    },
  },
  {
    name: "Apple's tool finds our items",
    async run(backend) {
      const account = `real-${crypto.randomUUID()}`;
      await backend.set(account, "secret", soon());
      assert.match(security("find-generic-password", "-s", SERVICE, "-a", account), /"acct"/);
      assert.equal(await backend.delete(account, soon()), true);
    },
  },
];

printContract(openMacosBackend(), [...contractCases(), ...cases]).then(process.exit);
