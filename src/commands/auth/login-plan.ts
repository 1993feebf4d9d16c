/** What a login is to: from the command line, the environment, the config file, and the person. */
import { canonicalHost, isAccountHost } from "../../config/host.ts";
import { listProfiles, validateProfileName } from "../../config/profiles.ts";
import { profilesForHost } from "../../config/resolve.ts";
import { type Context, isInteractive } from "../../context.ts";
import { messageOf, UserError } from "../../errors.ts";
import { callbackPorts } from "../../oauth/callback.ts";
import {
  DEFAULT_DISCOVERY_HOST,
  fetchHostMetadata,
  type HostMetadata,
  type LoginTarget,
  loginTarget,
} from "../../oauth/discovery.ts";
import type { Http } from "../../oauth/http.ts";
import { authArgs, hostProblem, parseDuration, profileArgument, type Values } from "../command.ts";
import { profileChoices } from "./pick-profile.ts";
import type { Session } from "./session.ts";

export const loginArgs = {
  ...profileArgument,
  ...authArgs,
  scopes: {
    type: "string",
    valueHint: "A,B",
    description: "OAuth scopes, comma-separated (all-apis)",
  },
  timeout: { type: "string", valueHint: "DURATION", description: "wait this long for you (1h)" },
  "configure-cluster": { type: "boolean", description: "pick a cluster and save it, too" },
  "configure-serverless": { type: "boolean", description: "save serverless compute, too" },
  "skip-workspace": { type: "boolean", description: "do not ask for a workspace of the account" },
} as const;

export type LoginValues = Values<typeof loginArgs>;

/** What is logged in to, checked before any store or browser is opened. */
export interface Plan {
  /** Null: the login is stored under its host alone, and no profile is saved. */
  profile: string | null;
  target: LoginTarget;
  metadata: HostMetadata | null;
  workspaceId: string | undefined;
  /** Ask which workspace of the account is meant. */
  pickWorkspace: boolean;
  compute: "cluster" | "serverless" | null;
  /** Scopes to ask for and to save; null for the usual ones, which are not saved. */
  scopes: string[] | null;
  ports: readonly number[];
  /** Milliseconds. */
  timeout: number;
}

const NEW_PROFILE = "\0new";
const ENTER_HOST = "\0host";

/** On a terminal where nothing is named: a known profile, a new one, or a host. */
export async function askWhatToLogInTo(
  values: LoginValues,
  context: Context,
): Promise<LoginValues> {
  const named = values.PROFILE || values.profile || values.host;
  const { DATABRICKS_CONFIG_PROFILE, DATABRICKS_HOST } = context.env;
  if (named || DATABRICKS_CONFIG_PROFILE || DATABRICKS_HOST || !isInteractive(context))
    return values;
  const prompt = await context.prompt();
  const picked = await prompt.pick("Log in to", [
    ...profileChoices(context),
    { value: NEW_PROFILE, label: "A new profile" },
    { value: ENTER_HOST, label: "A host that I enter" },
  ]);
  if (picked === ENTER_HOST) return { ...values, host: await askForHost(context) };
  if (picked !== NEW_PROFILE) return { ...values, profile: picked };
  const profile = await askForName(undefined, context);
  const host = await prompt.text("Databricks host (empty: pick the workspace in the browser)", {
    check: (line) => (line.trim() === "" ? undefined : hostProblem(line)),
  });
  return { ...values, profile, ...(host.trim() !== "" && { host }) };
}

async function askForHost(context: Context): Promise<string> {
  return (await context.prompt()).text("Databricks host", {
    placeholder: "https://example.cloud.databricks.com",
    check: hostProblem,
  });
}

async function askForName(initial: string | undefined, context: Context): Promise<string> {
  const check = (name: string) => {
    try {
      validateProfileName(name);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  };
  return (await context.prompt()).text("Profile name", { check, ...(initial && { initial }) });
}

/** @throws UserError for whatever would only come up after the person has signed in */
export async function planLogin(
  values: LoginValues,
  session: Session,
  http: Http,
  context: Context,
): Promise<Plan> {
  const { section, settings } = session.resolution;
  const choices = {
    timeout: parseDuration(values.timeout ?? "1h", "--timeout"),
    ports: callbackPorts(context.env["DATABRICKS_OAUTH_CALLBACK_PORT"]),
    scopes: parseScopes(values.scopes ?? section?.get("scopes")),
    compute: chooseCompute(values, context),
  };
  const host = settings.get("host")?.value;
  const profile = await nameProfile(host, session, context);
  const workspaceId = settings.get("workspace_id")?.value;
  if (!host) {
    const discoveryHost = context.env["DATABRICKS_DISCOVERY_HOST"] || DEFAULT_DISCOVERY_HOST;
    const target = { kind: "discovery", discoveryHost: canonicalHost(discoveryHost) } as const;
    return { ...choices, profile, workspaceId, target, metadata: null, pickWorkspace: false };
  }
  const metadata = await fetchHostMetadata(http, host);
  const accountId = settings.get("account_id")?.value ?? (await askForAccount(host, context));
  const target = loginTarget(host, accountId, metadata);
  const known = workspaceId ?? metadata?.workspaceId;
  const pickWorkspace = target.kind === "unified" && !known && !values["skip-workspace"];
  return { ...choices, profile, workspaceId, target, metadata, pickWorkspace };
}

async function nameProfile(
  host: string | undefined,
  { config, resolution }: Session,
  context: Context,
): Promise<string | null> {
  const name = resolution.profile?.value;
  if (name !== undefined) {
    if (!resolution.section) validateProfileName(name);
    return name;
  }
  if (isInteractive(context)) {
    const [known] = host ? profilesForHost(config, host, undefined, undefined) : [];
    return askForName(known ?? (host && suggestName(host, listProfiles(config).length)), context);
  }
  if (host) return null;
  throw new UserError("nothing says where to log in: give --host, or --profile for a new login");
}

/** The first profile is the fallback one; further ones are named after their host. */
function suggestName(host: string, profiles: number): string {
  return profiles === 0 ? "DEFAULT" : (new URL(host).hostname.split(".")[0] ?? "");
}

async function askForAccount(host: string, context: Context): Promise<string | undefined> {
  if (!isAccountHost(host) || !isInteractive(context)) return undefined;
  return (await context.prompt()).text("Databricks account id", {
    check: (line) => (line.trim() === "" ? "an account console needs one" : undefined),
  });
}

function chooseCompute(values: LoginValues, context: Context): Plan["compute"] {
  const { "configure-cluster": cluster, "configure-serverless": serverless } = values;
  if (cluster && serverless) {
    throw new UserError(
      "--configure-cluster and --configure-serverless exclude each other; give one",
    );
  }
  if (cluster && !isInteractive(context)) {
    throw new UserError(
      "--configure-cluster asks which cluster, and nobody can be asked here: set cluster_id in the profile instead",
    );
  }
  return cluster ? "cluster" : serverless ? "serverless" : null;
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
