/** A locked keyring: who asks for the password, and what remains of the question. */
import { startPrompter } from "../support/prompter.ts";
import { missingTools, PASSWORD, startSession } from "../support/secret-service.ts";
import { startWorkspace } from "../workspace/server.ts";
import { approve, makeBed } from "./bed.ts";
import { openEntries } from "./keyring-entries.ts";
import { COMMANDS, excess, GRACE, LOCKED, LOGIN } from "./keyrings.ts";
import { busOf } from "./kills.ts";
import { type Ground, isAlive, PROFILE, readState, seedLogins } from "./logins.ts";
import type { Random } from "./random.ts";
import { type Bench, during, insist, needs, type OpenRow, type Row } from "./row.ts";
import { loginArgs } from "./scenarios.ts";

const SIGNALS = [null, "SIGINT", "SIGTERM", "SIGKILL"] as const;

export const promptRows: readonly Row[] = [
  {
    name: "keyring locked, nobody there",
    tries: { quick: 4, full: 40 },
    lacks: () => needs(missingTools()),
    open: openPrompts,
  },
];

async function openPrompts(bench: Bench): Promise<OpenRow> {
  const workspace = await startWorkspace();

  async function attempt(index: number, random: Random): Promise<void> {
    const signal = SIGNALS[index % SIGNALS.length] ?? null;
    const session = await startSession("unlocked");
    const keyring = await openEntries(await session.connect());
    const bed = makeBed(bench, busOf(session));
    const ground: Ground = { bed, workspace, keyring };
    try {
      await seedLogins(ground, 3600);
      await session.lock();
      const prompter = await startPrompter(await session.connect(), "absent");

      for (const command of COMMANDS.filter((each) => each !== LOGIN)) {
        const ended = await bed.run(command.args(ground));
        insist(LOCKED.test(ended.stderr), `not called locked: ${ended.stderr}`);
      }
      insist(prompter.asked() === 0, "a command other than a login asks for the password");

      // What asked is gone, and the question is left to the person: but only once.
      for (let round = 0; round < 2; round++) {
        const login = bed.start(loginArgs(ground), {
          browser: approve,
          mayDieOf: signal ?? "SIGKILL",
        });
        const timer = setTimeout(
          () => signal && login.child.kill(signal),
          3000 * random.fraction(),
        );
        const ended = await login.ended;
        clearTimeout(timer);
        insist(excess(LOGIN, ended) <= GRACE, `it took ${ended.took} ms`);
        insist(signal !== null || LOCKED.test(ended.stderr), `not called locked: ${ended.stderr}`);
      }
      insist(prompter.open() <= 1, `${prompter.open()} prompts are left open`);

      prompter.become({ types: PASSWORD });
      await session.unlock();
      const login = await bed.run(loginArgs(ground), { browser: approve });
      insist(login.code === 0, `with the keyring unlocked: ${login.stderr}`);
      const { keyring: entries } = await readState(ground);
      insist(await isAlive(entries.get(PROFILE), ground), "its token is not in the keyring");
      bed.checkFiles();
    } finally {
      bed.close();
      await session.close();
    }
  }

  return {
    attempt: (index, random) =>
      during(`${SIGNALS[index % SIGNALS.length] ?? "no signal"}`, () => attempt(index, random)),
    close: workspace.stop,
  };
}
