/** The calls of the Secret Service that the Linux backend needs, on one connection and one session. */
import { G_BUS_TYPE_SESSION, G_DBUS_CALL_FLAGS_NONE, G_MAXINT, glib } from "../../native/glib.ts";
import {
  libsecret,
  SECRET_COLLECTION_DEFAULT,
  SECRET_SERVICE_NONE,
} from "../../native/libsecret.ts";
import {
  copyBytes,
  cString,
  outPointer,
  type Pointer,
  pointerIn,
  read,
  readCString,
  toPointer,
} from "../../native/memory.ts";
import { SERVICE } from "./backend.ts";
import type { Gio, Patience } from "./gio.ts";

const BUS_NAME = "org.freedesktop.secrets";
const SERVICE_PATH = "/org/freedesktop/secrets";
const SERVICE_INTERFACE = "org.freedesktop.Secret.Service";
const COLLECTION_INTERFACE = "org.freedesktop.Secret.Collection";
const LOGIN_COLLECTION = "/org/freedesktop/secrets/collection/login";

/** The service answered with something that the Secret Service's specification does not allow. */
export class ProtocolError extends Error {
  override name = "ProtocolError";
}

/** Joins the session bus at `address`. Throws GioError, GioTimeout. */
export function joinBus(gio: Gio, address: string, patience: Patience): Promise<Pointer> {
  const g = glib();
  // GIO asks the C library's environment, and would look further where that says nothing.
  g.g_setenv(cString("DBUS_SESSION_BUS_ADDRESS"), cString(address), 1);
  return gio.call(
    (...tail) => g.g_bus_get(G_BUS_TYPE_SESSION, ...tail),
    (result, error) => {
      const bus = toPointer(g.g_bus_get_finish(result, error));
      if (!bus) throw new ProtocolError("no bus connection");
      // Otherwise GIO sends this process SIGTERM when the bus goes away.
      g.g_dbus_connection_set_exit_on_close(bus, 0);
      return bus;
    },
    patience,
  );
}

export type SecretService = Awaited<ReturnType<typeof openSecretService>>;

/**
 * Finds the service on the bus. The session, and with it the key that encrypts secrets on the bus, is
 * opened with the first secret: it costs more than all else, and a miss needs none.
 * Throws GioError, GioTimeout.
 */
