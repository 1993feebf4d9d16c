/** Commands that ask a server, and how many requests they make. */
import { startWorkspace, type Workspace } from "../test/workspace/server.ts";
import { type Bench, makeHome, plaintext, writeTokens } from "./ground.ts";
import { type Command, median } from "./measure.ts";
import { type Finding, type Row, ratio } from "./row.ts";

const PROFILE = "work";
const CALLERS = 50;

interface Ended {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** Runs a command while this process serves the workspace. */
async function run({ argv, env }: Command): Promise<Ended> {
  const child = Bun.spawn([...argv], { env, stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { exitCode, stdout, stderr };
}

/** Milliseconds, and what `body` gave. */
async function timed<T>(body: () => Promise<T>): Promise<{ took: number; value: T }> {
  const startedAt = performance.now();
  const value = await body();
  return { took: performance.now() - startedAt, value };
}

async function withWorkspace<T>(use: (workspace: Workspace) => Promise<T>): Promise<T> {
  const workspace = await startWorkspace();
  try {
    return await use(workspace);
  } finally {
    await workspace.stop();
  }
}

/** A home whose one login has an expired token. */
function openExpired(bench: Bench, { url, issueToken }: Workspace) {
  const login = () => ({ profile: PROFILE, host: url, token: issueToken({ expiresIn: -1 }) });
  const env = plaintext(makeHome(bench, [login()]));
  return {
    command: { argv: [bench.program, "auth", "token", "-p", PROFILE], env },
    expire: () => writeTokens(env["HOME"] ?? "", [login()]),
  };
}

/** How long `auth token` with a valid token takes, in milliseconds. */
async function validTokenTime(bench: Bench, workspace: Workspace): Promise<number> {
  const token = workspace.issueToken();
  const env = plaintext(makeHome(bench, [{ profile: PROFILE, host: workspace.url, token }]));
  const command = { argv: [bench.program, "auth", "token", "-p", PROFILE], env };
  const times: number[] = [];
  for (let index = 0; index < bench.runs; index++) {
    times.push((await timed(() => run(command))).took);
  }
  return median(times);
}

/** Many callers of one expired token against one of them, with an endpoint that takes 300 ms. */
function measureCallers(bench: Bench): Promise<Finding> {
  return withWorkspace(async (workspace) => {
    const valid = await validTokenTime(bench, workspace);
    workspace.control.delayMs = { token: 300 };
    const { command, expire } = openExpired(bench, workspace);
    const alone = await timed(() => run(command));
    expire();
    const before = workspace.count("refresh_token");
    const together = await timed(() =>
      Promise.all(Array.from({ length: CALLERS }, () => run(command))),
    );
    const requests = workspace.count("refresh_token") - before;
    const failed = together.value.filter(({ exitCode }) => exitCode !== 0).length;
    const tokens = new Set(together.value.map(({ stdout }) => stdout));
    return {
      value: { amount: together.took, unit: "ms" },
      reference: { amount: alone.took, unit: "ms" },
      result: together.took / (CALLERS * valid + 1000),
      goal: 1,
      faults: [
        ...(requests === 1 ? [] : [`${requests} requests`]),
        ...(failed === 0 ? [] : [`${failed} failed`]),
        ...(tokens.size === 1 ? [] : [`${tokens.size} different answers`]),
      ],
    };
  });
}

function measureRejected(bench: Bench): Promise<Finding> {
  return withWorkspace(async (workspace) => {
    const { command } = openExpired(bench, workspace);
    workspace.revokeAll();
    const callers = await Promise.all(Array.from({ length: CALLERS }, () => run(command)));
    const told = callers.filter(
      ({ exitCode, stderr }) =>
        exitCode === 1 && stderr.includes(`databricks auth login --profile ${PROFILE}`),
    );
    const amount = workspace.count("refresh_token");
    return {
      value: { amount, unit: "requests" },
      reference: null,
      result: amount,
      goal: 1,
      faults:
        told.length === CALLERS ? [] : [`${CALLERS - told.length} were told no login command`],
    };
  });
}

function measureProfiles(bench: Bench): Promise<Finding> {
  return withWorkspace(async (workspace) => {
    workspace.control.delayMs = { me: 1000 };
    const listing = (profiles: number): Command => {
      const logins = Array.from({ length: profiles }, (_, index) => ({
        profile: `profile-${index}`,
        host: workspace.url,
        token: workspace.issueToken(),
      }));
      const argv = [bench.program, "auth", "profiles", "-o", "json"];
      return { argv, env: plaintext(makeHome(bench, logins)) };
    };
    const [one, many] = [await timed(() => run(listing(1))), await timed(() => run(listing(100)))];
    const valid = many.value.stdout.match(/"valid": true/g)?.length ?? 0;
    const faults = valid === 100 ? [] : [`${valid} of 100 valid`];
    return { ...ratio(many.took, one.took, "ms", 1.5), faults };
  });
}

function measureRequests(bench: Bench): Promise<Finding> {
  return withWorkspace(async (workspace) => {
    const token = workspace.issueToken();
    const env = plaintext(makeHome(bench, [{ profile: PROFILE, host: workspace.url, token }]));
    const argv = [bench.program, "auth", "token", "-p", PROFILE];
    const { exitCode } = await run({ argv, env });
    const amount = workspace.requests.length;
    return {
      value: { amount, unit: "requests" },
      reference: null,
      result: amount,
      goal: 0,
      faults: exitCode === 0 ? [] : ["it failed"],
    };
  });
}

export const serverRows: readonly Row[] = [
  {
    number: "7",
    work: "auth profiles, 100 profiles, each answers after 1 s",
    against: "one profile",
    measure: measureProfiles,
  },
  {
    number: "8",
    work: "50 callers of an expired token, 300 ms each request",
    against: "50 × row 2 + 1 s; 1 request, no failure",
    measure: measureCallers,
  },
  {
    number: "8b",
    work: "50 callers, the refresh token is dead",
    against: "1 request, all are told how to log in",
    measure: measureRejected,
  },
  {
    number: "10",
    work: "requests for a valid token",
    against: "none",
    measure: measureRequests,
  },
];
