/** GLib, GObject and GIO: the main loop, errors, D-Bus values and the bus connection under libsecret. */
import type { FFIFunction } from "bun:ffi";
import { openLibrary } from "./libc.ts";

/** `GBusType`, gio/gioenums.h */
export const G_BUS_TYPE_SESSION = 2;
/** `GDBusCallFlags`, gio/gioenums.h */
export const G_DBUS_CALL_FLAGS_NONE = 0;
/** As the timeout of a D-Bus call: none. glib/gtypes.h */
export const G_MAXINT = 0x7fffffff;
/** What a GSourceFunc returns to be called again, glib/gmain.h */
export const G_SOURCE_CONTINUE = 1;

/** Codes of the domain `g_io_error_quark()`, gio/gioenums.h */
export const GIOErrorEnum = {
  FAILED: 0,
  NOT_FOUND: 1,
  NOT_DIRECTORY: 4,
  INVALID_ARGUMENT: 13,
  PERMISSION_DENIED: 14,
  NOT_SUPPORTED: 15,
  CLOSED: 18,
  CANCELLED: 19,
  TIMED_OUT: 24,
  HOST_NOT_FOUND: 28,
  HOST_UNREACHABLE: 37,
  NETWORK_UNREACHABLE: 38,
  CONNECTION_REFUSED: 39,
  CONNECTION_CLOSED: 44,
  NOT_CONNECTED: 45,
} as const;

/** Codes of the domain `g_dbus_error_quark()`, gio/gioenums.h */
export const GDBusError = {
  SERVICE_UNKNOWN: 2,
  NAME_HAS_NO_OWNER: 3,
  NO_REPLY: 4,
  NOT_SUPPORTED: 7,
  ACCESS_DENIED: 9,
  AUTH_FAILED: 10,
  TIMEOUT: 12,
  DISCONNECTED: 15,
  UNKNOWN_METHOD: 19,
  TIMED_OUT: 20,
  SPAWN_EXEC_FAILED: 23,
  SPAWN_FORK_FAILED: 24,
  SPAWN_CHILD_EXITED: 25,
  SPAWN_CHILD_SIGNALED: 26,
  SPAWN_FAILED: 27,
  SPAWN_SERVICE_NOT_FOUND: 31,
  UNKNOWN_OBJECT: 41,
  UNKNOWN_INTERFACE: 42,
} as const;

/** Offsets of `struct GError`, glib/gerror.h */
export const GError = { domain: 0, code: 4, message: 8 } as const;

/** `void (*)(GObject *source, GAsyncResult *result, gpointer data)`, gio/giotypes.h */
export const GAsyncReadyCallback = { args: ["ptr", "ptr", "ptr"], returns: "void" } as const;
/** `gboolean (*)(gpointer data)`, glib/gmain.h */
export const GSourceFunc = { args: ["ptr"], returns: "i32" } as const;

const glibFunctions = {
  g_main_context_iteration: { args: ["ptr", "i32"], returns: "i32" },
  g_timeout_add: { args: ["u32", "ptr", "ptr"], returns: "u32" },
  g_source_remove: { args: ["u32"], returns: "i32" },
  g_log_set_default_handler: { args: ["ptr", "ptr"], returns: "ptr" },
  g_setenv: { args: ["ptr", "ptr", "i32"], returns: "i32" },
  g_error_free: { args: ["ptr"], returns: "void" },
  g_free: { args: ["ptr"], returns: "void" },
  g_strdup: { args: ["ptr"], returns: "ptr" },
  g_hash_table_new_full: { args: ["ptr", "ptr", "ptr", "ptr"], returns: "ptr" },
  g_hash_table_insert: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
  g_hash_table_unref: { args: ["ptr"], returns: "void" },
  g_variant_new_string: { args: ["ptr"], returns: "ptr" },
  g_variant_new_object_path: { args: ["ptr"], returns: "ptr" },
  g_variant_new_dict_entry: { args: ["ptr", "ptr"], returns: "ptr" },
  g_variant_new_array: { args: ["ptr", "ptr", "usize"], returns: "ptr" },
  g_variant_new_fixed_array: { args: ["ptr", "ptr", "usize", "usize"], returns: "ptr" },
  g_variant_new_variant: { args: ["ptr"], returns: "ptr" },
  g_variant_new_tuple: { args: ["ptr", "usize"], returns: "ptr" },
  g_variant_is_of_type: { args: ["ptr", "ptr"], returns: "i32" },
  g_variant_n_children: { args: ["ptr"], returns: "usize" },
  g_variant_get_child_value: { args: ["ptr", "usize"], returns: "ptr" },
  g_variant_get_variant: { args: ["ptr"], returns: "ptr" },
  g_variant_get_boolean: { args: ["ptr"], returns: "i32" },
  g_variant_get_string: { args: ["ptr", "ptr"], returns: "ptr" },
  g_variant_get_fixed_array: { args: ["ptr", "ptr", "usize"], returns: "ptr" },
  g_variant_unref: { args: ["ptr"], returns: "void" },
} as const satisfies Record<string, FFIFunction>;

const gobjectFunctions = {
  g_object_unref: { args: ["ptr"], returns: "void" },
} as const satisfies Record<string, FFIFunction>;

const gioFunctions = {
  g_io_error_quark: { args: [], returns: "u32" },
  g_dbus_error_quark: { args: [], returns: "u32" },
  g_dbus_error_strip_remote_error: { args: ["ptr"], returns: "i32" },
  g_cancellable_new: { args: [], returns: "ptr" },
  g_cancellable_cancel: { args: ["ptr"], returns: "void" },
  g_bus_get: { args: ["i32", "ptr", "ptr", "ptr"], returns: "void" },
  g_bus_get_finish: { args: ["ptr", "ptr"], returns: "ptr" },
  g_dbus_connection_set_exit_on_close: { args: ["ptr", "i32"], returns: "void" },
  g_dbus_connection_call: {
    args: ["ptr", "ptr", "ptr", "ptr", "ptr", "ptr", "ptr", "i32", "i32", "ptr", "ptr", "ptr"],
    returns: "void",
  },
  g_dbus_connection_call_finish: { args: ["ptr", "ptr", "ptr"], returns: "ptr" },
} as const satisfies Record<string, FFIFunction>;

/** Functions that other functions take by address; `g_thread_yield` stands for one that does nothing. */
const addresses = ["g_str_hash", "g_str_equal", "g_free", "g_thread_yield"] as const;

function open() {
  const { functions, data } = openLibrary(["libglib-2.0.so.0"], glibFunctions, addresses);
  return {
    ...functions,
    ...openLibrary(["libgobject-2.0.so.0"], gobjectFunctions).functions,
    ...openLibrary(["libgio-2.0.so.0"], gioFunctions).functions,
    addresses: data,
  };
}

let bound: ReturnType<typeof open> | undefined;

/** The functions above, loaded on first use. Throws LibraryMissing. */
export function glib() {
  bound ??= open();
  return bound;
}
