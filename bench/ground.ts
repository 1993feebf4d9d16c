/** Homes with logins in them, on the embedded workspace. */
import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SeededToken } from "../test/workspace/state.ts";
import type { Command } from "./measure.ts";

/** What all rows share. */
export interface Bench {
  program: string;
  floor: string;
  /** A folder for what they make, removed at the end. */
  folder: string;
  runs: number;
}

export interface Login {
  profile: string;
  host: string;
  /** Left out: the login lies elsewhere. */
  token?: SeededToken;
}

/** A home folder without keyring and bus, with these logins in its files. */
export function makeHome({ folder }: Bench, logins: readonly Login[]): Command["env"] {
  const home = mkdtempSync(join(folder, "home-"));
  const runtime = join(home, "run");
  mkdirSync(runtime, { mode: 0o700 });
  mkdirSync(join(home, ".databricks"), { mode: 0o700 });
  const sections = logins.map(
    ({ profile, host }) => `[${profile}]\nhost      = ${host}\nauth_type = databricks-cli\n`,
  );
  writeFileSync(join(home, ".databrickscfg"), sections.join("\n"), { mode: 0o600 });
  writeTokens(home, logins);
  return { PATH: process.env["PATH"] ?? "", HOME: home, XDG_RUNTIME_DIR: runtime, BROWSER: "none" };
}

/** Writes the file cache of a home anew. */
export function writeTokens(home: string, logins: readonly Login[]): void {
  const path = join(home, ".databricks", "token-cache.json");
  const entries = logins.flatMap(({ profile, token }) =>
    token ? [[profile, entryOf(token)]] : [],
  );
  const cache = { version: 1, tokens: Object.fromEntries(entries) };
  writeFileSync(path, JSON.stringify(cache, null, 2));
  chmodSync(path, 0o600);
}

/** A token as the stores write it. */
export const entryOf = (token: SeededToken) => ({
  ...token,
  expiry: new Date(token.expiry).toISOString(),
});

/** The environment in which the file is the store that was asked for. */
export const plaintext = (env: Command["env"]): Command["env"] => ({
  ...env,
  DATABRICKS_AUTH_STORAGE: "plaintext",
});
