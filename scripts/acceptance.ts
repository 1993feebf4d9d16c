/**
 * Runs the acceptance cases on the compiled program:
 * `bun run acceptance [FILTER…] [--update] [--binary PATH]`, a filter being a part of a case's name.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { type Case, findCases } from "./acceptance/case.ts";
import { missingFor } from "./acceptance/needs.ts";
import { type Machine, runCase } from "./acceptance/sandbox.ts";
import { build, ROOT } from "./build.ts";
import { count, countsLine, type Outcome, renderOutcome } from "./outcome.ts";

/** With more at once, the deadlines that cases measure would measure the machine. */
const AT_ONCE = 2;

export interface AcceptanceOptions {
  binary: string;
  /** The system that it runs on; this machine's own when absent. */
  machine?: Machine;
  /** Cases to leave out. */
  except?: (subject: Case) => boolean;
  filters: readonly string[];
  /** Writes what the cases print over their `output.txt`. */
  update: boolean;
  /** Called in the order of the names, as soon as a case and all before it are done. */
  report(outcome: Outcome): void;
}

/** Runs the cases whose name holds one of the filters; without filters, all. */
export async function runAcceptance(options: AcceptanceOptions): Promise<Outcome[]> {
  const { filters, except, report } = options;
  const pending = findCases(join(ROOT, "acceptance"))
    .filter(({ name }) => filters.length === 0 || filters.some((filter) => name.includes(filter)))
    .filter((subject) => !except?.(subject))
    .map((subject) => ({ subject, ...Promise.withResolvers<Outcome>() }));
  const queue = pending.values();
  const work = async () => {
    for (const { subject, resolve } of queue) resolve(await judge(subject, options));
  };
  for (let worker = 0; worker < AT_ONCE; worker++) void work();
  const outcomes: Outcome[] = [];
  for (const { promise } of pending) {
    const outcome = await promise;
    report(outcome);
    outcomes.push(outcome);
  }
  return outcomes;
}

async function judge(subject: Case, options: AcceptanceOptions): Promise<Outcome> {
  const { name } = subject;
  try {
    const missing = missingFor(subject);
    if (missing.length > 0) {
      return { name, result: "skipped", detail: `needs ${missing.join(", ")}` };
    }
    const run = () => runCase(subject, options.binary, options.machine);
    const printed = await run();
    const expected = join(subject.folder, "output.txt");
    if (options.update) writeFileSync(expected, printed);
    let detail = difference(expected, printed);
    if (isOnlySlow(detail)) detail = difference(expected, await run());
    return { name, result: detail === "" ? "passed" : "failed", detail };
  } catch (error) {
    return {
      name,
      result: "failed",
      detail: error instanceof Error ? String(error.stack) : String(error),
    };
  }
}

/**
 * Whether nothing differs but how long something took: that is tried once more, as a busy machine
 * can hold up any program.
 */
export function isOnlySlow(diff: string): boolean {
  const changes = diff.split("\n").filter((line) => /^[+-](?![+-]{2} )/.test(line));
  return changes.length > 0 && changes.every((line) => line.startsWith("+[took "));
}

/** Empty when equal, else a unified diff. */
function difference(expectedFile: string, printed: string): string {
  const diff = Bun.spawnSync(
    [
      ...["diff", "--unified=4", "--label", "expected", "--label", "printed"],
      ...[existsSync(expectedFile) ? expectedFile : "/dev/null", "-"],
    ],
    { stdin: Buffer.from(printed) },
  );
  return diff.stdout.toString();
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      update: { type: "boolean", default: false },
      binary: { type: "string" },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), "acceptance-build-"));
  try {
    const binary = resolve(values.binary ?? join(folder, "databricks"));
    if (!values.binary) await build({ outfile: binary });
    const outcomes = await runAcceptance({
      binary,
      filters: positionals,
      update: values.update,
      report: (outcome) => console.log(renderOutcome(outcome)),
    });
    const counts = count(outcomes);
    console.log(countsLine(counts));
    process.exitCode = counts.failed === 0 ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
