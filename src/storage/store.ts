/** A login's tokens, in the field names of RFC 6749 section 5.1, as all three stores write them. */
export interface Token {
  access_token: string;
  token_type: string;
  refresh_token?: string;
  /** When the access token ends: milliseconds since the epoch; undefined when the server did not say. */
  expiry?: number;
  /** Lifetime at issue, in seconds. */
  expires_in?: number;
  /** Scopes granted, space-separated, when the server said so. */
  scope?: string;
  /** Fields of the stored entry that this program does not know; written back as they were. */
  unknown?: Record<string, unknown>;
}

/** Where tokens lie: the keyring or the file cache. */
export interface TokenStore {
  readonly location: "keyring" | "file";
  /** The token under `key`, or null when there is none. */
  lookup(key: string): Promise<Token | null>;
  /** Creates or replaces the token under every one of `keys`, all at once or not at all (the keyring takes the first only). */
  put(keys: readonly [string, ...string[]], token: Token): Promise<void>;
  /** Removes the token under `key`; false when there was none. */
  remove(key: string): Promise<boolean>;
}
