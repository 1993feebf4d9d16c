/** Where the D-Bus session bus listens. */
import { exists } from "../../native/libc.ts";

/**
 * The address of this session's bus, or null when there is none; starts nothing.
 *
 * GLib would go on to `dbus-launch` where it finds neither variable nor socket, and wherever
 * an address says `autolaunch:`: a new bus and a new keyring daemon on every command.
 *
 * @returns a list of addresses in the form of the D-Bus specification, "Server Addresses"
 */
export function sessionBusAddress(env: NodeJS.ProcessEnv): string | null {
  const given = env["DBUS_SESSION_BUS_ADDRESS"];
  if (given === undefined) return userBusAddress(env);
  const usable = given.split(";").filter((address) => !address.startsWith("autolaunch:"));
  return usable.join(";") || null;
}

/** systemd's user bus, for those whom no variable tells, such as cron jobs. */
function userBusAddress(env: NodeJS.ProcessEnv): string | null {
  const uid = process.geteuid?.();
  const folder = env["XDG_RUNTIME_DIR"] || `/run/user/${uid}`;
  const path = `${folder}/bus`;
  // Nor does a folder that is closed to us hold a bus of ours.
  if (!exists(path) || !isOwnSocket(path, uid)) return null;
  return `unix:path=${encodeURIComponent(path).replaceAll("%2F", "/")}`;
}

function isOwnSocket(path: string, uid: number | undefined): boolean {
  try {
    const stats = process.getBuiltinModule("node:fs").statSync(path);
    return stats.isSocket() && stats.uid === uid;
  } catch {
    return false; // what cannot be looked at cannot be spoken to
  }
}
