/** A keyring, or its bus, that goes away in the middle of a command. */
import { missingTools, type Session, startSession } from "../support/secret-service.ts";
import { fingerprint } from "../workspace/answer.ts";
import { startWorkspace, type Workspace } from "../workspace/server.ts";
import { approve, type Ended, makeBed } from "./bed.ts";
import { openEntries } from "./keyring-entries.ts";
import { busOf } from "./kills.ts";
import { type Ground, isAlive, PROFILE, printedToken, type State, seedLogins } from "./logins.ts";
import type { Random } from "./random.ts";
import { type Bench, during, insist, needs, type OpenRow, type Row } from "./row.ts";
import { loginArgs } from "./scenarios.ts";

/** What befalls the keyring, and what a command may then say of it. */
interface Mishap {
  name: string;
  strike: (session: Session) => Promise<void> | void;
  /** A dead service is replaced by a new one, which is locked. */
  activates?: true;
  /** The keyring can be asked again, and holds what it held. */
  recover?: (session: Session) => void;
  errors: readonly RegExp[];
  /** GIO sends the process SIGTERM when the bus goes away in the moment between its greeting and our "do not". */
  mayTerminate?: true;
  /** Whether a command whose mode is the default one may go to the file. */
  mayFallBack: boolean;
}

export const WAY_OUT = ".*\\bDATABRICKS_AUTH_STORAGE=plaintext";
const TIMED_OUT = new RegExp(`^Error: the OS keyring gave no answer: waited [36] s${WAY_OUT}`, "m");
export const LOCKED = new RegExp(`^Error: the OS keyring is locked: ${WAY_OUT}`, "m");
const FAILED = new RegExp(`^Error: the OS keyring failed: ${WAY_OUT}`, "m");
const UNREACHABLE = new RegExp(`^Error: OS keyring unreachable: ${WAY_OUT}`, "m");
const NOT_REQUESTED = new RegExp(
  `^Error: secure storage was requested but the OS keyring is not reachable: [^]*?${WAY_OUT}`,
  "m",
);

const mishaps: readonly Mishap[] = [
  {
    name: "keyring stopped",
    strike: (session) => session.stop(),
    recover: (session) => session.cont(),
    errors: [TIMED_OUT],
    mayFallBack: false,
  },
  {
    name: "keyring killed",
    strike: (session) => session.killDaemon(),
    errors: [UNREACHABLE, NOT_REQUESTED],
    mayFallBack: true,
  },
  {
    // The new one does not know the session that secrets were to be sent in: that is a failure like any other.
    name: "keyring restarted",
    strike: (session) => session.killDaemon(),
    activates: true,
    errors: [LOCKED, FAILED, UNREACHABLE, NOT_REQUESTED],
    mayFallBack: true,
  },
  {
    name: "bus closed",
    strike: (session) => session.killBus(),
    errors: [UNREACHABLE, NOT_REQUESTED],
    mayFallBack: true,
    mayTerminate: true,
  },
];

export interface Command {
  name: "token" | "refresh" | "login" | "logout";
  /** Of the token that is there before, in seconds. */
  expiresIn: number;
  args: (ground: Ground) => readonly string[];
}

export const LOGIN: Command = { name: "login", expiresIn: 3600, args: loginArgs };

export const COMMANDS: readonly Command[] = [
  { name: "token", expiresIn: 3600, args: () => ["auth", "token", "-p", PROFILE] },
  { name: "refresh", expiresIn: -60, args: () => ["auth", "token", "-p", PROFILE] },
  LOGIN,
  {
    name: "logout",
    expiresIn: 3600,
    args: () => ["auth", "logout", PROFILE, "--delete", "--auto-approve"],
  },
];

/** Where the storage mode comes from. */
export const SOURCES = ["default", "env"] as const;

export const keyringRows: readonly Row[] = mishaps.map((mishap) => ({
  name: mishap.name,
  tries: { quick: 8, full: 120 },
  lacks: () => needs(missingTools()),
  open: (bench) => openMishap(mishap, bench),
}));

async function openMishap(mishap: Mishap, bench: Bench): Promise<OpenRow> {
  const workspace = await startWorkspace();
  const durations = await timeCommands(workspace, bench);
  const counts = { done: 0, refused: 0, slowest: Number.NEGATIVE_INFINITY };

  async function attempt(index: number, random: Random): Promise<void> {
    const command = COMMANDS[index % COMMANDS.length] as Command;
    const source = SOURCES[Math.floor(index / COMMANDS.length) % 2] as (typeof SOURCES)[number];
    const delay = (durations.get(command) ?? 0) * random.fraction();
    const session = await startSession("unlocked", { activates: mishap.activates ?? false });
    const tryOnce = async (ground: Ground) => {
      const before = await seedLogins(ground, command.expiresIn);
      const running = ground.bed.start(command.args(ground), { browser: approve });
      await Bun.sleep(delay);
      await mishap.strike(session);
      const ended = await running.ended;
      counts[ended.code === 0 ? "done" : "refused"] += 1;
      counts.slowest = Math.max(counts.slowest, excess(command, ended));
      mishap.recover?.(session);
      await judge({ mishap, command, source, ground, before, ended });
    };
    const what = `${command.name}, ${source}, after ${Math.round(delay)} ms`;
    try {
      await during(what, () => onGround(session, workspace, bench, source, tryOnce));
    } finally {
      await session.close();
    }
  }

  return {
    attempt,
    note: () =>
      `${counts.done} done, ${counts.refused} refused, ${Math.round(counts.slowest)} ms past the deadline at most`,
    close: workspace.stop,
  };
}

