/** Which logins a migration is about, and moving them one after the other. */

import { noProfile } from "../../../config/profile-names.ts";
import { type ConfigFile, listProfiles } from "../../../config/profiles.ts";
import { looksLikeHost } from "../../../config/resolve.ts";
import { type Context, lockDirectory } from "../../../context.ts";
import { UserError } from "../../../errors.ts";
import { KeyringError } from "../../../keyring/backend.ts";
import { openFileStore } from "../../../storage/file-store.ts";
import { openKeyringStore } from "../../../storage/keyring-store.ts";
import { type Move, type MoveOutcome, moveToken } from "../../../storage/migrate.ts";
import { readFailure } from "../../../storage/policy.ts";
import { nearest } from "../../arguments.ts";
import { FILE_LOCK_TIMEOUT, fileStoreOptions } from "../session.ts";
import { keysOfHost, knownKeys, readMirrors } from "./logins.ts";

export interface MoveResult {
  key: string;
  /** What was done; absent where nothing could be. */
  outcome?: MoveOutcome;
  error?: UserError;
  /** The keyring as a whole failed: nothing after this was tried. */
  isLast?: true;
}

export interface MovePlan extends Pick<Move, "to" | "keep" | "dryRun"> {
  /** Every login that is known of. */
  all: boolean;
  /** Profiles, and hosts of logins without one. */
  names: readonly string[];
  /** One more login without a profile. */
  host: { name: string; accountId: string | undefined } | null;
}

/**
 * Moves the logins and tells of each; one that fails does not stop the others. Those without any
 * token are passed over, unless they were named.
 *
 * @throws UserError, before anything is moved, for a name that is not known and a file that cannot be read
 */
export async function* moveAll(
  { all, names, host, ...plan }: MovePlan,
  config: ConfigFile,
  context: Context,
): AsyncGenerator<MoveResult> {
  const file = openFileStore(fileStoreOptions(context));
  const fileKeys = [...file.entries().keys()];
  const mirrors = readMirrors(config);
  const known = all ? knownKeys(mirrors, fileKeys) : [];
  const named = names.map((name) => ({ name, keys: keysOf(name, config, fileKeys) }));
  if (host) named.push({ name: host.name, keys: keysOfHost(host.name, host.accountId) });
  const subjects = [
    ...known.map((key) => ({ name: null, keys: [key] })),
    ...named.map(({ name, keys }) => {
      const others = keys.filter((key) => !known.includes(key));
      // What is known may have gone with its profile: that it is not there is no mistake.
      return { name: others.length === keys.length ? name : null, keys: others };
    }),
  ];
  const keyring = await context.keyring();
  const places = { keyring: openKeyringStore(keyring), file };
  for (const { name, keys } of subjects) {
    let isThere = false;
    for (const key of keys) {
      const result = await moveOne({ ...plan, key, mirrors }, places, context);
      if (result.outcome === "absent") continue;
      isThere = true;
      yield result;
      if (result.isLast) return;
      // As long as the keyring answers, there is no reason to leave some behind.
      keyring.freshBudget();
    }
    if (!isThere && name !== null) yield { key: name, error: new UserError("it has no token") };
  }
}

/** The keys that a profile's name, a host, or a key of the file stands for. */
function keysOf(name: string, config: ConfigFile, fileKeys: readonly string[]): string[] {
  const profiles = listProfiles(config).map((profile) => profile.name);
  if (profiles.includes(name) || fileKeys.includes(name)) return [name];
  if (looksLikeHost(name)) return keysOfHost(name);
  const suggestion = nearest(name, [...profiles, ...fileKeys]);
  throw new UserError(
    `${noProfile(name, config)}${suggestion ? `; did you mean ${suggestion}?` : ""}`,
  );
}

async function moveOne(
  move: Move,
  places: Parameters<typeof moveToken>[1],
  context: Context,
): Promise<MoveResult> {
  const { key } = move;
  const access = {
    lockDirectory: lockDirectory(context),
    deadline: performance.now() + FILE_LOCK_TIMEOUT,
    now: context.now,
    debug: context.debug,
  };
  try {
    return { key, outcome: await moveToken(move, places, access) };
  } catch (error) {
    if (error instanceof UserError) return { key, error };
    if (!(error instanceof KeyringError)) throw error;
    const failure = readFailure(error, context.platform);
    return { key, error: failure, ...(isOfWholeKeyring(error) && { isLast: true }) };
  }
}

const isOfWholeKeyring = ({ code }: KeyringError) =>
  code === "unreachable" || code === "locked" || code === "timed-out";
