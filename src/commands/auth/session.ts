/** What every `auth` command begins with: the config file read, the storage mode settled, the profile resolved. */
import { VERSION } from "../../build-info.ts";
import { type ConfigFile, readConfigFile, readSettings } from "../../config/profiles.ts";
import { type Resolution, resolve, type Selection } from "../../config/resolve.ts";
import { type Context, cachePath, configPath, lockDirectory } from "../../context.ts";
import type { Http } from "../../oauth/http.ts";
import { type FileStoreOptions, openFileStore } from "../../storage/file-store.ts";
import { openKeyringStore } from "../../storage/keyring-store.ts";
import { resolveStorageMode, type StorageChoice } from "../../storage/mode.ts";
import type { Stores } from "../../storage/open.ts";
import type { authArgs, Values } from "../command.ts";

/** How long a change of a file waits for another process to finish its own, in milliseconds. */
export const FILE_LOCK_TIMEOUT = 30_000;

export type AuthValues = Partial<Omit<Values<typeof authArgs>, "_">> & {
  PROFILE?: string | undefined;
};

export interface Session {
  config: ConfigFile;
  choice: StorageChoice;
  stores: Stores;
  resolution: Resolution;
}

/** @throws UserError for a bad storage mode first, then for a bad selection */
export function openSession(values: AuthValues, context: Context): Session {
  const config = readConfigFile(configPath(context));
  const choice = chooseStorage(values, config, context);
  const resolution = resolve(selectionOf(values), context.env, config);
  return { config, choice, stores: openStores(choice, context), resolution };
}

export function selectionOf(values: AuthValues): Selection {
  return {
    word: values.PROFILE,
    profile: values.profile,
    host: values.host,
    accountId: values["account-id"],
    workspaceId: values["workspace-id"],
  };
}

/** Requests to authorization servers and APIs, as this program makes them. */
export async function openHttp(context: Context): Promise<Http> {
  const { createHttp } = await import("../../oauth/http.ts");
  return createHttp({
    fetch: context.fetch,
    env: context.env,
    userAgent: `databricks-auth-cli/${VERSION}`,
    debug: context.debug,
  });
}

export function chooseStorage(
  values: Pick<AuthValues, "storage">,
  config: ConfigFile,
  context: Context,
): StorageChoice {
  const choice = resolveStorageMode({
    flag: values.storage,
    env: context.env["DATABRICKS_AUTH_STORAGE"],
    config: readSettings(config).authStorage,
  });
  context.debug(`storage: ${choice.mode} (from ${choice.source})`);
  return choice;
}

export function openStores(choice: StorageChoice, context: Context): Stores {
  return {
    choice,
    platform: context.platform,
    keyring: async () => openKeyringStore(await context.keyring()),
    file: () => openFileStore(fileStoreOptions(context)),
  };
}

export function fileStoreOptions(context: Context): FileStoreOptions {
  return {
    path: cachePath(context),
    lockDirectory: lockDirectory(context),
    lockTimeout: FILE_LOCK_TIMEOUT,
    debug: context.debug,
  };
}
