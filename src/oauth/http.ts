/** Requests that cannot hang, cannot swamp the memory, and never take a secret elsewhere. */
import { isLoopback } from "../config/host.ts";
import { UserError } from "../errors.ts";

export interface HttpRequest {
  /** GET by default. */
  method?: "GET" | "POST";
  headers?: Record<string, string>;
  body?: URLSearchParams | undefined;
  /** For the whole exchange, body included, in milliseconds; 30,000 by default. */
  timeoutMs?: number;
  /** Of the decoded body; 1 MiB by default. */
  maxBytes?: number;
  signal?: AbortSignal | undefined;
}

/**
 * Fetches an absolute address and reads its whole body. Any status below 300 and above 399 is an
 * answer; everything else (no connection, time, size, a redirect) is a `UserError` that names the host.
 * Redirects are not followed: they would carry a code or a token to where nobody meant it to go.
 */
export type Http = (url: string, request?: HttpRequest) => Promise<Response>;

/** What the requests need of the world outside. */
export interface HttpOutside {
  fetch: typeof fetch;
  env: Readonly<Record<string, string | undefined>>;
  userAgent: string;
  /** One line for each request; never given a query, a header or a body. */
  debug(message: string): void;
}

/** Nothing was to be had of the host, in time or at all. */
export class NoAnswer extends UserError {
  override name = "NoAnswer";
}

const DEFAULT_TIMEOUT_MS = 30_000;
const DEFAULT_MAX_BYTES = 1024 * 1024;

export function createHttp(outside: HttpOutside): Http {
  return async (address, request = {}) => {
    const url = new URL(address);
    if (url.protocol !== "https:" && !(url.protocol === "http:" && isLoopback(url.hostname))) {
      throw new UserError(`${url.host}: only https is accepted, not ${url.protocol}//`);
    }
    const timeoutMs = request.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const timeout = AbortSignal.timeout(timeoutMs);
    const startedAt = performance.now();
    const note = (outcome: string) =>
      outside.debug(
        `${request.method ?? "GET"} ${url.origin}${url.pathname}: ${outcome} after ${Math.round(performance.now() - startedAt)} ms`,
      );
    try {
      const response = await exchange(url, request, timeout, outside);
      note(String(response.status));
      return response;
    } catch (error) {
      if (request.signal?.aborted) throw request.signal.reason;
      const failure = timeout.aborted
        ? new NoAnswer(`${url.host} did not answer within ${timeoutMs / 1000} s`)
        : asUserError(error, url, outside.env);
      note(failure.message);
      throw failure;
    }
  };
}

async function exchange(
  url: URL,
  request: HttpRequest,
  timeout: AbortSignal,
  outside: HttpOutside,
): Promise<Response> {
  const done = new AbortController();
  const signals = [timeout, done.signal, ...(request.signal ? [request.signal] : [])];
  try {
    const response = await outside.fetch(addressOf(url), {
      method: request.method ?? "GET",
      headers: {
        accept: "application/json",
        ...request.headers,
        "user-agent": outside.userAgent,
        host: url.host,
      },
      ...(request.body === undefined ? {} : { body: request.body }),
      redirect: "manual",
      signal: AbortSignal.any(signals),
      // NODE_TLS_REJECT_UNAUTHORIZED=0 and BUN_CONFIG_VERBOSE_FETCH in the environment would make Bun
      // take any certificate, and print tokens to stderr.
      tls: { rejectUnauthorized: true },
      verbose: false,
      // Proxies come from the environment, read by Bun. Loopback is never asked of one, whatever
      // NO_PROXY says: plain http is allowed there because it stays on the machine.
      ...(isLoopback(url.hostname) ? { proxy: false } : {}),
    });
    if (response.status >= 300 && response.status <= 399) throw redirected(url, response);
    const bytes = await readBody(url, response, request.maxBytes ?? DEFAULT_MAX_BYTES);
    const type = response.headers.get("content-type");
    return new Response(response.status === 204 || response.status === 205 ? null : bytes, {
      status: response.status,
      headers: type === null ? {} : { "content-type": type },
    });
  } finally {
    done.abort();
  }
}

/**
 * Where a request goes. Names below `localhost` are this machine's (RFC 6761 section 6.3), but not
 * every system's resolver knows that, and over plain http nothing would tell a stranger's answer.
 */
function addressOf(url: URL): URL {
  if (url.protocol !== "http:" || !url.hostname.endsWith(".localhost")) return url;
  const address = new URL(url);
  address.hostname = "localhost";
  return address;
}