export async function openSecretService(gio: Gio, bus: Pointer, patience: Patience) {
  const g = glib();
  const s = libsecret();

  const service = await gio.call(
    (...tail) => s.secret_service_get(SECRET_SERVICE_NONE, ...tail),
    (result, error) => {
      const found = toPointer(s.secret_service_get_finish(result, error));
      if (!found) throw new ProtocolError("no Secret Service"); // to libsecret, NULL means: look again
      return found;
    },
    patience,
  );

  /** Runs `use` with the attributes of an account's entry; whoever keeps them takes a reference. */
  function withAttributes(account: string, use: (attributes: Pointer | null) => void): void {
    const { g_str_hash, g_str_equal, g_free } = g.addresses;
    const table = toPointer(g.g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free));
    const insert = (name: string, value: string) =>
      g.g_hash_table_insert(
        table,
        toPointer(g.g_strdup(cString(name))),
        toPointer(g.g_strdup(cString(value))),
      );
    insert("service", SERVICE);
    insert("username", account);
    use(table);
    g.g_hash_table_unref(table);
  }

  /** How many entries an account has that can be read as they are, and that are locked. Opens no prompt. */
  function search(account: string, patience: Patience) {
    return gio.call(
      (...tail) =>
        withAttributes(account, (attributes) =>
          s.secret_service_search_for_dbus_paths(service, null, attributes, ...tail),
        ),
      (result, error) => {
        const unlocked = outPointer();
        const locked = outPointer();
        s.secret_service_search_for_dbus_paths_finish(
          service,
          result,
          unlocked.address,
          locked.address,
          error,
        );
        return { unlocked: takeLength(unlocked.cell), locked: takeLength(locked.cell) };
      },
      patience,
    );
  }

  /** The length of the NULL-terminated `char **` in a cell; frees it. */
  function takeLength(cell: BigUint64Array): number {
    const strings = pointerIn(cell);
    if (!strings) return 0;
    let length = 0;
    while (read.u64(strings, length * 8) !== 0n) length++;
    g.g_strfreev(strings);
    return length;
  }

  let session: Promise<boolean> | undefined;

  /** Opens the session once. Of several lookups that come first at the same time, libsecret would open one for each. */
  function ensureSession(patience: Patience): Promise<boolean> {
    session ??= gio
      .call(
        (...tail) => s.secret_service_ensure_session(service, ...tail),
        (result, error) => s.secret_service_ensure_session_finish(service, result, error) !== 0,
        patience,
      )
      .catch((error: unknown) => {
        session = undefined;
        throw error;
      });
    return session;
  }

  /** The bytes of an account's secret; null for none. Opens a prompt where it is locked; null when that is dismissed. */
  async function lookup(account: string, patience: Patience) {
    await ensureSession(patience);
    return gio.call(
      (...tail) =>
        withAttributes(account, (attributes) =>
          s.secret_service_lookup(service, null, attributes, ...tail),
        ),
      (result, error) => {
        const value = toPointer(s.secret_service_lookup_finish(service, result, error));
        if (!value) return null;
        const length = new BigUint64Array(1);
        const bytes = toPointer(s.secret_value_get(value, length));
        const copy = bytes ? copyBytes(bytes, Number(length[0])) : new Uint8Array(0);
        s.secret_value_unref(value);
        return copy;
      },
      patience,
    );
  }

  /** Creates or replaces an entry in a collection (path or alias). Opens prompts to unlock it or to create it. */
  function store(account: string, secret: string, collection: string, patience: Patience) {
    return gio.call(
      (...tail) => {
        const bytes = new TextEncoder().encode(secret);
        const value = toPointer(
          // An empty array has no address; NULL of length 0 is an empty secret as well.
          s.secret_value_new(bytes.length > 0 ? bytes : null, bytes.length, cString("text/plain")),
        );
        const path = cString(collection);
        const label = cString(`Password for '${account}' on '${SERVICE}'`);
        withAttributes(account, (attributes) =>
          s.secret_service_store(service, null, attributes, path, label, value, ...tail),
        );
        s.secret_value_unref(value);
      },
      (result, error) => s.secret_service_store_finish(service, result, error) !== 0,
      patience,
    );
  }

  /** Deletes an account's unlocked entries; false when there were none. Opens no prompt. */
  function clear(account: string, patience: Patience) {
    return gio.call(
      (...tail) =>
        withAttributes(account, (attributes) =>
          s.secret_service_clear(service, null, attributes, ...tail),
        ),
      (result, error) => s.secret_service_clear_finish(service, result, error) !== 0,
      patience,
    );
  }

  /** The collection that go-keyring uses: `login` if there is one, else the default one; null for neither. */
  async function findCollection(patience: Patience): Promise<string | null> {
    const collections = await readProperty(
      { path: SERVICE_PATH, interfaceName: SERVICE_INTERFACE, name: "Collections", type: "ao" },
      objectPaths,
      patience,
    );
    if (collections.includes(LOGIN_COLLECTION)) return LOGIN_COLLECTION;
    const alias = cString(SECRET_COLLECTION_DEFAULT);
    return gio.call(
      (...tail) => s.secret_service_read_alias_dbus_path(service, alias, ...tail),
      (result, error) => {
        const path = toPointer(
          s.secret_service_read_alias_dbus_path_finish(service, result, error),
        );
        const text = readCString(path);
        g.g_free(path);
        return text;
      },
      patience,
    );
  }

  function isLocked(collection: string, patience: Patience): Promise<boolean> {
    return readProperty(
      { path: collection, interfaceName: COLLECTION_INTERFACE, name: "Locked", type: "b" },
      (value) => g.g_variant_get_boolean(value) !== 0,
      patience,
    );
  }

  /** The elements of an `ao`. */
  function objectPaths(array: Pointer | null): string[] {
    return Array.from({ length: Number(g.g_variant_n_children(array)) }, (_, index) => {
      const child = toPointer(g.g_variant_get_child_value(array, index));
      const path = readCString(g.g_variant_get_string(child, null)) ?? "";
      g.g_variant_unref(child);
      return path;
    });
  }

  /** Reads a property of an object as it is now: one round trip, where a proxy object takes several. */
  function readProperty<T>(
    property: { path: string; interfaceName: string; name: string; type: string },
    decode: (value: Pointer | null) => T,
    patience: Patience,
  ): Promise<T> {
    return gio.call(
      (...tail) => {
        const names = [property.interfaceName, property.name].map((text) =>
          BigInt(g.g_variant_new_string(cString(text)) ?? 0),
        );
        g.g_dbus_connection_call(
          bus,
          cString(BUS_NAME),
          cString(property.path),
          cString("org.freedesktop.DBus.Properties"),
          cString("Get"),
          toPointer(g.g_variant_new_tuple(BigUint64Array.from(names), names.length)),
          cString("(v)"),
          G_DBUS_CALL_FLAGS_NONE,
          G_MAXINT,
          ...tail,
        );
      },
      (result, error) => {
        const reply = toPointer(g.g_dbus_connection_call_finish(bus, result, error));
        if (!reply) throw new ProtocolError("no reply");
        const boxed = toPointer(g.g_variant_get_child_value(reply, 0));
        const value = toPointer(g.g_variant_get_variant(boxed));
        try {
          if (!g.g_variant_is_of_type(value, cString(property.type))) {
            throw new ProtocolError(`${property.name} is not of type ${property.type}`);
          }
          return decode(value);
        } finally {
          for (const variant of [value, boxed, reply]) g.g_variant_unref(variant);
        }
      },
      patience,
    );
  }

  return { search, lookup, store, clear, findCollection, isLocked };
}
