import { type Faults, faultKinds } from "./faults.ts";

/** What a delay, a fault or a record can name. */
export const endpoints = [
  "databricks-config",
  "metadata",
  "authorize",
  "discovery",
  "token",
  "introspect",
  "me",
  "workspaces",
  "clusters",
] as const;
export type Endpoint = (typeof endpoints)[number];

/** How `/oidc/v1/authorize` treats a valid request. README.md says what each one does. */
const authorizeBehaviours = ["approve", "page", "deny", "wrong-state", "no-state"] as const;
const refreshTokenBehaviours = ["rotate", "keep", "omit"] as const;
const expiresInForms = ["number", "string", "omit"] as const;
const issuerBehaviours = ["discovery", "always", "never", "wrong"] as const;
const hostMetadataForms = ["absent", "workspace", "account"] as const;

export interface Cluster {
  cluster_id: string;
  cluster_name: string;
  state: string;
  cluster_source: string;
  spark_version: string;
}

/** The live switches of a workspace; README.md describes each. Identifiers past 2^53 are strings here, integers on the wire. */
export interface Controls {
  /** Milliseconds before a request is handled. A client that hung up meanwhile was never heard. */
  delayMs: Partial<Record<Endpoint, number>>;
  faults: Faults;
  accessLifetimeSeconds: number;
  refreshLifetimeSeconds: number;
  codeLifetimeSeconds: number;
  refreshTokens: (typeof refreshTokenBehaviours)[number];
  expiresIn: (typeof expiresInForms)[number];
  authorize: (typeof authorizeBehaviours)[number];
  /** What `deny` sends back to the callback. */
  denial: { error: string; error_description: string };
  /** Callback ports accepted beside 8020 to 8040. */
  callbackPorts: number[];
  /** When the callback carries `iss` (RFC 9207). */
  issuer: (typeof issuerBehaviours)[number];
  /** Origin of the workspace that the discovery page leads to; null: the origin it was asked at. */
  discoveredOrigin: string | null;
  hostMetadata: (typeof hostMetadataForms)[number];
  accountId: string;
  workspaceId: string;
  cloud: string;
  user: { id: string; userName: string; displayName: string };
  workspaces: { workspace_id: string; workspace_name: string; deployment_name: string }[];
  clusters: Cluster[];
  clusterPageSize: number;
  personalAccessTokens: string[];
  basicLogins: { username: string; password: string }[];
  machineClients: { client_id: string; client_secret: string }[];
}

export function defaultControls(): Controls {
  return {
    delayMs: {},
    faults: {},
    accessLifetimeSeconds: 3600,
    refreshLifetimeSeconds: 30 * 24 * 3600,
    codeLifetimeSeconds: 60,
    refreshTokens: "rotate",
    expiresIn: "number",
    authorize: "approve",
    denial: {
      error: "access_denied",
      error_description: `<script>alert("denied")</script> & <b>no</b>`,
    },
    callbackPorts: [],
    issuer: "discovery",
    discoveredOrigin: null,
    hostMetadata: "workspace",
    accountId: "00000000-aaaa-4bbb-8ccc-000000000001",
    workspaceId: "6051921418418893123",
    cloud: "aws",
    user: { id: "4711", userName: "ada@example.com", displayName: "Ada Example" },
    workspaces: [
      {
        workspace_id: "6051921418418893123",
        workspace_name: "Analytics",
        deployment_name: "example-analytics",
      },
      {
        workspace_id: "9007199254740993",
        workspace_name: "Staging",
        deployment_name: "example-staging",
      },
    ],
    clusters: [
      cluster("0101-120000-alpha1", "Shared", "RUNNING", "UI"),
      cluster("0101-120000-bravo2", "Nightly", "TERMINATED", "JOB"),
      cluster("0101-120000-carol3", "Small", "TERMINATED", "API"),
    ],
    clusterPageSize: 2,
    personalAccessTokens: [],
    basicLogins: [],
    machineClients: [],
  };
}

function cluster(id: string, name: string, state: string, source: string): Cluster {
  return {
    cluster_id: id,
    cluster_name: name,
    state,
    cluster_source: source,
    spark_version: "15.4.x-scala2.12",
  };
}

const choices: Partial<Record<keyof Controls, readonly string[]>> = {
  refreshTokens: refreshTokenBehaviours,
  expiresIn: expiresInForms,
  authorize: authorizeBehaviours,
  issuer: issuerBehaviours,
  hostMetadata: hostMetadataForms,
};

/**
 * Sets the switches named in `patch`, or none. A misspelt name, endpoint or value is an error,
 * so that a script's typing mistake cannot pass for a server that misbehaves on request.
 */
export function applyPatch(controls: Controls, patch: object): void {
  for (const [name, value] of Object.entries(patch)) {
    const current = Reflect.get(controls, name);
    if (current === undefined) throw new Error(`no such control: ${name}`);
    const allowed = choices[name as keyof Controls];
    if (allowed !== undefined && !allowed.includes(value)) {
      throw new Error(`${name}: want one of ${allowed.join(", ")}`);
    }
    if (name === "discoveredOrigin") continue;
    if (kindOf(value) !== kindOf(current)) throw new Error(`${name}: want ${kindOf(current)}`);
    if (name === "delayMs") checkDelays(value);
    if (name === "faults") checkFaults(value);
  }
  Object.assign(controls, patch);
}

function kindOf(value: unknown): string {
  return Array.isArray(value) ? "array" : value === null ? "null" : typeof value;
}

function checkDelays(delays: object): void {
  for (const [endpoint, delay] of Object.entries(delays)) {
    checkEndpoint("delayMs", endpoint);
    if (!Number.isFinite(delay)) throw new Error(`delayMs.${endpoint}: want milliseconds`);
  }
}

function checkFaults(faults: object): void {
  for (const [endpoint, fault] of Object.entries(faults)) {
    checkEndpoint("faults", endpoint);
    if (!faultKinds.includes(fault?.kind)) {
      throw new Error(`faults.${endpoint}.kind: want one of ${faultKinds.join(", ")}`);
    }
    if (fault.times !== undefined && !(fault.times >= 1)) {
      throw new Error(`faults.${endpoint}.times: want 1 or more`);
    }
  }
}

function checkEndpoint(control: string, endpoint: string): void {
  if (!(endpoints as readonly string[]).includes(endpoint)) {
    throw new Error(`${control}: no such endpoint: ${endpoint} (want ${endpoints.join(", ")})`);
  }
}
