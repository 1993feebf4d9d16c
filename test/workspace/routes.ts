import { type Answer, type Asked, html, json } from "./answer.ts";
import * as api from "./api.ts";
import { authorize, discover, metadata, type State, token } from "./authorization-server.ts";
import type { Endpoint } from "./controls.ts";

export interface Route {
  endpoint: Endpoint;
  answer: () => Answer;
}

const notFound = json(404, { error_code: "ENDPOINT_NOT_FOUND", message: "No API found here" });

/** The endpoint that a request is for, or null. A workspace has no account console and an account console no workspace. */
export function routeOf(asked: Asked, state: State): Route | null {
  const path = asked.url.pathname;
  const accountConsole = /^accounts(-dod)?\./.test(asked.url.hostname);
  const oidc = /^\/oidc(?:\/accounts\/([^/]+))?\/(.+)$/.exec(path);
  if (oidc !== null) {
    const [, accountId, rest = ""] = oidc;
    const route = oidcRoute(asked, rest, accountId, state);
    if (route === null) return null;
    const exists =
      accountId === undefined ? !accountConsole : accountId === state.controls.accountId;
    return exists ? route : { ...route, answer: () => html(404, "<p>no such account") };
  }
  const accountId = /^\/api\/2\.0\/accounts\/([^/]+)\/workspaces$/.exec(path)?.[1];
  if (accountId !== undefined)
    return read("workspaces", asked, () => api.workspaces(asked, accountId, state));
  return accountConsole ? null : workspaceRoute(asked, state);
}

function oidcRoute(
  asked: Asked,
  rest: string,
  accountId: string | undefined,
  state: State,
): Route | null {
  const issuer = `${asked.url.origin}/oidc${accountId === undefined ? "" : `/accounts/${accountId}`}`;
  switch (rest) {
    case ".well-known/oauth-authorization-server":
      return read("metadata", asked, () => metadata(issuer, state));
    case "v1/authorize":
      return { endpoint: "authorize", answer: () => authorize(asked, issuer, state) };
    case "v1/token":
      return { endpoint: "token", answer: () => token(asked, issuer, state) };
    default:
      return null;
  }
}

function workspaceRoute(asked: Asked, state: State): Route | null {
  switch (asked.url.pathname) {
    case "/":
      return read("discovery", asked, () => discover(asked, state));
    case "/.well-known/databricks-config":
      return read(
        "databricks-config",
        asked,
        () => api.hostMetadata(asked.url.origin, state) ?? notFound,
      );
    case "/api/2.0/preview/scim/v2/Me":
      return read("me", asked, () => api.me(asked, state));
    case "/api/2.0/tokens/introspect":
      return read("introspect", asked, () => api.introspect(asked, state));
    case "/api/2.0/clusters/list":
    case "/api/2.1/clusters/list":
      return read("clusters", asked, () => api.clusters(asked, state));
    default:
      return null;
  }
}

function read(endpoint: Endpoint, asked: Asked, answer: () => Answer): Route {
  return asked.method === "GET"
    ? { endpoint, answer }
    : { endpoint, answer: () => json(405, { message: "GET only" }, { allow: "GET" }) };
}

export { notFound };
