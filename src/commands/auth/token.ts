import { type Context, cachePath, lockDirectory } from "../../context.ts";
import { messageOf, UserError } from "../../errors.ts";
import { renderJson } from "../../output.ts";
import { hasEntries } from "../../storage/file-store.ts";
import { notFoundHint, notFoundMessage } from "../../storage/hint.ts";
import { openForReading, type ReadingStore } from "../../storage/open.ts";
import type { RefreshRejected } from "../../storage/refresh-lock.ts";
import type { Token } from "../../storage/store.ts";
import {
  authArgs,
  checkOutput,
  command,
  parseDuration,
  profileArgument,
  type Values,
} from "../command.ts";
import { openHttp, openSession } from "./session.ts";
import { chooseLogin, type Login, loginCommand } from "./target.ts";

/** A token with no more than this left is refreshed, in milliseconds. */
const REFRESH_MARGIN = 5 * 60_000;

const args = {
  ...profileArgument,
  ...authArgs,
  "force-refresh": { type: "boolean", description: "get a new token even if the old is valid" },
  timeout: { type: "string", valueHint: "DURATION", description: "give up after this long (1h)" },
} as const;

export default command({
  name: "auth token",
  summary: "print an access token",
  details:
    "Prints the profile's access token as JSON, refreshed when five minutes or less remain.\nAny number of callers at once cause one refresh.",
  args,
  examples: [
    ["auth token -p work", "as JSON"],
    ["auth token -p work -o text", "the bare token"],
    ["auth token --host https://adb-1.2.azuredatabricks.net", "by host"],
  ],
  run: runToken,
});

async function runToken(values: Values<typeof args>, context: Context): Promise<void> {
  checkOutput(values.output);
  const timeout = parseDuration(values.timeout ?? "1h", "--timeout");
  const session = openSession(values, context);
  const login = chooseLogin(session);
  const store = openForReading(session.stores);
  const { key, token } = await findToken(login, store, context);
  const force = values["force-refresh"] === true;
  const current =
    isFresh(token, context.now()) && !force
      ? token
      : await renew({ login, key, token, store, force, timeout }, context);
  context.stdout.write(
    values.output === "text" ? `${current.access_token}\n` : renderJson(describeToken(current)),
  );
}

async function findToken(login: Login, store: ReadingStore, context: Context) {
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

interface Renewal {
  login: Login;
  key: string;
  token: Token;
  store: ReadingStore;
  force: boolean;
  /** Milliseconds. */
  timeout: number;
}

/** A new token, or the stored one where it is still valid and a new one was wished for but not to be had. */
async function renew(renewal: Renewal, context: Context): Promise<Token> {
  const refreshLock = await import("../../storage/refresh-lock.ts");
  const { login, key, store, force } = renewal;
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
      deadline: performance.now() + renewal.timeout,
      now: context.now,
      debug: context.debug,
      isFresh: (candidate) => isFresh(candidate, context.now()),
      request: async (refreshToken) => {
        const answer = await requestToken(login, refreshToken, context);
        mirror = [answer.hostKey];
        return answer.token;
      },
      isRejection: (error) => error instanceof oauth.TokenRejected,
      onStoreFailure: (error) =>
        context.stderr.write(`Warning: the new token could not be stored: ${messageOf(error)}\n`),
    });
    if (token) return token;
  } catch (error) {
    if (!force && remaining(renewal.token, context.now()) > 0) {
      context.debug(`${messageOf(error)}; the stored token is still valid and is printed`);
      return renewal.token;
    }
    throw error instanceof refreshLock.RefreshRejected ? rejection(error, login) : error;
  }
  throw notFound(store, context);
}

/** Asks the login's authorization server, which is found out first. */
async function requestToken(login: Login, refreshToken: string, context: Context) {
  const { fetchHostMetadata, findServer, hostKeyOf, loginTarget } = await import(
    "../../oauth/discovery.ts"
  );
  const { refresh } = await import("../../oauth/token.ts");
  const http = await openHttp(context);
  // Only with an account id can the host's metadata lead to another server than the workspace's own.
  const metadata = login.accountId ? await fetchHostMetadata(http, login.host) : null;
  const target = loginTarget(login.host, login.accountId, metadata);
  const server = await findServer(http, target);
  const token = await refresh({ http, server, refreshToken, now: context.now });
  return { token, hostKey: hostKeyOf(target) };
}

function rejection(error: RefreshRejected, login: Login): UserError {
  const reason =
    error.reason === "rejected"
      ? "A new access token could not be retrieved because the refresh token is invalid."
      : "The access token has expired, and there is no refresh token to renew it with.";
  return new UserError(`${reason}\nTo sign in again, run: ${loginCommand(login)}`, {
    cause: error,
  });
}

/** The fields that SDKs read; never the refresh token. */
function describeToken({ access_token, token_type, expiry, expires_in }: Token) {
  return {
    access_token,
    token_type,
    expiry: renderExpiry(expiry ?? 0),
    ...(expires_in !== undefined && { expires_in }),
  };
}

/**
 * Local time with nine digits of fraction and the local offset: of all forms of RFC 3339 the
 * one that every SDK reads right. Python drops the offset and compares with local time, and
 * fails on an offset without a fraction.
 */
function renderExpiry(milliseconds: number): string {
  const time = new Date(milliseconds);
  const offset = -time.getTimezoneOffset();
  const local = new Date(milliseconds + offset * 60_000).toISOString().slice(0, -1);
  const two = (value: number) => String(Math.trunc(value)).padStart(2, "0");
  const size = Math.abs(offset);
  return `${local}000000${offset < 0 ? "-" : "+"}${two(size / 60)}:${two(size % 60)}`;
}
