/** The access token of a person's login: the stored one while it is fresh, else a new one. */
import { hostKeys } from "../../config/host.ts";
import { type Context, cachePath, lockDirectory } from "../../context.ts";
import { messageOf, UserError } from "../../errors.ts";
import type { HostTarget } from "../../oauth/discovery.ts";
import type { Http } from "../../oauth/http.ts";
import { hasEntries } from "../../storage/file-store.ts";
import { notFoundHint, notFoundMessage } from "../../storage/hint.ts";
import type { ReadingStore } from "../../storage/open.ts";
import type { RefreshRejected } from "../../storage/refresh-lock.ts";
import type { Token } from "../../storage/store.ts";
import { openHttp } from "./session.ts";
import { type Login, loginCommand, storageFlag } from "./target.ts";

/** A token with no more than this left is refreshed, in milliseconds. */
const REFRESH_MARGIN = 5 * 60_000;

export interface AccessTokenRequest {
  login: Login;
  store: ReadingStore;
  /** The `--storage` flag: a new login must go where the token was looked for. */
  storage?: string | undefined;
  /** Get a new token even if the stored one is fresh. */
  force: boolean;
  /** When to wait no longer for another process that gets a new one: a point in time of `performance.now()`. */
  deadline: number;
  /** Makes what ends the requests for a new one. */
  signal: () => AbortSignal;
  /**
   * Whether a refresh token that was sent has its answer awaited and stored whatever the signal says,
   * at the latest when the program ends. Otherwise the answer is lost, a rotated refresh token too.
   */
  lasting?: boolean;
}

/**
 * The token to use now. One that is fresh costs no request at all.
 *
 * @throws UserError where there is no login, the keyring fails, or no new token is to be had
 */
export async function readAccessToken(
  request: AccessTokenRequest,
  context: Context,
): Promise<Token> {
  const found = await findToken(request, context);
  if (isFresh(found.token, context.now()) && !request.force) return found.token;
  return renew({ ...request, ...found }, context);
}

interface Found {
  key: string;
  token: Token;
}

async function findToken({ login, store }: AccessTokenRequest, context: Context): Promise<Found> {
  for (const key of login.keys) {
    const token = await store.lookup(key);
    if (token) return { key, token };
  }
  throw notFound(store, context);
}

function notFound(store: ReadingStore, context: Context): UserError {
  const filled = store.location === "keyring" && hasEntries(cachePath(context));
  return new UserError(notFoundMessage(notFoundHint(store.location, filled)));
}

/** Milliseconds until a token ends; a token of unknown lifetime counts as ended. */
const remaining = (token: Token, now: number) => (token.expiry ?? 0) - now;
const isFresh = (token: Token, now: number) => remaining(token, now) > REFRESH_MARGIN;

/** A new token, or the stored one where it is still valid and a new one was wished for but not to be had. */
async function renew(renewal: AccessTokenRequest & Found, context: Context): Promise<Token> {
  const refreshLock = await import("../../storage/refresh-lock.ts");
  const { key, store, force } = renewal;
  const oauth = await import("../../oauth/token.ts");
  let mirror: string[] = [];
  try {
    const token = await refreshLock.refreshOnce({
      key,
      putKeys: () => [key, ...mirror],
      store,
      force,
      startedAt: context.startedAt,
      lockDirectory: lockDirectory(context),
      deadline: renewal.deadline,
      now: context.now,
      debug: context.debug,
      isFresh: (candidate) => isFresh(candidate, context.now()),
      request: async (refreshToken, isFrom) => {
        const answer = await requestToken({ ...renewal, refreshToken, isFrom }, context);
        mirror = [answer.hostKey];
        return answer.token;
      },
      isRejection: (error) => error instanceof oauth.TokenRejected,
      onExchange: (exchange) => {
        context.unbroken.add(exchange);
        if (renewal.lasting) context.unfinished.push(exchange);
      },
      onStoreFailure: (error) =>
        context.stderr.write(`Warning: the new token could not be stored: ${messageOf(error)}\n`),
    });
    if (token) return token;
  } catch (error) {
    if (!force && remaining(renewal.token, context.now()) > 0) {
      context.debug(`${messageOf(error)}; the stored token is still valid and is used`);
      return renewal.token;
    }
    throw error instanceof refreshLock.RefreshRejected ? rejection(error, renewal) : error;
  }
  throw notFound(store, context);
}

interface TokenQuestion extends AccessTokenRequest, Found {
  refreshToken: string;
  /** Whether the token is known to be from the server that a host's key stands for. */
  isFrom(hostKey: string): boolean;
}

/** Asks the login's authorization server, which is found out first. */
async function requestToken(question: TokenQuestion, context: Context) {
  const { refreshToken, lasting = false } = question;
  const { findServer, hostKeyOf } = await import("../../oauth/discovery.ts");
  const { refresh } = await import("../../oauth/token.ts");
  const http = await openHttp(context);
  const signal = question.signal();
  const target = await findTarget(question, http, signal);
  const server = await findServer(http, target, signal);
  signal.throwIfAborted();
  const ending = lasting ? undefined : signal;
  const token = await refresh({ http, server, refreshToken, now: context.now, signal: ending });
  return { token, hostKey: hostKeyOf(target) };
}

/** Where the token is from. The host is asked only if that is not known, as for a token of another program's. */
async function findTarget(
  { login, key, isFrom }: TokenQuestion,
  http: Http,
  signal: AbortSignal,
): Promise<HostTarget> {
  const { profile, host, accountId } = login;
  const { fetchHostMetadata, loginTarget, targetOfKey } = await import("../../oauth/discovery.ts");
  const hostKey = key === profile ? hostKeys(host, accountId).find(isFrom) : key;
  if (hostKey !== undefined) return targetOfKey(host, accountId, hostKey);
  // Only with an account id can the host's metadata lead to another server than the workspace's own.
  const metadata = accountId ? await fetchHostMetadata(http, host, signal) : null;
  // A refresh token goes nowhere by guess: a server that does not know it may end the login.
  if (metadata?.unasked) throw metadata.unasked;
  return loginTarget(host, accountId, metadata);
}

function rejection(
  error: RefreshRejected,
  { login, storage }: Pick<AccessTokenRequest, "login" | "storage">,
): UserError {
  const reason =
    error.reason === "rejected"
      ? "A new access token could not be retrieved because the refresh token is invalid."
      : "A new access token could not be retrieved because there is no refresh token.";
  const command = `${loginCommand(login)}${storageFlag(storage)}`;
  return new UserError(`${reason}\nTo sign in again, run: ${command}`, { cause: error });
}
