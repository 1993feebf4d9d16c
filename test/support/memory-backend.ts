/** A keyring that lives as long as this object: a real backend, held to the same contract as the others. */
import {
  type Backend,
  type CallOptions,
  checkAccount,
  checkSecret,
  KeyringError,
} from "../../src/keyring/backend.ts";

export function openMemoryBackend(): Backend {
  const entries = new Map<string, string>();

  const check = (account: string, { deadline }: CallOptions) => {
    checkAccount(account);
    if (performance.now() >= deadline) throw new KeyringError("timed-out", "deadline is past");
  };

  return {
    name: "Memory",
    async get(account, options) {
      check(account, options);
      return entries.get(account) ?? null;
    },
    async set(account, secret, options) {
      check(account, options);
      checkSecret(secret);
      entries.set(account, secret);
    },
    async delete(account, options) {
      check(account, options);
      return entries.delete(account);
    },
  };
}
