/** Everything of the outside world that a command touches, in one object. */
import { homedir } from "node:os";
import { join } from "node:path";
import type { Keyring } from "./keyring/keyring.ts";

export type Environment = Record<string, string | undefined>;

export interface Output {
  readonly isTTY: boolean;
  write(text: string): void;
}

export interface Context {
  env: Environment;
  platform: NodeJS.Platform;
  /** The person's home folder: HOME, USERPROFILE on Windows, else what the system says. */
  home: string;
  stdin: { readonly isTTY: boolean };
  stdout: Output;
  stderr: Output;
  fetch: typeof fetch;
  /** Milliseconds since the epoch. */
  now(): number;
  /** When the process was started: milliseconds since the epoch. */
  startedAt: number;
  /** The keyring of this machine, opened once; all its calls share one time budget. */
  keyring(): Promise<Keyring>;
  /** One line on stderr, under `--debug` only. Never given a secret. */
  debug(message: string): void;
}

/** A person can be asked: stdin and stderr are terminals, and this is no CI job. */
export function isInteractive(context: Context): boolean {
  return context.stdin.isTTY && context.stderr.isTTY && !context.env["CI"];
}

/** Path of the config file: DATABRICKS_CONFIG_FILE (`~/` is the home folder), else ~/.databrickscfg. */
export function configPath(context: Context): string {
  const given = context.env["DATABRICKS_CONFIG_FILE"];
  if (!given) return join(context.home, ".databrickscfg");
  return given.startsWith("~/") ? join(context.home, given.slice(2)) : given;
}

/** Path of the file cache. */
export function cachePath(context: Context): string {
  return join(context.home, ".databricks", "token-cache.json");
}

/** Folder of the lock files. */
export function lockDirectory(context: Context): string {
  return join(context.home, ".databricks", "locks");
}

export function homeFolder(env: Environment, platform: NodeJS.Platform): string {
  return (platform === "win32" ? env["USERPROFILE"] : env["HOME"]) || homedir();
}
