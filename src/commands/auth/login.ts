import { canonicalHost } from "../../config/host.ts";
import {
  changeConfigFile,
  loginChanges,
  setSettingChanges,
  validateProfileName,
} from "../../config/profiles.ts";
import { type Context, cachePath, configPath, lockDirectory } from "../../context.ts";
import { messageOf, UserError } from "../../errors.ts";
import { KeyringError } from "../../keyring/backend.ts";
import { introspect } from "../../oauth/account.ts";
import { openBrowser } from "../../oauth/browser.ts";
import { callbackPorts } from "../../oauth/callback.ts";
import {
  DEFAULT_DISCOVERY_HOST,
  fetchHostMetadata,
  type HostMetadata,
  type HostTarget,
  hostKeyOf,
  type LoginTarget,
  loginTarget,
} from "../../oauth/discovery.ts";
import type { Http } from "../../oauth/http.ts";
import { DEFAULT_SCOPES, type LoginResult, login } from "../../oauth/login.ts";
import { shellWord } from "../../output.ts";
import { listEntries } from "../../storage/file-store.ts";
import { type LoginStore, openForLogin } from "../../storage/open.ts";
import { readFailure } from "../../storage/policy.ts";
import { storeLogin } from "../../storage/refresh-lock.ts";
import type { Token, TokenStore } from "../../storage/store.ts";
import { authArgs, command, parseDuration, profileArgument, type Values } from "../command.ts";
import { FILE_LOCK_TIMEOUT, openHttp, openSession, type Session } from "./session.ts";

const args = {
  ...profileArgument,
  ...authArgs,
  scopes: {
    type: "string",
    valueHint: "A,B",
    description: "OAuth scopes, comma-separated (all-apis)",
  },
  timeout: { type: "string", valueHint: "DURATION", description: "wait this long for you (1h)" },
} as const;

export default command({
  name: "auth login",
  summary: "sign in with the browser",
  details:
    "Signs you in and keeps the login in the OS keyring, or in a file where there is none.\nThe host and the login's settings are saved as a profile of the config file.",
  args,
  examples: [
    [
      "auth login -p work --host https://adb-1.2.azuredatabricks.net",
      "a workspace, as profile work",
    ],
    ["auth login work", "again, with what the profile says"],
    ["auth login -p work --storage plaintext", "keep this login in the file"],
    ["BROWSER=none databricks auth login work", "print the link instead of opening it"],
  ],
  run: runLogin,
});

/** What is logged in to, checked before any store or browser is opened. */
interface Plan {
  /** Null: the login is stored under its host alone, and no profile is saved. */
  profile: string | null;
  target: LoginTarget;
  metadata: HostMetadata | null;
  workspaceId: string | undefined;
  /** Scopes to ask for and to save; null for the usual ones, which are not saved. */
  scopes: string[] | null;
  ports: readonly number[];
  /** Milliseconds. */
  timeout: number;
}

async function runLogin(values: Values<typeof args>, context: Context): Promise<void> {
  const session = openSession(values, context);
  const http = await openHttp(context);
  const plan = await planLogin(values, session, http, context);
  const opened = await openStore(session, context);
  const { token, target } = await signIn(plan, http, context);
  const key = await keep(token, target, plan, opened.store, context);
  await pinStorage(opened, context);
  if (plan.profile !== null) await saveLogin(plan.profile, target, token, plan, http, context);
  if (opened.store.location === "keyring") warnOfPlaintextCopy(key, context);
}

async function planLogin(
  values: Values<typeof args>,
  { resolution }: Session,
  http: Http,
  context: Context,
): Promise<Plan> {
  const { profile: named, section, settings } = resolution;
  const timeout = parseDuration(values.timeout ?? "1h", "--timeout");
  const ports = callbackPorts(context.env["DATABRICKS_OAUTH_CALLBACK_PORT"]);
  const scopes = parseScopes(values.scopes ?? section?.get("scopes"));
  const profile = named?.value ?? null;
  if (profile !== null && !section) validateProfileName(profile);
  const workspaceId = settings.get("workspace_id")?.value;
  const shared = { profile, workspaceId, scopes, ports, timeout };
  const host = settings.get("host")?.value;
  if (!host) {
    if (profile === null) {
      throw new UserError(
        "nothing says where to sign in: give --host, or --profile for a new login",
      );
    }
    const discoveryHost = canonicalHost(
      context.env["DATABRICKS_DISCOVERY_HOST"] || DEFAULT_DISCOVERY_HOST,
    );
    return { ...shared, target: { kind: "discovery", discoveryHost }, metadata: null };
  }
  const metadata = await fetchHostMetadata(http, host);
  return {
    ...shared,
    target: loginTarget(host, settings.get("account_id")?.value, metadata),
    metadata,
  };
}

