/** Which authorization server a host signs people in at, and where its endpoints are. */
import { accountKey, canonicalHost, checkId, isAccountHost, isLoopback } from "../config/host.ts";
import { UserError } from "../errors.ts";
import { ApiError, type Http, isObject, NoAnswer, readId, readJson } from "./http.ts";

/** What a host says about itself at `/.well-known/databricks-config`. */
export interface HostMetadata {
  /** May hold the placeholder `{account_id}`. */
  oidcEndpoint: string | undefined;
  accountId: string | undefined;
  workspaceId: string | undefined;
  cloud: string | undefined;
  /** Why the host could not be asked: what it would have said is not known. */
  unasked?: UserError;
}

const SAYS_NOTHING: HostMetadata = {
  oidcEndpoint: undefined,
  accountId: undefined,
  workspaceId: undefined,
  cloud: undefined,
};

/** A host whose authorization server is known; hosts are canonical. */
export type HostTarget =
  | { kind: "workspace"; host: string }
  | { kind: "account"; host: string; accountId: string }
  | { kind: "unified"; host: string; accountId: string };

/** What to log in to. With `discovery` the person picks the workspace in the browser. */
export type LoginTarget = HostTarget | { kind: "discovery"; discoveryHost: string };

/** The authorization server of a target, in the names of RFC 8414. */
export type Server = {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
  /** RFC 9207: the callback must then name the issuer. */
  authorization_response_iss_parameter_supported: boolean;
};

const METADATA_TIMEOUT_MS = 5000;

/** What the host says about itself; null when it has nothing to say. Account consoles are not asked. */
export async function fetchHostMetadata(
  http: Http,
  host: string,
  signal?: AbortSignal,
): Promise<HostMetadata | null> {
  if (isAccountHost(host)) return null;
  try {
    const url = `${host}/.well-known/databricks-config`;
    const json = await readJson(url, await http(url, { timeoutMs: METADATA_TIMEOUT_MS, signal }));
    if (!isObject(json)) return null;
    return {
      oidcEndpoint: readId(json["oidc_endpoint"]),
      accountId: readId(json["account_id"]),
      workspaceId: readId(json["workspace_id"]),
      cloud: readId(json["cloud"]),
    };
  } catch (error) {
    // Best effort: the HTTP layer has noted the reason for --debug.
    if (!(error instanceof UserError) || signal?.aborted) throw error;
    if (!isPassing(error)) return null;
    const text = `${host} could not be asked where it signs people in: ${error.message}`;
    return { ...SAYS_NOTHING, unasked: new UserError(text, { cause: error }) };
  }
}

/** The host may answer otherwise the next time. */
const isPassing = (error: unknown) =>
  error instanceof NoAnswer ||
  (error instanceof ApiError && (error.status >= 500 || error.status === 429));

/**
 * The target behind a canonical host. `accountId` is what the person or the profile gave; the
 * host's own counts where there is none. A host that says nothing is a workspace.
 *
 * @throws UserError for an account console without an account id
 */
export function loginTarget(
  host: string,
  accountId: string | undefined,
  metadata: HostMetadata | null,
): HostTarget {
  const account = accountId ?? metadata?.accountId;
  if (account !== undefined) checkId("account id", account);
  if (isAccountHost(host)) {
    if (account === undefined) {
      throw new UserError(`${host} is an account console: give --account-id`);
    }
    return { kind: "account", host, accountId: account };
  }
  const accountScoped = metadata?.oidcEndpoint?.includes("/oidc/accounts/") ?? false;
  return accountScoped && account !== undefined
    ? { kind: "unified", host, accountId: account }
    : { kind: "workspace", host };
}

/**
 * As `loginTarget`. A host that could not be asked about itself is asked for the account's
 * authorization server: it is the account's if that is there, a workspace if it is not.
 *
 * @throws UserError as `loginTarget` does, and where neither can be asked
 */
export async function askTarget(
  http: Http,
  host: string,
  accountId: string | undefined,
  metadata: HostMetadata | null,
  signal?: AbortSignal,
): Promise<HostTarget> {
  const target = loginTarget(host, accountId, metadata);
  if (!metadata?.unasked || accountId === undefined) return target;
  const unified: HostTarget = { kind: "unified", host, accountId };
  try {
    await findServer(http, unified, signal);
    return unified;
  } catch (error) {
    if (!(error instanceof UserError) || signal?.aborted) throw error;
    if (isPassing(error)) throw metadata.unasked;
    return target;
  }
}

/** The target that a key of the file cache stands for; it is one of `hostKeys`. */
export function targetOfKey(
  host: string,
  accountId: string | undefined,
  hostKey: string,
): HostTarget {
  const target = loginTarget(host, accountId, null);
  return target.kind === "workspace" && accountId !== undefined && hostKey !== host
    ? { kind: "unified", host, accountId }
    : target;
}

