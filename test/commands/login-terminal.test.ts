/** Logins and questions on a terminal that a script of keys cannot answer: links to follow, signals, colours. */
import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compiledProgram } from "../support/program.ts";
import { scratchFolder } from "../support/scratch.ts";
import { startOnTerminal, type TerminalSession } from "../support/terminal-session.ts";
import { startWorkspace, type Workspace } from "../workspace/server.ts";

const PROGRAM = await compiledProgram();
/** Tests cannot have a terminal there. */
const onWindows = process.platform === "win32";

const ENTER = "\r";
const CTRL_C = "\x03";
const PASTE_HERE = "paste that page's address here:\r\n";

/** Here there is none. A Mac would open its browser, but for somebody who comes over SSH. */
const NO_SCREEN = process.platform === "darwin" ? { SSH_TTY: "/dev/ttys000" } : {};

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const NOHUP = ["sh", "-c", 'trap "" HUP && exec "$@"', "sh"];

interface Scene {
  workspace: Workspace;
  home: string;
  run(argv: readonly string[], env?: Record<string, string>): TerminalSession;
  /** The same, where the signal of a closed terminal is ignored. */
  runNohup(argv: readonly string[], env?: Record<string, string>): TerminalSession;
}

/** A workspace with the profile `work`, and an empty home. */
async function openScene(): Promise<Scene> {
  const workspace = await startWorkspace();
  cleanups.push(workspace.stop);
  const home = scratchFolder();
  writeFileSync(join(home, ".databrickscfg"), `[work]\nhost = ${workspace.url}\n`);
  const start = (command: readonly string[], env: Record<string, string>) => {
    const path = process.env["PATH"] ?? "";
    const session = startOnTerminal(command, {
      cwd: home,
      env: { PATH: path, HOME: home, DATABRICKS_AUTH_STORAGE: "plaintext", ...NO_SCREEN, ...env },
    });
    cleanups.push(session.close);
    return session;
  };
  return {
    workspace,
    home,
    run: (argv, env = {}) => start([PROGRAM, ...argv], env),
    runNohup: (argv, env = {}) => start([...NOHUP, PROGRAM, ...argv], env),
  };
}

const linkIn = (text: string) => /^ {2}(http\S+)\r$/m.exec(text)?.[1] ?? null;

/** Where the browser is sent at the end of a login. */
async function redirectOf(link: string): Promise<string> {
  const answer = await fetch(link, { redirect: "manual" });
  return answer.headers.get("location") ?? "";
}

/** Follows the shown link, in a browser that cannot reach this machine. */
async function signInElsewhere(session: TerminalSession): Promise<string> {
  const link = await session.until((text) => (text.includes(PASTE_HERE) ? linkIn(text) : null));
  return redirectOf(link);
}

const REMOTE = [
  ["over SSH", { SSH_CONNECTION: "192.0.2.1 1 192.0.2.2 22" }],
  [
    "over SSH, with a browser that may be on either side",
    { SSH_TTY: "/dev/pts/0", BROWSER: "true" },
  ],
  ["in a container", {}],
  ["with BROWSER=none", { BROWSER: "none", DISPLAY: ":0" }],
] as const;

describe.skipIf(onWindows)("a browser on another machine", () => {
  test.each(REMOTE)("%s: the address that it ends at can be pasted", async (_place, env) => {
    const { home, run } = await openScene();
    const session = run(["auth", "login", "work"], env);
    const address = await signInElsewhere(session);
    session.type(`${address}${ENTER}`);
    await session.see("Profile work was successfully saved");
    expect(await session.ended).toBe(0);
    const cache = readFileSync(join(home, ".databricks", "token-cache.json"), "utf8");
    expect(cache).toContain('"work"');
  });

  test("a wrong address is refused, and the right one still taken", async () => {
    const { run } = await openScene();
    const session = run(["auth", "login", "work"]);
    const address = await signInElsewhere(session);
    const [base = "", query = ""] = address.split("?");
    for (const wrong of [
      "yes",
      base,
      `${base}?code=x&state=y`,
      query.replace("state=", "state=x"),
    ]) {
      session.type(`${wrong}${ENTER}`);
      await session.see("That is not where this login ended");
    }
    session.type(`"${query}"${ENTER}`);
    await session.see("Profile work was successfully saved");
    expect(await session.ended).toBe(0);
  });

  test("an address that says no ends the login", async () => {
    const { workspace, run } = await openScene();
    workspace.control.authorize = "deny";
    const session = run(["auth", "login", "work"]);
    session.type(`${await signInElsewhere(session)}${ENTER}`);
    await session.see("Error: sign-in was refused: access_denied");
    expect(await session.ended).toBe(1);
  });

  test("where the browser comes back after all, nothing needs to be pasted", async () => {
    const { run } = await openScene();
    const session = run(["auth", "login", "work"]);
    await fetch(await signInElsewhere(session));
    await session.see("Profile work was successfully saved");
    expect(await session.ended).toBe(0);
  });

  test("the end of the input ends nothing", async () => {
    const { run } = await openScene();
    const session = run(["auth", "login", "work"]);
    const address = await signInElsewhere(session);
    session.type("\x04");
    await fetch(address);
    await session.see("Profile work was successfully saved");
    expect(await session.ended).toBe(0);
  });

  test("Ctrl-C ends it with 130, and nothing is saved", async () => {
    const { home, run } = await openScene();
    const session = run(["auth", "login", "work"]);
    await session.see(PASTE_HERE);
    session.type(CTRL_C);
    expect(await session.ended).toBe(130);
    expect(readFileSync(join(home, ".databrickscfg"), "utf8")).not.toContain("auth_type");
  });

  test("after a pasted address, further questions are answered", async () => {
    const { home, run } = await openScene();
    const session = run(["auth", "login", "work", "--configure-cluster"]);
    session.type(`${await signInElsewhere(session)}${ENTER}`);
    await session.see("◆  Cluster");
    session.type(`small${ENTER}`);
    await session.see("Profile work was successfully saved");
    expect(readFileSync(join(home, ".databrickscfg"), "utf8")).toContain("0101-120000-carol3");
  });
});