/** How long each command takes undisturbed, in milliseconds. */
async function timeCommands(workspace: Workspace, bench: Bench): Promise<Map<Command, number>> {
  const durations = new Map<Command, number>();
  const session = await startSession("unlocked");
  for (const command of COMMANDS) {
    await onGround(session, workspace, bench, "default", async (ground) => {
      await seedLogins(ground, command.expiresIn);
      const { took } = await ground.bed.run(command.args(ground), { browser: approve });
      durations.set(command, took);
    });
  }
  await session.close();
  return durations;
}

async function onGround(
  session: Session,
  workspace: Workspace,
  bench: Bench,
  source: (typeof SOURCES)[number],
  body: (ground: Ground) => Promise<void>,
): Promise<void> {
  const mode = source === "env" ? { DATABRICKS_AUTH_STORAGE: "secure" } : {};
  const bed = makeBed(bench, { ...busOf(session), ...mode });
  workspace.reset();
  try {
    const keyring = await openEntries(await session.connect());
    await body({ bed, workspace, keyring });
  } finally {
    bed.close();
  }
}

/** The exit code after SIGTERM. */
const TERMINATED = 143;

/** Of all calls of a command together; a login's write after the browser has one of its own. In milliseconds. */
const DEADLINE = 3000;
export const GRACE = 300;

/** How long past its deadline a command went on, or below zero. */
export function excess({ name }: Command, { took, stalled }: Ended): number {
  return took - stalled - DEADLINE * (name === "login" ? 2 : 1);
}

/** A command, where its mode came from, and what became of it. */
export interface Success {
  command: Command;
  source: (typeof SOURCES)[number];
  ground: Ground;
  before: State;
  ended: Ended;
}

interface Outcome extends Success {
  mishap: Mishap;
}

async function judge(outcome: Outcome): Promise<void> {
  const { mishap, command, ground, before, ended } = outcome;
  const { bed } = ground;
  const { code, stdout, stderr } = ended;
  insist(excess(command, ended) <= GRACE, `it took ${ended.took} ms: ${stderr}`);
  insist(!stderr.includes("databricks OAuth is not"), `it denies the login: ${stderr}`);
  if (code === 0) await judgeDone(outcome);
  else {
    const foreseen =
      mishap.errors.some((error) => error.test(stderr)) ||
      (mishap.mayTerminate && code === TERMINATED);
    insist(foreseen === true, `not an error that belongs here, with exit code ${code}: ${stderr}`);
    insist(stdout === "", "something is printed beside the error");
    insist(bed.read(bed.config) === before.config, "the config file was changed in spite of it");
  }
  insist(bed.temporaryFiles().length === 0, "temporary files are left");
  bed.checkFiles();
  await judgeNext(outcome);
}

/** A login that was not logged out of still is one, in the keyring if that can be asked again, and in the file. */
async function judgeNext({ mishap, command, ground, ended }: Outcome): Promise<void> {
  if (command.name === "logout" && (ended.code === 0 || mishap.recover)) return;
  const env = mishap.recover ? {} : { DATABRICKS_AUTH_STORAGE: "plaintext" };
  const next = await ground.bed.run(["auth", "token", "-p", PROFILE], { env });
  // What could not be stored was printed; the server takes the old refresh token no more.
  const spent = ended.stderr.includes("Warning: the new token could not be stored");
  const said = next.stderr.includes("because the refresh token is invalid.\nTo sign in again, run");
  insist(next.code === 0 || (spent && said), `the next command fails: ${next.stderr}`);
}

async function judgeDone({ mishap, command, source, ground, before, ended }: Outcome) {
  const fellBack = await judgeSuccess({ command, source, ground, before, ended });
  const mayFallBack = mishap.mayFallBack && source === "default";
  insist(!fellBack || mayFallBack, `it went to the file: ${ended.stderr}`);
}

/** What a command that says it worked has done; returns whether it went to the file for it. */
export async function judgeSuccess(success: Success): Promise<boolean> {
  const { command, source, ground, before, ended } = success;
  const { bed, workspace } = ground;
  if (command.name === "login") {
    const fellBack = ended.stderr.includes("No OS keyring can be reached here");
    const pin = /^auth_storage = (\w+)$/m.exec(bed.read(bed.config) ?? "")?.[1];
    const right = source === "env" ? undefined : fellBack ? "plaintext" : "secure";
    insist(pin === right, `pinned: ${pin}, in place of ${right}`);
    return fellBack;
  }
  if (command.name === "logout") return false;
  const printed = printedToken(ended.stdout);
  const entry = { access_token: printed, refresh_token: "any" };
  insist(await isAlive(entry, ground), "the token that is printed is dead");
  const copy = before.file.get(PROFILE);
  const sent = fingerprint(String(copy?.["refresh_token"]));
  return (
    printed === copy?.["access_token"] ||
    workspace.requests.some(({ credential }) => credential === sent)
  );
}
