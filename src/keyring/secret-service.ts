/**
 * The Secret Service's own calls, on one connection and in one session. None of them opens a prompt.
 *
 * The session is a plain one, as go-keyring's: secrets cross the bus, a socket between the processes
 * of one person, as they are. An encrypted one costs more than all else that a lookup does.
 */
import { G_BUS_TYPE_SESSION, GDBusError, glib } from "../../native/glib.ts";
import { cString, type Pointer, toPointer } from "../../native/memory.ts";
import { SERVICE } from "./backend.ts";
import { isBusError, openObjects, ProtocolError } from "./dbus-objects.ts";
import {
  array,
  boxed,
  bytes,
  child,
  children,
  dictionary,
  objectPath,
  readBoolean,
  readBytes,
  readText,
  text,
  tuple,
  unbox,
  type Value,
} from "./dbus-values.ts";
import { type Gio, GioError, type Patience } from "./gio.ts";

export const SERVICE_PATH = "/org/freedesktop/secrets";
const PEER_INTERFACE = "org.freedesktop.DBus.Peer";
export const SERVICE_INTERFACE = "org.freedesktop.Secret.Service";
const COLLECTION_INTERFACE = "org.freedesktop.Secret.Collection";
const ITEM_INTERFACE = "org.freedesktop.Secret.Item";
const LOGIN_COLLECTION = "/org/freedesktop/secrets/collection/login";
/** An object path that stands for none. */
const NO_PATH = "/";

/** What identifies an account's entry. */
export const attributesOf = (account: string) => ({ service: SERVICE, username: account });

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

export interface PlainSession {
  /** The secret of the unlocked entry at `path`; null where the service gives none that can be read. */
  read(path: string, patience: Patience): Promise<Uint8Array | null>;
  /** Sets the secret of the unlocked entry at `path`. */
  replace(path: string, secret: string, patience: Patience): Promise<void>;
}

export type SecretService = ReturnType<typeof openSecretService>;

/**
 * Its functions throw GioError, GioTimeout and ProtocolError.
 *
 * @param local whether what is sent stays on this machine
 */
export function openSecretService(gio: Gio, bus: Pointer, local: boolean) {
  const objects = openObjects(gio, bus);
  const onService = (name: string, type: string) => ({
    path: SERVICE_PATH,
    interfaceName: SERVICE_INTERFACE,
    name,
    type,
  });

  /**
   * Comes before all else. gnome-keyring (42.1) may carry out a program's first call before it has
   * noted who calls: it then knows no such method, or dies if that opens a session. A ping is answered
   * without that, and leaves it the time; and a session is opened only after a search that was answered.
   */
  async function makeKnown(patience: Patience): Promise<void> {
    const ping = { path: SERVICE_PATH, interfaceName: PEER_INTERFACE, name: "Ping", type: "()" };
    try {
      await objects.call(
        ping,
        () => [],
        () => {},
        patience,
      );
    } catch (error) {
      // What is wrong with the service, the call that follows will tell.
      if (!(error instanceof GioError)) throw error;
    }
  }

  /** The paths of an account's entries that can be read as they are, and of those that are locked. */
  function search(account: string, patience: Patience) {
    return objects.call(
      onService("SearchItems", "(aoao)"),
      () => [dictionary(attributesOf(account))],
      (reply) => {
        const [unlocked = [], locked = []] = children(reply, readPaths);
        return { unlocked, locked };
      },
      patience,
    );
  }

  let session: Promise<PlainSession | null> | undefined;

  /** The session in which secrets are read and set; null where the service, or the bus, is not for plain ones. */
  function plainSession(patience: Patience): Promise<PlainSession | null> {
    session ??= openPlainSession(patience).catch((error: unknown) => {
      session = undefined;
      throw error;
    });
    return session;
  }

  async function openPlainSession(patience: Patience): Promise<PlainSession | null> {
    if (!local) return null;
    try {
      const path = await objects.call(
        onService("OpenSession", "(vo)"),
        () => [text("plain"), boxed(text(""))],
        (reply) => {
          const output = child(reply, 0, (box) => unbox(box, "s", readText));
          if (output === null) throw new ProtocolError("no plain session");
          return child(reply, 1, readText);
        },
        patience,
      );
      return {
        read: (...args) => read(path, ...args),
        replace: (...args) => replace(path, ...args),
      };
    } catch (error) {
      if (error instanceof GioError && isBusError(error, GDBusError.NOT_SUPPORTED)) return null;
      throw error;
    }
  }

  function read(session: string, path: string, patience: Patience): Promise<Uint8Array | null> {
    return objects.call(
      onService("GetSecrets", "(a{o(oayays)})"),
      () => [array([objectPath(path)]), objectPath(session)],
      (reply) => child(reply, 0, (secrets) => children(secrets, readSecret)[0] ?? null),
      patience,
    );
  }

  function replace(session: string, path: string, secret: string, patience: Patience) {
    return objects.call(
      { path, interfaceName: ITEM_INTERFACE, name: "SetSecret", type: "()" },
      () => [makeSecret(session, secret)],
      () => {},
      patience,
    );
  }

  /** The collection that go-keyring uses: `login` if there is one, else the default one; null for neither. */
  async function findCollection(patience: Patience): Promise<string | null> {
    const collections = await objects.readProperty(
      onService("Collections", "ao"),
      readPaths,
      patience,
    );
    if (collections.includes(LOGIN_COLLECTION)) return LOGIN_COLLECTION;
    const path = await objects.call(
      onService("ReadAlias", "(o)"),
      () => [text("default")],
      (reply) => child(reply, 0, readText),
      patience,
    );
    return path === NO_PATH ? null : path;
  }

  function isLocked(collection: string, patience: Patience): Promise<boolean> {
    return objects.readProperty(
      { path: collection, interfaceName: COLLECTION_INTERFACE, name: "Locked", type: "b" },
      readBoolean,
      patience,
    );
  }

  return { makeKnown, search, plainSession, findCollection, isLocked };
}

const readPaths = (paths: Value): string[] => children(paths, readText);

/** `{o(oayays)}`: an item's path and its secret, which is session, parameters, content and type. */
function readSecret(entry: Value): Uint8Array | null {
  return child(entry, 1, (secret) => {
    const encrypted = child(secret, 1, readBytes).length > 0;
    return encrypted ? null : child(secret, 2, readBytes);
  });
}

/** `(oayays)` */
function makeSecret(session: string, secret: string): Value {
  return tuple([
    objectPath(session),
    bytes(new Uint8Array(0)),
    bytes(new TextEncoder().encode(secret)),
    text("text/plain"),
  ]);
}
