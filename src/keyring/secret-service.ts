/** The calls of the Secret Service that the Linux backend needs, on one connection and one session. */
import { G_BUS_TYPE_SESSION, glib } from "../../native/glib.ts";
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
import { openObjects, ProtocolError } from "./dbus-objects.ts";
import type { Gio, Patience } from "./gio.ts";

const SERVICE_PATH = "/org/freedesktop/secrets";
const SERVICE_INTERFACE = "org.freedesktop.Secret.Service";
const COLLECTION_INTERFACE = "org.freedesktop.Secret.Collection";
const ITEM_INTERFACE = "org.freedesktop.Secret.Item";
const LOGIN_COLLECTION = "/org/freedesktop/secrets/collection/login";

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
  const objects = openObjects(gio, bus);

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

  /** The paths of an account's entries that can be read as they are, and of those that are locked. Opens no prompt. */
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
        return { unlocked: takeStrings(unlocked.cell), locked: takeStrings(locked.cell) };
      },
      patience,
    );
  }

  /** The strings of the NULL-terminated `char **` in a cell; frees it. */
  function takeStrings(cell: BigUint64Array): string[] {
    const strings = pointerIn(cell);
    if (!strings) return [];
    const taken: string[] = [];
    for (;;) {
      const text = readCString(read.u64(strings, taken.length * 8));
      if (text === null) break;
      taken.push(text);
    }
    g.g_strfreev(strings);
    return taken;
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
        const value = secretValue(secret);
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

  /** Sets the secret of the unlocked entry at `path`. Opens no prompt. */
  async function replace(path: string, secret: string, patience: Patience): Promise<void> {
    await ensureSession(patience);
    await objects.call(
      { path, interfaceName: ITEM_INTERFACE, name: "SetSecret", type: "()" },
      () => {
        const value = secretValue(secret);
        const encoded = s.secret_service_encode_dbus_secret(service, value);
        s.secret_value_unref(value);
        return [encoded];
      },
      () => {},
      patience,
    );
  }

  /** A SecretValue, to be released. */
  function secretValue(secret: string): Pointer | null {
    const bytes = new TextEncoder().encode(secret);
    return toPointer(
      // An empty array has no address; NULL of length 0 is an empty secret as well.
      s.secret_value_new(bytes.length > 0 ? bytes : null, bytes.length, cString("text/plain")),
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
    const collections = await objects.readProperty(
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
    return objects.readProperty(
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

  return { search, lookup, store, replace, clear, findCollection, isLocked };
}
