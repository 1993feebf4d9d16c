/** What remains of a login: the token, the pinned choice, the profile, in that order. */

import { someOf } from "../../config/profile-names.ts";
import {
  changeConfigFile,
  type LoginFields,
  loginChanges,
  readConfigFile,
  setSettingChanges,
} from "../../config/profiles.ts";
import { profilesForHost } from "../../config/resolve.ts";
import { type Context, configPath, isInteractive, lockDirectory } from "../../context.ts";
import { messageOf, UserError } from "../../errors.ts";
import { KeyringError } from "../../keyring/backend.ts";
import { type Caller, introspect, listClusters, listWorkspaces } from "../../oauth/account.ts";
import { fetchHostMetadata, hostKeyOf } from "../../oauth/discovery.ts";
import { type Http, oneLine } from "../../oauth/http.ts";
import type { LoginResult } from "../../oauth/login.ts";
import { printable } from "../../output.ts";
import type { LoginStore } from "../../storage/open.ts";
import { readFailure } from "../../storage/policy.ts";
import { storeLogin } from "../../storage/refresh-lock.ts";
import type { TokenStore } from "../../storage/store.ts";
import { saveConfig } from "../save-config.ts";
import { tellAfterLogin } from "./login-after.ts";
import type { Plan } from "./login-plan.ts";
import { FILE_LOCK_TIMEOUT } from "./session.ts";
import { loginFlags, storageFlag } from "./target.ts";

/**
 * Asks what there is left to ask, first: whoever breaks off then leaves nothing behind.
 *
 * @throws UserError when the token cannot be stored: nothing is pinned or saved then
 */
export async function keepLogin(
  signedIn: LoginResult,
  plan: Plan,
  opened: LoginStore,
  http: Http,
  context: Context,
): Promise<void> {
  const { profile } = plan;
  const changes =
    profile === null ? null : await planProfile(profile, signedIn, plan, http, context);
  const key = await storeToken(signedIn, plan, opened.store, context);
  await pinStorage(opened, context);
  if (changes) await saveProfile(key, changes, context);
  else {
    const hint = await tokenHint(signedIn, plan, opened.store, context);
    context.stderr.write(`Login to ${printable(key)} was successfully saved; ${hint}\n`);
  }
  tellAfterLogin(key, opened, context);
}

/** A login without a profile is found only by all that its key is made of, and not beside the logins of profiles. */
async function tokenHint(
  { target }: LoginResult,
  { storage }: Plan,
  store: TokenStore,
  context: Context,
): Promise<string> {
  const { host } = target;
  const accountId = target.kind === "workspace" ? undefined : target.accountId;
  const config = readConfigFile(configPath(context));
  const [only, ...others] = profilesForHost(config, { host, ...(accountId && { accountId }) });
  if (only !== undefined && (others.length > 0 || (await hasLogin(store, only)))) {
    const names = printable(someOf([only, ...others]));
    return `commands take the logins of the host's profiles instead (${names}): name one with --profile`;
  }
  const flags = loginFlags({ profile: null, host, accountId });
  return `its token: databricks auth token ${flags}${storageFlag(storage)}`;
}

async function hasLogin(store: TokenStore, profile: string): Promise<boolean> {
  try {
    return (await store.lookup(profile)) !== null;
  } catch {
    return false; // a command that looks there will say why
  }
}

/** Stores the token; returns the key it lies under. */
async function storeToken(
  { token, target }: LoginResult,
  plan: Plan,
  store: TokenStore,
  context: Context,
): Promise<string> {
  const hostKey = hostKeyOf(target);
  const key = plan.profile ?? hostKey;
  const keyring = store.location === "keyring" ? await context.keyring() : null;
  // The person has been in the browser; the store gets a time budget of its own.
  keyring?.freshBudget();
  const access = {
    key,
    store,
    lockDirectory: lockDirectory(context),
    deadline: performance.now() + FILE_LOCK_TIMEOUT,
    now: context.now,
    debug: context.debug,
  };
  try {
    await storeLogin(access, key === hostKey ? [key] : [key, hostKey], token);
  } catch (error) {
    throw error instanceof KeyringError ? readFailure(error, context.platform) : error;
  } finally {
    await keyring?.settle();
  }
  return key;
}

/** Notes the choice that worked, so that a later hiccup of the keyring cannot undo it. */
async function pinStorage({ pin }: LoginStore, context: Context): Promise<void> {
  if (!pin) return;
  const path = configPath(context);
  try {
    await changeConfigFile(path, () => setSettingChanges("auth_storage", pin), {
      lockDirectory: lockDirectory(context),
    });
  } catch (error) {
    const failure = `auth_storage = ${pin} could not be written to ${path}: ${messageOf(error)}`;
    if (pin === "plaintext") context.debug(failure);
    else {
      context.stderr.write(
        `Warning: ${failure}\nThe login is in the keyring. To stay with it, add this to the file by hand:\n  [__settings__]\n  auth_storage = secure\n`,
      );
    }
  }
}