/** Comma-separated scopes, or null where none are given. */
function parseScopes(text: string | undefined): string[] | null {
  const scopes = (text ?? "").split(",").map((scope) => scope.trim());
  const given = scopes.filter((scope) => scope !== "");
  const odd = given.find((scope) => !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope));
  // RFC 6749 section 3.3.
  if (odd !== undefined) throw new UserError(`--scopes: ${JSON.stringify(odd)} is no OAuth scope`);
  return given.length > 0 ? given : null;
}

async function openStore({ stores }: Session, context: Context): Promise<LoginStore> {
  const opened = await openForLogin(stores, async () => (await context.keyring()).probeWrite());
  if (opened.unreachable !== null) {
    context.stderr.write(
      `No OS keyring can be reached here (${opened.unreachable}); the login will be kept in ${cachePath(context)}.\n`,
    );
  }
  return opened;
}

async function signIn(plan: Plan, http: Http, context: Context): Promise<LoginResult> {
  return login({
    target: plan.target,
    scopes: plan.scopes ?? DEFAULT_SCOPES,
    ports: plan.ports,
    timeoutMs: plan.timeout,
    http,
    now: context.now,
    onAuthorizeUrl: (url) => showSignIn(url, context),
    onBusyPorts: () =>
      context.stderr.write("Other logins are under way; waiting for one of them to end.\n"),
  });
}

function showSignIn(url: string, context: Context): void {
  const outcome = openBrowser(url, context.env, context.platform);
  const lead =
    outcome === "opened"
      ? "Your browser was opened to sign in. If it shows nothing, open this link:"
      : "Open this link in a browser to sign in:";
  context.stderr.write(`${lead}\n  ${url}\n`);
}

/** Stores the token; returns the key it lies under. */
async function keep(
  token: Token,
  target: HostTarget,
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

async function saveLogin(
  profile: string,
  target: HostTarget,
  token: Token,
  plan: Plan,
  http: Http,
  context: Context,
): Promise<void> {
  const ids = await findIds(target, token, plan, http, context);
  const fields = { host: target.host, ...ids, scopes: plan.scopes ?? undefined };
  const discovery = plan.target.kind === "discovery";
  const { warnings } = await changeConfigFile(
    configPath(context),
    (config) => loginChanges(config, profile, fields, { discovery }),
    { lockDirectory: lockDirectory(context) },
  );
  for (const warning of warnings) context.stderr.write(`Warning: ${warning}\n`);
  context.stderr.write(`Profile ${profile} was successfully saved\n`);
}

/** Account and workspace of the login: what was given, what the host says, and for a discovery what the token says. */
async function findIds(
  target: HostTarget,
  token: Token,
  plan: Plan,
  http: Http,
  context: Context,
): Promise<{ accountId: string | undefined; workspaceId: string | undefined }> {
  const discovered = plan.target.kind === "discovery";
  const metadata = discovered ? await fetchHostMetadata(http, target.host) : plan.metadata;
  const accountId = target.kind === "workspace" ? metadata?.accountId : target.accountId;
  const workspaceId = plan.workspaceId ?? metadata?.workspaceId;
  if (!discovered || (accountId && workspaceId)) return { accountId, workspaceId };
  try {
    const caller = { http, host: target.host, authorization: `Bearer ${token.access_token}` };
    const said = await introspect(caller);
    return {
      accountId: accountId ?? said.accountId,
      workspaceId: workspaceId ?? said.workspaceId,
    };
  } catch (error) {
    context.debug(`the token's account and workspace stay unknown: ${messageOf(error)}`);
    return { accountId, workspaceId };
  }
}

/** A file cache from before may still hold a usable copy that every process of the person can read. */
function warnOfPlaintextCopy(key: string, context: Context): void {
  const path = cachePath(context);
  if (!holdsCopy(path, key)) return;
  context.stderr.write(
    `An older copy of this login is still in ${path}; nothing reads it any more. To remove it, run: databricks auth logout --profile ${shellWord(key)} --storage plaintext\n`,
  );
}

function holdsCopy(path: string, key: string): boolean {
  try {
    return listEntries(path).some((entry) => entry.key === key);
  } catch {
    return false;
  }
}
