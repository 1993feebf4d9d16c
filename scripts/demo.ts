/**
 * A login and a token on the compiled program, with a keyring and without: `bun run demo`.
 * Everything happens in a temporary folder, against a workspace on this machine.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { styleText } from "node:util";
import { missingTools, startSession } from "../test/support/secret-service.ts";
import { startWorkspace } from "../test/workspace/server.ts";
import { hasLibsecret } from "./acceptance/needs.ts";
import { build, ROOT } from "./build.ts";

const WIDTH = 100;

// The keyrings of other systems are the person's own; a demonstration has no business there.
if (process.platform !== "linux") throw new Error("the demonstration runs on Linux only");

const folder = mkdtempSync(join(tmpdir(), "databricks-demo-"));
// What others make temporary files for goes the same way, also after Ctrl-C.
process.env["TMPDIR"] = folder;
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
process.once("SIGINT", () => process.exit(130));
const workspace = await startWorkspace();
try {
  await demo();
} finally {
  await workspace.stop();
}
say(`Nothing is left behind: ${folder} is removed, and what was started is stopped.`);

async function demo(): Promise<void> {
  const seconds = await secondsOf(() => build({ outfile: join(folder, "bin", "databricks") }));
  say(`Compiled \`databricks\` in ${seconds} s. A workspace of our own listens on ${workspace.url},
and a stand-in for the browser follows its links as a person would.`);

  heading("A machine with a keyring");
  const missing = [...missingTools(), ...(hasLibsecret() ? [] : ["libsecret-1.so.0"])];
  if (missing.length === 0) await withKeyring();
  else say(`Left out, as this machine has no ${missing.join(", no ")}.`);

  heading("A machine without a keyring");
  await withoutKeyring();

  heading("What happened");
  say(`\`auth login\` sent the browser to the workspace, got a code back on a port of this machine
(OAuth with PKCE), and changed it for tokens. \`auth token\` printed the access token from where
it lies: as long as it is valid, nobody is asked. Of ${workspace.requests.length} requests to the workspace,
${workspace.count("authorization_code")} asked for tokens: one a login.`);
}

async function withKeyring(): Promise<void> {
  const session = await startSession("unlocked");
  try {
    const env = newMachine("with-keyring", session.env);
    await logIn(env);
    say("The token lies in the keyring, where other programs find it too, and not in a file:");
    if (Bun.which("secret-tool")) {
      await show("secret-tool lookup service databricks-cli username demo", env);
    }
    await show("ls ~/.databricks", env);
    await show("cat ~/.databrickscfg", env);
    say(`Why there: nobody chose a storage, and a test entry could be written to the keyring and
removed. \`auth_storage = secure\` pins that: should the keyring be out of reach one day, that is
an error, and never a reason to keep tokens in a file.`);
  } finally {
    await session.close();
  }
}

async function withoutKeyring(): Promise<void> {
  const env = newMachine("without-keyring", {});
  await logIn(env);
  say("The token lies in a file that only its owner can read:");
  await show("stat --format '%A  %n' ~/.databricks/token-cache.json", env);
  await show("cat ~/.databrickscfg", env);
  say(`Why there: nobody chose a storage, and no keyring could be reached. The login said so before
the browser opened, and \`auth_storage = plaintext\` notes it.`);
}

/** An empty home folder, and an environment with nothing of the caller's but PATH. */
function newMachine(name: string, session: Record<string, string | undefined>) {
  const home = join(folder, name, "home");
  const runtime = join(folder, name, "run");
  for (const path of [home, runtime]) mkdirSync(path, { recursive: true, mode: 0o700 });
  return {
    XDG_RUNTIME_DIR: runtime,
    ...session,
    PATH: `${join(folder, "bin")}:${process.env["PATH"]}`,
    HOME: home,
    BROWSER: join(ROOT, "test/workspace/browser"),
    WORKSPACE_BUN: process.execPath,
  };
}

type Environment = ReturnType<typeof newMachine>;

async function logIn(env: Environment): Promise<void> {
  await show(`databricks auth login --host ${workspace.url} --profile demo`, env);
  await show("databricks auth token --profile demo", env);
}

/** Runs a shell command as a person would, and shows what it prints. Throws when it fails. */
async function show(command: string, env: Environment): Promise<void> {
  const child = Bun.spawn(["sh", "-c", `exec 2>&1; ${command}`], { env, cwd: env.HOME });
  const output = await new Response(child.stdout).text();
  console.log(`\n  ${styleText("bold", `$ ${command}`)}`);
  for (const line of output.trimEnd().replaceAll(env.HOME, "~").split("\n")) {
    const shown = line.length > WIDTH ? `${line.slice(0, WIDTH - 1)}…` : line;
    console.log(`  ${styleText("dim", shown)}`);
  }
  if ((await child.exited) !== 0) throw new Error(`failed: ${command}`);
}

function heading(text: string): void {
  console.log(
    `\n${styleText(["bold", "cyan"], `── ${text} ${"─".repeat(WIDTH - text.length - 4)}`)}`,
  );
}

function say(text: string): void {
  console.log(`\n${text}`);
}

async function secondsOf(work: () => Promise<void>): Promise<string> {
  const started = performance.now();
  await work();
  return ((performance.now() - started) / 1000).toFixed(1);
}