/** What a login makes of a config file. */
type ProfileChanges = Parameters<typeof saveConfig>[1];

async function planProfile(
  profile: string,
  signedIn: LoginResult,
  plan: Plan,
  http: Http,
  context: Context,
): Promise<ProfileChanges> {
  const { token, target } = signedIn;
  const caller = { http, host: target.host, authorization: `Bearer ${token.access_token}` };
  const ids = await findIds(signedIn, plan, caller);
  const workspaceId =
    ids.workspaceId ?? (await pickWorkspace(plan, ids.accountId, caller, context));
  const fields: LoginFields = {
    host: target.host,
    accountId: ids.accountId,
    workspaceId,
    scopes: plan.scopes ?? undefined,
    compute: await pickCompute(plan, { ...caller, workspaceId }, context),
  };
  const discovery = plan.target.kind === "discovery";
  return (config) => loginChanges(config, profile, fields, { discovery });
}

/** @throws UserError that says that the token is stored already */
async function saveProfile(
  profile: string,
  changes: ProfileChanges,
  context: Context,
): Promise<void> {
  try {
    await saveConfig(context, changes);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      `you are signed in, but profile ${profile} could not be saved: ${error.message}\nWhen the cause is gone, run the same command again.`,
      { cause: error },
    );
  }
  context.stderr.write(`Profile ${printable(profile)} was successfully saved\n`);
}

interface Ids {
  accountId: string | undefined;
  workspaceId: string | undefined;
}

/** Account and workspace of the login: what was given, what the host says, and for a discovery what the token says. */
async function findIds({ target }: LoginResult, plan: Plan, caller: Caller): Promise<Ids> {
  const discovered = plan.target.kind === "discovery";
  const metadata = discovered ? await fetchHostMetadata(caller.http, target.host) : plan.metadata;
  const accountId =
    target.kind === "workspace" ? (plan.accountId ?? metadata?.accountId) : target.accountId;
  const workspaceId = plan.workspaceId ?? metadata?.workspaceId;
  if (!discovered || (accountId && workspaceId)) return { accountId, workspaceId };
  const said = await introspect(caller).catch(expected);
  return {
    accountId: accountId ?? said?.accountId,
    workspaceId: workspaceId ?? said?.workspaceId,
  };
}

/** What the host does not tell stays unknown; the HTTP layer has noted why for --debug. */
function expected(error: unknown): null {
  if (error instanceof UserError) return null;
  throw error;
}

const NO_WORKSPACE = "\0none";

async function pickWorkspace(
  plan: Plan,
  accountId: string | undefined,
  caller: Caller,
  context: Context,
): Promise<string | undefined> {
  if (!plan.pickWorkspace || accountId === undefined) return undefined;
  if (!isInteractive(context)) {
    context.stderr.write(
      "No workspace was chosen: name one with --workspace-id, or say --skip-workspace\n",
    );
    return undefined;
  }
  const workspaces = await listOrWarn(
    () => listWorkspaces(caller, accountId),
    "No workspace was chosen",
    context,
  );
  if (workspaces.length === 0) return undefined;
  const picked = await (await context.prompt()).pick("Workspace", [
    ...workspaces.map(({ id, name }) => ({ value: id, label: oneLine(name), hint: id })),
    { value: NO_WORKSPACE, label: "None: the account itself" },
  ]);
  return picked === NO_WORKSPACE ? undefined : picked;
}

async function pickCompute(
  plan: Plan,
  caller: Caller,
  context: Context,
): Promise<LoginFields["compute"]> {
  if (plan.compute !== "cluster") return plan.compute ?? undefined;
  const clusters = await listOrWarn(
    // Clusters of jobs come and go with their run.
    async () => (await listClusters(caller)).filter(({ source }) => source !== "JOB"),
    "No cluster was chosen",
    context,
  );
  if (clusters.length === 0) return undefined;
  const picked = await (await context.prompt()).pick(
    "Cluster",
    clusters.map(({ id, name, state }) => ({
      value: id,
      label: oneLine(name),
      hint: oneLine(`${id}, ${state}`),
    })),
  );
  return { clusterId: picked };
}

/** What there is to choose from. The person is signed in: a list that is not to be had costs no more than the choice. */
async function listOrWarn<T>(
  list: () => Promise<T[]>,
  consequence: string,
  context: Context,
): Promise<T[]> {
  try {
    const found = await list();
    if (found.length === 0) context.stderr.write(`${consequence}: there is none\n`);
    return found;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    context.stderr.write(`${consequence}: ${error.message}\n`);
    return [];
  }
}
