/** Single commands: their time, their memory, the program's size. */
import { statSync } from "node:fs";
import { missingTools, startSession } from "../test/support/secret-service.ts";
import { startWorkspace } from "../test/workspace/server.ts";
import { type Bench, entryOf, makeHome, plaintext } from "./ground.ts";
import { type Command, median, peakMemory, timeInTurn } from "./measure.ts";
import { type Finding, type Row, ratio } from "./row.ts";

const PROFILE = "work";
/** Nobody is there: a valid token needs no one. */
const HOST = "https://work.example.com";
const MEMORY_RUNS = 7;

const lacksTime = () => (Bun.which("/usr/bin/time") ? null : "needs GNU time");
const lacksKeyring = () => {
  const missing = missingTools("secret-tool");
  return missing.length > 0 ? `needs ${missing.join(", ")}` : null;
};

function compare([a, b]: readonly [Command, Command], runs: number, goal: number): Finding {
  const [times = [], reference = []] = timeInTurn([a, b], runs);
  return ratio(median(times), median(reference), "ms", goal);
}

function compareMemory([a, b]: readonly [Command, Command], goal: number): Finding {
  return ratio(peakMemory(a, MEMORY_RUNS), peakMemory(b, MEMORY_RUNS), "KiB", goal);
}

const tokenOf = ({ program }: Bench, env: Command["env"]): Command => ({
  argv: [program, "auth", "token", "-p", PROFILE],
  env,
});

const floorOf = ({ floor }: Bench): Command => ({ argv: [floor], env: {} });

/** `auth token` of a valid token in the file, which was asked for. */
async function withFile<T>(bench: Bench, use: (command: Command) => T): Promise<T> {
  const workspace = await startWorkspace();
  try {
    const token = workspace.issueToken();
    const env = makeHome(bench, [{ profile: PROFILE, host: HOST, token }]);
    return use(tokenOf(bench, plaintext(env)));
  } finally {
    await workspace.stop();
  }
}

/** `auth token` of a valid token in gnome-keyring, and `secret-tool` on the same entry. */
async function withKeyring<T>(
  bench: Bench,
  use: (command: Command, lookup: Command) => T,
): Promise<T> {
  const workspace = await startWorkspace();
  const session = await startSession("unlocked");
  try {
    const { DBUS_SESSION_BUS_ADDRESS = "" } = session.env;
    const env = {
      ...makeHome(bench, [{ profile: PROFILE, host: HOST }]),
      DBUS_SESSION_BUS_ADDRESS,
    };
    const attributes = ["service", "databricks-cli", "username", PROFILE];
    const secret = JSON.stringify({ token: entryOf(workspace.issueToken()) });
    const store = ["secret-tool", "store", "--label=a token", ...attributes];
    await Bun.spawn(store, { env, stdin: Buffer.from(secret) }).exited;
    return use(tokenOf(bench, env), { argv: ["secret-tool", "lookup", ...attributes], env });
  } finally {
    await session.close();
    await workspace.stop();
  }
}

/** As many profiles, and ten times as many tokens. */
async function withManyLogins(bench: Bench, profiles: number): Promise<Command> {
  const workspace = await startWorkspace();
  try {
    const logins = Array.from({ length: profiles * 10 }, (_, index) => ({
      profile: index === profiles / 2 ? PROFILE : `profile-${index}`,
      host: HOST,
      token: workspace.issueToken(),
    }));
    const env = makeHome(bench, logins.slice(0, profiles));
    const { writeTokens } = await import("./ground.ts");
    writeTokens(env["HOME"] ?? "", logins);
    return tokenOf(bench, plaintext(env));
  } finally {
    await workspace.stop();
  }
}

export const startRows: readonly Row[] = [
  {
    number: "1",
    work: "--version",
    against: "the floor",
    async measure(bench) {
      const version = { argv: [bench.program, "--version"], env: {} };
      return compare([version, floorOf(bench)], bench.runs, 1.1);
    },
  },
  {
    number: "2",
    work: "auth token, file, valid token",
    against: "the floor",
    measure: (bench) =>
      withFile(bench, (token) => compare([token, floorOf(bench)], bench.runs, 1.2)),
  },
  {
    number: "3",
    work: "auth token, keyring, valid token",
    against: "secret-tool lookup",
    lacks: lacksKeyring,
    measure: (bench) =>
      withKeyring(bench, (token, lookup) => compare([token, lookup], bench.runs, 1.25)),
  },
  {
    number: "4",
    work: "auth token, default mode, no bus",
    against: "row 2",
    measure: (bench) =>
      withFile(bench, (token) => {
        const { DATABRICKS_AUTH_STORAGE: _, ...env } = token.env;
        return compare([{ ...token, env }, token], bench.runs, 1.25);
      }),
  },
  {
    number: "5",
    work: "peak memory of row 2",
    against: "the floor",
    lacks: lacksTime,
    measure: (bench) => withFile(bench, (token) => compareMemory([token, floorOf(bench)], 1.2)),
  },
  {
    number: "5b",
    work: "peak memory of row 3",
    against: "the floor",
    lacks: () => lacksKeyring() ?? lacksTime(),
    measure: (bench) => withKeyring(bench, (token) => compareMemory([token, floorOf(bench)], 1.5)),
  },
  {
    number: "6",
    work: "row 2, 1,000 profiles, 10,000 tokens",
    against: "row 2",
    async measure(bench) {
      const many = await withManyLogins(bench, 1000);
      return withFile(bench, (token) => compare([many, token], bench.runs, 1.5));
    },
  },
  {
    number: "9",
    work: "size of the program",
    against: "the floor",
    async measure({ program, floor }) {
      return ratio(statSync(program).size, statSync(floor).size, "bytes", 1.02);
    },
  },
];
