/** A person's login: the authorization code grant with PKCE, through the browser and back. */
import * as oauth from "oauth4webapi";
import { messageOf, UserError } from "../errors.ts";
import type { Token } from "../storage/store.ts";
import { type Callback, type CallbackListener, listenForCallback } from "./callback.ts";
import {
  discoveredServer,
  findServer,
  type HostTarget,
  type LoginTarget,
  type Server,
} from "./discovery.ts";
import { type Http, oneLine } from "./http.ts";
import { failedPage, refusedPage, signedInPage } from "./page.ts";
import { CLIENT, requestToken } from "./token.ts";

export const DEFAULT_SCOPES: readonly string[] = ["all-apis"];

export interface LoginOptions {
  target: LoginTarget;
  /** `offline_access` is added to them. */
  scopes: readonly string[];
  /** Callback ports, in the order in which they are tried. */
  ports: readonly number[];
  /** For the whole login, in milliseconds. */
  timeoutMs: number;
  http: Http;
  /** Milliseconds since the epoch. */
  now(): number;
  signal?: AbortSignal | undefined;
  /** The callback is awaited: opens the browser, or shows the link. */
  onAuthorizeUrl(url: string): void;
  /** All callback ports are taken; the login waits for one. */
  onBusyPorts(): void;
  /** Lines that may be the redirected address, until the signal is aborted. */
  readPasted?: (signal: AbortSignal) => AsyncIterable<string>;
  /** A pasted line was not the answer that is awaited. */
  onPasteRefused?: () => void;
}

export interface LoginResult {
  token: Token;
  /** Of a discovery login, the host that the person picked. */
  target: HostTarget;
}

/** The authorization server said no: `error` is its code (RFC 6749 section 4.1.2.1), `said` that and its reason. */
export class SignInRefused extends UserError {
  override name = "SignInRefused";
  constructor(
    readonly error: string,
    readonly said: string,
  ) {
    super(`sign-in was refused: ${said}`);
  }
}

/**
 * @throws SignInRefused when the person or the server refused
 * @throws UserError when it cannot be done, or not in time; the signal's reason when that is aborted
 */
export async function login(options: LoginOptions): Promise<LoginResult> {
  const ending = new AbortController();
  const { timeoutMs } = options;
  const timer = setTimeout(() => {
    const limit = timeoutMs < 120_000 ? `${timeoutMs / 1000} s` : `${timeoutMs / 60_000} min`;
    ending.abort(
      new UserError(`nobody signed in within ${limit}; --timeout sets how long to wait`),
    );
  }, timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, ending.signal]) : ending.signal;
  try {
    return await signIn(options, signal);
  } finally {
    clearTimeout(timer);
    ending.abort();
  }
}

/** Where a login goes: to a server that is known, or to whichever the person picks. */
type Plan =
  | { kind: "known"; server: Server; target: HostTarget }
  | { kind: "discovery"; discoveryHost: string };

/** What a callback is checked against, and redeemed with. */
interface Attempt {
  plan: Plan;
  state: string;
  verifier: string;
  redirectUri: string;
  signal: AbortSignal;
}

async function signIn(options: LoginOptions, signal: AbortSignal): Promise<LoginResult> {
  const { target, http } = options;
  const plan: Plan =
    target.kind === "discovery"
      ? target
      : { kind: "known", target, server: await findServer(http, target, signal) };
  const state = oauth.generateRandomState();
  const verifier = oauth.generateRandomCodeVerifier();
  const listener = await listenForCallback({
    ports: options.ports,
    state,
    signal,
    onBusy: options.onBusyPorts,
  });
  try {
    const { redirectUri } = listener;
    const query = new URLSearchParams({
      response_type: "code",
      client_id: CLIENT.client_id,
      redirect_uri: redirectUri,
      scope: ["offline_access", ...options.scopes.filter((s) => s !== "offline_access")].join(" "),
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
    });
    options.onAuthorizeUrl(authorizeUrl(plan, query));
    takePasted(options, listener, signal);
    const callback = await listener.received;
    return await redeem(options, { plan, state, verifier, redirectUri, signal }, callback);
  } finally {
    await listener.close();
  }
}

function authorizeUrl(plan: Plan, query: URLSearchParams): string {
  if (plan.kind === "discovery") {
    const url = new URL(plan.discoveryHost);
    url.searchParams.set("destination_url", `/oidc/v1/authorize?${query}`);
    return url.href;
  }
  const url = new URL(plan.server.authorization_endpoint);
  for (const [name, value] of query) url.searchParams.set(name, value);
  return url.href;
}

function takePasted(
  { readPasted, onPasteRefused }: LoginOptions,
  listener: CallbackListener,
  signal: AbortSignal,
): void {
  if (readPasted === undefined) return;
  const read = async () => {
    for await (const line of readPasted(signal)) {
      if (line.trim() === "") continue;
      if (listener.offerPasted(line) === "accepted") return;
      onPasteRefused?.();
    }
  };
  // The browser's way stays open when nothing can be read.
  read().catch(() => {});
}

async function redeem(
  options: LoginOptions,
  attempt: Attempt,
  { parameters, answer }: Callback,
): Promise<LoginResult> {
  try {
    rejectRefusal(parameters);
    const { server, target } =
      attempt.plan.kind === "discovery"
        ? discoveredServer(parameters.get("iss"), attempt.plan.discoveryHost)
        : attempt.plan;
    const code = readCode(server, parameters, attempt.state);
    const token = await requestToken(
      { http: options.http, server, now: options.now, signal: attempt.signal },
      {
        secrets: [code.get("code") ?? "", attempt.verifier],
        send: (request) =>
          oauth.authorizationCodeGrantRequest(
            server,
            CLIENT,
            oauth.None(),
            code,
            attempt.redirectUri,
            attempt.verifier,
            request,
          ),
        process: (response) => oauth.processAuthorizationCodeResponse(server, CLIENT, response),
      },
    );
    answer(signedInPage(target.host));
    return { token, target };
  } catch (error) {
    answer(error instanceof SignInRefused ? refusedPage(error.said) : failedPage(messageOf(error)));
    throw error;
  }
}

function rejectRefusal(parameters: URLSearchParams): void {
  const error = parameters.get("error");
  if (!error) return;
  const description = parameters.get("error_description");
  throw new SignInRefused(error, oneLine(description ? `${error}: ${description}` : error));
}

/** The parameters that hold the code: each of them once, and the `iss` of the server that was asked (RFC 9207). */
function readCode(server: Server, parameters: URLSearchParams, state: string): URLSearchParams {
  const codes = parameters.getAll("code");
  if (codes.length === 1 && codes[0] !== "") {
    try {
      return oauth.validateAuthResponse(server, CLIENT, parameters, state);
    } catch (error) {
      const expected =
        error instanceof oauth.OperationProcessingError ||
        error instanceof oauth.UnsupportedOperationError;
      if (!expected) throw error;
    }
  }
  throw new UserError(
    `the browser brought no valid answer of ${server.issuer}; nothing was stored, run the command again`,
  );
}
