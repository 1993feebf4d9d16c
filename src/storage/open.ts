/** Opens the store that the policy picks: for a read, which may fall back, and for a login, which may pin. */
import { KeyringError, keyringFailure } from "../keyring/backend.ts";
import type { StorageChoice, StorageMode } from "./mode.ts";
import { decideLogin, decideRead, loginFailure, readFailure } from "./policy.ts";
import type { TokenStore } from "./store.ts";

/** The two stores, opened on first use, and the system whose words errors use. */
export interface Stores {
  choice: StorageChoice;
  platform: NodeJS.Platform;
  keyring: () => Promise<TokenStore>;
  file: () => TokenStore;
}

/** Why a read is served by the file although the mode says keyring. */
export interface Fallback {
  location: "file";
  reason: string;
}

/** A store whose first answer decides where everything after it goes. */
export interface ReadingStore extends TokenStore {
  readonly fallback: Fallback | null;
}

/**
 * The store for reading, by the read matrix. The keyring's first answer settles it: a later
 * hiccup is an error, never a fallback, and a write goes where the read came from.
 *
 * Failures are `UserError`s with the way out; their `cause` is the `KeyringError`.
 */
export function openForReading(stores: Stores): ReadingStore {
  let settled: TokenStore | null = stores.choice.mode === "plaintext" ? stores.file() : null;
  let fallback: Fallback | null = null;

  const failure = (error: unknown): unknown =>
    error instanceof KeyringError ? readFailure(error, stores.platform) : error;

  async function settle<T>(call: (store: TokenStore) => Promise<T>): Promise<T> {
    try {
      const keyring = await stores.keyring();
      const answer = await call(keyring);
      settled = keyring;
      return answer;
    } catch (error) {
      if (!(error instanceof KeyringError)) throw error;
      if (decideRead(stores.choice.source, error.code) !== "read-file") throw failure(error);
      settled = stores.file();
      fallback = { location: "file", reason: error.message };
      return call(settled);
    }
  }

  async function onStore<T>(call: (store: TokenStore) => Promise<T>): Promise<T> {
    if (!settled) return settle(call);
    try {
      return await call(settled);
    } catch (error) {
      throw failure(error);
    }
  }

  return {
    get location() {
      return settled?.location ?? "keyring";
    },
    get fallback() {
      return fallback;
    },
    lookup: (key) => onStore((store) => store.lookup(key)),
    put: (keys, token) => onStore((store) => store.put(keys, token)),
    remove: (key) => onStore((store) => store.remove(key)),
  };
}

/** Where a login's token goes, what to pin once it is stored, and why it is the file, if it is. */
export interface LoginStore {
  store: TokenStore;
  pin: StorageMode | null;
  /** Cause, when the keyring is not reachable and the file is used instead. */
  unreachable: string | null;
}

/** Each finds out whether its store can be written. */
export interface WriteProbes {
  /** Throws KeyringError. */
  keyring: () => Promise<void>;
  /** Throws UserError. */
  file: () => Promise<void>;
}

/**
 * The store for a login, by the login table.
 *
 * @throws UserError before any browser opens, when the token could not be kept where it belongs
 */
export async function openForLogin(stores: Stores, probes: WriteProbes): Promise<LoginStore> {
  const plaintext = stores.choice.mode === "plaintext";
  const error = plaintext ? null : await keyringFailure(probes.keyring);
  const decision = plaintext
    ? ({ store: "file", pin: null } as const)
    : decideLogin(stores.choice.source, error?.code ?? "ok");
  if (error && decision.store === "none") throw loginFailure(error, stores.platform);
  const { pin } = decision;
  if (decision.store !== "file") return { store: await stores.keyring(), pin, unreachable: null };
  await probes.file();
  return { store: stores.file(), pin, unreachable: error?.message ?? null };
}
