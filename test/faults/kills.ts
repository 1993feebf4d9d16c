/** SIGKILL at any moment of a command that changes the stores. */
import { join } from "node:path";
import { missingTools, type Session, startSession } from "../support/secret-service.ts";
import { startWorkspace, type WorkspaceOptions } from "../workspace/server.ts";
import { approve, type Ended, makeBed } from "./bed.ts";
import { openEntries } from "./keyring-entries.ts";
import { countProbes, type Ground, readState, type State } from "./logins.ts";
import { killingAt, type Moment, momentsIn, recording } from "./moments.ts";
import type { Random } from "./random.ts";
import { type Bench, insist, needs, type OpenRow, type Row } from "./row.ts";
import { loginArgs, SCENARIOS, type Scenario } from "./scenarios.ts";

export const STORES = ["file", "keyring"] as const;

export const killRows: readonly Row[] = SCENARIOS.flatMap((scenario) =>
  STORES.map((store) => ({
    name: `kill ${scenario.name}, ${store}`,
    tries: { quick: 10, full: 200 },
    lacks: () => lacksTools(store),
    open: (bench: Bench, random: Random) => openKills(scenario, store, bench, random),
  })),
);

export function lacksTools(store: (typeof STORES)[number]): string | null {
  if (store === "keyring") return needs(missingTools("strace"));
  return needs(Bun.which("strace") ? [] : ["strace"]);
}

/** A lock that is still held would keep the next command for longer. In milliseconds. */
const PROMPT = 5000;

/** How the command goes when nobody disturbs it. */
interface Undisturbed {
  moments: readonly Moment[];
  /** In milliseconds. */
  duration: number;
  /** The config file before, between and after. */
  configs: readonly (string | null)[];
}

async function openKills(
  scenario: Scenario,
  store: (typeof STORES)[number],
  bench: Bench,
  random: Random,
): Promise<OpenRow> {
  const { openGround, close } = await openGrounds(store, bench);
  const usual = await observe(scenario, openGround, bench, random);
  const counts = { call: 0, time: 0, spent: 0, probes: 0 };

  /** Runs the command under a kill that comes at a moment of its own for every try, and every blow of it. */
  function strike(ground: Ground, index: number, blow: number, chance: Random): Promise<Ended> {
    if (index % 2 === 0) {
      const moment = usual.moments[(index / 2 + 7 * blow) % usual.moments.length];
      return runKilledAt(moment, scenario, ground);
    }
    const time = usual.duration * (0.2 + 0.9 * chance.fraction());
    return runKilledAfter(time * 0.8 ** blow, scenario, ground);
  }

  async function attempt(index: number, chance: Random): Promise<void> {
    const ground = openGround();
    try {
      const before = await untilKilled(scenario, ground, (blow) =>
        strike(ground, index, blow, chance),
      );
      counts[index % 2 === 0 ? "call" : "time"] += 1;
      if ((await judge(scenario, ground, before, usual)) === "spent") counts.spent += 1;
      counts.probes += await countProbes(ground);
    } finally {
      ground.bed.close();
    }
  }

  return {
    attempt,
    note: () =>
      [
        `${counts.call} by system call (of ${usual.moments.length}), ${counts.time} by time`,
        ...(counts.spent > 0 ? [`${counts.spent} between the server's answer and the store`] : []),
        ...(counts.probes > 0 ? [`${counts.probes} times a write probe remained`] : []),
      ].join("; "),
    close,
  };
}

/** What all tries share: a workspace and, for the keyring, its session. Each opens a ground of its own. */
export async function openGrounds(
  store: (typeof STORES)[number],
  bench: Bench,
  options?: WorkspaceOptions,
) {
  const workspace = await startWorkspace(options);
  const session = store === "keyring" ? await startSession("unlocked") : null;
  const keyring = session && (await openEntries(await session.connect()));
  return {
    workspace,
    session,
    openGround: (): Ground => ({ bed: makeBed(bench, busOf(session)), workspace, keyring }),
    async close() {
      await session?.close();
      await workspace.stop();
    },
  };
}

