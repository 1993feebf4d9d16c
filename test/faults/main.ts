/**
 * Real faults against the compiled program: `bun run faults [ROW…] [--quick|--full|--tries N] [--seed S] [--try I]`.
 * A row is named by the start of its name. One line a row; every loss below it, with the command
 * that plays it again. The last line is `N passed, N failed, N skipped`, in rows; with CI=true a
 * skip is a failure.
 *
 * `bun run faults soak [--calls N] [--processes N] [--duration D]` takes a quarter of an hour a
 * row; among all rows it is a short one.
 */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "../../scripts/build.ts";
import { countsLine, renderOutcome } from "../../scripts/outcome.ts";
import { parseDuration } from "../../src/commands/command.ts";
import { messageOf } from "../../src/errors.ts";
import { allAtOnceRows } from "./all-at-once.ts";
import { cacheFileRows } from "./cache-files.ts";
import { callbackRows } from "./callbacks.ts";
import { configFileRows } from "./config-files.ts";
import { crashRows } from "./crashes.ts";
import { diskRows } from "./disks.ts";
import { endpointRows } from "./endpoints.ts";
import { foreignFileRows } from "./foreign-files.ts";
import { garbageRows } from "./garbage.ts";
import { interruptRows } from "./interrupts.ts";
import { keyringRows } from "./keyrings.ts";
import { killRows } from "./kills.ts";
import { manyLoginRows } from "./many-logins.ts";
import { migrationRows } from "./migrations.ts";
import { oddFileRows } from "./odd-files.ts";
import { promptRows } from "./prompts.ts";
import { createRandom } from "./random.ts";
import { type Bench, Loss, type OpenRow, type Row, type SoakPlan } from "./row.ts";
import { soakRows } from "./soak.ts";
import { stoppedHolderRows } from "./stopped-holders.ts";
import { tornFileRows } from "./torn-files.ts";

const ROWS: readonly Row[] = [
  ...killRows,
  ...interruptRows,
  ...stoppedHolderRows,
  ...crashRows,
  ...migrationRows,
  ...diskRows,
  ...foreignFileRows,
  ...oddFileRows,
  ...keyringRows,
  ...garbageRows,
  ...promptRows,
  ...manyLoginRows,
  ...allAtOnceRows,
  ...endpointRows,
  ...callbackRows,
  ...configFileRows,
  ...cacheFileRows,
  ...tornFileRows,
  ...soakRows,
];

/** More of them say nothing new. */
const MOST_LOSSES = 5;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: "boolean", default: false },
    full: { type: "boolean", default: false },
    tries: { type: "string" },
    try: { type: "string" },
    seed: { type: "string" },
    calls: { type: "string" },
    processes: { type: "string" },
    duration: { type: "string" },
  },
});
const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);

interface Loser {
  index: number;
  error: unknown;
}

function triesOf(row: Row): number[] {
  if (values.try !== undefined) return [Number(values.try)];
  const usual = values.full ? row.tries.full : row.tries.quick;
  return [...Array(values.tries === undefined ? usual : Number(values.tries)).keys()];
}

async function runRow(row: Row, bench: Bench): Promise<"passed" | "failed" | "skipped"> {
  const missing = row.lacks();
  if (missing !== null) {
    printLine([row.name, "", "", "", "", `skipped: ${missing}`]);
    return "skipped";
  }
  const startedAt = performance.now();
  const losers: Loser[] = [];
  let tried = 0;
  let open: OpenRow | undefined;
  let note = "";
  try {
    open = await row.open(bench, createRandom(seed, row.name));
    for (const index of triesOf(row)) {
      tried += 1;
      await open.attempt(index, createRandom(seed, row.name, index)).catch((error: unknown) => {
        losers.push({ index, error });
      });
      if (losers.length === MOST_LOSSES) break;
    }
    note = open.note?.() ?? "";
  } catch (error) {
    losers.push({ index: -1, error });
  } finally {
    await open?.close();
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const lost = losers.filter(({ index }) => index >= 0).length;
  const counts = [tried, tried - lost, losers.length].map(String);
  printLine([row.name, ...counts, `${seconds.toFixed(1)} s`, note]);
  for (const loser of losers) printLoss(row, loser);
  return losers.length === 0 && tried > 0 ? "passed" : "failed";
}

const WIDTHS = [32, 6, 9, 5, 9];

function printLine(cells: readonly string[]): void {
  const padded = cells.map((cell, column) => {
    const width = WIDTHS[column] ?? 0;
    return column === 0 ? cell.padEnd(width) : cell.padStart(width);
  });
  console.log(padded.join("  ").trimEnd());
}

function printLoss(row: Row, { index, error }: Loser): void {
  // Where in the harness it was found out says nothing of the program; where the harness itself failed does.
  const text = error instanceof Loss ? messageOf(error) : Bun.inspect(error);
  const again =
    index < 0 ? "" : `\nagain: bun run faults "${row.name}" --seed ${seed} --try ${index}`;
  console.log(
    renderOutcome({ name: row.name, result: "failed", detail: `${text.trimEnd()}${again}` }),
  );
}

function planSoak(): SoakPlan {
  const isAsked = positionals.some((start) => start.startsWith("soak"));
  const { calls, duration } = isAsked
    ? { calls: 10_000, duration: "15m" }
    : { calls: 150, duration: "12s" };
  return {
    calls: Number(values.calls ?? calls),
    processes: Number(values.processes ?? 8),
    seconds: parseDuration(values.duration ?? duration, "--duration") / 1000,
  };
}

async function makeBench(): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), "faults-"));
  chmodSync(folder, 0o755);
  const given = process.env["DATABRICKS_TEST_BINARY"];
  const binary = given ?? join(folder, "databricks");
  if (!given) await build({ outfile: binary });
  return { binary, folder, soak: planSoak() };
}

async function main(): Promise<void> {
  const rows = ROWS.filter(
    ({ name }) => positionals.length === 0 || positionals.some((start) => name.startsWith(start)),
  );
  if (rows.length === 0) throw new Error(`no such row; there are: ${ROWS.map((r) => r.name)}`);
  const bench = await makeBench();
  const counts = { passed: 0, failed: 0, skipped: 0 };
  try {
    printLine(["row", "tries", "survived", "lost", "time"]);
    for (const row of rows) counts[await runRow(row, bench)] += 1;
  } finally {
    rmSync(bench.folder, { recursive: true, force: true });
  }
  const strict = process.env["CI"] === "true" && counts.skipped > 0;
  if (strict) console.log("with CI=true nothing may be skipped");
  console.log(`seed ${seed}`);
  console.log(countsLine(counts));
  // A row that failed to open may have left a server behind.
  process.exit(counts.failed === 0 && !strict ? 0 : 1);
}

await main();
