/**
 * Which store to use, when to fall back, what to pin: pure functions from
 * (source, outcome of the keyring) to a decision, and the words for each failure.
 */
import { UserError } from "../errors.ts";
import type { KeyringError, KeyringErrorCode } from "../keyring/backend.ts";
import type { StorageMode, StorageSource } from "./mode.ts";

/** What a lookup in the keyring came to. */
export type ReadOutcome = "found" | "none" | KeyringErrorCode;

export type ReadDecision = "use" | "not-found" | "read-file" | "fail";

/** The read matrix, in secure mode. Only an unreachable keyring that nobody asked for is left, silently. */
export function decideRead(source: StorageSource, outcome: ReadOutcome): ReadDecision {
  if (outcome === "found") return "use";
  if (outcome === "none") return "not-found";
  return outcome === "unreachable" && source === "default" ? "read-file" : "fail";
}

/** What the write probe before a login came to. */
export type ProbeOutcome = "ok" | KeyringErrorCode;

/** Where the token goes, `none` when the login must fail, and what to pin once it is stored. */
export interface LoginDecision {
  store: "keyring" | "file" | "none";
  pin: StorageMode | null;
}

/**
 * The login table, in secure mode. A probe that timed out may be a prompt that the person
 * answers while the browser is open, so the login goes on with the keyring.
 */
export function decideLogin(source: StorageSource, outcome: ProbeOutcome): LoginDecision {
  if (outcome === "ok" || outcome === "timed-out") {
    return { store: "keyring", pin: source === "default" ? "secure" : null };
  }
  if (outcome === "unreachable" && source === "default") return { store: "file", pin: "plaintext" };
  return { store: "none", pin: null };
}

const USE_FILE = "set DATABRICKS_AUTH_STORAGE=plaintext to use file-based token storage";

/** What a person does about a locked keyring, as the end of a sentence or on its own. */
export function howToUnlock(platform: NodeJS.Platform): string {
  switch (platform) {
    case "darwin":
      return "run `security unlock-keychain`";
    case "win32":
      return "sign in to Windows interactively";
    default:
      return "open your desktop's password manager (Seahorse, KWalletManager), or run `gnome-keyring-daemon --replace --unlock`, type its password and press Ctrl-D twice, not Enter";
  }
}

/** What a person does about a refusal, as the end of a sentence or on its own. */
export function howToAllow(platform: NodeJS.Platform): string {
  return platform === "darwin" || platform === "win32"
    ? "allow it when the system asks"
    : "let the keyring give out entries without asking (in KeePassXC: Settings, Secret Service Integration), or allow org.freedesktop.secrets in the policy of the D-Bus session or of the sandbox";
}

function explain(error: KeyringError, platform: NodeJS.Platform): string {
  switch (error.code) {
    case "locked":
      return `the OS keyring is locked: ${error.message}. To unlock it, ${howToUnlock(platform)}; or ${USE_FILE}`;
    case "denied":
      return `the OS keyring denied access: ${error.message}. To get in, ${howToAllow(platform)}; or ${USE_FILE}`;
    case "timed-out":
      return `the OS keyring gave no answer: ${error.message}. Look for a prompt that is still open, or ${USE_FILE}`;
    case "invalid":
      return `the OS keyring's entry cannot be used: ${error.message}. Sign in again with \`databricks auth login\`, or ${USE_FILE}`;
    default:
      return `the OS keyring failed: ${error.message}. To go on without it, ${USE_FILE}`;
  }
}

/** The error of a read (or of a write that follows it) that stays on the keyring. */
export function readFailure(error: KeyringError, platform: NodeJS.Platform): UserError {
  if (error.code === "unreachable") {
    return new UserError(
      `OS keyring unreachable: ${error.message} (set DATABRICKS_AUTH_STORAGE=plaintext or run \`databricks auth login\` to use file-based token storage)`,
      { cause: error },
    );
  }
  return new UserError(explain(error, platform), { cause: error });
}

/** The error of a login that ends before the browser opens. */
export function loginFailure(error: KeyringError, platform: NodeJS.Platform): UserError {
  if (error.code === "unreachable") {
    return new UserError(
      `secure storage was requested but the OS keyring is not reachable: ${error.message}\nTo keep the token in a file instead, set DATABRICKS_AUTH_STORAGE=plaintext.`,
      { cause: error },
    );
  }
  return new UserError(explain(error, platform), { cause: error });
}