/** The variables of a session that lead to its bus; without one, to none. */
export function busOf(session: Session | null): Record<string, string | undefined> {
  if (!session) return { DBUS_SESSION_BUS_ADDRESS: undefined };
  return { DBUS_SESSION_BUS_ADDRESS: session.env["DBUS_SESSION_BUS_ADDRESS"] };
}

/** How a command goes when nobody disturbs it. */
export async function observe(
  scenario: Scenario,
  openGround: () => Ground,
  { folder }: Bench,
  random: Random,
): Promise<Undisturbed> {
  const trace = join(folder, "trace");
  const traced = await runWhole(scenario, openGround(), recording(trace));
  const timed = await runWhole(scenario, openGround(), []);
  return {
    moments: random.shuffled(momentsIn(trace)),
    duration: timed.took,
    configs: traced.configs,
  };
}

async function runWhole(scenario: Scenario, ground: Ground, wrap: readonly string[]) {
  const { bed } = ground;
  try {
    const before = await scenario.seed(ground);
    const ended = await bed.run(scenario.args(ground), { wrap, browser: approve });
    insist(ended.code === 0, `fails undisturbed: ${ended.stderr}`);
    const after = await readState(ground);
    const between = bed.read(`${bed.config}.bak`) ?? before.config;
    return { took: ended.took, configs: [before.config, between, after.config] };
  } finally {
    bed.close();
  }
}

/** Starts anew until a kill comes before the command's end; returns what was there before that one. */
async function untilKilled(
  scenario: Scenario,
  ground: Ground,
  strike: (blow: number) => Promise<Ended>,
): Promise<State> {
  for (let blow = 0; blow < 10; blow++) {
    ground.workspace.reset();
    const before = await scenario.seed(ground);
    const { code } = await strike(blow);
    if (code === null) return before;
  }
  throw new Error("ten kills came too late");
}

function runKilledAt(moment: Moment | undefined, scenario: Scenario, ground: Ground) {
  if (!moment) throw new Error("no moment was recorded");
  return ground.bed.run(scenario.args(ground), {
    wrap: killingAt(moment),
    browser: approve,
    mayDieOf: "SIGKILL",
  });
}

async function runKilledAfter(ms: number, scenario: Scenario, ground: Ground): Promise<Ended> {
  const { child, ended } = ground.bed.start(scenario.args(ground), {
    browser: approve,
    mayDieOf: "SIGKILL",
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), ms);
  try {
    return await ended;
  } finally {
    clearTimeout(timer);
  }
}

/** Looks at what a kill left; then the next command, and the same one again, must work. */
async function judge(
  scenario: Scenario,
  ground: Ground,
  before: State,
  { configs }: Undisturbed,
): Promise<"whole" | "spent"> {
  const { bed } = ground;
  bed.checkFiles();
  const left = await readState(ground);
  insist(
    configs.includes(left.config),
    () => `the config file is neither old nor new: ${left.config}`,
  );
  await scenario.inspect(left, before, ground, configs);

  const next = await bed.run(["auth", "token", "-p", "work"]);
  insist(next.took < PROMPT, `the next command took ${next.took} ms: ${next.stderr}`);
  const outcome = await scenario.judgeNext(next, left, ground);

  if (!scenario.isOver?.(left, configs)) {
    const wayOut = outcome === "spent" ? loginArgs(ground) : scenario.args(ground);
    const again = await bed.run(wayOut, { browser: approve });
    insist(again.took < PROMPT, `the command took ${again.took} ms when run again`);
    insist(again.code === 0, `the command fails when run again: ${again.stderr}`);
    const config = bed.read(bed.config);
    insist(
      outcome === "spent" || config === configs.at(-1),
      () => `run again, it leaves the config file as ${config}`,
    );
  }
  const temporary = bed.temporaryFiles();
  insist(temporary.length === 0, `temporary files are left: ${temporary.join(", ")}`);
  bed.checkFiles();
  return outcome;
}