async function readBody(url: URL, response: Response, maxBytes: number) {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) {
      throw new UserError(`${url.host} sent more than ${maxBytes / 1024} KiB, which is not read`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function redirected(url: URL, response: Response): UserError {
  const location = URL.parse(response.headers.get("location") ?? "", url);
  const target = location === null ? "elsewhere" : `to ${location.origin}`;
  return new UserError(
    `${url.host} answered ${url.pathname} with a redirect ${target}, which is not followed; is this the right host?`,
  );
}

/** What Bun's fetch reports in `code`: numbers of the system, of the resolver, and of BoringSSL. */
const CAUSES: Readonly<Record<string, string>> = {
  ENOTFOUND: "no such host; check its spelling and the network",
  EAI_AGAIN: "the name could not be resolved; check the network",
  ECONNREFUSED: "connection refused; check the address",
  ECONNRESET: "the connection was cut",
  ECONNABORTED: "the connection was cut",
  EPIPE: "the connection was cut",
  ETIMEDOUT: "no connection: it timed out",
  EHOSTUNREACH: "no route to it",
  ENETUNREACH: "no network",
  Malformed_HTTP_Response: "its answer is not HTTP",
  EPROTO: "it does not speak TLS on this port",
  CERT_HAS_EXPIRED: "its certificate has expired; check the clock of this machine, too",
  CERT_NOT_YET_VALID: "its certificate is not valid yet; check the clock of this machine",
  ERR_TLS_CERT_ALTNAME_INVALID: "its certificate is for another name",
  ERR_PROXY_TUNNEL: "the proxy refused to connect to it",
  UnsupportedProxyProtocol: "the proxy's address must begin with http:// or https://",
};

/** Those that say that nobody known vouches for the certificate. */
const UNTRUSTED: ReadonlySet<string> = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

function asUserError(error: unknown, url: URL, env: HttpOutside["env"]): UserError {
  if (error instanceof UserError) return error;
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const cause = UNTRUSTED.has(code)
    ? "its certificate is not trusted; if a company's proxy is in between, add its certificate to the system's"
    : (CAUSES[code] ?? `the request failed${code === "" ? "" : ` (${code})`}`);
  return new NoAnswer(`${url.host}: ${cause}${proxyNote(url, env)}`);
}

/** Where a proxy may be what is wrong, the variable that names it. Its value may hold a password. */
function proxyNote(url: URL, env: HttpOutside["env"]): string {
  if (isLoopback(url.hostname)) return "";
  const scheme = url.protocol === "https:" ? "https_proxy" : "http_proxy";
  const names = [scheme, scheme.toUpperCase(), "all_proxy", "ALL_PROXY"];
  const name = names.find((candidate) => env[candidate]);
  return name === undefined ? "" : ` (a proxy is set by ${name})`;
}

/**
 * The JSON body of an answer of the REST API. Integers past 2^53, such as workspace ids, come as strings.
 *
 * @throws ApiError for a status other than 2xx
 * @throws UserError for anything but JSON
 */
export async function readJson(url: string, response: Response): Promise<unknown> {
  const { host } = new URL(url);
  const json = parseJson(await response.text());
  if (!response.ok) {
    const told = isObject(json) && typeof json["message"] === "string" ? json["message"] : "";
    const detail = told === "" ? "" : `: ${oneLine(told)}`;
    throw new ApiError(response.status, `${host} answered ${describeAnswer(response)}${detail}`);
  }
  if (json === undefined) {
    throw new UserError(`${host} answered ${describeAnswer(response)} where JSON was due`);
  }
  return json;
}

/** An answer that says no, by its status. */
export class ApiError extends UserError {
  override name = "ApiError";
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The value of a JSON text, with every integer past 2^53 as a string of its digits; undefined for anything else. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, (_key, value: unknown, { source = "" }: { source?: string }) =>
      typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(source)
        ? source
        : value,
    );
  } catch {
    return undefined;
  }
}

/** Status and kind of an answer: `503 with an HTML page`, `200 with text/plain`, `500`. */
export function describeAnswer(response: Response): string {
  const type = response.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (type === "text/html" || type === "application/xhtml+xml") {
    return `${response.status} with an HTML page`;
  }
  const known = type === "" || type === "application/json";
  return known ? String(response.status) : `${response.status} with ${oneLine(type)}`;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An id or another word that the wire has as a string or as an integer; undefined for anything else. */
export function readId(value: unknown): string | undefined {
  if (Number.isInteger(value)) return String(value);
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** Text of a server, fit for one line of a terminal: no control or direction signs, and not long. */
export function oneLine(text: string): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
