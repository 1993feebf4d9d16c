/** Commands against a Secret Service that answers nonsense. */
import type { Call, Reply } from "../support/dbus.ts";
import { missingTools, startSession } from "../support/secret-service.ts";
import { startWorkspace } from "../workspace/server.ts";
import { approve, makeBed } from "./bed.ts";
import {
  COMMANDS,
  type Command,
  excess,
  GRACE,
  judgeSuccess,
  SOURCES,
  type Success,
  WAY_OUT,
} from "./keyrings.ts";
import { busOf } from "./kills.ts";
import { type Ground, seedLogins } from "./logins.ts";
import { METHODS, oddAnswer, openSoundService } from "./nonsense.ts";
import type { Random } from "./random.ts";
import { type Bench, during, insist, needs, type OpenRow, type Row } from "./row.ts";

/** Every error about the keyring says that it is, and names the way out. */
const KEYRING_ERROR = new RegExp(
  `^Error: (the OS keyring|OS keyring unreachable|secure storage was requested)[^]*?${WAY_OUT}`,
  "m",
);

export const garbageRows: readonly Row[] = [
  {
    name: "keyring talks nonsense",
    tries: { quick: 40, full: 1000 },
    lacks: () => needs(missingTools()),
    open: openGarbage,
  },
];

async function openGarbage(bench: Bench): Promise<OpenRow> {
  const workspace = await startWorkspace();
  const session = await startSession("no-service");
  const peer = await session.connect();
  let answer: (call: Call) => Reply = () => "silence";
  await peer.own("org.freedesktop.secrets", (call) => answer(call));
  const counts = { done: 0, refused: 0 };

  async function attempt(index: number, random: Random): Promise<void> {
    const command = COMMANDS[index % COMMANDS.length] as Command;
    const source = random.pick(SOURCES);
    const method = random.pick(METHODS);
    const odd = oddAnswer(random);
    const sound = openSoundService();
    answer = (call) => (call.member === method ? odd : sound.answer(call));
    const mode = source === "env" ? { DATABRICKS_AUTH_STORAGE: "secure" } : {};
    const bed = makeBed(bench, { ...busOf(session), ...mode });
    workspace.reset();
    const ground: Ground = { bed, workspace, keyring: sound };
    const what = `${command.name}, ${source}, ${method} answers ${JSON.stringify(odd).slice(0, 200)}`;
    try {
      await during(what, async () => {
        const before = await seedLogins(ground, command.expiresIn);
        const ended = await bed.run(command.args(ground), { browser: approve });
        counts[ended.code === 0 ? "done" : "refused"] += 1;
        await judge({ command, source, ground, before, ended }, odd, method);
      });
    } finally {
      bed.close();
    }
  }

  return {
    attempt,
    note: () => `${counts.done} done, ${counts.refused} refused`,
    async close() {
      await session.close();
      await workspace.stop();
    },
  };
}

/** Errors that say there is no such service, or that it is gone. */
const NO_SERVICE = /\.(UnknownMethod|NoReply|NoSuchObject)$/;

async function judge(outcome: Success, odd: Reply, method: string): Promise<void> {
  const { command, source, ground, before, ended } = outcome;
  const { bed } = ground;
  insist(excess(command, ended) <= GRACE, `it took ${ended.took} ms: ${ended.stderr}`);
  const none = ended.stderr.includes("databricks OAuth is not");
  insist(!none || method === "SearchItems", `it denies the login: ${ended.stderr}`);
  if (ended.code === 0) {
    const fellBack = await judgeSuccess(outcome);
    const noService = typeof odd === "object" && "error" in odd && NO_SERVICE.test(odd.error);
    insist(
      !fellBack || (source === "default" && noService),
      `it went to the file: ${ended.stderr}`,
    );
  } else {
    insist(none || KEYRING_ERROR.test(ended.stderr), `an error without a way out: ${ended.stderr}`);
    insist(ended.stdout === "", "something is printed beside the error");
    insist(bed.read(bed.config) === before.config, "the config file was changed in spite of it");
  }
  bed.checkFiles();
}
