/** Programs that keep entries in the keyring as the official CLI does, or can. */
import assert from "node:assert/strict";
import { SERVICE } from "../../src/keyring/backend.ts";
import { installGo } from "./clients.ts";
import type { Machine } from "./machine.ts";
import { programPath } from "./tools.ts";

/** `set` is for accounts without an entry, unless the keyring replaces without asking a person. */
export interface Keeper {
  /** null: there is no such entry. */
  get: (account: string) => Promise<string | null>;
  set: (account: string, secret: string) => Promise<void>;
  delete: (account: string) => Promise<void>;
}

/** The module by which the official CLI reads and writes. */
export async function openGoKeyring({ runOther }: Machine): Promise<Keeper> {
  const { argv } = await installGo("go-keyring");
  const NOT_FOUND = 2;
  const run = async (operation: string, account: string, input = "") => {
    const ended = await runOther([...argv, operation, SERVICE, account], input);
    assert.ok(ended.exitCode === 0 || ended.exitCode === NOT_FOUND, ended.stderr);
    return ended;
  };
  const change = async (operation: string, account: string, input?: string) => {
    const { exitCode } = await run(operation, account, input);
    assert.equal(exitCode, 0, `${operation}: there is no such entry`);
  };
  return {
    async get(account) {
      const { exitCode, stdout } = await run("get", account);
      return exitCode === NOT_FOUND ? null : stdout;
    },
    set: (account, secret) => change("set", account, secret),
    delete: (account) => change("delete", account),
  };
}

/** libsecret's own program, which gives its entries a schema. */
export function openSecretTool({ runOther }: Machine): Keeper {
  const run = (operation: readonly string[], account: string, input?: string) => {
    const attributes = ["service", SERVICE, "username", account];
    return runOther([programPath("secret-tool"), ...operation, ...attributes], input);
  };
  const change = async (operation: readonly string[], account: string, input?: string) => {
    const { exitCode, stderr } = await run(operation, account, input);
    assert.equal(exitCode, 0, stderr);
  };
  return {
    async get(account) {
      const { exitCode, stdout } = await run(["lookup"], account);
      return exitCode === 0 ? stdout : null;
    },
    set: (account, secret) => change(["store", "--label=another program's"], account, secret),
    delete: (account) => change(["clear"], account),
  };
}
