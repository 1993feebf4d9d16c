/**
 * Builds the binaries of all systems and runs those that Linux on x64 can run:
 * `bun run binaries-bed`. arm64 runs in qemu, musl on Debian's musl. None of these systems has
 * libsecret: the program reads the file without a word there, and says so where the keyring
 * was asked for.
 *
 * The Windows binary runs in the Windows bed. What macOS would check of its binaries is checked.
 * The last line is `N passed, N failed, N skipped`; with CI=true a skip is a failure.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../package.json";
import { type Launch, missingFor, SYSTEMS, type System } from "./binaries-bed/systems.ts";
import { buildAll, PRODUCTS, type Product } from "./build-all.ts";
import { ADHOC, checkCodeSignature, HARDENED_RUNTIME } from "./code-signature.ts";
import { count, countsLine, type Outcome, outcomeOf, renderOutcome } from "./outcome.ts";
import { missingForSigning } from "./sign-macos.ts";

/** What `file` says of each binary. */
const FORMATS: Readonly<Record<string, RegExp>> = {
  "databricks-linux-x64": /^ELF 64-bit .* x86-64, .*interpreter \/lib64\/ld-linux-x86-64.so.2/,
  "databricks-linux-arm64": /^ELF 64-bit .* aarch64, .*interpreter \/lib\/ld-linux-aarch64.so.1/,
  "databricks-linux-x64-musl": /^ELF 64-bit .* x86-64, .*interpreter \/lib\/ld-musl-x86_64.so.1/,
  "databricks-linux-arm64-musl":
    /^ELF 64-bit .* aarch64, .*interpreter \/lib\/ld-musl-aarch64.so.1/,
  "databricks-windows-x64.exe": /^PE32\+ executable \(console\) x86-64/,
  "databricks-darwin-x64": /^Mach-O 64-bit x86_64 executable/,
  "databricks-darwin-arm64": /^Mach-O 64-bit arm64 executable/,
};

const CONFIG = "[p]\nhost = https://adb-1.azuredatabricks.net\nauth_type = databricks-cli\n";
const TOKENS = {
  version: 1,
  tokens: { p: { access_token: "access-1", token_type: "Bearer", expiry: "2099-01-01T00:00:00Z" } },
};

const start = performance.now();
const outcomes: Outcome[] = [];
const scratch = mkdtempSync(join(tmpdir(), "databricks-binaries-bed-"));
try {
  const unsigned = missingForSigning();
  const isMacos = ({ file }: Product) => file.includes("darwin");
  const products = PRODUCTS.filter((product) => !unsigned || !isMacos(product));
  await buildAll(scratch, products);
  for (const { file } of products) await examine(file);
  if (unsigned) await attempt("macOS binaries", unsigned, () => {});
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`${((performance.now() - start) / 1000).toFixed(1)} s`);
const counts = count(outcomes);
console.log(countsLine(counts));
process.exitCode = counts.failed + (process.env["CI"] === "true" ? counts.skipped : 0) > 0 ? 1 : 0;

async function examine(file: string): Promise<void> {
  const binary = join(scratch, file);
  await attempt(`${file}: format`, Bun.which("file") ? null : "needs file", () => {
    const { stdout } = Bun.spawnSync(["file", "--brief", binary]);
    assert.match(stdout.toString(), FORMATS[file] ?? /^$/);
  });
  if (file.includes("darwin")) await attempt(`${file}: signature`, null, () => signed(binary));
  const system = SYSTEMS[file];
  if (system) await runOn(system, file, binary);
}

function signed(binary: string): void {
  const { problems, flags } = checkCodeSignature(readFileSync(binary));
  assert.deepEqual({ problems, flags }, { problems: [], flags: ADHOC | HARDENED_RUNTIME });
}

async function runOn(system: System, file: string, binary: string): Promise<void> {
  const missing = missingFor(system);
  let launch: Launch | undefined;
  const on = (name: string, body: (run: Run) => void) =>
    attempt(`${file}: ${name}`, missing, async () => {
      launch ??= await system.prepare();
      body(runIn(newHome(), binary, launch));
    });

  await on("--version", (run) => {
    const expected = { exitCode: 0, stdout: `Databricks CLI v${version}\n`, stderr: "" };
    assert.deepEqual(run("--version"), expected);
  });
  await on("without libsecret, the default reads the file silently", (run) => {
    const { exitCode, stdout, stderr } = run("auth", "token", "-p", "p");
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: "" });
    assert.equal(JSON.parse(stdout).access_token, "access-1");
  });
  await on("without libsecret, an explicit secure fails and names the library", (run) => {
    const { exitCode, stdout, stderr } = run("auth", "token", "-p", "p", "--storage", "secure");
    assert.deepEqual({ exitCode, stdout }, { exitCode: 1, stdout: "" });
    assert.match(stderr, /^Error: OS keyring unreachable: .*lib\w+-?[\d.]*\.so/);
    assert.match(stderr, /DATABRICKS_AUTH_STORAGE=plaintext/);
  });
}

type Run = (...args: string[]) => { exitCode: number; stdout: string; stderr: string };

function runIn(home: string, binary: string, launch: Launch): Run {
  return (...args) => {
    const child = Bun.spawnSync([...launch(binary, home), ...args]);
    // Reading never writes to the config file.
    assert.equal(readFileSync(join(home, ".databrickscfg"), "utf8"), CONFIG);
    const { exitCode, stdout, stderr } = child;
    return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
  };
}

function newHome(): string {
  const home = mkdtempSync(join(scratch, "home-"));
  mkdirSync(join(home, ".databricks"), { mode: 0o700 });
  writeFileSync(join(home, ".databrickscfg"), CONFIG, { mode: 0o600 });
  const tokens = JSON.stringify(TOKENS);
  writeFileSync(join(home, ".databricks/token-cache.json"), tokens, { mode: 0o600 });
  return home;
}

async function attempt(
  name: string,
  missing: string | null,
  body: () => void | Promise<void>,
): Promise<void> {
  const outcome = await outcomeOf(name, missing, body);
  outcomes.push(outcome);
  console.log(renderOutcome(outcome));
}
