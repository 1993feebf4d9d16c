/**
 * The figures of the program, side by side with what they are measured against:
 * `bun run bench [ROW…] [--runs N] [--quick]`.
 *
 * Prints a table, a missed goal as missed, and writes `bench/results.json` after a whole run.
 * `--quick` takes few runs and writes nothing: it shows that everything can be measured. The last
 * line is `N passed, N failed, N skipped`: measured or not, whatever came of it.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { version } from "../package.json";
import { build } from "../scripts/build.ts";
import { countsLine } from "../scripts/outcome.ts";
import { renderTable } from "../src/output.ts";
import type { Bench } from "./ground.ts";
import { type Finding, isMet, type Quantity, type Row } from "./row.ts";
import { serverRows } from "./server-rows.ts";
import { startRows } from "./start-rows.ts";

const RUNS = 41;
const QUICK_RUNS = 3;
const RESULTS = join(import.meta.dir, "results.json");

const ROWS = [...startRows, ...serverRows].toSorted((a, b) =>
  a.number.localeCompare(b.number, "en", { numeric: true }),
);

interface Measured {
  row: Row;
  finding: Finding;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { runs: { type: "string" }, quick: { type: "boolean", default: false } },
});

async function main(): Promise<void> {
  const rows = ROWS.filter(
    ({ number }) => positionals.length === 0 || positionals.includes(number),
  );
  if (rows.length === 0) throw new Error(`no such row; there are: ${ROWS.map((r) => r.number)}`);
  const bench = await openBench();
  const measured: Measured[] = [];
  const counts = { passed: 0, failed: 0, skipped: 0 };
  try {
    for (const row of rows) {
      const missing = row.lacks?.() ?? null;
      if (missing !== null) {
        console.log(`row ${row.number} skipped: ${missing}`);
        counts.skipped += 1;
        continue;
      }
      try {
        measured.push({ row, finding: await row.measure(bench) });
        counts.passed += 1;
      } catch (error) {
        console.log(`row ${row.number} could not be measured: ${Bun.inspect(error)}`);
        counts.failed += 1;
      }
    }
  } finally {
    rmSync(bench.folder, { recursive: true, force: true });
  }
  report(measured, bench.runs);
  const whole = rows.length === ROWS.length && counts.failed + counts.skipped === 0;
  if (whole && !values.quick) writeResults(measured, bench.runs);
  console.log(countsLine(counts));
  const strict = process.env["CI"] === "true";
  process.exitCode = counts.failed > 0 || (strict && counts.skipped > 0) ? 1 : 0;
}

async function openBench(): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), "databricks-bench-"));
  const [program, floor] = [join(folder, "databricks"), join(folder, "floor")];
  await build({ outfile: program });
  await build({ entrypoint: "bench/floor.ts", outfile: floor });
  const runs = Number(values.runs ?? (values.quick ? QUICK_RUNS : RUNS));
  return { folder, program, floor, runs };
}

function report(measured: readonly Measured[], runs: number): void {
  console.log(`\n${machine().processor}, ${runs} runs of each, medians\n`);
  const head = ["", "work", "", "against", "", "result", "goal", ""];
  const body = measured.map(({ row, finding }) => [
    row.number,
    row.work,
    renderQuantity(finding.value),
    row.against,
    finding.reference ? renderQuantity(finding.reference) : "",
    finding.result.toFixed(finding.value.unit === "requests" ? 0 : 3),
    String(finding.goal),
    isMet(finding) ? "met" : ["MISSED", ...(finding.faults ?? [])].join(", "),
  ]);
  console.log(renderTable([head, ...body]));
}

function renderQuantity({ amount, unit }: Quantity): string {
  switch (unit) {
    case "ms":
      return `${amount.toFixed(1)} ms`;
    case "KiB":
      return `${(amount / 1024).toFixed(1)} MiB`;
    case "bytes":
      return `${(amount / 1e6).toFixed(2)} MB`;
    default:
      return String(amount);
  }
}

function machine() {
  const [first] = cpus();
  return {
    processor: `${cpus().length} × ${first?.model.trim() ?? "unknown"}`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch} ${release()}`,
  };
}

function writeResults(measured: readonly Measured[], runs: number): void {
  const rows = measured.map(({ row: { number, work, against }, finding }) => ({
    number,
    work,
    against,
    ...finding,
    met: isMet(finding),
  }));
  const results = { version, bun: Bun.version, machine: machine(), runs, rows };
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
}

await main();
