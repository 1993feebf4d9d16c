/** Searches for secrets where none may be. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { challengeOf } from "../workspace/token-ledger.ts";

/** Secrets as the workspace makes them, and as `plantedSecret` does. */
const SECRET = /\b(access|refresh|code)-\d+-[\w-]{22}/g;

/** A PKCE verifier: 32 bytes in base64url. */
const VERIFIER = /(?<![\w-])[\w-]{43}(?![\w-])/g;

/** A secret of our own, such as a personal access token, that the search finds. */
export function plantedSecret(): string {
  return `access-0-${crypto.getRandomValues(Buffer.alloc(16)).toString("base64url")}`;
}

export type SecretKind = "access" | "refresh" | "code" | "verifier";

/** The kinds of secrets in a text. A verifier is known by its challenge, which the login's link in the same text holds. */
export function secretsIn(text: string): Set<SecretKind> {
  const kinds = new Set<SecretKind>();
  for (const [, kind] of text.matchAll(SECRET)) kinds.add(kind as SecretKind);
  for (const [word] of text.matchAll(VERIFIER)) {
    if (text.includes(`code_challenge=${challengeOf(word)}`)) kinds.add("verifier");
  }
  return kinds;
}

/**
 * The files below `folder` that hold a secret, each with why that is wrong.
 * @param stores files that may hold some, as long as nobody else can read them
 */
export function leakyFiles(folder: string, stores: RegExp): string[] {
  return filesBelow(folder).flatMap((path) => {
    const name = relative(folder, path);
    if (secretsIn(readFileSync(path, "latin1")).size === 0) return [];
    if (!stores.test(name)) return [`${name} holds a secret`];
    const others = statSync(path).mode & 0o077;
    return others === 0 ? [] : [`${name} holds a secret, and others can reach it`];
  });
}

/** Files, and not what links lead to: a link may lead to itself. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}
