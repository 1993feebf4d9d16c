/**
 * What the program needs of an operating system's secret store.
 *
 * A miss is a value, a failure is a `KeyringError` whose code was mapped once, from the
 * platform's number. Nothing branches on the text of an error.
 */

/** The service name of every entry; shared with the official Go CLI. */
export const SERVICE = "databricks-cli";

/**
 * - `unreachable`: no library, no bus, no service behind it, no keychain, no collection and none can be made
 * - `locked`: it is there, and nobody unlocked it
 * - `denied`: the person or the system refused
 * - `timed-out`: no answer before the deadline
 * - `invalid`: refused by us before any call (empty account, NUL), or an entry that cannot be decoded
 * - `failed`: anything else
 */
export type KeyringErrorCode =
  | "unreachable"
  | "locked"
  | "denied"
  | "timed-out"
  | "invalid"
  | "failed";

export class KeyringError extends Error {
  override name = "KeyringError";
  /** @param message the cause in a few words, without the secret */
  constructor(
    readonly code: KeyringErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** What a call failed with; null where it did not. Another error than the keyring's is thrown. */
export async function keyringFailure(call: () => Promise<unknown>): Promise<KeyringError | null> {
  try {
    await call();
    return null;
  } catch (error) {
    if (error instanceof KeyringError) return error;
    throw error;
  }
}

/** How long one call may take, and whether it may ask the person. */
export interface CallOptions {
  /** Point in time of `performance.now()`, in milliseconds, at which the call fails with `timed-out`. */
  deadline: number;
  /** Whether the platform may show a prompt of its own (unlock, allow). */
  interactive: boolean;
  /**
   * A prompt may open, even where `interactive` says no, and is left open at the deadline (a
   * login: the person may answer it while the browser is open). The call fails with `timed-out`
   * all the same.
   */
  leavePromptOpen?: boolean;
}

/**
 * Secrets by account, all under the service `databricks-cli`.
 * Accounts and secrets are Unicode text; an empty account, and NUL in either, is refused with `invalid`.
 */
export interface Backend {
  /** What the platform calls it, for messages: "Secret Service", "Credential Manager", "Keychain". */
  readonly name: string;
  /** The secret, or null when there is none. A locked keyring is an error (`locked`), never a miss. */
  get(account: string, options: CallOptions): Promise<string | null>;
  /** Creates or replaces the entry. */
  set(account: string, secret: string, options: CallOptions): Promise<void>;
  /** Removes the entry; false when there was none. */
  delete(account: string, options: CallOptions): Promise<boolean>;
}

/** Throws `invalid` for an account that no backend may be asked for. */
export function checkAccount(account: string): void {
  if (account === "") throw new KeyringError("invalid", "empty keyring account");
  if (account.includes("\0")) throw new KeyringError("invalid", "NUL in keyring account");
}

/** Throws `invalid` for a secret that no backend can hold. */
export function checkSecret(secret: string): void {
  if (secret.includes("\0")) throw new KeyringError("invalid", "NUL in secret");
}
