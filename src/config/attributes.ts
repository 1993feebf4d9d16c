/**
 * What the Databricks SDKs know: the ways to authenticate, and the settings with their keys in
 * the config file and their environment variables. Source: the SDKs' public documentation of
 * unified authentication.
 */

/** Every value of `auth_type` that one of the SDKs takes. */
export const AUTH_TYPES = [
  ...["pat", "basic", "oauth-m2m", "databricks-cli", "metadata-service"],
  ...["github-oidc", "azure-devops-oidc", "env-oidc", "file-oidc"],
  ...["github-oidc-azure", "azure-msi", "azure-client-secret", "azure-cli"],
  ...["google-credentials", "google-id"],
  ...["external-browser", "runtime", "model-serving"],
] as const;

export type AuthType = (typeof AUTH_TYPES)[number];

export interface Attribute {
  /** Key in the config file. */
  key: string;
  /** Environment variable that gives the same setting. */
  env?: string;
  /** Masked wherever it is shown. */
  secret?: true;
  /** The ways to authenticate that look at the setting; all of them where there is no list. */
  usedBy?: readonly AuthType[];
}

const OIDC = ["github-oidc", "azure-devops-oidc", "env-oidc", "file-oidc"] as const;
const AZURE = ["github-oidc-azure", "azure-msi", "azure-client-secret", "azure-cli"] as const;
const GITHUB = ["github-oidc", "github-oidc-azure"] as const;

export const ATTRIBUTES: readonly Attribute[] = [
  { key: "host", env: "DATABRICKS_HOST" },
  { key: "account_id", env: "DATABRICKS_ACCOUNT_ID" },
  { key: "workspace_id", env: "DATABRICKS_WORKSPACE_ID" },
  { key: "auth_type", env: "DATABRICKS_AUTH_TYPE" },
  { key: "token", env: "DATABRICKS_TOKEN", secret: true, usedBy: ["pat"] },
  { key: "username", env: "DATABRICKS_USERNAME", usedBy: ["basic"] },
  { key: "password", env: "DATABRICKS_PASSWORD", secret: true, usedBy: ["basic"] },
  {
    key: "client_id",
    env: "DATABRICKS_CLIENT_ID",
    usedBy: ["oauth-m2m", "external-browser", ...OIDC],
  },
  {
    key: "client_secret",
    env: "DATABRICKS_CLIENT_SECRET",
    secret: true,
    usedBy: ["oauth-m2m", "external-browser"],
  },
  { key: "scopes" },
  { key: "databricks_cli_path", env: "DATABRICKS_CLI_PATH", usedBy: ["databricks-cli"] },
  {
    key: "metadata_service_url",
    env: "DATABRICKS_METADATA_SERVICE_URL",
    secret: true,
    usedBy: ["metadata-service"],
  },
  { key: "azure_workspace_resource_id", env: "DATABRICKS_AZURE_RESOURCE_ID", usedBy: AZURE },
  { key: "azure_use_msi", env: "ARM_USE_MSI", usedBy: ["azure-msi"] },
  {
    key: "azure_client_id",
    env: "ARM_CLIENT_ID",
    usedBy: ["azure-client-secret", "azure-msi", "github-oidc-azure"],
  },
  {
    key: "azure_client_secret",
    env: "ARM_CLIENT_SECRET",
    secret: true,
    usedBy: ["azure-client-secret"],
  },
  {
    key: "azure_tenant_id",
    env: "ARM_TENANT_ID",
    usedBy: ["azure-cli", "azure-client-secret", "github-oidc-azure"],
  },
  { key: "azure_environment", env: "ARM_ENVIRONMENT", usedBy: AZURE },
  { key: "azure_login_app_id", env: "DATABRICKS_AZURE_LOGIN_APP_ID", usedBy: AZURE },
  {
    key: "google_service_account",
    env: "DATABRICKS_GOOGLE_SERVICE_ACCOUNT",
    usedBy: ["google-id"],
  },
  {
    key: "google_credentials",
    env: "GOOGLE_CREDENTIALS",
    secret: true,
    usedBy: ["google-credentials"],
  },
  { key: "actions_id_token_request_url", env: "ACTIONS_ID_TOKEN_REQUEST_URL", usedBy: GITHUB },
  {
    key: "actions_id_token_request_token",
    env: "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    secret: true,
    usedBy: GITHUB,
  },
  { key: "oidc_token_env", env: "DATABRICKS_OIDC_TOKEN_ENV", usedBy: ["env-oidc"] },
  {
    key: "databricks_id_token_filepath",
    env: "DATABRICKS_OIDC_TOKEN_FILEPATH",
    usedBy: ["file-oidc"],
  },
  { key: "audience", env: "DATABRICKS_TOKEN_AUDIENCE", usedBy: OIDC },
  { key: "discovery_url", env: "DATABRICKS_DISCOVERY_URL" },
  { key: "cloud", env: "DATABRICKS_CLOUD" },
  { key: "cluster_id", env: "DATABRICKS_CLUSTER_ID" },
  { key: "warehouse_id", env: "DATABRICKS_WAREHOUSE_ID" },
  { key: "serverless_compute_id", env: "DATABRICKS_SERVERLESS_COMPUTE_ID" },
  { key: "experimental_is_unified_host", env: "DATABRICKS_EXPERIMENTAL_IS_UNIFIED_HOST" },
  { key: "skip_verify" },
  { key: "http_timeout_seconds" },
  { key: "retry_timeout_seconds" },
  { key: "rate_limit", env: "DATABRICKS_RATE_LIMIT" },
  { key: "debug_headers", env: "DATABRICKS_DEBUG_HEADERS" },
  { key: "debug_truncate_bytes", env: "DATABRICKS_DEBUG_TRUNCATE_BYTES" },
];
