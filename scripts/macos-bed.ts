/**
 * The macOS test bed, on Linux: `bun run macos-bed`.
 *
 * - `bun test test/macos`: the keychain backend on a strict stand-in for Apple's frameworks.
 * - The contract on Apple's own CoreFoundation, which Debian has as a part of Swift: what the
 *   stand-in only claims of references and bytes is so. Security stays a stand-in.
 * - The signatures of the macOS binaries, and that damage to them is found.
 *
 * The last line is `N passed, N failed, N skipped`; with CI=true a skip is a failure.
 */
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../src/errors.ts";
import { copyStandIn } from "../test/macos/stand-in.ts";
import { build, ROOT } from "./build.ts";
import { checkCodeSignature } from "./code-signature.ts";
import { debianFolder, insideDebian, missingForPackages } from "./debian.ts";
import { count, countsLine, type Outcome, renderOutcome } from "./outcome.ts";
import { readJunit } from "./run-tests.ts";
import { missingForSigning } from "./sign-macos.ts";

const outcomes: Outcome[] = [];
const scratch = mkdtempSync(join(tmpdir(), "databricks-macos-bed-"));
try {
  await timed("stand-in", standInTests);
  await timed("CoreFoundation", contractOnCoreFoundation);
  await timed("signatures", signatures);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
const counts = count(outcomes);
console.log(countsLine(counts));
process.exitCode = counts.failed + (process.env["CI"] === "true" ? counts.skipped : 0) > 0 ? 1 : 0;

function report(outcome: Outcome): void {
  outcomes.push(outcome);
  console.log(renderOutcome(outcome));
}

/** A part that cannot run is one failure. */
async function timed(name: string, part: () => Promise<void>): Promise<void> {
  const start = performance.now();
  try {
    await part();
  } catch (error) {
    report({ name, result: "failed", detail: messageOf(error) });
  }
  console.log(`${name}: ${((performance.now() - start) / 1000).toFixed(1)} s\n`);
}

async function standInTests(): Promise<void> {
  const file = join(scratch, "junit.xml");
  const reporter = ["--reporter=junit", `--reporter-outfile=${file}`];
  const tests = Bun.spawn([process.execPath, "test", "test/macos", ...reporter], {
    cwd: ROOT,
    env: { ...process.env, TMPDIR: scratch },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const log = await new Response(tests.stderr).text();
  for (const outcome of readJunit(readFileSync(file, "utf8"))) report(outcome);
  if ((await tests.exited) !== 0) throw new Error(log);
}

async function contractOnCoreFoundation(): Promise<void> {
  const name = "contract on Apple's CoreFoundation";
  const missing = Bun.which("bwrap") ? missingForPackages() : "needs bwrap";
  if (missing) return report({ name, result: "skipped", detail: missing });

  const packages = ["libswiftlang"];
  const system = await debianFolder({ suite: "trixie", architecture: "amd64", packages });
  const libraries = "/usr/libexec/swift/lib/swift/linux";
  const standIn = await copyStandIn();
  try {
    rmSync(standIn.frameworks.coreFoundation);
    symlinkSync(`${libraries}/libFoundation.so`, standIn.frameworks.coreFoundation);
    const probe = join(scratch, "probe");
    await build({ outfile: probe, entrypoint: "test/macos/probe.ts", keychainWorker: true });
    const inside = insideDebian(system, {
      mounts: { "/probe": probe, "/frameworks": standIn.folder },
      env: { LD_LIBRARY_PATH: libraries },
    });
    const run = Bun.spawnSync([...inside, "/probe", "/frameworks", "contract"]);
    const output = run.stdout.toString();
    for (const [, word, title] of output.matchAll(/^(ok|FAILED) (.*)$/gm)) {
      report({
        name: `${name}: ${title}`,
        result: word === "ok" ? "passed" : "failed",
        detail: "",
      });
    }
    if (run.exitCode !== 0) throw new Error(output + run.stderr.toString());
  } finally {
    standIn.remove();
  }
}

async function signatures(): Promise<void> {
  const missing = missingForSigning();
  if (missing) return report({ name: "signatures", result: "skipped", detail: missing });
  for (const target of ["bun-darwin-x64", "bun-darwin-arm64"] as const) {
    const binary = join(scratch, target);
    await build({ outfile: binary, target });
    const file = readFileSync(binary);
    const problemsAfter = (damage: (copy: Buffer) => void) => {
      const copy = Buffer.from(file);
      damage(copy);
      return checkCodeSignature(copy).problems;
    };
    compare(`${target}: every page has its hash`, checkCodeSignature(file).problems, []);
    compare(
      `${target}: a changed bit is found`,
      problemsAfter((copy) => copy.writeUInt8(copy.readUInt8(500_000) ^ 1, 500_000)),
      [`page ${Math.floor(500_000 / 4096)} does not have its hash`],
    );
    compare(
      `${target}: a changed entitlement is found`,
      problemsAfter((copy) => copy.write("no", copy.lastIndexOf("allow-jit</key>"))),
      ["slot 5 does not have its hash"],
    );
    compare(
      `${target}: a byte after the end is found`,
      checkCodeSignature(Buffer.concat([file, Buffer.alloc(1)])).problems,
      [`end of the last segment is ${file.length}, not ${file.length + 1}`],
    );
  }
}

function compare(name: string, actual: readonly string[], expected: readonly string[]): void {
  if (Bun.deepEquals(actual, expected)) report({ name, result: "passed", detail: "" });
  else report({ name, result: "failed", detail: `${actual.join("; ")}, not ${expected}` });
}
