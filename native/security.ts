/** Security.framework of macOS: keychain items by SecItem*, the state of a file-based keychain. */
import type { FFIFunction } from "bun:ffi";
import { openLibrary, readPointer } from "./libc.ts";

/** SecBase.h: OSStatus */
export const errSecSuccess = 0;
export const errSecUserCanceled = -128;
export const errSecNotAvailable = -25291;
export const errSecNoAccessForItem = -25243;
export const errSecInvalidOwnerEdit = -25244;
export const errSecAuthFailed = -25293;
export const errSecNoSuchKeychain = -25294;
export const errSecDuplicateItem = -25299;
export const errSecItemNotFound = -25300;
export const errSecNoDefaultKeychain = -25307;
export const errSecInteractionNotAllowed = -25308;
export const errSecInteractionRequired = -25315;

/** SecKeychain.h: a bit of SecKeychainStatus */
export const kSecUnlockStateStatus = 1;

const declarations = {
  SecItemAdd: { args: ["u64", "ptr"], returns: "i32" },
  SecItemCopyMatching: { args: ["u64", "ptr"], returns: "i32" },
  SecItemUpdate: { args: ["u64", "u64"], returns: "i32" },
  SecItemDelete: { args: ["u64"], returns: "i32" },
  SecCopyErrorMessageString: { args: ["i32", "ptr"], returns: "u64" },
  SecKeychainGetStatus: { args: ["u64", "ptr"], returns: "i32" },
  SecKeychainSetUserInteractionAllowed: { args: ["u8"], returns: "i32" },
} as const satisfies Record<string, FFIFunction>;

const constants = [
  "kSecAttrAccount",
  "kSecAttrDescription",
  "kSecAttrLabel",
  "kSecAttrService",
  "kSecClass",
  "kSecClassGenericPassword",
  "kSecReturnAttributes",
  "kSecReturnData",
  "kSecUseDataProtectionKeychain",
  "kSecValueData",
] as const;

/** Binds the framework at an absolute path. The constants are CFStringRefs. Throws LibraryMissing. */
export function openSecurity(path: string) {
  const { functions, data } = openLibrary([path], declarations, constants);
  const values = Object.fromEntries(
    constants.map((name) => [name, readPointer(data[name])]),
  ) as Record<(typeof constants)[number], bigint>;
  return { ...functions, ...values };
}
