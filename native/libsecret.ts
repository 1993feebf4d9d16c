/** libsecret's client of the Secret Service. Its functions named `*dbus*` are exported, but declared only under SECRET_API_SUBJECT_TO_CHANGE. */
import type { FFIFunction } from "bun:ffi";
import { openLibrary } from "./libc.ts";

/** The library's file. */
export const LIBSECRET = "libsecret-1.so.0";

/** `SecretServiceFlags`, secret-service.h */
export const SECRET_SERVICE_NONE = 0;
/** Collection alias, secret-collection.h */
export const SECRET_COLLECTION_DEFAULT = "default";

/** Codes of the domain `secret_error_get_quark()`, secret-types.h */
export const SecretError = { IS_LOCKED: 2, NO_SUCH_OBJECT: 3 } as const;

const functions = {
  secret_error_get_quark: { args: [], returns: "u32" },
  secret_service_get: { args: ["i32", "ptr", "ptr", "ptr"], returns: "void" },
  secret_service_get_finish: { args: ["ptr", "ptr"], returns: "ptr" },
  secret_service_lookup: { args: ["ptr", "ptr", "ptr", "ptr", "ptr", "ptr"], returns: "void" },
  secret_service_lookup_finish: { args: ["ptr", "ptr", "ptr"], returns: "ptr" },
  secret_service_store: {
    args: ["ptr", "ptr", "ptr", "ptr", "ptr", "ptr", "ptr", "ptr", "ptr"],
    returns: "void",
  },
  secret_service_store_finish: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  secret_service_clear: { args: ["ptr", "ptr", "ptr", "ptr", "ptr", "ptr"], returns: "void" },
  secret_service_clear_finish: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  secret_value_new: { args: ["ptr", "i64", "ptr"], returns: "ptr" },
  secret_value_get: { args: ["ptr", "ptr"], returns: "ptr" },
  secret_value_unref: { args: ["ptr"], returns: "void" },
} as const satisfies Record<string, FFIFunction>;

const open = () => openLibrary([LIBSECRET], functions).functions;

let bound: ReturnType<typeof open> | undefined;

/** The functions above, loaded on first use. Throws LibraryMissing. */
export function libsecret() {
  bound ??= open();
  return bound;
}
