import {
  type Answer,
  type Asked,
  basicCredentials,
  html,
  json,
  oauthError,
  redirect,
} from "./answer.ts";
import type { Controls } from "./controls.ts";
import { lifetimes, type State } from "./state.ts";
import type { Grant, Issued, Refusal } from "./token-ledger.ts";

/** The one client that people log in with; it is public. */
const publicClient = "databricks-cli";
const firstCallbackPort = 8020;
const lastCallbackPort = 8040;

/** RFC 8414 metadata. Account and workspace servers differ in their issuer alone. */
export function metadata(issuer: string, { controls }: State): Answer {
  return json(200, {
    issuer,
    authorization_endpoint: `${issuer}/v1/authorize`,
    token_endpoint: `${issuer}/v1/token`,
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: ["authorization_code", "refresh_token", "client_credentials"],
    code_challenge_methods_supported: ["S256"],
    token_endpoint_auth_methods_supported: ["none", "client_secret_basic", "client_secret_post"],
    scopes_supported: ["all-apis", "offline_access"],
    authorization_response_iss_parameter_supported: controls.issuer === "always",
  });
}

/**
 * The stand-in for login.databricks.com: leads to the person's workspace, which says who it is by `iss`.
 * Only the authorization path is accepted, as anything else would make it an open redirect.
 */
export function discover(asked: Asked, { controls }: State): Answer {
  const destination = asked.url.searchParams.get("destination_url");
  if (destination === null || !destination.startsWith("/oidc/v1/authorize?")) {
    return html(400, "<p>destination_url must be /oidc/v1/authorize with its parameters");
  }
  const target = new URL(destination, controls.discoveredOrigin ?? asked.url.origin);
  target.searchParams.set("from", "discovery");
  return redirect(target.href);
}

/** The authorization endpoint (RFC 6749 section 4.1.1, with RFC 7636 and RFC 9207). */
export function authorize(asked: Asked, issuer: string, state: State): Answer {
  const query = asked.url.searchParams;
  const repeated = repeatedName(query);
  // RFC 6749 section 4.1.2.1: without a client and an address that are known good, nothing is redirected.
  if (repeated !== null) return html(400, `<p>${Bun.escapeHTML(repeated)} given twice`);
  if (query.get("client_id") !== publicClient) return html(400, "<p>unknown client_id");
  const redirectUri = query.get("redirect_uri") ?? "";
  if (!isCallback(redirectUri, state.controls.callbackPorts)) {
    return html(400, "<p>redirect_uri is not registered");
  }
  const callback = new URL(redirectUri);
  const clientState = query.get("state");
  if (clientState !== null) callback.searchParams.set("state", clientState);
  const issuerSent = issuerParameter(query.get("from") === "discovery", issuer, state.controls);
  if (issuerSent !== null) callback.searchParams.set("iss", issuerSent);

  const objection = objectionTo(query);
  if (objection !== null) return refuse(callback, objection);
  const grant: Grant = { issuer, scopes: scopesOf(query.get("scope")) };
  const challenge = query.get("code_challenge") ?? "";
  return decide(asked, callback, state, () =>
    state.ledger.issueCode(grant, redirectUri, challenge, lifetimes(state.controls)),
  );
}

function decide(asked: Asked, callback: URL, { controls }: State, issueCode: () => string): Answer {
  const decision = asked.url.searchParams.get("decision") ?? controls.authorize;
  switch (decision) {
    case "page":
      return approvalPage(asked.url);
    case "deny":
      return refuse(callback, controls.denial);
    case "wrong-state":
      callback.searchParams.set("state", "of-someone-else");
      break;
    case "no-state":
      callback.searchParams.delete("state");
      break;
  }
  callback.searchParams.set("code", issueCode());
  return redirect(callback.href);
}

function approvalPage(url: URL): Answer {
  const link = (decision: string) => {
    const target = new URL(url);
    target.searchParams.set("decision", decision);
    return `<p><a href="${Bun.escapeHTML(target.href)}">${decision}</a>`;
  };
  return html(200, `<h1>Sign in?</h1>${link("approve")}${link("deny")}`);
}

function refuse(callback: URL, problem: { error: string; error_description: string }): Answer {
  callback.searchParams.set("error", problem.error);
  callback.searchParams.set("error_description", problem.error_description);
  return redirect(callback.href);
}

function objectionTo(query: URLSearchParams): { error: string; error_description: string } | null {
  const invalid = (text: string) => ({ error: "invalid_request", error_description: text });
  if (query.get("response_type") !== "code") {
    return { error: "unsupported_response_type", error_description: "response_type must be code" };
  }
  if (!query.get("state")) return invalid("state is missing");
  if (query.get("code_challenge_method") !== "S256") {
    return invalid("code_challenge_method must be S256");
  }
  if (!/^[A-Za-z0-9_-]{43}$/.test(query.get("code_challenge") ?? "")) {
    return invalid("code_challenge is no base64url SHA-256");
  }
  if (!scopesOf(query.get("scope")).includes("offline_access")) {
    return { error: "invalid_scope", error_description: "offline_access is missing" };
  }
  return null;
}

