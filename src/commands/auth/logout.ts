import { deleteProfileChanges, readConfigFile } from "../../config/profiles.ts";
import {
  isPersonLogin,
  ownHostKeys,
  placeIn,
  placeOf,
  profilesForHost,
} from "../../config/resolve.ts";
import { type Context, configPath, isInteractive, lockDirectory } from "../../context.ts";
import { UserError } from "../../errors.ts";
import { printable } from "../../output.ts";
import { openFileStore } from "../../storage/file-store.ts";
import { lookUpReadable, planRemoval } from "../../storage/migrate.ts";
import { openForReading } from "../../storage/open.ts";
import { holdKey } from "../../storage/refresh-lock.ts";
import type { TokenStore } from "../../storage/store.ts";
import { authArgs, command, profileArgument, type Values } from "../command.ts";
import { saveConfig } from "../save-config.ts";
import { pickProfile } from "./pick-profile.ts";
import {
  chooseStorage,
  FILE_LOCK_TIMEOUT,
  fileStoreOptions,
  openSession,
  type Session,
} from "./session.ts";
import { readMirrors } from "./storage/logins.ts";
import { onlyOne, requireOwnAccount } from "./target.ts";

const args = {
  ...profileArgument,
  ...authArgs,
  "auto-approve": { type: "boolean", description: "do not ask for confirmation" },
  delete: { type: "boolean", description: "delete the profile from the config file, too" },
} as const;

export default command({
  name: "auth logout",
  summary: "forget a login",
  details:
    "Removes the login's token from the store in use, and any copy from the file cache.\nThe profile stays in the config file unless --delete is given.",
  args,
  examples: [
    ["auth logout work", "asks first"],
    ["auth logout -p work --delete --auto-approve", "the profile as well, without asking"],
    ["auth logout -p work --storage plaintext", "only the copy in the file cache"],
  ],
  run: runLogout,
});

async function runLogout(values: Values<typeof args>, context: Context): Promise<void> {
  const session = await openNamedSession(values, context);
  const { profile, keys } = whatToForget(session);
  const name = printable(profile === null ? keys[0] : `profile ${profile}`);
  // [DEFAULT] is in every file, and nothing may be in it.
  if (values.delete && !session.resolution.section?.size) {
    throw new UserError(`--delete: ${name} is not in ${configPath(context)}`);
  }
  const extent = values.delete ? " and delete the profile" : "";
  if (!values["auto-approve"]) await approve(`Log out of ${name}${extent}?`, context);
  const found = await forget(keys, session, context);
  context.stderr.write(found ? `Logged out of ${name}\n` : `There was no login of ${name}\n`);
  if (!values.delete || profile === null) return;
  await saveConfig(context, (config) => deleteProfileChanges(config, profile));
  context.stderr.write(`Profile ${printable(profile)} was deleted\n`);
}

/** A logout is of what was named, or picked: never of a default that the person did not think of. */
async function openNamedSession(values: Values<typeof args>, context: Context): Promise<Session> {
  const given = values.PROFILE || values.profile || values.host;
  if (!given && !context.env["DATABRICKS_CONFIG_PROFILE"]) {
    chooseStorage(values, readConfigFile(configPath(context)), context);
    const profile = await pickProfile(QUESTION, context);
    return openSession({ ...values, profile }, context);
  }
  const session = openSession(values, context);
  const { profile, settings } = session.resolution;
  const place = placeIn(settings);
  if (profile || !place) return session;
  const names = profilesForHost(session.config, place);
  const name =
    names.length > 1 && isInteractive(context)
      ? await pickProfile(QUESTION, context, names)
      : onlyOne(names, place.host);
  return name === undefined
    ? session
    : openSession({ storage: values.storage, profile: name }, context);
}

const QUESTION = "Log out of which profile?";

async function approve(question: string, context: Context): Promise<void> {
  if (!isInteractive(context)) {
    throw new UserError("nobody can be asked here: give --auto-approve to log out");
  }
  if (!(await (await context.prompt()).confirm(question)))
    throw new UserError("nothing was changed");
}

interface Forgettable {
  profile: string | null;
  keys: readonly [string, ...string[]];
}

/**
 * The keys of a login: its profile's, and those of its host unless another profile shares them.
 * In a shared one the file may still hold a copy of this login: see `forget`.
 */
function whatToForget({ config, resolution }: Session): Forgettable {
  const { profile, section, settings } = resolution;
  requireOwnAccount(resolution);
  if (!profile) {
    const place = placeIn(settings);
    if (!place) throw new UserError("name a profile with --profile, or a host with --host");
    const [first, ...rest] = ownHostKeys(config, null, place);
    if (first) return { profile: null, keys: [first, ...rest] };
    throw new UserError(
      `profiles share the login of ${place.host}; name one of them with --profile`,
    );
  }
  const name = profile.value;
  const own = section && isPersonLogin(section) ? placeOf(section) : null;
  if (!own) return { profile: name, keys: [name] };
  const keys = ownHostKeys(config, name, own);
  return { profile: name, keys: [name, ...keys.filter((key) => key !== name)] };
}

/** Removes the login from the store in use and from the file cache; whether it was anywhere. */
async function forget(
  keys: Forgettable["keys"],
  { config, stores }: Session,
  context: Context,
): Promise<boolean> {
  const [key] = keys;
  const mirrors = readMirrors(config);
  const isShared = mirrors.get(key)?.some((mirror) => !keys.includes(mirror)) ?? false;
  const access = {
    key,
    lockDirectory: lockDirectory(context),
    deadline: performance.now() + FILE_LOCK_TIMEOUT,
    debug: context.debug,
  };
  return holdKey(access, async () => {
    const store = openForReading(stores);
    const held = isShared ? await lookUpReadable(store, key) : null;
    let found = false;
    const removeFrom = async (place: TokenStore) => {
      for (const name of keys) found = (await place.remove(name)) || found;
    };
    if (store.location === "keyring") await removeFrom(store);
    const file = openFileStore(fileStoreOptions(context));
    if (isShared) {
      await file.edit((entries) => {
        const own = [held, entries.get(key)].filter((token) => token != null);
        const changes = planRemoval(key, own, entries, mirrors);
        found ||= changes.put.size + changes.remove.length > 0;
        return changes;
      });
    }
    await removeFrom(file);
    return found;
  });
}
