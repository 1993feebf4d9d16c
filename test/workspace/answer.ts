import { createHash } from "node:crypto";

/** A request as the handlers see it: read to its end, its address absolute. */
export interface Asked {
  method: string;
  url: URL;
  headers: Headers;
  body: string;
}

/** A response before any fault has spoilt it. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export function json(status: number, value: unknown, headers: Record<string, string> = {}): Answer {
  return {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
    body: JSON.stringify(value),
  };
}

export function html(status: number, body: string): Answer {
  return {
    status,
    headers: { "content-type": "text/html; charset=utf-8" },
    body: `<!doctype html><title>Workspace</title>${body}`,
  };
}

export function redirect(location: string, status = 302): Answer {
  return { status, headers: { location, "cache-control": "no-store" }, body: "" };
}

declare global {
  interface JSON {
    /** ECMAScript's proposal "JSON.parse source text access"; not in TypeScript's library yet. */
    rawJSON(text: string): unknown;
  }
}

/** A number for {@link json} with all its digits, also past 2^53. */
export function integer(digits: string): unknown {
  return JSON.rawJSON(digits);
}

/** An error as RFC 6749 section 5.2 words it. */
export function oauthError(status: number, error: string, description: string): Answer {
  return json(status, { error, error_description: description });
}

/** An error as the REST API words it. */
export function apiError(status: number, code: string, message: string): Answer {
  return json(status, { error_code: code, message });
}

/** Enough of a secret's SHA-256 to tell two apart, and nothing of the secret. */
export function fingerprint(secret: string): string {
  return createHash("sha256").update(secret).digest("hex").slice(0, 16);
}

/** Name and password of a Basic header, or null. */
export function basicCredentials(header: string | null): { name: string; password: string } | null {
  const encoded = /^Basic ([A-Za-z0-9+/=]+)$/.exec(header ?? "")?.[1];
  if (encoded === undefined) return null;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 0) return null;
  return { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

export function bearerToken(header: string | null): string | null {
  return /^Bearer ([\x21-\x7e]+)$/.exec(header ?? "")?.[1] ?? null;
}