test.skipIf(onWindows).each([
  ["SIGTERM", 143],
  ["SIGINT", 130],
  ["SIGHUP", 129],
] as const)("%s during a question gives the cursor back", async (signal, code) => {
  const { run } = await openScene();
  const session = run(["auth", "switch"]);
  await session.see("Which profile is the default?");
  session.kill(signal);
  expect(await session.ended).toBe(code);
  expect(session.raw.lastIndexOf("\x1b[?25h")).toBeGreaterThan(
    session.raw.lastIndexOf("\x1b[?25l"),
  );
});

test.skipIf(onWindows).each([
  ["which", ["auth", "switch"], "Which profile is the default?"],
  ["a hidden one", ["configure", "--host", "https://a.example"], "Personal access token"],
])("a question whose terminal is gone is given up: %s", async (_title, argv, question) => {
  const { runNohup } = await openScene();
  const session = runNohup(argv);
  await session.see(question);
  session.hangUp();
  expect(await session.ended).toBe(130);
});

test.skipIf(onWindows)("a question is still there after Ctrl-Z and `fg`", async () => {
  const { run } = await openScene();
  const session = run(["auth", "switch"]);
  await session.see("Which profile is the default?");
  session.type("\x1a");
  await Bun.sleep(300);
  session.kill("SIGCONT"); // this terminal has no shell that would stop it
  await Bun.sleep(300);
  session.type(ENTER);
  await session.see("Profile work is now the default");
  expect(await session.ended).toBe(0);
});

test.skipIf(onWindows)("under nohup, a login outlasts its terminal", async () => {
  const { workspace, home } = await openScene();
  const env = { PATH: process.env["PATH"], HOME: home, BROWSER: "none" };
  const child = Bun.spawn([...NOHUP, PROGRAM, "auth", "login", "work"], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let shown = "";
  for await (const bytes of child.stderr) {
    shown += new TextDecoder().decode(bytes);
    if (shown.includes("code_challenge=")) break;
  }
  child.kill("SIGHUP");
  await Bun.sleep(200);
  await fetch(/http\S+/.exec(shown)?.[0] ?? "");
  expect(await child.exited).toBe(0);
  expect(workspace.count("authorization_code")).toBe(1);
});

test.skipIf(onWindows)("under nohup, so does one that waits for a pasted address", async () => {
  const { workspace, runNohup } = await openScene();
  const session = runNohup(["auth", "login", "work"], { BROWSER: "none" });
  const link = await session.until((text) => (text.includes(PASTE_HERE) ? linkIn(text) : null));
  session.hangUp();
  await Bun.sleep(200);
  await fetch(link);
  expect(await session.ended).toBe(0);
  expect(workspace.count("authorization_code")).toBe(1);
});

const COLOUR = /\x1b\[[0-9;]*m/;

test.skipIf(onWindows).each([
  ["colours on a terminal", {}, true],
  ["none with NO_COLOR", { NO_COLOR: "1" }, false],
  ["none with NO_COLOR, whatever else is asked for", { NO_COLOR: "1", FORCE_COLOR: "1" }, false],
] as const)("questions: %s", async (_title, env, coloured) => {
  const { run } = await openScene();
  const session = run(["auth", "switch"], env);
  await session.see("to search");
  session.type(ENTER);
  expect(await session.ended).toBe(0);
  expect(COLOUR.test(session.raw)).toBe(coloured);
});
