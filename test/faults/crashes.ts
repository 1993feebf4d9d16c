/** A crash where the system is ready to write the memory of crashed programs to a disk: tokens are not among it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openTrialRow, runTrial } from "./aftermath.ts";
import { readState } from "./logins.ts";
import { type Moment, momentsIn, recording } from "./moments.ts";
import { during, insist, type Row } from "./row.ts";
import type { Scenario } from "./scenarios.ts";

/** A mistake in the runtime, a failed assertion, and Ctrl-\ on a terminal. */
const SIGNALS = ["SIGSEGV", "SIGABRT", "SIGQUIT"] as const;

export const crashRows: readonly Row[] = [
  {
    name: "crash",
    tries: { quick: 12, full: 120 },
    lacks: () => (Bun.which("strace") && Bun.which("prlimit") ? null : "needs strace and prlimit"),
    async open(bench) {
      const moments = new Map<Scenario, Moment[]>();
      return openTrialRow(bench, async ({ scenarios, within }, index, random) => {
        const scenario = scenarios[index % scenarios.length] as Scenario;
        const signal = random.pick(SIGNALS);
        if (!moments.has(scenario)) {
          await within(scenario, async (trial) => {
            const trace = join(trial.bed.folder, "trace");
            await runTrial(trial, { wrap: recording(trace) });
            moments.set(scenario, momentsIn(trace));
          });
        }
        const moment = random.pick(moments.get(scenario) ?? []);
        await during(`${scenario.name}, ${signal} at ${moment.call} ${moment.nth}`, () =>
          within(scenario, async (trial) => {
            const { bed, ground, before, configs } = trial;
            const trace = join(bed.folder, "trace");
            const wrap = ["prlimit", "--core=unlimited", ...crashingAt(moment, signal, trace)];
            await runTrial(trial, { wrap, mayDieOf: signal });
            insist(
              /RLIMIT_CORE, \{rlim_cur=0, /.test(readFileSync(trace, "utf8")),
              "its memory may be written to a disk",
            );
            const dumps = readdirSync(join(bed.folder, "work"));
            insist(dumps.length === 0, () => `its memory was written to ${dumps}`);
            await scenario.inspect(await readState(ground), before, ground, configs);
            bed.checkFiles();
          }),
        );
      });
    },
  },
];

/** Goes before a command: sends it the signal at that moment, and notes in `trace` which limits it set before. */
function crashingAt(
  { call, nth }: Moment,
  signal: (typeof SIGNALS)[number],
  trace: string,
): string[] {
  const name = signal.replace("SIG", "");
  return [
    ...["strace", "-f", "-qq", "-o", trace, "-e", `trace=${call},prlimit64,setrlimit`],
    ...["-e", `inject=${call}:signal=${name}:when=${nth}`],
  ];
}
