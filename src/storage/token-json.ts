/**
 * A token as the stores write it, in the form of Go's `oauth2.Token`:
 * `{"access_token","token_type","refresh_token","expiry"[,"expires_in"]}`.
 */
import type { Token } from "./store.ts";

declare global {
  /** ES2026, not yet in TypeScript's library. */
  interface JSON {
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { source?: string }) => unknown,
    ): unknown;
    rawJSON(text: string): unknown;
  }
}

/** RFC 3339 section 5.6, with the fraction cut to the milliseconds that Date holds. */
const RFC3339 = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,3})?\d*(Z|[+-]\d\d:\d\d)$/;

/** Go's zero time, which stands for "not set". */
const GO_ZERO_TIME = Date.parse("0001-01-01T00:00:00Z");

/** The stored object of a token: times in UTC, what is not set left out, unknown fields as they were. */
export function encodeToken(token: Token): Record<string, unknown> {
  const { expiry, unknown, ...fields } = token;
  return {
    ...fields,
    ...(expiry !== undefined && { expiry: new Date(expiry).toISOString() }),
    ...unknown,
  };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The token in a stored object, or null when it is none. As in Go, an empty or null field is
 * not set, a field of the wrong type spoils the entry, and a refresh token alone will do.
 */
export function decodeToken(stored: unknown): Token | null {
  if (!isObject(stored)) return null;
  const { access_token, token_type, refresh_token, expiry, expires_in, scope, ...unknown } = stored;
  if (!isText(access_token) || !isText(token_type) || !isText(refresh_token)) return null;
  if (!isText(expiry) || !isText(scope) || !isNumber(expires_in)) return null;
  if (!access_token && !refresh_token) return null;

  const end = expiry ? parseTime(expiry) : GO_ZERO_TIME;
  if (Number.isNaN(end)) return null;
  return {
    access_token: access_token ?? "",
    token_type: token_type || "Bearer",
    ...(refresh_token && { refresh_token }),
    ...(end !== GO_ZERO_TIME && { expiry: end }),
    // Without an access token there is nothing that could still be valid.
    ...(!access_token && { expiry: 0 }),
    ...(expires_in && { expires_in }),
    ...(scope && { scope }),
    ...(Object.keys(unknown).length > 0 && { unknown }),
  };
}

/** JSON.parse that keeps numbers which JavaScript cannot hold exactly; they are written back digit by digit. */
export function parseLossless(text: string): unknown {
  return JSON.parse(text, (_key, value, { source }) =>
    typeof value === "number" && source !== undefined && !isExact(value, source)
      ? JSON.rawJSON(source)
      : value,
  );
}

function isExact(value: number, source: string): boolean {
  return Number.isSafeInteger(value) || String(value) === source;
}

function isText(value: unknown): value is string | null | undefined {
  return typeof value === "string" || value === null || value === undefined;
}

function isNumber(value: unknown): value is number | null | undefined {
  return typeof value === "number" || value === null || value === undefined;
}

/** Milliseconds since the epoch, or NaN. */
function parseTime(text: string): number {
  const [, seconds, fraction = "", zone] = RFC3339.exec(text) ?? [];
  return seconds && zone ? Date.parse(`${seconds}${fraction}${zone}`) : Number.NaN;
}
