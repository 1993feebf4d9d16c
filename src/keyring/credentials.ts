/** Generic credentials of Windows: what advapi32's calls mean. */
import {
  advapi32,
  CRED_PERSIST_LOCAL_MACHINE,
  CRED_TYPE_GENERIC,
  CREDENTIALW,
  ERROR_ACCESS_DENIED,
  ERROR_BAD_USERNAME,
  ERROR_INVALID_PARAMETER,
  ERROR_NO_SUCH_LOGON_SESSION,
  ERROR_NOT_FOUND,
  ERROR_SERVICE_DISABLED,
  ERROR_SERVICE_NOT_ACTIVE,
  RPC_S_SERVER_UNAVAILABLE,
  RPC_X_BAD_STUB_DATA,
} from "../../native/advapi32.ts";
import { failureOf, SystemLibraryMissing } from "../../native/kernel32.ts";
import {
  copyBytes,
  outPointer,
  type Pointer,
  pointerIn,
  ptr,
  readWideString,
  toPointer,
  wideString,
} from "../../native/memory.ts";
import { KeyringError, type KeyringErrorCode } from "./backend.ts";

export interface Credential {
  /** Names the credential; Windows takes no notice of letter case here. */
  target: string;
  user: string;
  blob: Uint8Array;
}

export interface ListedCredential {
  target: string;
  user: string;
  /** Milliseconds since the epoch. */
  lastWritten: number;
}

/** The generic credentials of the person who is logged on. Every call throws `KeyringError`. */
export interface Credentials {
  read(target: string): Credential | null;
  /** Creates or replaces one, as a whole. */
  write(credential: Credential): void;
  /** False when there was none. */
  remove(target: string): boolean;
  /** Those whose target begins with `prefix`. */
  list(prefix: string): ListedCredential[];
}

/** Credential Manager, bound at the first call. */
export const windowsCredentials: Credentials = {
  read(target) {
    const name = wideString(target);
    const { cell, address } = outPointer();
    const { CredReadW } = library();
    const error = failureOf(CredReadW(ptr(name), CRED_TYPE_GENERIC, 0, address));
    if (error === ERROR_NOT_FOUND) return null;
    if (error) throw failure("CredReadW", error);
    return takeFrom(cell, readCredential);
  },

  write({ target, user, blob }) {
    const credential = layOut(target, user, blob);
    const { CredWriteW } = library();
    const error = failureOf(CredWriteW(ptr(credential), 0));
    if (error) throw failure("CredWriteW", error);
  },

  remove(target) {
    const name = wideString(target);
    const { CredDeleteW } = library();
    const error = failureOf(CredDeleteW(ptr(name), CRED_TYPE_GENERIC, 0));
    if (error && error !== ERROR_NOT_FOUND) throw failure("CredDeleteW", error);
    return error === 0;
  },

  list(prefix) {
    const filter = wideString(`${prefix}*`);
    const count = new Uint32Array(1);
    const { cell, address } = outPointer();
    const { CredEnumerateW } = library();
    const error = failureOf(CredEnumerateW(ptr(filter), 0, ptr(count), address));
    if (error === ERROR_NOT_FOUND) return [];
    if (error) throw failure("CredEnumerateW", error);
    return takeFrom(cell, (array) => {
      const pointers = new BigUint64Array(copyBytes(array, (count[0] ?? 0) * 8).buffer);
      return Array.from(pointers, toPointer).flatMap((each) => (each ? [readListed(each)] : []));
    });
  },
};

function library() {
  try {
    return advapi32();
  } catch (error) {
    if (!(error instanceof SystemLibraryMissing)) throw error;
    throw new KeyringError("unreachable", error.message);
  }
}

/** Reads what a call allocated, and frees it. */
function takeFrom<T>(cell: BigUint64Array, reading: (address: Pointer) => T): T {
  const address = pointerIn(cell);
  if (!address) throw new KeyringError("failed", "Credential Manager gave no credential");
  try {
    return reading(address);
  } finally {
    advapi32().CredFree(address);
  }
}

