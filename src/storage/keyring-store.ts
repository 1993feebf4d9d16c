/**
 * Tokens in the keyring: account = key, secret = `{"token":{…}}`, readable and writable by
 * the official Go CLI.
 */
import { KeyringError } from "../keyring/backend.ts";
import type { TokenStore } from "./store.ts";
import { decodeToken, encodeToken, parseLossless } from "./token-json.ts";

/** The three calls of a keyring that a store needs; deadlines are the keyring's own. */
export interface KeyringCalls {
  get(account: string): Promise<string | null>;
  set(account: string, secret: string): Promise<void>;
  delete(account: string): Promise<boolean>;
}

/** A store on the keyring. All its failures are `KeyringError`s; an entry that is no token is `invalid`. */
export function openKeyringStore(keyring: KeyringCalls): TokenStore {
  return {
    location: "keyring",
    async lookup(key) {
      const secret = await keyring.get(key);
      return secret === null ? null : decodeEntry(key, secret);
    },
    async put([key], token) {
      await keyring.set(key, JSON.stringify({ token: encodeToken(token) }));
    },
    remove: (key) => keyring.delete(key),
  };
}

function decodeEntry(key: string, secret: string) {
  const entry = parseJson(secret);
  const token =
    typeof entry === "object" && entry !== null && "token" in entry
      ? decodeToken(entry.token)
      : null;
  if (!token) throw new KeyringError("invalid", `the entry ${JSON.stringify(key)} is not a token`);
  return token;
}

function parseJson(text: string): unknown {
  try {
    return parseLossless(text);
  } catch {
    return null;
  }
}