/** The key of a target's token in the file cache, beside the profile's. */
export function hostKeyOf(target: HostTarget): string {
  return target.kind === "workspace" ? target.host : accountKey(target.host, target.accountId);
}

/**
 * The authorization server of a target. An account console's is fixed, any other is asked (RFC 8414).
 *
 * @throws UserError when the host cannot be asked, or answers with what cannot be trusted
 */
export async function findServer(
  http: Http,
  target: HostTarget,
  signal?: AbortSignal,
): Promise<Server> {
  const issuer = issuerOf(target);
  if (target.kind === "account") return fixedServer(issuer);
  const url = `${issuer}/.well-known/oauth-authorization-server`;
  const response = await http(url, { signal });
  return checkServer(await readDescription(url, response), issuer, target.host);
}

/** Any web server may answer, and say that it has no such page. */
async function readDescription(url: string, response: Response): Promise<unknown> {
  try {
    return await readJson(url, response);
  } catch (error) {
    if (!(error instanceof UserError) || isPassing(error)) throw error;
    throw new UserError(`${error.message}; is this a Databricks host?`, { cause: error });
  }
}

/** The server at the fixed endpoints below an issuer. */
export function fixedServer(issuer: string): Server {
  return {
    issuer,
    authorization_endpoint: `${issuer}/v1/authorize`,
    token_endpoint: `${issuer}/v1/token`,
    authorization_response_iss_parameter_supported: false,
  };
}

function issuerOf(target: HostTarget): string {
  return target.kind === "workspace"
    ? `${target.host}/oidc`
    : accountKey(target.host, target.accountId);
}

/**
 * RFC 8414 section 3.3: the issuer must be the one asked. Some hosts leave it out; that costs
 * nothing, as both endpoints must be at the host itself. Otherwise a host could send the person
 * to another's real sign-in page and have the code delivered to itself (RFC 9700 section 4.4).
 */
function checkServer(json: unknown, issuer: string, host: string): Server {
  if (!isObject(json))
    throw new UserError(`${host} describes its OAuth endpoints in an unknown form`);
  const claimed = json["issuer"];
  if (claimed !== undefined && claimed !== issuer) {
    throw new UserError(`${host} describes the OAuth server of another issuer than ${issuer}`);
  }
  return {
    issuer,
    authorization_endpoint: endpoint(json, "authorization_endpoint", host),
    token_endpoint: endpoint(json, "token_endpoint", host),
    authorization_response_iss_parameter_supported:
      json["authorization_response_iss_parameter_supported"] === true,
  };
}

function endpoint(json: Record<string, unknown>, name: string, host: string): string {
  const value = json[name];
  const url = typeof value === "string" ? URL.parse(value) : null;
  if (url === null) throw new UserError(`${host} names no ${name}`);
  if (url.origin !== new URL(host).origin) {
    throw new UserError(
      `${host} names its ${name} at another host, ${url.origin}; if that is your workspace, log in there`,
    );
  }
  return url.href;
}

/** Where people are sent who name no host. */
export const DEFAULT_DISCOVERY_HOST = "https://login.databricks.com";

/** The domains that Databricks' own hosts are in, of all clouds. */
const DATABRICKS_DOMAINS = [
  "databricks.com",
  "databricks.us",
  "databricks.mil",
  "azuredatabricks.net",
  "databricks.azure.us",
  "databricks.azure.cn",
];

/**
 * The server that answered a discovery login, as `iss` names it (RFC 9207). The code and its
 * verifier go there, and later every token of the profile, so it is not taken from just anybody:
 * beginning at the usual host, a login ends at a Databricks host; another host is the person's own
 * choice, and may lead anywhere by https, or within this machine if it is on it.
 */
export function discoveredServer(
  iss: string | null,
  discoveryHost: string,
): { server: Server; target: HostTarget } {
  const url = URL.parse(iss ?? "");
  if (iss === null || url === null || url.search !== "" || url.hash !== "") {
    throw new UserError(`${discoveryHost} did not lead to a workspace; log in with --host`);
  }
  const host = canonicalHost(url.href);
  const local = url.protocol === "http:";
  const trusted =
    discoveryHost === DEFAULT_DISCOVERY_HOST
      ? DATABRICKS_DOMAINS.some((domain) => url.hostname.endsWith(`.${domain}`))
      : !local || isLoopback(new URL(discoveryHost).hostname);
  if (!trusted) {
    throw new UserError(
      `${discoveryHost} led to ${host}, which is no Databricks host; if you trust it, log in with --host ${host}`,
    );
  }
  const base = iss.replace(/\/+$/, "");
  const accountId = /^\/oidc\/accounts\/([A-Za-z0-9_-]+)\/?$/.exec(url.pathname)?.[1];
  return {
    server: { ...fixedServer(base), issuer: iss },
    target:
      accountId === undefined
        ? { kind: "workspace", host }
        : { kind: isAccountHost(host) ? "account" : "unified", host, accountId },
  };
}
