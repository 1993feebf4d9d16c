import { challengeOf } from "./token-ledger.ts";

/** The least of an OAuth client, that tests can make err in one point at a time. */
export const verifier = "a-verifier-of-at-least-43-unreserved-characters";
export const callback = "http://localhost:8020";

/** Names and values; null leaves one out. */
export type Changes = Record<string, string | null>;

/** The link that a person would open. */
export function authorizeLink(issuer: string, changes: Changes = {}): string {
  const query = withChanges(
    {
      client_id: "databricks-cli",
      response_type: "code",
      redirect_uri: callback,
      state: "state-1",
      scope: "all-apis offline_access",
      code_challenge: challengeOf(verifier),
      code_challenge_method: "S256",
    },
    changes,
  );
  return `${issuer}/v1/authorize?${query}`;
}

/** Opens the link and returns what the callback would be asked; throws where nothing was redirected. */
export async function askedOfCallback(link: string): Promise<URLSearchParams> {
  const response = await fetch(link, { redirect: "manual" });
  const location = response.headers.get("location");
  if (location === null) throw new Error(`no redirect but ${response.status}`);
  return new URL(location).searchParams;
}

export async function getCode(issuer: string): Promise<string> {
  const code = (await askedOfCallback(authorizeLink(issuer))).get("code");
  if (code === null) throw new Error("no code");
  return code;
}

export interface TokenAnswer {
  status: number;
  access_token?: string;
  refresh_token?: string;
  token_type?: string;
  expires_in?: number | string;
  scope?: string;
  error?: string;
  error_description?: string;
}

/** Posts a form to the issuer's token endpoint. */
export async function postToken(
  issuer: string,
  form: URLSearchParams,
  headers: Record<string, string> = {},
): Promise<TokenAnswer> {
  const response = await fetch(`${issuer}/v1/token`, { method: "POST", body: form, headers });
  return { status: response.status, ...((await response.json()) as object) };
}

export function redeem(issuer: string, code: string, changes: Changes = {}): Promise<TokenAnswer> {
  const form = {
    grant_type: "authorization_code",
    client_id: "databricks-cli",
    code,
    redirect_uri: callback,
    code_verifier: verifier,
  };
  return postToken(issuer, withChanges(form, changes));
}

export function refresh(
  issuer: string,
  refreshToken: string | undefined,
  changes: Changes = {},
): Promise<TokenAnswer> {
  const form = {
    grant_type: "refresh_token",
    client_id: "databricks-cli",
    refresh_token: refreshToken ?? "",
  };
  return postToken(issuer, withChanges(form, changes));
}

/** The status of `Me` for a bearer token. */
export async function statusOfMe(origin: string, accessToken: string | undefined): Promise<number> {
  const response = await fetch(`${origin}/api/2.0/preview/scim/v2/Me`, {
    headers: { authorization: `Bearer ${accessToken}` },
  });
  await response.body?.cancel();
  return response.status;
}

function withChanges(values: Record<string, string>, changes: Changes): URLSearchParams {
  const result = new URLSearchParams(values);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) result.delete(name);
    else result.set(name, value);
  }
  return result;
}
