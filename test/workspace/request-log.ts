import { type Asked, bearerToken, fingerprint } from "./answer.ts";
import type { Endpoint } from "./controls.ts";

/** One request, without its secrets: of parameters the names, of a credential the start of its SHA-256. */
export interface RequestRecord {
  /** When it came, and when the answer was out or the connection gone: milliseconds since the epoch. */
  started: number;
  ended: number | null;
  method: string;
  /** Scheme, host and port that the client asked for. */
  origin: string;
  path: string;
  /** Whether it came in a proxy's absolute form. `CONNECT` has a record of its own. */
  proxied: boolean;
  endpoint: Endpoint | null;
  grant: string | null;
  queryNames: string[];
  formNames: string[];
  /** Of the refresh token, code or bearer token that was presented. */
  credential: string | null;
  /** What was answered; null while there is none, and where the connection was cut. */
  status: number | null;
}

export function describeRequest(
  asked: Asked,
  endpoint: Endpoint | null,
  proxied: boolean,
): RequestRecord {
  const form = new URLSearchParams(endpoint === "token" ? asked.body : "");
  const secret =
    form.get("refresh_token") ??
    form.get("code") ??
    bearerToken(asked.headers.get("authorization"));
  return {
    started: Date.now(),
    ended: null,
    method: asked.method,
    origin: asked.url.origin,
    path: asked.url.pathname,
    proxied,
    endpoint,
    grant: form.get("grant_type"),
    queryNames: [...asked.url.searchParams.keys()],
    formNames: [...form.keys()],
    credential: secret === null ? null : fingerprint(secret),
    status: null,
  };
}
