/**
 * The program among programs that nobody here wrote: `bun run interop [FILTER…]`. The official
 * SDKs from their registries, each taking its token from the compiled program; the Go CLI's
 * keyring module, `secret-tool`, a second Secret Service, and a second bus.
 *
 * Cases are run when their name holds a filter; without filters, all. The last line is
 * `N passed, N failed, N skipped`; with CI=true a skip is a failure.
 */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../../scripts/build.ts";
import { count, countsLine, type Outcome, renderOutcome } from "../../scripts/outcome.ts";
import { messageOf } from "../../src/errors.ts";
import { CLIENT_LIST, type Client, type Command } from "./clients.ts";
import { keyringCases } from "./keyring-cases.ts";
import { type Machine, type MachineCase, openMachine } from "./machine.ts";
import { MANY_AT_ONCE, manyAtOnce } from "./many-at-once.ts";
import { endMachines } from "./runner.ts";
import { type SdkCase, sdkCases } from "./sdk-cases.ts";
import { type Cell, LEGEND, renderHeader, renderRow } from "./table.ts";

/** With more at once, clients would wait for the processor rather than for the program. */
const AT_ONCE = Math.max(2, availableParallelism());

const filters = process.argv.slice(2);
const isChosen = (name: string) =>
  filters.length === 0 || filters.some((filter) => name.includes(filter));

const scratch = mkdtempSync(join(tmpdir(), "databricks-interop-"));
// What others make temporary files for lies in there, too, and goes the same way.
process.env["TMPDIR"] = scratch;
process.once("exit", () => {
  endMachines(scratch);
  rmSync(scratch, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));

const binary = join(scratch, "databricks");
const startedAt = performance.now();
const counts = count(await main());
console.log(`\n${secondsSince(startedAt)}`);
console.log(countsLine(counts));
const strict = process.env["CI"] === "true";
process.exit(counts.failed + (strict ? counts.skipped : 0) > 0 ? 1 : 0);

async function main(): Promise<Outcome[]> {
  const rows = sdkCases.filter(({ name }) => isChosen(name));
  const many = isChosen(MANY_AT_ONCE);
  if (process.env["DATABRICKS_TEST_BINARY"]) {
    copyFileSync(process.env["DATABRICKS_TEST_BINARY"], binary);
  } else {
    await build({ outfile: binary });
  }
  const clients = rows.length > 0 || many ? await Promise.all(CLIENT_LIST.map(install)) : [];
  const alone = [
    ...(many ? [manyAtOnceOf(clients)] : []),
    ...keyringCases.filter(({ name }) => isChosen(name)),
  ];
  const cells = rows.flatMap((row) => clients.map((client) => () => judgeCell(row, client)));
  const results = startAll<Cell>([...cells, ...alone.map((each) => () => judgeAlone(each))]);
  return [
    ...(await printTable(rows, clients, results)),
    ...(await printLines(results.slice(cells.length))),
  ];
}

/** Runs the tasks, so many at once, in their order. */
function startAll<T>(tasks: readonly (() => Promise<T>)[]): Promise<T>[] {
  const results = tasks.map(() => Promise.withResolvers<T>());
  const queue = tasks.entries();
  async function work(): Promise<void> {
    for (const [index, task] of queue) results[index]?.resolve(await task());
  }
  for (let worker = 0; worker < AT_ONCE; worker++) void work();
  return results.map(({ promise }) => promise);
}

interface Installed {
  client: Client;
  /** null: it cannot be run, and `why` tells the rest. */
  command: Command | null;
  why: Pick<Outcome, "result" | "detail">;
}

async function install(client: Client): Promise<Installed> {
  const since = performance.now();
  const missing = await client.missing();
  if (missing.length > 0) {
    const detail = `needs ${missing.join(", ")}`;
    return { client, command: null, why: { result: "skipped", detail } };
  }
  try {
    const command = await client.install();
    console.log(`${client.name} ${client.version}: installed in ${secondsSince(since)}`);
    return { client, command, why: { result: "passed", detail: "" } };
  } catch (error) {
    return { client, command: null, why: { result: "failed", detail: messageOf(error) } };
  }
}

async function judgeCell(row: SdkCase, { client, command, why }: Installed): Promise<Cell> {
  if (row.unfit?.(client)) return null;
  const name = `${client.name}: ${row.name}`;
  if (!command) return { name, ...why };
  return judge({ name, run: (machine) => row.run({ machine, client, command }) });
}

async function judgeAlone(subject: MachineCase): Promise<Outcome> {
  const missing = subject.missing();
  if (missing.length === 0) return judge(subject);
  return { name: subject.name, result: "skipped", detail: `needs ${missing.join(", ")}` };
}

async function judge({ name, session, run }: Omit<MachineCase, "missing">): Promise<Outcome> {
  try {
    const machine = await openMachine(binary, session?.());
    try {
      return { name, result: "passed", detail: await run(machine) };
    } finally {
      await machine.close();
    }
  } catch (error) {
    return { name, result: "failed", detail: messageOf(error) };
  }
}

function manyAtOnceOf(clients: readonly Installed[]): MachineCase {
  const commands = clients.flatMap(({ command }) => (command ? [command] : []));
  return {
    name: MANY_AT_ONCE,
    missing: () => clients.filter(({ command }) => !command).map(({ client }) => client.name),
    run: (machine: Machine) => manyAtOnce(machine, commands),
  };
}

async function printTable(
  rows: readonly SdkCase[],
  clients: readonly Installed[],
  results: readonly Promise<Cell>[],
): Promise<Outcome[]> {
  if (rows.length === 0) return [];
  const outcomes: Outcome[] = [];
  const notes: string[] = [];
  console.log(`\n${renderHeader(clients.map(({ client }) => `${client.name} ${client.version}`))}`);
  for (const [index, row] of rows.entries()) {
    const first = index * clients.length;
    const cells = await Promise.all(results.slice(first, first + clients.length));
    console.log(renderRow(row.name, cells));
    outcomes.push(...cells.filter((cell) => cell !== null));
    for (const { client } of clients) {
      const reason = row.unfit?.(client);
      if (reason) notes.push(`n/a: ${client.name}, ${row.name}: ${reason}`);
    }
  }
  console.log([LEGEND, ...notes].join("\n"));
  for (const outcome of outcomes) {
    if (outcome.result !== "passed") console.log(renderOutcome(outcome));
  }
  return outcomes;
}

async function printLines(results: readonly Promise<Cell>[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  console.log("");
  for (const result of results) {
    const outcome = await result;
    if (outcome === null) continue;
    const { result: ending, detail } = outcome;
    console.log(renderOutcome(outcome) + (ending === "passed" && detail ? ` (${detail})` : ""));
    outcomes.push(outcome);
  }
  return outcomes;
}

function secondsSince(moment: number): string {
  return `${((performance.now() - moment) / 1000).toFixed(1)} s`;
}
