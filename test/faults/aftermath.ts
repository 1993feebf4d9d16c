/** What a command may leave when a file, a folder or a disk fails it. */
import { startWorkspace, type Workspace } from "../workspace/server.ts";
import { approve, type Bed, type Ended, makeBed, type RunOptions } from "./bed.ts";
import { type Ground, isAlive, PROFILE, printedToken, readState, type State } from "./logins.ts";
import { type Bench, insist, type OpenRow } from "./row.ts";
import { SCENARIOS, type Scenario } from "./scenarios.ts";

/** A command in a home of its own, on the file cache. */
export interface Trial {
  scenario: Scenario;
  ground: Ground;
  bed: Bed;
  before: State;
  /** The config file before and after. */
  configs: readonly (string | null)[];
}

export interface Trials {
  workspace: Workspace;
  scenarios: readonly Scenario[];
  /** Runs `body` on a home with two logins in it. */
  within: (scenario: Scenario, body: (trial: Trial) => Promise<void>) => Promise<void>;
  close: () => Promise<void>;
}

export async function openTrials(bench: Bench): Promise<Trials> {
  const workspace = await startWorkspace();

  async function onGround(body: (ground: Ground) => Promise<void>): Promise<void> {
    const bed = makeBed(bench, { DATABRICKS_AUTH_STORAGE: "plaintext" });
    workspace.reset();
    try {
      await body({ bed, workspace, keyring: null });
    } finally {
      bed.close();
    }
  }

  const configs = new Map<Scenario, (string | null)[]>();
  for (const scenario of SCENARIOS) {
    await onGround(async (ground) => {
      const before = await scenario.seed(ground);
      const { code, stderr } = await ground.bed.run(scenario.args(ground), { browser: approve });
      insist(code === 0, `${scenario.name} fails undisturbed: ${stderr}`);
      configs.set(scenario, [before.config, (await readState(ground)).config]);
    });
  }

  return {
    workspace,
    scenarios: SCENARIOS,
    within: (scenario, body) =>
      onGround(async (ground) => {
        const before = await scenario.seed(ground);
        const { bed } = ground;
        await body({ scenario, ground, bed, before, configs: configs.get(scenario) ?? [] });
      }),
    close: workspace.stop,
  };
}

/** A row whose tries are those of `attempt`, on trials that they share. */
export async function openTrialRow(
  bench: Bench,
  attempt: (trials: Trials, ...args: Parameters<OpenRow["attempt"]>) => Promise<void>,
): Promise<OpenRow> {
  const trials = await openTrials(bench);
  return {
    attempt: (index, random) => attempt(trials, index, random),
    close: trials.close,
  };
}

export function runTrial({ bed, scenario, ground }: Trial, options: RunOptions): Promise<Ended> {
  return bed.run(scenario.args(ground), { browser: approve, ...options });
}

/**
 * The command did what it is for, or it says which file (or server) is in the way; either way the
 * files are whole. A refreshed token is printed even if it cannot be stored.
 */
export async function judgeTrial(trial: Trial, ended: Ended): Promise<void> {
  const { scenario, ground, bed, before, configs } = trial;
  const left = await readState(ground);
  await judgeOutcome(trial, ended, left);
  insist(
    configs.includes(left.config),
    () => `the config file is neither old nor new: ${left.config}`,
  );
  await scenario.inspect(left, before, ground, configs);
  const temporary = bed.temporaryFiles();
  insist(temporary.length === 0, `temporary files are left: ${temporary.join(", ")}`);
  bed.checkFiles();
}

async function judgeOutcome(
  { scenario, ground, bed, before, configs }: Trial,
  { code, stdout, stderr }: Ended,
  left: State,
): Promise<void> {
  if (code !== 0) {
    const error = stderr.slice(stderr.search(/^Error: /m));
    const places = [bed.folder, new URL(ground.workspace.url).host, "cannot write to stdout"];
    const named = places.some((place) => error.includes(place));
    insist(error.startsWith("Error: ") && named, `no path in: ${stderr}`);
    return;
  }
  if (scenario.name !== "refresh") {
    insist(left.config === configs.at(-1), `says that it worked, and it did not: ${stderr}`);
    return;
  }
  const printed = { access_token: printedToken(stdout), refresh_token: "any" };
  insist(await isAlive(printed, ground), "the token that is printed is dead");
  const [stored, old] = [left, before].map(({ file }) => file.get(PROFILE)?.["access_token"]);
  insist(
    stored !== old || stderr.includes("Warning: the new token could not be stored: cannot "),
    `nothing says that the token was not stored: ${stderr}`,
  );
}
