/** The Secret Service's objects, called on the bus itself: one round trip, where libsecret's proxies take several. */
import { G_DBUS_CALL_FLAGS_NONE, G_MAXINT, GDBusError, glib } from "../../native/glib.ts";
import { cString, type Pointer, toPointer } from "../../native/memory.ts";
import { child, text, tuple, unbox, type Value } from "./dbus-values.ts";
import { type Gio, GioError, type Patience } from "./gio.ts";

export const BUS_NAME = "org.freedesktop.secrets";

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

/** Whether an error is the one of D-Bus with this code. */
export function isBusError({ domain, code }: GioError, expected: number): boolean {
  return domain === glib().g_dbus_error_quark() && code === expected;
}

/** Its functions throw GioError, GioTimeout and ProtocolError. */
export function openObjects(gio: Gio, bus: Pointer) {
  const g = glib();

  /**
   * Calls a method that may be called twice: where the service dies over the call, the bus may start another.
   *
   * @param makeArguments makes its arguments
   * @param decode reads what it answers, a tuple
   */
  async function call<T>(
    member: Member,
    makeArguments: () => readonly Value[],
    decode: (reply: Value) => T,
    patience: Patience,
  ): Promise<T> {
    try {
      return await callOnce(member, makeArguments, decode, patience);
    } catch (error) {
      if (!(error instanceof GioError && isBusError(error, GDBusError.NO_REPLY))) throw error;
      return callOnce(member, makeArguments, decode, patience);
    }
  }

  function callOnce<T>(
    { path, interfaceName, name, type }: Member,
    makeArguments: () => readonly Value[],
    decode: (reply: Value) => T,
    patience: Patience,
  ): Promise<T> {
    return gio.call(
      (...tail) =>
        g.g_dbus_connection_call(
          bus,
          cString(BUS_NAME),
          cString(path),
          cString(interfaceName),
          cString(name),
          tuple(makeArguments()),
          cString(type),
          G_DBUS_CALL_FLAGS_NONE,
          G_MAXINT,
          ...tail,
        ),
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
    decode: (value: Value) => T,
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
      () => [text(interfaceName), text(name)],
      (reply) => {
        const value = child(reply, 0, (box) => unbox(box, type, decode));
        if (value === null) throw new ProtocolError(`${name} is not of type ${type}`);
        return value;
      },
      patience,
    );
  }

  return { call, readProperty };
}
