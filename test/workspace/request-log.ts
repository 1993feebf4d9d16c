import { type Asked, bearerToken, fingerprint } from "./answer.ts";
import type { Endpoint } from "./controls.ts";

/** One request, without its secrets: of parameters the names, of a credential the start of its SHA-256. */
export interface RequestRecord {
  /** When it came, and when the answer was out or the connection gone: milliseconds since the epoch. */
  started: number;
  ended: number | null;
  method: string;
  /** Scheme, host and port that the client asked for; host and port alone for `CONNECT`. */
  origin: string;
  path: string;
  /** Whether it came in a proxy's absolute form. What comes through a `CONNECT` looks direct. */
  proxied: boolean;
  endpoint: Endpoint | null;
  grant: string | null;
  scope: string | null;
  queryNames: string[];
  formNames: string[];
  /** {@link fingerprint} of the refresh token, code or bearer token that was presented. */
  credential: string | null;
  /** What was answered; null while there is none, and where the connection was cut. */
  status: number | null;
}

export function describeRequest(
  asked: Asked,
  endpoint: Endpoint | null,
  proxied: boolean,
): RequestRecord {
  const query = asked.url.searchParams;
  // Whatever its path: a client that followed a redirect has sent its form somewhere else.
  const form = new URLSearchParams(asked.method === "POST" ? asked.body : "");
  const credential =
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
    grant: endpoint === "token" ? form.get("grant_type") : null,
    scope: form.get("scope") ?? query.get("scope"),
    queryNames: [...query.keys()],
    formNames: [...form.keys()],
    credential: credential === null ? null : fingerprint(credential),
    status: null,
  };
}

export function describeConnect(target: string): RequestRecord {
  const now = Date.now();
  return {
    started: now,
    ended: now,
    method: "CONNECT",
    origin: target,
    path: "",
    proxied: true,
    endpoint: null,
    grant: null,
    scope: null,
    queryNames: [],
    formNames: [],
    credential: null,
    status: 200,
  };
}
