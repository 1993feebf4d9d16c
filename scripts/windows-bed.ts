/**
 * The Windows test bed: `bun run windows-bed [FILTER…]`. The compiled program and its parts
 * under Wine: the backend contract on advapi32, the cases in `windows-bed/`, and those of
 * `acceptance/` that make sense there.
 *
 * One line a case; the last line is `N passed, N failed, N skipped`. A machine that cannot
 * have the bed skips it; with CI=true that is a failure.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "./build.ts";
import { count, countsLine, type Outcome, outcomeOf, renderOutcome } from "./outcome.ts";
import { runWindowsAcceptance } from "./windows-bed/acceptance-cases.ts";
import type { BedCase } from "./windows-bed/cases.ts";
import { consoleCases } from "./windows-bed/console-cases.ts";
import { contractOnWindows } from "./windows-bed/contract-cases.ts";
import { buildGoKeyring, goCases, missingForGo } from "./windows-bed/go-cases.ts";
import { partCases } from "./windows-bed/part-cases.ts";
import { programCases } from "./windows-bed/program-cases.ts";
import { missingForWine, wineRoot } from "./windows-bed/root.ts";
import { startWine, type Wine } from "./windows-bed/wine.ts";

const TARGET = "bun-windows-x64";

const cases: readonly BedCase[] = [
  ...contractOnWindows,
  ...partCases,
  ...goCases,
  ...programCases,
  ...consoleCases,
];
const outcomes: Outcome[] = [];
const missing = missingForWine();
if (missing) report({ name: "Windows bed", result: "skipped", detail: missing });
else await runBed(process.argv.slice(2));
const counts = count(outcomes);
console.log(countsLine(counts));
process.exitCode = counts.failed + (process.env["CI"] === "true" ? counts.skipped : 0) > 0 ? 1 : 0;

function report(outcome: Outcome): void {
  outcomes.push(outcome);
  console.log(renderOutcome(outcome));
}

async function runBed(filters: readonly string[]): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), "databricks-windows-bed-"));
  const [copy, programs] = [join(scratch, "copy"), join(scratch, "programs")];
  const shared = join(scratch, "shared");
  for (const folder of [copy, shared]) mkdirSync(folder);
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => {
      rmSync(scratch, { recursive: true, force: true });
      process.exit(1);
    });
  }
  let wine: Wine | undefined;
  try {
    const times = [performance.now()];
    const root = await wineRoot();
    times.push(performance.now());
    await buildPrograms(programs);
    times.push(performance.now());
    wine = await startWine({ root, copy, programs, shared });
    for (const each of cases) {
      if (filters.length && !filters.some((filter) => each.name.includes(filter))) continue;
      await runCase(wine, each);
    }
    times.push(performance.now());
    await runWindowsAcceptance({ wine, shared, filters, report });
    times.push(performance.now());
    const parts = ["Wine", "programs", "cases", "acceptance"].map(
      (part, index) => `${part} ${seconds((times[index + 1] ?? 0) - (times[index] ?? 0))}`,
    );
    console.log(parts.join(", "));
  } finally {
    await wine?.stop();
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function buildPrograms(folder: string): Promise<void> {
  await build({ outfile: join(folder, "databricks.exe"), target: TARGET });
  const entrypoint = "test/windows/bed-program.ts";
  await build({ outfile: join(folder, "bed.exe"), target: TARGET, entrypoint });
  if (!missingForGo()) await buildGoKeyring(join(folder, "go-keyring.exe"));
}

async function runCase(wine: Wine, { name, missing = null, run }: BedCase): Promise<void> {
  report(await outcomeOf(name, missing, () => run(wine)));
}

function seconds(milliseconds = 0): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
