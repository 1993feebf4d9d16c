const SIGN_IN = "no cached credentials; run `databricks auth login` to sign in";
const MOVED =
  "stored credentials from older CLI versions are no longer used; run `databricks auth login` to sign in again, or set DATABRICKS_AUTH_STORAGE=plaintext to keep using the file cache";

/** What a person is told after "not found". A filled file cache matters only where the keyring was read. */
export function notFoundHint(read: "keyring" | "file", fileHasEntries: boolean): string {
  return read === "keyring" && fileHasEntries ? MOVED : SIGN_IN;
}

/** SDKs match on this text to tell "no login" from a failure; no other error may contain it. */
export function notFoundMessage(hint: string): string {
  return `cache: databricks OAuth is not configured for this host. ${hint}`;
}
