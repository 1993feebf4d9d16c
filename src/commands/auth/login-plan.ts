/** What a login is to: from the command line, the environment, the config file, and the host. */
import { canonicalHost, checkId } from "../../config/host.ts";
import { validateProfileName } from "../../config/profiles.ts";
import type { Resolution } from "../../config/resolve.ts";
import { type Context, isInteractive } from "../../context.ts";
import { UserError } from "../../errors.ts";
import { callbackPorts } from "../../oauth/callback.ts";
import {
  askTarget,
  DEFAULT_DISCOVERY_HOST,
  fetchHostMetadata,
  type HostMetadata,
  type LoginTarget,
} from "../../oauth/discovery.ts";
import type { Http } from "../../oauth/http.ts";
import { authArgs, hostProblem, parseDuration, profileArgument, type Values } from "../command.ts";
import { requireOwnHost } from "./credentials.ts";
import { askForAccount } from "./login-questions.ts";
import type { Session } from "./session.ts";
import { requireOwnAccount } from "./target.ts";

export const loginArgs = {
  ...profileArgument,
  ...authArgs,
  scopes: {
    type: "string",
    valueHint: "A,B",
    description: "OAuth scopes, comma-separated (default all-apis)",
  },
  timeout: {
    type: "string",
    valueHint: "DURATION",
    description: "how long to wait for the sign-in (default 1h)",
  },
  "configure-cluster": {
    type: "boolean",
    description: "pick a cluster, and save it in the profile",
  },
  "configure-serverless": {
    type: "boolean",
    description: "save serverless compute in the profile",
  },
  "skip-workspace": {
    type: "boolean",
    description: "do not ask which workspace of the account is meant",
  },
} as const;

export type LoginValues = Partial<Values<typeof loginArgs>>;

/** What is asked for beside the place to log in to. */
export interface Wishes {
  compute: "cluster" | "serverless" | null;
  /** Scopes to ask for and to save; null for the usual ones, which are not saved. */
  scopes: string[] | null;
  ports: readonly number[];
  /** Milliseconds. */
  timeout: number;
  /** The `--storage` flag. */
  storage: string | undefined;
}

/** @throws UserError for what can be refused before anything is asked or opened */
export function readWishes(values: LoginValues, context: Context): Wishes {
  return {
    timeout: parseDuration(values.timeout ?? "1h", "--timeout"),
    ports: callbackPorts(context.env["DATABRICKS_OAUTH_CALLBACK_PORT"]),
    scopes: parseScopes(values.scopes, "--scopes"),
    compute: chooseCompute(values, context),
    storage: values.storage,
  };
}

/** What is logged in to, checked before any store or browser is opened. */
export interface Plan extends Wishes {
  /** Null: the login is stored under its host alone, and no profile is saved. */
  profile: string | null;
  target: LoginTarget;
  metadata: HostMetadata | null;
  /** As given; what is not given the login finds out. */
  accountId: string | undefined;
  workspaceId: string | undefined;
  /** Ask which workspace of the account is meant. */
  pickWorkspace: boolean;
}

/** @throws UserError for whatever would only come up after the person has signed in */
export async function planLogin(
  values: LoginValues,
  wishes: Wishes,
  { resolution }: Session,
  http: Http,
  context: Context,
): Promise<Plan> {
  const { section, settings } = resolution;
  const host = settings.get("host")?.value;
  const profile = profileOf(resolution, host);
  const scopes =
    wishes.scopes ?? parseScopes(section?.get("scopes"), `scopes of profile ${profile}`);
  // A discovery leads to a place of its own: ids of the profile or the environment are of another.
  const given = (key: string) => {
    const setting = settings.get(key);
    return host || setting?.source.type === "flag" ? setting?.value : undefined;
  };
  const plan = { ...wishes, scopes, profile, workspaceId: given("workspace_id") };
  if (plan.workspaceId !== undefined) checkId("workspace id", plan.workspaceId);
  if (!host) {
    const target = { kind: "discovery", discoveryHost: discoveryHost(context) } as const;
    const accountId = given("account_id");
    return { ...plan, target, metadata: null, accountId, pickWorkspace: false };
  }
  const metadata = await fetchHostMetadata(http, host);
  const accountId = given("account_id") ?? (await askForAccount(host, context));
  const target = await askTarget(http, host, accountId, metadata);
  if (target.kind === "account" && plan.compute === "cluster") {
    throw new UserError(
      `--configure-cluster: ${host} is an account console, and clusters belong to workspaces`,
    );
  }
  const known = plan.workspaceId ?? metadata?.workspaceId;
  const pickWorkspace = target.kind === "unified" && !known && !values["skip-workspace"];
  return { ...plan, target, metadata, accountId, pickWorkspace };
}

function discoveryHost({ env }: Context): string {
  const given = env["DATABRICKS_DISCOVERY_HOST"] || DEFAULT_DISCOVERY_HOST;
  const problem = hostProblem(given);
  if (problem !== undefined) throw new UserError(`DATABRICKS_DISCOVERY_HOST: ${problem}`);
  return canonicalHost(given);
}

function profileOf(resolution: Resolution, host: string | undefined): string | null {
  const { profile, section } = resolution;
  // An account id that is typed is meant for the profile; what stands in the environment need not be.
  requireOwnHost(resolution);
  requireOwnAccount(resolution, "env");
  if (!profile) {
    if (host) return null;
    throw new UserError("nothing says where to log in: give --host, or --profile for a new login");
  }
  if (!section) validateProfileName(profile.value);
  return profile.value;
}

function chooseCompute(values: LoginValues, context: Context): Wishes["compute"] {
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
function parseScopes(text: string | undefined, origin: string): string[] | null {
  const scopes = (text ?? "").split(",").map((scope) => scope.trim());
  const given = scopes.filter((scope) => scope !== "");
  const odd = given.find((scope) => !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope));
  // RFC 6749 section 3.3.
  if (odd !== undefined) throw new UserError(`${origin}: ${JSON.stringify(odd)} is no OAuth scope`);
  return given.length > 0 ? given : null;
}
