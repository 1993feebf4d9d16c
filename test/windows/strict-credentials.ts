/**
 * Credentials in memory, with the limits that Windows documents and Wine does not have. Held
 * to the backend contract, and the place to stop a writer between any two calls.
 */
import {
  CRED_MAX_CREDENTIAL_BLOB_SIZE,
  ERROR_INVALID_PARAMETER,
  RPC_X_BAD_STUB_DATA,
} from "../../native/advapi32.ts";
import {
  type Credential,
  type Credentials,
  failure,
  type ListedCredential,
} from "../../src/keyring/credentials.ts";

/** wincred.h: CRED_MAX_USERNAME_LENGTH, CRED_MAX_GENERIC_TARGET_NAME_LENGTH */
const MAX_USER = 513;
const MAX_TARGET = 32_767;

export interface StrictCredentials extends Credentials {
  /** Makes everything that is stored so much older, in milliseconds. */
  age(by: number): void;
  /** All targets, sorted. */
  targets(): string[];
  copy(): StrictCredentials;
}

export function strictCredentials(
  entries: ReadonlyMap<string, Credential & ListedCredential> = new Map(),
): StrictCredentials {
  const stored = new Map(entries);
  const keyOf = (target: string) => target.toLowerCase();
  return {
    read: (target) => stored.get(keyOf(target)) ?? null,
    write({ target, user, blob }) {
      if (blob.length > CRED_MAX_CREDENTIAL_BLOB_SIZE) {
        throw failure("CredWriteW", RPC_X_BAD_STUB_DATA);
      }
      if (target === "" || target.length > MAX_TARGET || user.length > MAX_USER) {
        throw failure("CredWriteW", ERROR_INVALID_PARAMETER);
      }
      stored.set(keyOf(target), { target, user, blob: blob.slice(), lastWritten: Date.now() });
    },
    remove: (target) => stored.delete(keyOf(target)),
    list: (prefix) =>
      [...stored.values()]
        .filter(({ target }) => keyOf(target).startsWith(keyOf(prefix)))
        .map(({ target, user, lastWritten }) => ({ target, user, lastWritten })),
    age(by) {
      for (const [key, entry] of stored) {
        stored.set(key, { ...entry, lastWritten: entry.lastWritten - by });
      }
    },
    targets: () => [...stored.values()].map(({ target }) => target).sort(),
    copy: () => strictCredentials(stored),
  };
}
