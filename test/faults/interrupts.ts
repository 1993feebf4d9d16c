/** Ctrl-C, a polite end, or a terminal that is closed, in the middle of a refresh: unlike a kill, it never costs the login. */
import type { Ended } from "./bed.ts";
import { lacksTools, observe, openGrounds, STORES } from "./kills.ts";
import { type Ground, isAlive, PROFILE, printedToken, readState } from "./logins.ts";
import { type Moment, strikingAt } from "./moments.ts";
import type { Random } from "./random.ts";
import { type Bench, during, insist, type OpenRow, type Row } from "./row.ts";
import { REFRESH } from "./scenarios.ts";

/** Each with the exit code that tells of it. */
const SIGNALS = [
  ["INT", 130],
  ["TERM", 143],
  ["HUP", 129],
] as const;

type Signal = (typeof SIGNALS)[number][0];

export const interruptRows: readonly Row[] = STORES.map((store) => ({
  name: `interrupt refresh, ${store}`,
  tries: { quick: 10, full: 200 },
  lacks: () => lacksTools(store),
  open: (bench, random) => openInterrupts(store, bench, random),
}));

async function openInterrupts(
  store: (typeof STORES)[number],
  bench: Bench,
  random: Random,
): Promise<OpenRow> {
  const { workspace, openGround, close } = await openGrounds(store, bench);
  const usual = await observe(REFRESH, openGround, bench, random);
  const counts = { stopped: 0, done: 0, stored: 0 };

  async function attempt(index: number, chance: Random): Promise<void> {
    const [signal, code] = chance.pick(SIGNALS);
    const moment = usual.moments[(index / 2) % usual.moments.length] ?? null;
    const when = moment ? `${moment.call} ${moment.nth}` : "the answer";
    await during(`SIG${signal} at ${when}`, () => tryOnce(moment, signal, code, chance));
  }

  async function tryOnce(
    moment: Moment | null,
    signal: Signal,
    code: number,
    chance: Random,
  ): Promise<void> {
    const ground = openGround();
    const { bed } = ground;
    workspace.reset();
    // The old refresh token is spent when the answer begins, which takes its time.
    workspace.control.faults = { token: { kind: "slow-drip", millisecondsPerByte: 1 } };
    try {
      const before = await REFRESH.seed(ground);
      const ended = await interrupt(moment, signal, ground, chance);
      const isExpected = ended.code === code || ended.code === 0;
      insist(isExpected, `it ended with ${ended.code}: ${ended.stderr}`);
      counts[ended.code === 0 ? "done" : "stopped"] += 1;
      const left = await readState(ground);
      await REFRESH.inspect(left, before, ground, usual.configs);
      const [now, old] = [left, before].map((state) => state[store].get(PROFILE)?.["access_token"]);
      if (ended.code !== 0 && now !== old) counts.stored += 1;
      const next = await bed.run(["auth", "token", "-p", PROFILE]);
      insist(next.code === 0, `the login is lost: ${next.stderr}`);
      const token = { access_token: printedToken(next.stdout), refresh_token: "any" };
      insist(await isAlive(token, ground), "the next command prints a dead token");
      bed.checkFiles();
    } finally {
      bed.close();
    }
  }

  /** At that moment, or else while the server answers. */
  async function interrupt(
    moment: Moment | null,
    signal: Signal,
    { bed }: Ground,
    chance: Random,
  ): Promise<Ended> {
    const args = ["auth", "token", "-p", PROFILE];
    if (moment) return bed.run(args, { wrap: strikingAt(moment, signal) });
    const { child, ended } = bed.start(args);
    const isOver = () => child.exitCode !== null || child.signalCode !== null;
    while (workspace.count("refresh_token") === 0 && !isOver()) await Bun.sleep(2);
    await Bun.sleep(300 * chance.fraction());
    child.kill(`SIG${signal}`);
    return ended;
  }

  return {
    attempt,
    note: () =>
      `${counts.stopped} were stopped, ${counts.stored} of them once the new token was stored; ${counts.done} came to their end first`,
    close,
  };
}
