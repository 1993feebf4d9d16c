/** What the keyring says when asked, without any prompt and within its one time budget. */
import type { Context } from "../../../context.ts";
import {
  type KeyringError,
  type KeyringErrorCode,
  keyringFailure,
} from "../../../keyring/backend.ts";
import { openKeyringStore } from "../../../storage/keyring-store.ts";
import type { Found } from "./logins.ts";

/** `empty`: it answers, and has no token of any login that is known of. */
export type KeyringState = "ok" | "empty" | Exclude<KeyringErrorCode, "invalid">;

export interface KeyringAnswer {
  backend: string;
  state: KeyringState;
  /** How long its first answer took. */
  milliseconds: number;
  /** Why not all keys could be looked up. */
  failure: KeyringError | null;
  found: ReadonlyMap<string, Found>;
}

/** A thousand logins are found within the time budget. */
const AT_ONCE = 16;

/** A random key is looked up first; one that fails is the only one. */
export async function askKeyring(
  keys: readonly string[],
  context: Pick<Context, "keyring">,
): Promise<KeyringAnswer> {
  const keyring = await context.keyring({ ask: false });
  const store = openKeyringStore(keyring);
  const found = new Map<string, Found>();
  const startedAt = performance.now();
  let failure = await keyringFailure(() => keyring.get(`__probe_${crypto.randomUUID()}`));
  const milliseconds = Math.round(performance.now() - startedAt);
  const pending = keys.values();
  const work = async () => {
    for (const key of pending) {
      if (failure) return;
      const error = await keyringFailure(async () => {
        const token = await store.lookup(key);
        found.set(key, token ? { state: "present", token } : { state: "absent" });
      });
      if (!error) continue;
      const { code, message: reason } = error;
      if (isOfOneEntry(code)) found.set(key, { state: "unreadable", code, reason });
      else failure ??= error;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const state = stateOf(failure, [...found.values()]);
  return { backend: keyring.name, state, milliseconds, failure, found };
}

/** An entry may be garbage, or have a lock or an access list of its own. */
const isOfOneEntry = (code: KeyringErrorCode) =>
  code === "invalid" || code === "locked" || code === "denied";

export function stateOf(failure: KeyringError | null, found: readonly Found[]): KeyringState {
  if (failure && failure.code !== "invalid") return failure.code;
  if (found.some(({ state }) => state === "present")) return "ok";
  for (const entry of found) {
    if (entry.state === "unreadable") return entry.code === "invalid" ? "ok" : entry.code;
  }
  return "empty";
}
