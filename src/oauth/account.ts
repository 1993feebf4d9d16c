/** The few questions that are put to the REST API with a token: whose it is, and what it reaches. */

import { UserError } from "../errors.ts";
import { type Http, isObject, readId, readJson } from "./http.ts";

/** Who asks. `authorization` is the value of that header: `Bearer …` or `Basic …`. */
export interface Caller {
  http: Http;
  /** Canonical. */
  host: string;
  authorization: string;
  /** Which workspace is meant, where a host serves several. */
  workspaceId?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** A workspace of an account. */
export interface AccountWorkspace {
  /** A 64-bit integer, so a string. */
  id: string;
  name: string;
}

export interface Cluster {
  id: string;
  name: string;
  /** Such as RUNNING or TERMINATED. */
  state: string;
  /** Who made it: UI, API, JOB, …; empty where the host does not say. */
  source: string;
}

/** Lists may be long: a cluster's entry alone takes some kilobytes. */
const MAX_LIST_BYTES = 16 * 1024 * 1024;

/** The name that the person signs in with. */
export async function whoAmI(caller: Caller): Promise<string> {
  const json = await get(caller, "/api/2.0/preview/scim/v2/Me");
  return required(caller, json, "userName");
}

/** Account and workspace that a workspace's token is for. */
export async function introspect(
  caller: Caller,
): Promise<{ accountId: string | undefined; workspaceId: string | undefined }> {
  const json = await get(caller, "/api/2.0/tokens/introspect");
  const principal = isObject(json) ? json["principal_context"] : undefined;
  const scope = isObject(principal) ? principal["authentication_scope"] : undefined;
  if (!isObject(scope)) throw unknownForm(caller);
  return { accountId: readId(scope["account_id"]), workspaceId: readId(scope["workspace_id"]) };
}

/** The workspaces of an account, by name. */
export async function listWorkspaces(
  caller: Caller,
  accountId: string,
): Promise<AccountWorkspace[]> {
  const json = await get(caller, `/api/2.0/accounts/${accountId}/workspaces`);
  if (!Array.isArray(json)) throw unknownForm(caller);
  return json
    .map((entry) => ({
      id: required(caller, entry, "workspace_id"),
      name: required(caller, entry, "workspace_name"),
    }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** All clusters of a workspace, page by page, in the host's order. */
export async function listClusters(caller: Caller): Promise<Cluster[]> {
  const clusters: Cluster[] = [];
  const seen = new Set<string>();
  for (let pageToken = ""; ; ) {
    const query = pageToken === "" ? "" : `?${new URLSearchParams({ page_token: pageToken })}`;
    const json = await get(caller, `/api/2.1/clusters/list${query}`);
    if (!isObject(json)) throw unknownForm(caller);
    const page = json["clusters"] ?? [];
    if (!Array.isArray(page)) throw unknownForm(caller);
    clusters.push(...page.map((entry) => readCluster(caller, entry)));
    const next = json["next_page_token"];
    if (typeof next !== "string" || next === "") return clusters;
    // A page that leads back to an earlier one would never end.
    if (seen.has(next)) throw unknownForm(caller);
    seen.add(next);
    pageToken = next;
  }
}

function readCluster(caller: Caller, entry: unknown): Cluster {
  return {
    id: required(caller, entry, "cluster_id"),
    name: required(caller, entry, "cluster_name"),
    state: required(caller, entry, "state"),
    source: (isObject(entry) ? readId(entry["cluster_source"]) : undefined) ?? "",
  };
}

async function get(caller: Caller, path: string): Promise<unknown> {
  const url = `${caller.host}${path}`;
  const response = await caller.http(url, {
    headers: {
      authorization: caller.authorization,
      ...(caller.workspaceId && { "x-databricks-org-id": caller.workspaceId }),
    },
    maxBytes: MAX_LIST_BYTES,
    signal: caller.signal,
  });
  return readJson(url, response);
}

function required(caller: Caller, json: unknown, name: string): string {
  const value = isObject(json) ? readId(json[name]) : undefined;
  if (value === undefined) throw unknownForm(caller);
  return value;
}

function unknownForm({ host }: Caller): UserError {
  return new UserError(`${new URL(host).host} answered in an unknown form`);
}
