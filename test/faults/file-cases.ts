/** A row of homes in which something is not as it should be, each tried with every command. */
import { judgeTrial, openTrialRow, runTrial, type Trial } from "./aftermath.ts";
import type { RunOptions } from "./bed.ts";
import { during, insist, type Row } from "./row.ts";
import { SCENARIOS } from "./scenarios.ts";

export interface FileCase {
  name: string;
  /**
   * - `works`: it is in nobody's way
   * - `may fail`: a command that needs what is spoilt says so, and leaves everything as it was
   * - `refused`: every command says so
   */
  outcome: "works" | "may fail" | "refused";
  /** Brings the home into this state; returns how the command is to be run in it. */
  arrange: (trial: Trial) => RunOptions | Promise<RunOptions>;
  /** Looks at the home after the command. */
  check?: (trial: Trial) => void;
}

/** Every case with every command, once; further tries go round again. */
export function fileRow(name: string, cases: readonly FileCase[], lacks: () => string | null): Row {
  const combinations = cases.flatMap((each) =>
    SCENARIOS.map((scenario) => ({ each, scenario, what: `${scenario.name}, ${each.name}` })),
  );
  return {
    name,
    tries: { quick: combinations.length, full: combinations.length },
    lacks,
    open: (bench) =>
      openTrialRow(bench, async ({ within }, index) => {
        const { each, scenario, what } = combinations[index % combinations.length] ?? {};
        if (!each || !scenario) throw new Error("a row without cases");
        await during(`${what}`, () => within(scenario, (trial) => tryCase(each, trial)));
      }),
  };
}

async function tryCase({ arrange, outcome, check }: FileCase, trial: Trial): Promise<void> {
  const ended = await runTrial(trial, await arrange(trial));
  if (outcome === "refused") {
    insist(ended.code === 1, `exit code ${ended.code}`);
    const error = ended.stderr.slice(ended.stderr.search(/^Error: /m));
    insist(error.startsWith("Error: ") && error.includes(trial.bed.folder), `no path in: ${error}`);
  } else {
    insist(outcome === "may fail" || ended.code === 0, `it fails: ${ended.stderr}`);
    await judgeTrial(trial, ended);
  }
  check?.(trial);
}
