import { type Answer, type Asked, html, json } from "./answer.ts";
import * as api from "./api.ts";
import { authorize, discover, metadata, token } from "./authorization-server.ts";
import type { Endpoint } from "./controls.ts";
import { issuerOf, type State } from "./state.ts";

export interface Route {
  /** Null where there is nothing. */
  endpoint: Endpoint | null;
  answer: () => Answer;
}

const nothing: Route = {
  endpoint: null,
  answer: () => json(404, { error_code: "ENDPOINT_NOT_FOUND", message: "No API found here" }),
};

/** The endpoint that a request is for. A workspace is no account console, and the reverse. */
export function routeOf(asked: Asked, state: State): Route {
  const { origin, pathname } = asked.url;
  const accountConsole = /^accounts(-dod)?\./.test(asked.url.hostname);
  const servesAccount = accountConsole || state.controls.hostMetadata === "account";
  const [, accountId, oidcPath] = /^\/oidc(?:\/accounts\/([^/]+))?\/(.+)$/.exec(pathname) ?? [];
  if (oidcPath !== undefined) {
    if (accountId === undefined && accountConsole) return nothing;
    const route = oidcRoute(asked, oidcPath, issuerOf(origin, accountId), state);
    const known =
      accountId === undefined || (servesAccount && accountId === state.controls.accountId);
    return known ? route : { ...route, answer: () => html(404, "<p>no such account") };
  }
  if (pathname === "/.well-known/databricks-config") {
    return get("databricks-config", asked, () => api.hostMetadata(origin, accountConsole, state));
  }
  const listed = /^\/api\/2\.0\/accounts\/([^/]+)\/workspaces$/.exec(pathname)?.[1];
  if (listed !== undefined && servesAccount) {
    return get("workspaces", asked, () => api.workspaces(asked, listed, state));
  }
  return accountConsole ? nothing : workspaceRoute(asked, state);
}

function oidcRoute(asked: Asked, path: string, issuer: string, state: State): Route {
  switch (path) {
    case ".well-known/oauth-authorization-server":
      return get("metadata", asked, () => metadata(issuer, state));
    case "v1/authorize":
      return get("authorize", asked, () => authorize(asked, issuer, state));
    case "v1/token":
      return { endpoint: "token", answer: () => token(asked, issuer, state) };
    default:
      return nothing;
  }
}

function workspaceRoute(asked: Asked, state: State): Route {
  switch (asked.url.pathname) {
    case "/":
      return get("discovery", asked, () => discover(asked, state));
    case "/api/2.0/preview/scim/v2/Me":
      return get("me", asked, () => api.me(asked, state));
    case "/api/2.0/tokens/introspect":
      return get("introspect", asked, () => api.introspect(asked, state));
    case "/api/2.0/clusters/list":
    case "/api/2.1/clusters/list":
      return get("clusters", asked, () => api.clusters(asked, state));
    default:
      return nothing;
  }
}

function get(endpoint: Endpoint, asked: Asked, answer: () => Answer): Route {
  return asked.method === "GET"
    ? { endpoint, answer }
    : { endpoint, answer: () => json(405, { message: "GET only" }, { allow: "GET" }) };
}
