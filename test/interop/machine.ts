/** A machine of its own for one case: a home folder, a keyring, a workspace, and the program on PATH. */
import { linkSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../../scripts/build.ts";
import { type Session, startSession } from "../support/secret-service.ts";
import { startWorkspace, type Workspace } from "../workspace/server.ts";
import type { Command } from "./clients.ts";
import { type Ended, type Environment, openRunner, type Runner } from "./runner.ts";
import { type Start, startsIn, tracing } from "./starts.ts";

/** What the programs in `clients/` print for a request. */
export interface Answer {
  user?: string;
  via?: string;
  error?: string;
}

export interface Asking {
  command: Command;
  /** How many requests; 3 when absent. */
  requests?: number;
  profile?: string;
  env?: Environment;
}

export interface Asked {
  answers: readonly Answer[];
  /** All that was printed beside the answers. */
  noise: string;
  starts: readonly Start[];
}

export interface Machine {
  /** Holds all that follows. */
  folder: string;
  home: string;
  /** The one folder on PATH, with the program in it. */
  bin: string;
  env: Environment;
  workspace: Workspace;
  session: Session;
  /** Runs the program. */
  run: (args: readonly string[], env?: Environment) => Promise<Ended>;
  /** Runs another one. */
  runOther: Runner["run"];
  /** Logs in with a profile, to the workspace unless said, and the person approves. */
  login: (profile: string, host?: string) => Promise<void>;
  /** Runs a client to its end, with stdin at its end, and counts what it starts. */
  ask: (asking: Asking) => Promise<Asked>;
  /** The same without counting, which takes the processor's time. */
  askUncounted: (asking: Asking) => Promise<Asked>;
  /** The same with a terminal for stdin, stdout and stderr; without counting. */
  askOnTerminal: (asking: Asking) => Promise<Asked>;
  /** Rejects when anything was left running. */
  close: () => Promise<void>;
}

/** What is run on a machine of its own. */
export interface MachineCase {
  name: string;
  /** Programs that it needs and this machine lacks. */
  missing: () => readonly string[];
  /** The session to run in, when not one with gnome-keyring. */
  session?: () => Promise<Session>;
  /** What is shown beside the tick. */
  run: (machine: Machine) => Promise<string>;
}

export const USER = "ada@example.com";

/** @param binary the compiled program, on the file system of `session` */
export async function openMachine(
  binary: string,
  session: Session | Promise<Session> = startSession("unlocked"),
): Promise<Machine> {
  const opened = await session;
  const workspace = await startWorkspace();
  const folder = opened.directory;
  const [bin, work, temporary] = ["bin", "work", "tmp"].map((name) => {
    const path = join(folder, name);
    mkdirSync(path);
    return path;
  }) as [string, string, string];
  const program = join(bin, "databricks");
  linkSync(binary, program);
  const env: Environment = { ...opened.env, PATH: bin, LANG: "C.UTF-8", TMPDIR: temporary };
  const runner = openRunner(folder, env, work);
  const run: Machine["run"] = (args, extra) => runner.run([program, ...args], "", extra);
  let asked = 0;

  return {
    folder,
    home: join(folder, "home"),
    bin,
    env,
    workspace,
    session: opened,
    run,
    runOther: runner.run,

    async login(profile, host = workspace.url) {
      const args = ["auth", "login", "--host", host, "--profile", profile];
      const { exitCode, stderr } = await run(args, {
        PATH: process.env["PATH"],
        BROWSER: join(ROOT, "test/workspace/browser"),
        WORKSPACE_BUN: process.execPath,
      });
      if (exitCode !== 0) throw new Error(`login ended with ${exitCode}: ${stderr}`);
    },

    async ask(asking) {
      const log = join(folder, `starts-${++asked}`);
      const command = [...tracing(log), ...commandLine(asking)];
      const { stdout, stderr } = await runner.run(command, "", environmentOf(asking));
      return { ...readAnswers(stdout, stderr), starts: startsIn(log, folder) };
    },

    async askUncounted(asking) {
      const { stdout, stderr } = await runner.run(commandLine(asking), "", environmentOf(asking));
      return { ...readAnswers(stdout, stderr), starts: [] };
    },

    async askOnTerminal(asking) {
      const screen = await runner.runOnTerminal(commandLine(asking), environmentOf(asking));
      return { ...readAnswers(screen), starts: [] };
    },

    async close() {
      const left = runner.end();
      await workspace.stop();
      await opened.close();
      if (left.length > 0) throw new Error(`left running: ${left.join(", ")}`);
    },
  };
}

const commandLine = ({ command, requests = 3, profile }: Asking) => [
  ...command.argv,
  String(requests),
  ...(profile === undefined ? [] : [profile]),
];

const environmentOf = ({ command, env }: Asking) => ({ ...command.env, ...env });

/** Answers are lines of JSON on stdout; all else is noise. */
function readAnswers(stdout: string, stderr = ""): Pick<Asked, "answers" | "noise"> {
  const lines = stdout.split("\n");
  const isAnswer = (line: string) => line.startsWith("{");
  return {
    answers: lines.filter(isAnswer).map((line): Answer => JSON.parse(line)),
    noise: `${lines.filter((line) => !isAnswer(line)).join("\n")}\n${stderr}`.trim(),
  };
}

/** The token that `auth token` printed. Throws when it failed. */
export function accessTokenIn({ exitCode, stdout, stderr }: Ended): string {
  if (exitCode !== 0) throw new Error(`auth token ended with ${exitCode}: ${stderr}`);
  return JSON.parse(stdout).access_token;
}
