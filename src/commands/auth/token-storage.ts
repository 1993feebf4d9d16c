/** The words for the storage mode in force. */
import { SERVICE } from "../../keyring/backend.ts";
import type { StorageChoice, StorageSource } from "../../storage/mode.ts";

export const FILE_LOCATION = "~/.databricks/token-cache.json";

/** Where tokens lie and who said so, as people and programs are told. */
export function describeStorage({ mode, source }: StorageChoice, configPath: string) {
  const location = mode === "secure" ? `OS keyring (service: ${SERVICE})` : FILE_LOCATION;
  const sources: Record<StorageSource, string> = {
    override: "command-line override",
    env: "DATABRICKS_AUTH_STORAGE environment variable",
    config: `auth_storage in [__settings__] section of ${configPath}`,
    default: "default",
  };
  return { mode, location, source: sources[source] };
}
