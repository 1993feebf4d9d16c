/** What a case needs of this machine. */
import { libc, RTLD_LAZY } from "../../native/libc.ts";
import { cString, ptr } from "../../native/memory.ts";
import type { Case, KeyringState } from "./case.ts";

const LIBSECRET = "libsecret-1.so.0";
const SESSION = [LIBSECRET, "dbus-daemon", "gnome-keyring-daemon"];

const KEYRING_NEEDS: Record<KeyringState, readonly string[]> = {
  none: [LIBSECRET],
  "no-library": [],
  absent: SESSION,
  unlocked: SESSION,
  locked: SESSION,
  hung: SESSION,
  "no-collection": SESSION,
};

/** Programs, libraries and rights that the case asks for and this machine lacks. */
export function missingFor({ keyring, needs }: Case): string[] {
  const wanted = [...needs, ...(keyring ? KEYRING_NEEDS[keyring] : [])];
  if (keyring === "no-library" && hasLibrary(LIBSECRET)) wanted.push("root");
  return wanted.filter((name) => !has(name));
}

function has(name: string): boolean {
  if (name === "root") return process.getuid?.() === 0;
  if (name.includes(".so")) return hasLibrary(name);
  return Bun.which(name) !== null;
}

export function hasLibrary(name: string): boolean {
  const text = cString(name);
  return Boolean(libc().dlopen(ptr(text), RTLD_LAZY));
}
