/**
 * The settings that the Databricks SDKs know: the key in the config file and the environment
 * variable. Source: the SDKs' public documentation of unified authentication.
 */
export interface Attribute {
  /** Key in the config file. */
  key: string;
  /** Environment variable that gives the same setting. */
  env?: string;
  /** Masked wherever it is shown. */
  secret?: true;
  /** The kind of login that the setting belongs to; none where it serves every kind. */
  kind?: "pat" | "basic" | "oauth" | "metadata-service" | "azure" | "google" | "oidc";
}

export const ATTRIBUTES: readonly Attribute[] = [
  { key: "host", env: "DATABRICKS_HOST" },
  { key: "account_id", env: "DATABRICKS_ACCOUNT_ID" },
  { key: "workspace_id", env: "DATABRICKS_WORKSPACE_ID" },
  { key: "auth_type", env: "DATABRICKS_AUTH_TYPE" },
  { key: "token", env: "DATABRICKS_TOKEN", secret: true, kind: "pat" },
  { key: "username", env: "DATABRICKS_USERNAME", kind: "basic" },
  { key: "password", env: "DATABRICKS_PASSWORD", secret: true, kind: "basic" },
  { key: "client_id", env: "DATABRICKS_CLIENT_ID", kind: "oauth" },
  { key: "client_secret", env: "DATABRICKS_CLIENT_SECRET", secret: true, kind: "oauth" },
  { key: "scopes", env: "DATABRICKS_SCOPES" },
  { key: "databricks_cli_path", env: "DATABRICKS_CLI_PATH" },
  {
    key: "metadata_service_url",
    env: "DATABRICKS_METADATA_SERVICE_URL",
    secret: true,
    kind: "metadata-service",
  },
  { key: "azure_workspace_resource_id", env: "DATABRICKS_AZURE_RESOURCE_ID", kind: "azure" },
  { key: "azure_use_msi", env: "ARM_USE_MSI", kind: "azure" },
  { key: "azure_client_id", env: "ARM_CLIENT_ID", kind: "azure" },
  { key: "azure_client_secret", env: "ARM_CLIENT_SECRET", secret: true, kind: "azure" },
  { key: "azure_tenant_id", env: "ARM_TENANT_ID", kind: "azure" },
  { key: "azure_environment", env: "ARM_ENVIRONMENT" },
  { key: "azure_login_app_id", env: "DATABRICKS_AZURE_LOGIN_APP_ID", kind: "azure" },
  { key: "google_service_account", env: "DATABRICKS_GOOGLE_SERVICE_ACCOUNT", kind: "google" },
  { key: "google_credentials", env: "GOOGLE_CREDENTIALS", secret: true, kind: "google" },
  { key: "oidc_token_env", env: "DATABRICKS_OIDC_TOKEN_ENV", kind: "oidc" },
  { key: "databricks_id_token_filepath", env: "DATABRICKS_OIDC_TOKEN_FILEPATH", kind: "oidc" },
  { key: "audience", env: "DATABRICKS_TOKEN_AUDIENCE" },
  { key: "cluster_id", env: "DATABRICKS_CLUSTER_ID" },
  { key: "warehouse_id", env: "DATABRICKS_WAREHOUSE_ID" },
  { key: "serverless_compute_id", env: "DATABRICKS_SERVERLESS_COMPUTE_ID" },
  { key: "experimental_is_unified_host", env: "DATABRICKS_EXPERIMENTAL_IS_UNIFIED_HOST" },
];
