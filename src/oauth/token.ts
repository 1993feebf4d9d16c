/** The token endpoint: what is sent there, and what may come back. oauth4webapi speaks RFC 6749; here its words become ours. */
import * as oauth from "oauth4webapi";
import { isLoopback } from "../config/host.ts";
import { UserError } from "../errors.ts";
import type { Token } from "../storage/store.ts";
import type { Server } from "./discovery.ts";
import { describeAnswer, type Http, oneLine } from "./http.ts";

/** The client that Databricks knows for command lines: public, so without a secret. */
export const CLIENT: oauth.Client = { client_id: "databricks-cli" };

/** One request to a token endpoint. */
export interface TokenRequest {
  http: Http;
  server: Server;
  /** Milliseconds since the epoch. */
  now(): number;
  signal?: AbortSignal | undefined;
}

/** The token endpoint refused, in the words of RFC 6749 section 5.2. */
export class TokenRefused extends UserError {
  override name = "TokenRefused";
  constructor(
    /** The error code. */
    readonly error: string,
    message: string,
  ) {
    super(message);
  }
}

/** The refresh token will never work again: only a new login helps. */
export class TokenRejected extends TokenRefused {
  override name = "TokenRejected";
}

/**
 * The codes that say so. `invalid_request` is what Databricks has answered for a refresh token that
 * it does not know; the rest of the request is always the same, so nothing else can be meant.
 */
const REJECTIONS: ReadonlySet<string> = new Set(["invalid_grant", "invalid_request"]);

/**
 * The token for a refresh token (RFC 6749 section 6). A server that does not rotate refresh
 * tokens sends none: the old one is kept.
 *
 * @throws TokenRejected when the server will never take this refresh token again
 * @throws UserError otherwise; nothing is known about the refresh token then
 */
export async function refresh(request: TokenRequest & { refreshToken: string }): Promise<Token> {
  const { server, refreshToken } = request;
  try {
    const token = await requestToken(request, {
      secrets: [refreshToken],
      send: (options) =>
        oauth.refreshTokenGrantRequest(server, CLIENT, oauth.None(), refreshToken, options),
      process: (response) => oauth.processRefreshTokenResponse(server, CLIENT, response),
    });
    return { refresh_token: refreshToken, ...token };
  } catch (error) {
    if (error instanceof TokenRefused && REJECTIONS.has(error.error)) {
      throw new TokenRejected(error.error, error.message);
    }
    throw error;
  }
}

/** What differs between the grants. */
export interface Grant {
  /** What is sent, and must not come back in an error: a server may repeat it in its text. */
  secrets: readonly string[];
  send(options: oauth.TokenEndpointRequestOptions): Promise<Response>;
  process(response: Response): Promise<oauth.TokenEndpointResponse>;
}

/** @throws UserError that names the host, and holds nothing of a token */
export async function requestToken(request: TokenRequest, grant: Grant): Promise<Token> {
  const { host, hostname } = new URL(request.server.token_endpoint);
  // Lifetimes count from here, so that a slow answer never makes a token look fresher than it is.
  const sentAt = request.now();
  const response = await grant.send({
    [oauth.customFetch]: (url, { method, headers, body, signal }) =>
      request.http(url, { method, headers, body, signal }),
    [oauth.allowInsecureRequests]: isLoopback(hostname),
    ...(request.signal ? { signal: request.signal } : {}),
  });
  const answered = `${host} answered the token request with`;
  if (!isJson(response)) throw new UserError(`${answered} ${describeAnswer(response)}`);
  try {
    return readToken(await grant.process(response), sentAt);
  } catch (error) {
    // Never kept as a cause: the library's errors hold the whole answer.
    if (error instanceof oauth.ResponseBodyError) {
      throw refusal(host, error, grant.secrets);
    }
    if (error instanceof oauth.OperationProcessingError && response.status !== 200) {
      throw new UserError(`${answered} ${describeAnswer(response)}`);
    }
    if (
      error instanceof oauth.OperationProcessingError ||
      error instanceof oauth.UnsupportedOperationError ||
      error instanceof UnusableToken
    ) {
      throw new UserError(`${answered} no token that can be used`);
    }
    throw error;
  }
}

/** RFC 6749 section 5.1; oauth4webapi itself takes JSON of any content type. */
function isJson(response: Response): boolean {
  return /^application\/json\b/i.test(response.headers.get("content-type") ?? "");
}

class UnusableToken extends Error {
  override name = "UnusableToken";
}

/** For a server that does not say (RFC 6749 section 5.1): Databricks documents one hour. In seconds. */
const DEFAULT_LIFETIME = 3600;

/** A lifetime past ten years is a slip of the server, and would not fit a date. In seconds. */
const MAX_LIFETIME = 10 * 365 * 86_400;

function readToken(answer: oauth.TokenEndpointResponse, sentAt: number): Token {
  const { access_token, token_type, expires_in, refresh_token, scope } = answer;
  // RFC 6750 section 2.1 and RFC 6749 appendix A: anything else would break headers and terminals.
  const sound = [access_token, refresh_token ?? access_token].every((t) =>
    /^[\x21-\x7e]+$/.test(t),
  );
  if (!sound || token_type !== "bearer") throw new UnusableToken();
  if (expires_in !== undefined && expires_in > MAX_LIFETIME) throw new UnusableToken();
  return {
    access_token,
    token_type: "Bearer",
    ...(refresh_token === undefined ? {} : { refresh_token }),
    ...(expires_in === undefined ? {} : { expires_in }),
    expiry: sentAt + (expires_in ?? DEFAULT_LIFETIME) * 1000,
    ...(scope === undefined ? {} : { scope }),
  };
}

function refusal(
  host: string,
  { error, error_description }: oauth.ResponseBodyError,
  secrets: readonly string[],
): TokenRefused {
  const said = error_description === undefined ? error : `${error}: ${error_description}`;
  const clean = secrets.reduce((text, secret) => text.replaceAll(secret, "***"), said);
  return new TokenRefused(error, `${host} refused the token request: ${oneLine(clean)}`);
}
