/**
 * Compiles the program into one executable: `bun run build [--target T] [--entrypoint P] [--outfile F]`.
 *
 * What a compiled Bun program would do by default and this one must not (docs/hardening.md):
 * read `.env`, `bunfig.toml`, `tsconfig.json` or `package.json` of the current folder, and
 * take orders from environment variables meant for another Bun program.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { BuildFacts } from "../src/build-info.ts";
import { lateBuiltins } from "./late-builtins.ts";
import { signMacos } from "./sign-macos.ts";

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

/** How many times longer than usual code is interpreted before it is compiled: most runs are over before that pays. */
const JIT_RELUCTANCE = 100;

/** Where an executable finds what was compiled into it. */
const EMBEDDED_ROOT = "/$bunfs/root";

/** The macOS keychain's thread is an entry point of its own. */
const KEYCHAIN_WORKER = "src/keyring/macos-worker.ts";
/** Its name inside the executable; absolute, since a relative one may be found in the current folder. */
const EMBEDDED_KEYCHAIN_WORKER = `${EMBEDDED_ROOT}/keyring/macos-worker.js`;

export interface BuildOptions {
  outfile: string;
  /** Bun's name of another system, such as `bun-linux-arm64-musl`; this machine when absent. */
  target?: Bun.Build.CompileTarget;
  /** Another program compiled the same way, to compare with; relative to the root. */
  entrypoint?: string;
  /** Whether the keychain's thread goes in; by default into macOS binaries only. */
  keychainWorker?: boolean;
}

/** Compiles and seals an executable, and signs one for macOS. Rejects with the bundler's messages. */
export async function build(options: BuildOptions): Promise<void> {
  const system = options.target ?? `bun-${process.platform}`;
  const macos = system.includes("darwin");
  const entrypoints = [options.entrypoint ?? "src/main.ts"];
  if (options.keychainWorker ?? macos) entrypoints.push(KEYCHAIN_WORKER);
  const outfile = resolve(options.outfile);
  await Bun.build({
    root: resolve(ROOT, "src"),
    entrypoints: entrypoints.map((file) => resolve(ROOT, file)),
    minify: true,
    bytecode: true,
    plugins: [lateBuiltins],
    define: {
      BUILD_FACTS: JSON.stringify(buildFacts()),
      KEYCHAIN_WORKER: JSON.stringify(EMBEDDED_KEYCHAIN_WORKER),
    },
    compile: {
      outfile,
      ...(options.target && { target: options.target }),
      execArgv: ["--use-system-ca"],
      jitPolicy: JIT_RELUCTANCE,
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
  });
  const windows = /windows|win32/.test(system) && !outfile.endsWith(".exe");
  sealFile(windows ? `${outfile}.exe` : outfile);
  if (macos) await signMacos(outfile);
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
      entrypoint: { type: "string" },
    },
  });
  await build({
    outfile: values.outfile,
    ...(values.target && { target: values.target as Bun.Build.CompileTarget }),
    ...(values.entrypoint && { entrypoint: values.entrypoint }),
  });
  console.log(values.outfile);
}
