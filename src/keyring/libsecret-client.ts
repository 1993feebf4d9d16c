/**
 * libsecret's client of the Secret Service: for what may open prompts, and for secrets where the
 * bus does not take plain ones.
 */
import { glib } from "../../native/glib.ts";
import { libsecret, SECRET_SERVICE_NONE } from "../../native/libsecret.ts";
import { copyBytes, cString, type Pointer, toPointer } from "../../native/memory.ts";
import { SERVICE } from "./backend.ts";
import { ProtocolError } from "./dbus-objects.ts";
import type { Gio, Patience } from "./gio.ts";
import { attributesOf } from "./secret-service.ts";

export type LibsecretClient = ReturnType<typeof openLibsecretClient>;

/** Its functions throw GioError, GioTimeout and ProtocolError. */
export function openLibsecretClient(gio: Gio) {
  const g = glib();
  const s = libsecret();
  let found: Promise<Pointer> | undefined;

  /** Found on the bus that this process has joined, once. */
  function findService(patience: Patience): Promise<Pointer> {
    found ??= gio
      .call(
        (...tail) => s.secret_service_get(SECRET_SERVICE_NONE, ...tail),
        (result, error) => {
          const service = toPointer(s.secret_service_get_finish(result, error));
          if (!service) throw new ProtocolError("no Secret Service"); // to libsecret, NULL means: look again
          return service;
        },
        patience,
      )
      .catch((error: unknown) => {
        found = undefined;
        throw error;
      });
    return found;
  }

  /** Runs `use` with the attributes of an account's entry; whoever keeps them takes a reference. */
  function withAttributes(account: string, use: (attributes: Pointer | null) => void): void {
    const { g_str_hash, g_str_equal, g_free } = g.addresses;
    const table = toPointer(g.g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free));
    for (const [name, value] of Object.entries(attributesOf(account))) {
      const [key, text] = [name, value].map((part) => toPointer(g.g_strdup(cString(part))));
      g.g_hash_table_insert(table, key ?? null, text ?? null);
    }
    use(table);
    g.g_hash_table_unref(table);
  }

  /** The bytes of an account's secret; null for none. Opens a prompt where it is locked; null when that is dismissed. */
  async function lookup(account: string, patience: Patience): Promise<Uint8Array | null> {
    const service = await findService(patience);
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
  async function store(account: string, secret: string, collection: string, patience: Patience) {
    const service = await findService(patience);
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

  /** A SecretValue, to be released. */
  function secretValue(secret: string): Pointer | null {
    const bytes = new TextEncoder().encode(secret);
    return toPointer(
      // An empty array has no address; NULL of length 0 is an empty secret as well.
      s.secret_value_new(bytes.length > 0 ? bytes : null, bytes.length, cString("text/plain")),
    );
  }

  /** Deletes an account's unlocked entries; false when there were none. Opens no prompt. */
  async function clear(account: string, patience: Patience): Promise<boolean> {
    const service = await findService(patience);
    return gio.call(
      (...tail) =>
        withAttributes(account, (attributes) =>
          s.secret_service_clear(service, null, attributes, ...tail),
        ),
      (result, error) => s.secret_service_clear_finish(service, result, error) !== 0,
      patience,
    );
  }

  return { lookup, store, clear };
}
