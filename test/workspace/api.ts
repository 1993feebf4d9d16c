import {
  type Answer,
  type Asked,
  apiError,
  basicCredentials,
  bearerToken,
  integer,
  json,
} from "./answer.ts";
import type { Controls } from "./controls.ts";
import { issuerOf, type State } from "./state.ts";

/** Who a request comes from; `issuer` is null for a personal access token or a password. */
interface Caller {
  issuer: string | null;
}

const unauthenticated: Answer = apiError(
  401,
  "UNAUTHENTICATED",
  "Credential was not sent or is not valid",
);

/** `/.well-known/databricks-config`. An account console serves every account, so it names none. */
export function hostMetadata(origin: string, accountConsole: boolean, { controls }: State): Answer {
  const { hostMetadata: form, accountId, workspaceId, cloud } = controls;
  if (form === "absent") return apiError(404, "ENDPOINT_NOT_FOUND", "No API found here");
  return json(200, {
    oidc_endpoint:
      form === "account" || accountConsole
        ? issuerOf(origin, "{account_id}")
        : issuerOf(origin, undefined),
    ...(accountConsole ? {} : { account_id: accountId }),
    ...(form === "account" || accountConsole ? {} : { workspace_id: workspaceId }),
    cloud,
  });
}

export function me(asked: Asked, state: State): Answer {
  if (callerOf(asked, state) === null) return unauthenticated;
  const { id, userName, displayName } = state.controls.user;
  return json(200, {
    id,
    userName,
    displayName,
    active: true,
    emails: [{ value: userName, type: "work", primary: true }],
  });
}

/** The workspaces of an account, for logins to that account only. */
export function workspaces(asked: Asked, accountId: string, state: State): Answer {
  const caller = callerOf(asked, state);
  if (caller === null) return unauthenticated;
  if (caller.issuer !== issuerOf(asked.url.origin, accountId)) {
    return apiError(403, "PERMISSION_DENIED", "not a member of this account");
  }
  const { protocol } = asked.url;
  return json(
    200,
    state.controls.workspaces.map((workspace) => ({
      ...workspace,
      account_id: accountId,
      workspace_id: integer(workspace.workspace_id),
      workspace_status: "RUNNING",
      workspace_url: `${protocol}//${workspace.deployment_name}.localhost:${asked.url.port}`,
    })),
  );
}

export function introspect(asked: Asked, state: State): Answer {
  if (callerOf(asked, state) === null) return unauthenticated;
  return json(200, {
    principal_context: {
      authentication_scope: {
        account_id: state.controls.accountId,
        workspace_id: integer(state.controls.workspaceId),
      },
    },
  });
}

/** Clusters page by page: a page token is the index of the next one. */
export function clusters(asked: Asked, state: State): Answer {
  if (callerOf(asked, state) === null) return unauthenticated;
  const { clusters: all, clusterPageSize } = state.controls;
  const start = Number(asked.url.searchParams.get("page_token") ?? "0");
  if (!Number.isInteger(start) || start < 0 || start > all.length) {
    return apiError(400, "INVALID_PARAMETER_VALUE", "unknown page_token");
  }
  const size = Number(asked.url.searchParams.get("page_size") ?? clusterPageSize);
  if (!Number.isInteger(size) || size < 1) {
    return apiError(400, "INVALID_PARAMETER_VALUE", "page_size must be positive");
  }
  const end = start + size;
  return json(200, {
    clusters: all.slice(start, end),
    ...(end < all.length ? { next_page_token: String(end) } : {}),
  });
}

/**
 * An access token is good at the origin that issued it and nowhere else: one that a client
 * carries from profile to profile, or from `localhost` to `127.0.0.1`, is refused.
 */
function callerOf(asked: Asked, { controls, ledger }: State): Caller | null {
  const authorization = asked.headers.get("authorization");
  const token = bearerToken(authorization);
  if (token !== null) {
    if (controls.personalAccessTokens.includes(token)) return { issuer: null };
    const issuer = ledger.accessGrant(token)?.issuer;
    if (issuer === undefined || new URL(issuer).origin !== asked.url.origin) return null;
    return { issuer };
  }
  const basic = basicCredentials(authorization);
  return basic !== null && isBasicLogin(basic, controls) ? { issuer: null } : null;
}

function isBasicLogin(basic: { name: string; password: string }, controls: Controls): boolean {
  return controls.basicLogins.some(
    ({ username, password }) => username === basic.name && password === basic.password,
  );
}
