import type { Token } from "../../src/storage/store.ts";
import { applyPatch, type Controls, defaultControls } from "./controls.ts";
import type { RequestRecord } from "./request-log.ts";
import { createLedger, type Grant, type Ledger, type Lifetimes } from "./token-ledger.ts";

/** All that a workspace remembers. */
export interface State {
  controls: Controls;
  ledger: Ledger;
  requests: RequestRecord[];
  /** Back to the switches it started with; logins and requests are forgotten. */
  reset(): void;
}

/** A login to seed: what it is for, and how it stands. */
export interface SeedOptions {
  /** Origin that the token is good at; where the workspace was asked, by default. */
  origin?: string;
  /** Makes it an account's token. */
  accountId?: string;
  /** Seconds left of the access token: below zero, it ended that long ago. */
  expiresIn?: number;
  refreshable?: boolean;
  scopes?: string[];
}

export type SeededToken = Token & { expiry: number; expires_in: number };

export function createState(initial: Partial<Controls>): State {
  const controls = defaultControls();
  applyPatch(controls, initial);
  const ledger = createLedger();
  const requests: RequestRecord[] = [];
  return {
    controls,
    ledger,
    requests,
    reset() {
      Object.assign(controls, defaultControls());
      applyPatch(controls, initial);
      ledger.forgetAll();
      requests.length = 0;
    },
  };
}

export function lifetimes(controls: Controls): Lifetimes {
  return {
    access: controls.accessLifetimeSeconds,
    refresh: controls.refreshLifetimeSeconds,
    code: controls.codeLifetimeSeconds,
  };
}

export function issuerOf(origin: string, accountId: string | undefined): string {
  return accountId === undefined ? `${origin}/oidc` : `${origin}/oidc/accounts/${accountId}`;
}

/** A login that took place without a browser. */
export function seedToken(
  { controls, ledger }: State,
  origin: string,
  seed: SeedOptions,
): SeededToken {
  const grant: Grant = {
    issuer: issuerOf(seed.origin ?? origin, seed.accountId),
    scopes: seed.scopes ?? ["all-apis", "offline_access"],
  };
  const usual = lifetimes(controls);
  const issued = ledger.issue(
    grant,
    { ...usual, access: seed.expiresIn ?? usual.access },
    seed.refreshable ?? true,
  );
  return {
    access_token: issued.accessToken,
    token_type: "Bearer",
    ...(issued.refreshToken === null ? {} : { refresh_token: issued.refreshToken }),
    expiry: issued.expiry,
    expires_in: usual.access,
  };
}

const seedChecks: Record<keyof SeedOptions, (value: unknown) => boolean> = {
  origin: (value) => typeof value === "string",
  accountId: (value) => typeof value === "string",
  expiresIn: (value) => typeof value === "number",
  refreshable: (value) => typeof value === "boolean",
  scopes: (value) => Array.isArray(value) && value.every((scope) => typeof scope === "string"),
};

/** Seed options that came as JSON; a name or a type that is unknown is an error. */
export function readSeed(value: object): SeedOptions {
  for (const [name, option] of Object.entries(value)) {
    if (!Object.hasOwn(seedChecks, name)) throw new Error(`no such option: ${name}`);
    if (!seedChecks[name as keyof SeedOptions](option)) throw new Error(`${name}: wrong type`);
  }
  return value;
}
