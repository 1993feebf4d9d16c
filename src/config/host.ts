/** Hosts as people write them, in the one form in which they are kept and compared. */
import { UserError } from "../errors.ts";

/** A host, and the ids that its URL carried. */
export interface ParsedHost {
  /** `https://name[:port]`: lower case, Punycode, no default port, no path. */
  host: string;
  workspaceId?: string;
  accountId?: string;
}

const WORKSPACE_PARAMETERS = ["o", "w", "workspace_id"];
const ACCOUNT_PARAMETERS = ["a", "account_id"];

/**
 * Takes apart a bare name, a name with a port, or any address copied from a browser.
 * `http` is accepted for loopback hosts alone: everywhere else a token would travel in the clear.
 *
 * @throws UserError that quotes the input, except where it may hold a password
 */
export function parseHost(input: string): ParsedHost {
  const text = input.trim();
  if (text === "") throw new UserError("the host is empty");
  const url = readUrl(text);
  if (url.username !== "" || url.password !== "") {
    throw new UserError(`the host must not hold a user name or a password: ${url.host}`);
  }
  const name = url.hostname.replace(/\.$/, "");
  if (!isHostName(name)) throw notAHost(text);
  if (url.protocol === "http:" && !isLoopback(name)) {
    throw new UserError(
      `${name}: only https is accepted, as the tokens would be sent in the clear`,
    );
  }
  const port = url.port === "" ? "" : `:${url.port}`;
  const workspaceId = firstOf(url.searchParams, WORKSPACE_PARAMETERS);
  const accountId = firstOf(url.searchParams, ACCOUNT_PARAMETERS);
  return {
    host: `${url.protocol}//${name}${port}`,
    ...(workspaceId === undefined ? {} : { workspaceId }),
    ...(accountId === undefined ? {} : { accountId }),
  };
}

/** The host alone, as `parseHost` gives it. */
export function canonicalHost(input: string): string {
  return parseHost(input).host;
}

/** A host as it was written, to be shown: without the user name and password that it may hold. */
export function withoutPassword(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^/?#]*@/i, "$1***@");
}

/**
 * Whether this name, in the form that `URL` gives it, is this machine's: 127.0.0.0/8, ::1, `localhost` and
 * what lies below it (RFC 6761 section 6.3).
 */
export function isLoopback(hostname: string): boolean {
  return /^(([^.]+\.)*localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

/** An account console: its endpoints are fixed, and nothing works there without an account id. */
export function isAccountHost(host: string): boolean {
  return /^https?:\/\/accounts(-dod)?\./.test(host);
}

/**
 * An id goes into URL paths and into keys of the file cache.
 *
 * @throws UserError for one that would change either's meaning
 */
export function checkId(what: "account id" | "workspace id", id: string): void {
  if (!/^[A-Za-z0-9_-]+$/.test(id)) {
    throw new UserError(`${JSON.stringify(id)} is no ${what}: only letters, digits, "-" and "_"`);
  }
}

/** The key of an account or unified login in the file cache, where it has no profile. */
export function accountKey(host: string, accountId: string): string {
  return `${host}/oidc/accounts/${accountId}`;
}

/** The keys under which a login to a canonical host may lie, the likelier one first. */
export function hostKeys(host: string, accountId: string | undefined): [string, ...string[]] {
  return accountId === undefined ? [host] : [accountKey(host, accountId), host];
}

function readUrl(text: string): URL {
  // The URL parser drops tabs and line ends and takes `\` for `/`: refuse what would be read as something else.
  if (/[\s\\\p{Cc}]/u.test(text)) throw notAHost(text);
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`);
  if (url === null) throw notAHost(text);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new UserError(`a host begins with https://, not ${url.protocol}//`);
  }
  return url;
}

/** Labels of letters, digits, `-` and `_`, none of them empty; or an IPv6 address. */
function isHostName(name: string): boolean {
  return /^([a-z0-9_-]+\.)*[a-z0-9_-]+$/.test(name) || /^\[[0-9a-f:.]+\]$/.test(name);
}

function notAHost(text: string): UserError {
  // Text before an `@` may be a password.
  const shown = text.includes("@") ? "the host given" : JSON.stringify(text);
  return new UserError(
    `${shown} is not a host; give one such as https://example.cloud.databricks.com`,
  );
}

function firstOf(parameters: URLSearchParams, names: readonly string[]): string | undefined {
  return names.map((name) => parameters.get(name)).find((value) => value) ?? undefined;
}
