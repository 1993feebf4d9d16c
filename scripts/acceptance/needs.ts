/** What a case needs of this machine. */
import { libc, RTLD_NOW } from "../../native/libc.ts";
import { cString, ptr } from "../../native/memory.ts";
import { canMount } from "../../test/support/faults.ts";
import type { Case, KeyringState } from "./case.ts";

const LIBSECRET = "libsecret-1.so.0";
const LIBRARY = ["linux", LIBSECRET];
const BUS = [...LIBRARY, "dbus-daemon", "setpriv"];
const SERVICE = [...BUS, "gnome-keyring-daemon"];

/** What each state of the keyring is made with. */
export const KEYRING_NEEDS: Readonly<Record<KeyringState, readonly string[]>> = {
  "no-library": ["linux"],
  "no-bus": LIBRARY,
  "stale-bus": LIBRARY,
  "silent-bus": LIBRARY,
  "garbage-bus": LIBRARY,
  "hung-bus": BUS,
  "no-service": BUS,
  "no-collection": SERVICE,
  "never-unlocked": SERVICE,
  unlocked: SERVICE,
  locked: SERVICE,
  hung: SERVICE,
  denied: SERVICE,
};

/** Programs, libraries and rights (`mounts`: in a namespace of its own) that the case asks for and this machine lacks. */
export function missingFor({ keyring, needs }: Pick<Case, "keyring" | "needs">): string[] {
  const wanted = [...needs, ...(keyring ? KEYRING_NEEDS[keyring] : [])];
  // To hide the library, where there is one.
  if (keyring === "no-library" && hasLibsecret()) wanted.push("mounts");
  return wanted.filter((name) => !has(name));
}

function has(name: string): boolean {
  if (name === "linux") return process.platform === "linux";
  if (name === "mounts") return canMount;
  if (name.includes(".so")) return hasLibrary(name);
  return Bun.which(name) !== null;
}

export function hasLibsecret(): boolean {
  return hasLibrary(LIBSECRET);
}

function hasLibrary(name: string): boolean {
  if (process.platform === "win32") return false;
  const text = cString(name);
  return Boolean(libc().dlopen(ptr(text), RTLD_NOW));
}
