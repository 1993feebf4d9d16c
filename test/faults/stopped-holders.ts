/** A process that is stopped, as by Ctrl-Z or a lid that is closed, while it refreshes and others wait for it. */
import { startWorkspace } from "../workspace/server.ts";
import { makeBed } from "./bed.ts";
import { type Ground, PROFILE, printedToken, seedLogins } from "./logins.ts";
import type { Random } from "./random.ts";
import { type Bench, insist, lacksNothing, type OpenRow, type Row } from "./row.ts";

const TOKEN = ["auth", "token", "-p", PROFILE];

/** How long the others wait, and how far they may overrun it, in milliseconds. */
const PATIENCE = 1000;
const GRACE = 500;

export const stoppedHolderRows: readonly Row[] = [
  {
    name: "refresher stopped",
    tries: { quick: 4, full: 60 },
    lacks: lacksNothing,
    open: openStops,
  },
];

async function openStops(bench: Bench): Promise<OpenRow> {
  const workspace = await startWorkspace();

  async function attempt(_index: number, random: Random): Promise<void> {
    const bed = makeBed(bench, { DATABRICKS_AUTH_STORAGE: "plaintext" });
    const ground: Ground = { bed, workspace, keyring: null };
    workspace.reset();
    workspace.control.faults = { token: { kind: "slow-drip", millisecondsPerByte: 1 } };
    try {
      await seedLogins(ground, -60);
      const holder = bed.start(TOKEN);
      const isOver = () => holder.child.exitCode !== null;
      while (workspace.count("refresh_token") === 0 && !isOver()) await Bun.sleep(2);
      await Bun.sleep(200 * random.fraction());
      holder.child.kill("SIGSTOP");
      const waiting = await bed.run([...TOKEN, "--timeout", `${PATIENCE}ms`]);
      holder.child.kill("SIGCONT");
      const ended = await holder.ended;

      const took = waiting.took - waiting.stalled;
      insist(took < PATIENCE + GRACE, `the other one waited for ${took} ms`);
      insist(waiting.code === 1, "a token is printed while another process gets it");
      const isSaid = /^Error: another process still holds /m.test(waiting.stderr);
      insist(isSaid, `it does not say what it waited for: ${waiting.stderr}`);
      insist(ended.code === 0, `it does not go on: ${ended.stderr}`);
      const next = await bed.run(TOKEN);
      const isSame = printedToken(next.stdout) === printedToken(ended.stdout);
      insist(next.code === 0 && isSame, `the new token was not stored: ${next.stderr}`);
      insist(workspace.count("refresh_token") === 1, "more than one request was made");
    } finally {
      bed.close();
    }
  }

  return { attempt, close: workspace.stop };
}