function isCallback(uri: string, extraPorts: readonly number[]): boolean {
  const digits = /^http:\/\/localhost:([1-9][0-9]{0,4})$/.exec(uri)?.[1];
  if (digits === undefined) return false;
  const port = Number(digits);
  return (port >= firstCallbackPort && port <= lastCallbackPort) || extraPorts.includes(port);
}

function issuerParameter(discovered: boolean, issuer: string, controls: Controls): string | null {
  switch (controls.issuer) {
    case "always":
      return issuer;
    case "discovery":
      return discovered ? issuer : null;
    case "wrong":
      return "https://issuer.example.com/oidc";
    case "never":
      return null;
  }
}

/** The token endpoint (RFC 6749 sections 4.1.3, 4.4.2, 6). */
export function token(asked: Asked, issuer: string, state: State): Answer {
  if (asked.method !== "POST") return json(405, { error: "invalid_request" }, { allow: "POST" });
  if (asked.url.search !== "") return invalidRequest("parameters belong in the body");
  const type = asked.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (type !== "application/x-www-form-urlencoded") {
    return invalidRequest("the body must be form-encoded");
  }
  const form = new URLSearchParams(asked.body);
  const repeated = repeatedName(form);
  if (repeated !== null) return invalidRequest(`${repeated} given twice`);
  const grantType = form.get("grant_type");
  if (grantType === "client_credentials") {
    return machineLogin(form, asked.headers.get("authorization"), issuer, state);
  }
  if (form.get("client_id") !== publicClient)
    return oauthError(401, "invalid_client", "unknown client");
  if (form.has("client_secret") || asked.headers.has("authorization")) {
    return oauthError(401, "invalid_client", "this client is public and has no secret");
  }
  if (grantType === "authorization_code") return redeemCode(form, issuer, state);
  if (grantType === "refresh_token") return refresh(form, issuer, state);
  return oauthError(400, "unsupported_grant_type", "want authorization_code or refresh_token");
}

function redeemCode(form: URLSearchParams, issuer: string, { controls, ledger }: State): Answer {
  const code = form.get("code");
  const verifier = form.get("code_verifier");
  const redirectUri = form.get("redirect_uri");
  if (!code || !redirectUri) return invalidRequest("code and redirect_uri are required");
  if (verifier === null || !/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) {
    return invalidRequest("code_verifier must be 43 to 128 unreserved characters");
  }
  const asked = { code, verifier, redirectUri, issuer };
  const refreshable = controls.refreshTokens !== "omit";
  return answerWith(ledger.redeemCode(asked, lifetimes(controls), refreshable), controls);
}

function refresh(form: URLSearchParams, issuer: string, { controls, ledger }: State): Answer {
  const refreshToken = form.get("refresh_token");
  if (!refreshToken) return invalidRequest("refresh_token is required");
  const scopes = form.has("scope") ? scopesOf(form.get("scope")) : null;
  const asked = { refreshToken, issuer, scopes };
  return answerWith(ledger.refresh(asked, lifetimes(controls), controls.refreshTokens), controls);
}

function machineLogin(
  form: URLSearchParams,
  authorization: string | null,
  issuer: string,
  { controls, ledger }: State,
): Answer {
  const basic = basicCredentials(authorization);
  const id = basic?.name ?? form.get("client_id");
  const secret = basic?.password ?? form.get("client_secret");
  const known = controls.machineClients.some(
    (client) => client.client_id === id && client.client_secret === secret,
  );
  if (!known) return oauthError(401, "invalid_client", "unknown client or secret");
  const grant: Grant = { issuer, scopes: scopesOf(form.get("scope")) };
  return answerWith(ledger.issue(grant, lifetimes(controls), false), controls);
}

function answerWith(outcome: Issued | Refusal, controls: Controls): Answer {
  if ("refused" in outcome) return oauthError(400, outcome.error, outcome.refused);
  const seconds = Math.round((outcome.expiry - Date.now()) / 1000);
  return json(200, {
    access_token: outcome.accessToken,
    token_type: "Bearer",
    ...(controls.expiresIn === "omit"
      ? {}
      : { expires_in: controls.expiresIn === "string" ? String(seconds) : seconds }),
    ...(outcome.refreshToken === null ? {} : { refresh_token: outcome.refreshToken }),
    scope: outcome.grant.scopes.join(" "),
  });
}

function invalidRequest(description: string): Answer {
  return oauthError(400, "invalid_request", description);
}

function scopesOf(text: string | null): string[] {
  return (text ?? "").split(" ").filter((scope) => scope !== "");
}

/** A parameter that is there twice, which RFC 6749 section 3.1 forbids. */
function repeatedName(parameters: URLSearchParams): string | null {
  const seen = new Set<string>();
  for (const name of parameters.keys()) {
    if (seen.has(name)) return name;
    seen.add(name);
  }
  return null;
}
