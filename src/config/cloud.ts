/** Which cloud a host is in, by its name. */

export type Cloud = "aws" | "azure" | "gcp";

/** The domains of Databricks' own hosts. */
const DOMAINS: readonly (readonly [domain: string, cloud: Cloud])[] = [
  ["cloud.databricks.com", "aws"],
  ["cloud.databricks.us", "aws"],
  ["cloud.databricks.mil", "aws"],
  ["azuredatabricks.net", "azure"],
  ["databricks.azure.us", "azure"],
  ["databricks.azure.cn", "azure"],
  ["gcp.databricks.com", "gcp"],
];

/** The cloud of a canonical host; undefined where the name does not tell. */
export function cloudOfHost(host: string): Cloud | undefined {
  const { hostname } = new URL(host);
  return DOMAINS.find(([domain]) => hostname === domain || hostname.endsWith(`.${domain}`))?.[1];
}
