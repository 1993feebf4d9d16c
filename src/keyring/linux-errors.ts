/** What GIO, D-Bus and libsecret say of a failure, as the codes that the storage policy knows. */
import { GDBusError, GIOErrorEnum, glib } from "../../native/glib.ts";
import { LibraryMissing } from "../../native/libc.ts";
import { libsecret, SecretError } from "../../native/libsecret.ts";
import { KeyringError, type KeyringErrorCode } from "./backend.ts";
import { ProtocolError } from "./dbus-objects.ts";
import { GioError, GioTimeout } from "./gio.ts";

/** While joining the bus, nearly every failure means that there is none; after that, few do; with a collection at hand, fewer. */
type Phase = "connect" | "call" | "store";

const NO_BUS: ReadonlySet<number> = new Set([
  GIOErrorEnum.FAILED,
  GIOErrorEnum.NOT_FOUND,
  GIOErrorEnum.NOT_DIRECTORY,
  GIOErrorEnum.INVALID_ARGUMENT,
  GIOErrorEnum.PERMISSION_DENIED,
  GIOErrorEnum.NOT_SUPPORTED,
  GIOErrorEnum.CLOSED,
  GIOErrorEnum.HOST_NOT_FOUND,
  GIOErrorEnum.HOST_UNREACHABLE,
  GIOErrorEnum.NETWORK_UNREACHABLE,
  GIOErrorEnum.CONNECTION_REFUSED,
  GIOErrorEnum.CONNECTION_CLOSED,
]);

const LOST_BUS: ReadonlySet<number> = new Set([
  GIOErrorEnum.CLOSED,
  GIOErrorEnum.CONNECTION_CLOSED,
  GIOErrorEnum.NOT_CONNECTED,
]);

const NO_SERVICE: ReadonlySet<number> = new Set([
  GDBusError.SERVICE_UNKNOWN,
  GDBusError.NAME_HAS_NO_OWNER,
  GDBusError.NO_REPLY, // it died over our call
  GDBusError.DISCONNECTED,
  GDBusError.SPAWN_EXEC_FAILED,
  GDBusError.SPAWN_FORK_FAILED,
  GDBusError.SPAWN_CHILD_EXITED,
  GDBusError.SPAWN_CHILD_SIGNALED,
  GDBusError.SPAWN_FAILED,
  GDBusError.SPAWN_SERVICE_NOT_FOUND,
]);

/** Somebody else has the service's name; or a default collection could not be created. */
const NOT_THE_SERVICE: ReadonlySet<number> = new Set([
  GDBusError.UNKNOWN_METHOD,
  GDBusError.UNKNOWN_OBJECT,
  GDBusError.UNKNOWN_INTERFACE,
]);

/** The one place where GIO's, D-Bus's and libsecret's numbers get their meaning. */
function codeOf({ domain, code }: GioError, phase: Phase): KeyringErrorCode {
  const g = glib();
  if (domain === g.g_io_error_quark()) {
    if (code === GIOErrorEnum.CANCELLED || code === GIOErrorEnum.TIMED_OUT) return "timed-out";
    return (phase === "connect" ? NO_BUS : LOST_BUS).has(code) ? "unreachable" : "failed";
  }
  if (domain === g.g_dbus_error_quark()) {
    if (code === GDBusError.TIMEOUT || code === GDBusError.TIMED_OUT) return "timed-out";
    if (code === GDBusError.ACCESS_DENIED || code === GDBusError.AUTH_FAILED) return "denied";
    if (phase !== "store" && NOT_THE_SERVICE.has(code)) return "unreachable";
    return NO_SERVICE.has(code) ? "unreachable" : "failed";
  }
  if (domain === libsecret().secret_error_get_quark()) {
    if (code === SecretError.IS_LOCKED) return "locked";
    if (code === SecretError.NO_SUCH_OBJECT) return "unreachable";
  }
  return "failed";
}

/** Without the bus's account of a refused message: its sender's command line, process numbers, rules. */
const wordsOf = ({ message }: GioError) =>
  message.replace(/[;,] (\d+ matched rules; )?type=.*/s, "");

/** Runs `body`; what it throws becomes a KeyringError, unless it is a mistake of ours. */
export async function translated<T>(phase: Phase, body: () => Promise<T>): Promise<T> {
  try {
    return await body();
  } catch (error) {
    if (phase === "store" && isImpatience(error)) throw error; // the whole call is made again
    if (error instanceof GioError) throw new KeyringError(codeOf(error, phase), wordsOf(error));
    if (error instanceof GioTimeout) throw new KeyringError("timed-out", "no answer in time");
    if (error instanceof LibraryMissing) throw new KeyringError("unreachable", error.message);
    if (error instanceof ProtocolError) throw new KeyringError("failed", error.message);
    throw error;
  }
}

/** libsecret's own calls wait 25 seconds for an answer, whatever the deadline. */
export const isImpatience = (error: unknown) =>
  error instanceof GioError &&
  error.domain === glib().g_io_error_quark() &&
  error.code === GIOErrorEnum.TIMED_OUT;