/** A CREDENTIALW followed by all that it points to, so that one buffer keeps the whole alive. */
function layOut(target: string, user: string, blob: Uint8Array): ArrayBuffer {
  const name = wideString(target);
  const userName = wideString(user);
  const nameAt = CREDENTIALW.size;
  const userNameAt = nameAt + name.length;
  const blobAt = userNameAt + userName.length;
  const memory = new ArrayBuffer(blobAt + blob.length);
  const bytes = new Uint8Array(memory);
  bytes.set(name, nameAt);
  bytes.set(userName, userNameAt);
  bytes.set(blob, blobAt);

  const address = BigInt(ptr(memory));
  const struct = new DataView(memory);
  struct.setUint32(CREDENTIALW.Type, CRED_TYPE_GENERIC, true);
  struct.setBigUint64(CREDENTIALW.TargetName, address + BigInt(nameAt), true);
  struct.setUint32(CREDENTIALW.CredentialBlobSize, blob.length, true);
  struct.setBigUint64(CREDENTIALW.CredentialBlob, address + BigInt(blobAt), true);
  struct.setUint32(CREDENTIALW.Persist, CRED_PERSIST_LOCAL_MACHINE, true);
  struct.setBigUint64(CREDENTIALW.UserName, address + BigInt(userNameAt), true);
  return memory;
}

function readCredential(address: Pointer): Credential {
  const struct = structAt(address);
  const blob = toPointer(struct.getBigUint64(CREDENTIALW.CredentialBlob, true));
  return {
    target: textAt(struct, CREDENTIALW.TargetName),
    user: textAt(struct, CREDENTIALW.UserName),
    blob: blob
      ? copyBytes(blob, struct.getUint32(CREDENTIALW.CredentialBlobSize, true))
      : new Uint8Array(0),
  };
}

function readListed(address: Pointer): ListedCredential {
  const struct = structAt(address);
  return {
    target: textAt(struct, CREDENTIALW.TargetName),
    user: textAt(struct, CREDENTIALW.UserName),
    lastWritten: fromFileTime(struct.getBigUint64(CREDENTIALW.LastWritten, true)),
  };
}

function structAt(address: Pointer): DataView<ArrayBuffer> {
  return new DataView(copyBytes(address, CREDENTIALW.size).buffer);
}

function textAt(struct: DataView, offset: number): string {
  return readWideString(struct.getBigUint64(offset, true)) ?? "";
}

/** Milliseconds between the epochs of FILETIME, 1601, and of JavaScript. */
const FILETIME_EPOCH = 11_644_473_600_000;

/** A FILETIME counts in 100 ns. */
function fromFileTime(time: bigint): number {
  return Number(time / 10_000n) - FILETIME_EPOCH;
}

const MEANINGS: ReadonlyMap<number, readonly [KeyringErrorCode, string]> = new Map([
  [ERROR_NO_SUCH_LOGON_SESSION, ["unreachable", "this logon session has no credential store"]],
  [ERROR_SERVICE_DISABLED, ["unreachable", "the service is disabled"]],
  [ERROR_SERVICE_NOT_ACTIVE, ["unreachable", "the service is not running"]],
  [RPC_S_SERVER_UNAVAILABLE, ["unreachable", "the service is not running"]],
  [ERROR_ACCESS_DENIED, ["denied", "access is denied"]],
  [ERROR_INVALID_PARAMETER, ["invalid", "the entry is refused"]],
  [RPC_X_BAD_STUB_DATA, ["invalid", "the entry is too long"]],
  [ERROR_BAD_USERNAME, ["invalid", "the account name is refused"]],
]);

/** The only place where a Windows error gets its meaning. */
export function failure(call: string, error: number): KeyringError {
  const [code, words] = MEANINGS.get(error) ?? ["failed", "the call failed"];
  return new KeyringError(code, `Credential Manager: ${words} (${call}, Windows error ${error})`);
}
