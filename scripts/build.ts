/**
 * Compiles the program into one executable: `bun run build [--target T] [--outfile F]`.
 *
 * What a compiled Bun program would do by default and this one must not (docs/hardening.md):
 * read `.env`, `bunfig.toml`, `tsconfig.json` or `package.json` of the current folder, and
 * take orders from environment variables meant for another Bun program.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { BuildFacts } from "../src/build-info.ts";

export const ROOT = resolve(import.meta.dir, "..");

/**
 * Variables that make Bun's runtime run other code, or wait for a debugger, before
 * `src/main.ts` has a say.
 */
export const SEALED_VARIABLES = [
  "BUN_OPTIONS",
  "BUN_BE_BUN",
  "BUN_INSPECT",
  "BUN_INSPECT_CONNECT_TO",
  "BUN_INSPECT_PRELOAD",
] as const;

/** The macOS keychain's thread, an entry point of its own there, and what it is called inside the executable. */
const KEYCHAIN_WORKER = "src/keyring/macos-worker.ts";
const EMBEDDED_KEYCHAIN_WORKER = "./keyring/macos-worker.js";

export interface BuildOptions {
  outfile: string;
  /** Bun's name of another system, such as `bun-linux-arm64-musl`; this machine when absent. */
  target?: Bun.Build.CompileTarget;
  /** Another program compiled the same way, to compare with; relative to the root. */
  entrypoint?: string;
}

/** Compiles and seals an executable. Rejects with the bundler's messages. */
export async function build(options: BuildOptions): Promise<void> {
  const system = options.target ?? `bun-${process.platform}`;
  const entrypoints = [options.entrypoint ?? "src/main.ts"];
  if (!options.entrypoint && system.includes("darwin")) entrypoints.push(KEYCHAIN_WORKER);
  const outfile = resolve(options.outfile);
  await Bun.build({
    entrypoints: entrypoints.map((file) => resolve(ROOT, file)),
    minify: true,
    bytecode: true,
    define: {
      BUILD_FACTS: JSON.stringify(buildFacts()),
      KEYCHAIN_WORKER: JSON.stringify(EMBEDDED_KEYCHAIN_WORKER),
    },
    compile: {
      outfile,
      ...(options.target && { target: options.target }),
      execArgv: ["--use-system-ca"],
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  });
  const windows = /windows|win32/.test(system) && !outfile.endsWith(".exe");
  sealFile(windows ? `${outfile}.exe` : outfile);
  if (process.platform === "darwin" && system.includes("darwin")) await signAdHoc(outfile);
}

/** On a Mac: what was sealed runs there only with a fresh signature. */
async function signAdHoc(path: string): Promise<void> {
  await Bun.$`codesign --force --sign - ${path}`.quiet();
}

/**
 * Renames the sealed variables inside the executable, so that their real names mean nothing
 * to it. Breaks a macOS signature: sign afterwards.
 *
 * @throws when a name is not there exactly once, as after a change of Bun
 */
export function seal(executable: Buffer): void {
  for (const name of SEALED_VARIABLES) {
    const literal = Buffer.from(`\0${name}\0`);
    const at = executable.indexOf(literal);
    if (at < 0 || executable.includes(literal, at + 1)) {
      throw new Error(`${name} is not exactly once in the executable: check how Bun reads it now`);
    }
    executable.write("_", at + 1);
  }
}

function sealFile(path: string): void {
  const executable = readFileSync(path);
  seal(executable);
  writeFileSync(path, executable);
}

function buildFacts(): BuildFacts {
  const seconds = process.env["SOURCE_DATE_EPOCH"];
  return {
    commit: git("rev-parse", "HEAD"),
    commitTime: git("log", "-1", "--format=%cd", "--date=format-local:%Y-%m-%dT%H:%M:%SZ"),
    branch: git("rev-parse", "--abbrev-ref", "HEAD"),
    tag: git("describe", "--tags", "--exact-match"),
    timestamp: (seconds ? new Date(Number(seconds) * 1000) : new Date())
      .toISOString()
      .replace(/\.\d+Z$/, "Z"),
  };
}

/** One line of git's answer; empty where there is no git, no checkout of its own, or no answer. */
function git(...args: string[]): string {
  if (!existsSync(resolve(ROOT, ".git")) || !Bun.which("git")) return "";
  const { stdout, success } = Bun.spawnSync(["git", "-C", ROOT, ...args], {
    env: { ...process.env, TZ: "UTC" },
    stderr: "ignore",
  });
  return success ? stdout.toString().trim() : "";
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      outfile: { type: "string", default: resolve(ROOT, "dist/databricks") },
      target: { type: "string" },
    },
  });
  await build({
    outfile: values.outfile,
    ...(values.target && { target: values.target as Bun.Build.CompileTarget }),
  });
  console.log(values.outfile);
}
