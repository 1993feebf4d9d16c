/** advapi32 of Windows: the calls of Credential Manager. */
import type { FFIFunction } from "bun:ffi";
import { openSystemLibrary } from "./kernel32.ts";

/** wincred.h */
export const CRED_TYPE_GENERIC = 1;
export const CRED_PERSIST_LOCAL_MACHINE = 2;
export const CRED_MAX_CREDENTIAL_BLOB_SIZE = 5 * 512;

/** winerror.h */
export const ERROR_ACCESS_DENIED = 5;
export const ERROR_INVALID_PARAMETER = 87;
export const ERROR_SERVICE_DISABLED = 1058;
export const ERROR_SERVICE_NOT_ACTIVE = 1062;
export const ERROR_NOT_FOUND = 1168;
export const ERROR_NO_SUCH_LOGON_SESSION = 1312;
export const RPC_S_SERVER_UNAVAILABLE = 1722;
/** What a blob over CRED_MAX_CREDENTIAL_BLOB_SIZE comes to. */
export const RPC_X_BAD_STUB_DATA = 1783;
export const ERROR_BAD_USERNAME = 2202;

/** Offsets of CREDENTIALW (wincred.h), 64-bit. LastWritten is a FILETIME, Attributes a counted array. */
export const CREDENTIALW = {
  size: 80,
  Flags: 0,
  Type: 4,
  TargetName: 8,
  Comment: 16,
  LastWritten: 24,
  CredentialBlobSize: 32,
  CredentialBlob: 40,
  Persist: 48,
  AttributeCount: 52,
  Attributes: 56,
  TargetAlias: 64,
  UserName: 72,
} as const;

const declarations = {
  CredReadW: { args: ["ptr", "u32", "u32", "ptr"], returns: "i32" },
  CredWriteW: { args: ["ptr", "u32"], returns: "i32" },
  CredDeleteW: { args: ["ptr", "u32", "u32"], returns: "i32" },
  CredEnumerateW: { args: ["ptr", "u32", "ptr", "ptr"], returns: "i32" },
  CredFree: { args: ["ptr"], returns: "void" },
} as const satisfies Record<string, FFIFunction>;

let bound: ReturnType<typeof openSystemLibrary<typeof declarations>>["functions"] | undefined;

/** advapi32's functions, bound on first use. Throws SystemLibraryMissing. */
export function advapi32() {
  bound ??= openSystemLibrary("advapi32.dll", declarations).functions;
  return bound;
}
