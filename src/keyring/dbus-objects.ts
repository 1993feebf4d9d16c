/** The Secret Service's objects, called on the bus itself: one round trip, where libsecret's proxies take several. */
import { G_DBUS_CALL_FLAGS_NONE, G_MAXINT, glib } from "../../native/glib.ts";
import { cString, type Pointer, toPointer } from "../../native/memory.ts";
import type { Gio, Patience } from "./gio.ts";

const BUS_NAME = "org.freedesktop.secrets";

/** The service answered with something that the Secret Service's specification does not allow. */
export class ProtocolError extends Error {
  override name = "ProtocolError";
}

interface Member {
  /** Path of the object. */
  path: string;
  interfaceName: string;
  name: string;
  /** D-Bus's signature of what a call answers, or of the property. */
  type: string;
}

/** What a declaration with `returns: "ptr"` gives. */
type Returned = number | bigint | null;

/** Its functions throw GioError, GioTimeout and ProtocolError. */
export function openObjects(gio: Gio, bus: Pointer) {
  const g = glib();

  /**
   * Calls a method.
   *
   * @param makeArguments makes its arguments, as floating GVariants
   * @param decode reads what it answers, a tuple
   */
  function call<T>(
    { path, interfaceName, name, type }: Member,
    makeArguments: () => readonly Returned[],
    decode: (reply: Pointer) => T,
    patience: Patience,
  ): Promise<T> {
    return gio.call(
      (...tail) => {
        const args = BigUint64Array.from(makeArguments(), (argument) => BigInt(argument ?? 0));
        g.g_dbus_connection_call(
          bus,
          cString(BUS_NAME),
          cString(path),
          cString(interfaceName),
          cString(name),
          toPointer(g.g_variant_new_tuple(args, args.length)),
          cString(type),
          G_DBUS_CALL_FLAGS_NONE,
          G_MAXINT,
          ...tail,
        );
      },
      (result, error) => {
        const reply = toPointer(g.g_dbus_connection_call_finish(bus, result, error));
        if (!reply) throw new ProtocolError("no reply");
        try {
          return decode(reply);
        } finally {
          g.g_variant_unref(reply);
        }
      },
      patience,
    );
  }

  /** Reads a property as it is now. */
  function readProperty<T>(
    { path, interfaceName, name, type }: Member,
    decode: (value: Pointer | null) => T,
    patience: Patience,
  ): Promise<T> {
    const get = {
      path,
      interfaceName: "org.freedesktop.DBus.Properties",
      name: "Get",
      type: "(v)",
    };
    return call(
      get,
      () => [interfaceName, name].map((text) => g.g_variant_new_string(cString(text))),
      (reply) => {
        const boxed = toPointer(g.g_variant_get_child_value(reply, 0));
        const value = toPointer(g.g_variant_get_variant(boxed));
        try {
          if (!g.g_variant_is_of_type(value, cString(type))) {
            throw new ProtocolError(`${name} is not of type ${type}`);
          }
          return decode(value);
        } finally {
          for (const variant of [value, boxed]) g.g_variant_unref(variant);
        }
      },
      patience,
    );
  }

  return { call, readProperty };
}
