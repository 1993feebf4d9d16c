import { utcOffset } from "../../../native/libc.ts";
import { placeIn, profilesForHost } from "../../config/resolve.ts";
import { type Context, isInteractive } from "../../context.ts";
import { renderJson } from "../../output.ts";
import { openForReading } from "../../storage/open.ts";
import type { Token } from "../../storage/store.ts";
import { authArgs, command, parseDuration, profileArgument, type Values } from "../command.ts";
import { deadline } from "../deadline.ts";
import { readAccessToken } from "./access-token.ts";
import { type AuthValues, openSession, type Session } from "./session.ts";
import { chooseLogin } from "./target.ts";

const HOUR = 3_600_000;

const args = {
  ...profileArgument,
  ...authArgs,
  "force-refresh": {
    type: "boolean",
    description: "get a new token even if the stored one is still valid",
  },
  timeout: {
    type: "string",
    valueHint: "DURATION",
    description: "how long to wait for a new token (default 1h)",
  },
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
  const timeout = values.timeout === undefined ? HOUR : parseDuration(values.timeout, "--timeout");
  const session = await openAskedSession(values, context);
  const startedAt = performance.now();
  const login = chooseLogin(session);
  const store = openForReading(session.stores);
  const force = values["force-refresh"] === true;
  const times = {
    deadline: startedAt + timeout,
    signal: () => deadline(timeout, "there was no new token", startedAt),
  };
  const { storage } = values;
  const token = await readAccessToken({ login, store, storage, force, ...times }, context);
  context.stdout.write(
    values.output === "text" ? `${token.access_token}\n` : renderJson(describeToken(token)),
  );
}

/** The session; on a terminal, where it is open whose token is meant, of the profile that the person picks. */
async function openAskedSession(values: AuthValues, context: Context): Promise<Session> {
  const session = openSession(values, context);
  const { config, resolution } = session;
  if (resolution.profile || !isInteractive(context) || !context.stdout.isTTY) return session;
  const place = placeIn(resolution.settings);
  const fitting = place ? profilesForHost(config, place) : undefined;
  if (fitting && fitting.length <= 1) return session;
  const { pickLogin } = await import("./login.ts");
  const profile = await pickLogin(values, fitting, context);
  return openSession({ storage: values.storage, profile }, context);
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
  // Historic offsets with odd seconds have no form in RFC 3339.
  const offset = Math.trunc(localOffset(milliseconds) / 60);
  const local = new Date(milliseconds + offset * 60_000).toISOString().slice(0, -1);
  const two = (value: number) => String(Math.trunc(value)).padStart(2, "0");
  const size = Math.abs(offset);
  return `${local}000000${offset < 0 ? "-" : "+"}${two(size / 60)}:${two(size % 60)}`;
}

/** Local time's offset from UTC in seconds. */
function localOffset(milliseconds: number): number {
  return process.platform === "win32"
    ? -new Date(milliseconds).getTimezoneOffset() * 60
    : utcOffset(milliseconds / 1000);
}
