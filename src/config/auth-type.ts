/** Settings in force → the way to authenticate that they mean. Pure. */
import { UserError } from "../errors.ts";
import { ATTRIBUTES, AUTH_TYPES, type AuthType } from "./attributes.ts";
import { cloudOfHost } from "./cloud.ts";
import type { Resolution, Setting } from "./resolve.ts";

type Settings = ReadonlyMap<string, Setting>;

/** A way to authenticate that settings alone can ask for. */
interface Way {
  type: AuthType;
  /** Two ways of different families exclude each other; the name is the SDKs'. */
  family: string;
  /** Settings that must all be there. */
  needs: readonly string[];
}

const GITHUB_TOKEN = ["actions_id_token_request_url", "actions_id_token_request_token"];

/** In the order in which the SDKs try them. */
const WAYS: readonly Way[] = [
  { type: "pat", family: "pat", needs: ["token"] },
  { type: "basic", family: "basic", needs: ["username", "password"] },
  { type: "oauth-m2m", family: "oauth", needs: ["client_id", "client_secret"] },
  { type: "metadata-service", family: "metadata-service", needs: ["metadata_service_url"] },
  { type: "github-oidc", family: "oauth", needs: ["client_id", ...GITHUB_TOKEN] },
  { type: "env-oidc", family: "env-oidc", needs: ["oidc_token_env"] },
  { type: "file-oidc", family: "file-oidc", needs: ["databricks_id_token_filepath"] },
  {
    type: "github-oidc-azure",
    family: "azure",
    needs: ["azure_client_id", "azure_tenant_id", ...GITHUB_TOKEN],
  },
  { type: "azure-msi", family: "azure", needs: ["azure_use_msi"] },
  {
    type: "azure-client-secret",
    family: "azure",
    needs: ["azure_client_id", "azure_client_secret", "azure_tenant_id"],
  },
  { type: "azure-cli", family: "azure", needs: ["azure_workspace_resource_id"] },
  { type: "google-credentials", family: "google", needs: ["google_credentials"] },
  { type: "google-id", family: "google", needs: ["google_service_account"] },
];

/**
 * The way to authenticate that the settings name, else the one that they are complete for, else a
 * person's login. Beside a profile that was typed, credentials of the environment count only
 * where the profile has none; otherwise the environment's come first.
 *
 * @throws UserError for a name that no SDK knows, and where several ways would be possible
 */
export function authTypeOf({ profile, settings }: Omit<Resolution, "section">): AuthType {
  const named = settings.get("auth_type");
  if (named) return knownAuthType(named.value);
  const preferred = profile?.source.type === "flag" ? "file" : "env";
  const possible = WAYS.filter((way) => isPossible(way, settings));
  const first = possible.filter(({ needs }) =>
    needs.every((key) => settings.get(key)?.source.type === preferred),
  );
  const ways = first.length > 0 ? first : possible;
  const families = new Set(ways.map(({ family }) => family));
  if (families.size > 1) {
    throw new UserError(
      `more than one way to authenticate is configured (${[...families].join(", ")}); name one of them with auth_type`,
    );
  }
  return ways[0]?.type ?? "databricks-cli";
}

/** Whether the settings themselves say how to authenticate, rightly or wrongly. */
export function hasCredentials(settings: Settings): boolean {
  return settings.has("auth_type") || WAYS.some((way) => isPossible(way, settings));
}

/** Whether a way to authenticate looks at a setting; settings that are not about it serve every way. */
export function isUsedBy(key: string, type: AuthType): boolean {
  const users = ATTRIBUTES.find((attribute) => attribute.key === key)?.usedBy;
  return users?.includes(type) ?? true;
}

function knownAuthType(name: string): AuthType {
  const type = AUTH_TYPES.find((known) => known === name);
  if (type) return type;
  throw new UserError(
    `auth_type: ${JSON.stringify(name)} is not known (want one of ${AUTH_TYPES.join(", ")})`,
  );
}

function isPossible({ type, family, needs }: Way, settings: Settings): boolean {
  return (
    needs.every((key) => settings.has(key)) &&
    (type !== "azure-msi" || usesMsi(settings)) &&
    suitsCloud(family, settings)
  );
}

/** As Go reads a truth value. */
function usesMsi(settings: Settings): boolean {
  return /^(1|t|true)$/i.test(settings.get("azure_use_msi")?.value ?? "");
}

/** Credentials of a cloud are often in the environment for other programs: they count on its hosts alone. */
function suitsCloud(family: string, settings: Settings): boolean {
  const host = settings.get("host")?.value;
  const cloud = host && cloudOfHost(host);
  if (family === "azure") return cloud === "azure" || settings.has("azure_workspace_resource_id");
  return family === "google" ? cloud === "gcp" : true;
}
