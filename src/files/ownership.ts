/**
 * Whose the files are that root makes in somebody else's home, as under `sudo -E`: that person's,
 * who could not use them any more otherwise.
 *
 * They are made as that person, and not given away afterwards by their path: whoever puts a link
 * or another folder there meanwhile is not given a file elsewhere. Root still follows links of theirs,
 * and writes as root in a folder of its own that they lead to: what it makes there stays root's.
 */
import { fchownSync, mkdirSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { systemCode } from "./system-error.ts";

export type Owner = Pick<Stats, "uid" | "gid">;

export const isRoot = () => process.geteuid?.() === 0;

/** Runs `body`; where this is root, as the owner of the folder, or of the nearest one above it that is there. */
export function asOwnerOf<T>(folder: string, body: () => T): T {
  return isRoot() ? asOwner(ownerOf(folder), body) : body();
}

/** Runs `body`; where this is root, as `owner`, and once more as root if that fails. */
export function asOwner<T>(owner: Owner | null, body: () => T): T {
  if (!isRoot() || !owner || owner.uid === 0) return body();
  const group = process.getegid?.() ?? 0;
  try {
    process.setegid?.(owner.gid);
    process.seteuid?.(owner.uid);
    return body();
  } catch {
    // Not every root may be everybody, and a folder may be closed to the owner of a file in it.
  } finally {
    process.seteuid?.(0);
    process.setegid?.(group);
  }
  return body();
}

function ownerOf(folder: string): Owner | null {
  try {
    return statSync(folder);
  } catch {
    const above = dirname(folder);
    return above === folder ? null : ownerOf(above);
  }
}

/** Makes a folder and those above it (0700), where they are missing. */
export function makeFolder(folder: string): void {
  try {
    asOwnerOf(folder, () => mkdirSync(folder, { recursive: true, mode: 0o700 }));
  } catch (error) {
    // Something is there; where it cannot be looked at, that is the reason.
    if (systemCode(error) !== "EEXIST" || !statSync(folder).isDirectory()) throw error;
  }
}

/** Gives a file that was just made the owner and the group of `like`, as far as this user may; says whether it has the group. */
export function giveTo(fd: number, { uid, gid }: Owner, like: Owner): boolean {
  if (uid !== like.uid && mayChown(fd, like)) return true;
  return gid === like.gid || mayChown(fd, { uid, gid: like.gid });
}

/** EINVAL: in a container, an owner that it knows no number for. */
function mayChown(fd: number, { uid, gid }: Owner): boolean {
  try {
    fchownSync(fd, uid, gid);
    return true;
  } catch (error) {
    if (["EPERM", "EINVAL"].includes(systemCode(error) ?? "")) return false;
    throw error;
  }
}
