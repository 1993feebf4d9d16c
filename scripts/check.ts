/**
 * Everything that this machine can test: `bun run check`. Lint, build, `bun test`, acceptance.
 * The last line is `N passed, N failed, N skipped`; what was skipped is named above it.
 * With CI=true a skip is a failure too: such a machine has all that the tests need.
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runAcceptance } from "./acceptance.ts";
import { build, ROOT } from "./build.ts";
import { count, countsLine, type Outcome, outcomeOf, renderOutcome } from "./outcome.ts";
import { runTests } from "./run-tests.ts";

const scratch = mkdtempSync(join(tmpdir(), "databricks-check-"));
// Some tests run a program as somebody else, who has to get at its files.
chmodSync(scratch, 0o755);
try {
  const outcomes = await check();
  summarise(outcomes);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function check(): Promise<Outcome[]> {
  const binary = join(scratch, "databricks");
  const before = workingTree();
  heading("Lint");
  const lint = await runLint();
  heading("Build");
  const built = await outcomeOf("build", null, () => build({ outfile: binary }), Bun.inspect);
  report(built);
  heading("Tests");
  const tests = await runTests(scratch, binary);
  heading("Acceptance");
  const acceptance =
    built.result === "passed"
      ? await runAcceptance({ binary, filters: [], update: false, report })
      : [];
  return [lint, built, ...tests, ...acceptance, compareTrees(before, workingTree())];
}

function heading(text: string): void {
  console.log(`\n── ${text} ${"─".repeat(76 - text.length)}`);
}

function report(outcome: Outcome): void {
  console.log(renderOutcome(outcome));
}

async function runLint(): Promise<Outcome> {
  const child = Bun.spawn([process.execPath, "run", "lint"], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const exitCode = await child.exited;
  if (exitCode === 0) return { name: "lint", result: "passed", detail: "" };
  return { name: "lint", result: "failed", detail: `ended with ${exitCode}` };
}

/** What git sees as changed; null where there is no git or no checkout. */
function workingTree(): string | null {
  if (!Bun.which("git")) return null;
  const status = Bun.spawnSync(["git", "-C", ROOT, "status", "--porcelain"], { stderr: "ignore" });
  return status.success ? status.stdout.toString() : null;
}

function compareTrees(before: string | null, after: string | null): Outcome {
  const name = "the working tree is as it was";
  if (before === null) return { name, result: "skipped", detail: "needs git and a checkout" };
  if (before === after) return { name, result: "passed", detail: "" };
  return { name, result: "failed", detail: `before:\n${before}after:\n${after}` };
}

function summarise(outcomes: readonly Outcome[]): void {
  const skipped = outcomes.filter(({ result }) => result === "skipped");
  const failed = outcomes.filter(({ result }) => result === "failed");
  heading("Summary");
  for (const outcome of [...skipped, ...failed]) report(outcome);
  const strict = process.env["CI"] === "true";
  if (strict && skipped.length > 0) console.log("  ✗ with CI=true nothing may be skipped");
  console.log(countsLine(count(outcomes)));
  process.exitCode = failed.length > 0 || (strict && skipped.length > 0) ? 1 : 0;
}
