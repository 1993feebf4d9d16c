/**
 * Windows: generic credentials in Credential Manager.
 *
 * A credential is named by its target, `databricks-cli:<account>`; the account is its user
 * name too, the secret's UTF-8 bytes are its blob, and it stays on this machine. The official
 * Go CLI reads and writes the same ones. A blob holds 2,560 bytes: a longer secret is split
 * (split-secret.ts), and the Go CLI then fails with a decoding error until it logs in itself.
 *
 * Targets are compared without regard to letter case, so two accounts that differ in nothing
 * else share a credential: it belongs to the one that wrote last, and is a miss for the other.
 *
 * The calls take a millisecond and ask nobody anything, so they are made in the main thread:
 * a deadline keeps one from being started, but does not end it.
 */
import { randomBytes } from "node:crypto";
import { CRED_MAX_CREDENTIAL_BLOB_SIZE } from "../../native/advapi32.ts";
import {
  type Backend,
  type CallOptions,
  checkAccount,
  checkSecret,
  KeyringError,
} from "./backend.ts";
import { type Credential, type Credentials, windowsCredentials } from "./credentials.ts";
import {
  damaged,
  headTarget,
  join,
  namedGeneration,
  PART_PREFIX,
  parseHead,
  partTarget,
  planDelete,
  planSet,
  type Snapshot,
  type Split,
  type Step,
} from "./split-secret.ts";

/** Opens Credential Manager at the first call. The default is the system's own; tests give another. */
export function openWindowsBackend(credentials: Credentials = windowsCredentials): Backend {
  function head(account: string): Credential | null {
    const found = credentials.read(headTarget(account));
    return found?.user === account ? found : null;
  }

  function snapshot(): Snapshot {
    return {
      parts: credentials.list(PART_PREFIX),
      generationOf(account) {
        const blob = head(account)?.blob;
        return blob && namedGeneration(blob);
      },
      now: Date.now(),
    };
  }

  function gather(split: Split): Uint8Array | null {
    const parts = Array.from({ length: split.parts }, (_, index) =>
      credentials.read(partTarget(split.generation, index)),
    );
    return join(
      split,
      parts.flatMap((part) => (part ? [part.blob] : [])),
    );
  }

  function apply(steps: readonly Step[]): void {
    for (const step of steps) {
      if ("write" in step) credentials.write(step.write);
      else credentials.remove(step.remove);
    }
  }

  return {
    name: "Credential Manager",

    async get(account, options) {
      checkAccount(account);
      checkDeadline(options);
      let found = head(account);
      while (found) {
        const split = parseHead(found.blob);
        const secret = split ? gather(split) : found.blob;
        if (secret) return decode(secret);
        // A writer that replaced the entry in the meantime has removed these parts.
        const again = head(account);
        if (again && Buffer.compare(again.blob, found.blob) === 0) throw damaged();
        checkDeadline(options);
        found = again;
      }
      return null;
    },

    async set(account, secret, options) {
      checkAccount(account);
      checkSecret(secret);
      checkDeadline(options);
      const limit = CRED_MAX_CREDENTIAL_BLOB_SIZE;
      const generation = randomBytes(8).toString("hex");
      apply(planSet(snapshot(), account, Buffer.from(secret), { limit, generation }));
    },

    async delete(account, options) {
      checkAccount(account);
      checkDeadline(options);
      const existed = head(account) !== null && credentials.remove(headTarget(account));
      apply(planDelete(snapshot(), account));
      return existed;
    },
  };
}

function checkDeadline({ deadline }: CallOptions): void {
  if (performance.now() < deadline) return;
  throw new KeyringError("timed-out", "Credential Manager was not asked in time");
}

function decode(secret: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(secret);
  } catch {
    throw new KeyringError("invalid", "the entry is not UTF-8 text");
  }
}
