/** Runs one case in folders and an environment of its own. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startWorkspace, type Workspace } from "../../test/workspace/server.ts";
import { ROOT } from "../build.ts";
import type { Case } from "./case.ts";
import { openKeyring, type SandboxKeyring } from "./keyring.ts";
import { normalise } from "./normalise.ts";
import { describeEnding, runOnTerminal } from "./terminal.ts";

const HERE = import.meta.dir;
const BROWSER = join(ROOT, "test/workspace/browser");

/** Where the program runs, if not on this machine's own system. */
export interface Machine {
  /** A folder that both systems see, for the cases' own folders. */
  folder: string;
  /** The stand-in for a person's browser, as BROWSER names it there. */
  browser: string;
  /** The output with paths as this machine writes them. */
  translate(output: string): string;
  /** How many times as long as here a case may take. */
  patience: number;
}

interface Folders {
  root: string;
  home: string;
  temporary: string;
  runtime: string;
  work: string;
  bin: string;
}

/** What the case printed, normalised, with a line for everything that it left behind. */
export async function runCase(subject: Case, binary: string, machine?: Machine): Promise<string> {
  const folders = makeFolders(subject, binary, machine);
  let keyring: SandboxKeyring | null = null;
  let workspace: Workspace | null = null;
  try {
    const socket = join(folders.root, "control");
    if (subject.keyring) keyring = await openKeyring(subject.keyring, socket);
    if (subject.workspace) {
      const tls = subject.hosts.length > 0 && { tls: { names: subject.hosts } };
      workspace = await startWorkspace({ controls: subject.workspace, ...tls });
    }
    const env = {
      ...environment(subject, folders, keyring, workspace),
      ...(workspace && machine && { BROWSER: machine.browser }),
      ...(machine && { PATIENCE: String(machine.patience) }),
    };
    const shell = ["sh", "-c", '. "$1"; . "$2"', "sh"];
    const scripts = [join(HERE, "prelude.sh"), join(subject.folder, "script")];
    const command = [...(keyring?.wrapper ?? []), ...shell, ...scripts];
    const patience = subject.timeoutMs * (machine?.patience ?? 1);
    const printed = await runScript(subject, command, folders, { env, timeout: patience });
    const output = machine?.translate(printed) ?? printed;
    return normalise(output + (await leftBehind(folders)), namesOf(subject, folders, workspace));
  } finally {
    await workspace?.stop();
    await keyring?.stop();
    endProcesses(folders.root);
    rmSync(folders.root, { recursive: true, force: true });
  }
}

/** The account console that the workspace also is: by its name, which Bun looks for on this machine. */
const accountsUrl = ({ port }: Workspace) => `http://accounts.localhost:${port}`;

/** Text of this run, and what stands for it in `output.txt`. */
function namesOf(
  subject: Case,
  folders: Folders,
  workspace: Workspace | null,
): Record<string, string> {
  const names = {
    [ROOT]: "[CHECKOUT]",
    [subject.folder]: "[CASE]",
    [process.execPath]: "[BUN]",
    [folders.home]: "[HOME]",
    [folders.root]: "[SANDBOX]",
  };
  if (!workspace) return names;
  return {
    ...names,
    [workspace.url]: "[WORKSPACE]",
    [encodeURIComponent(workspace.url)]: "[WORKSPACE]",
    [new URL(workspace.url).host]: "[WORKSPACE HOST]",
    [accountsUrl(workspace)]: "[ACCOUNTS]",
    [`localhost:${workspace.port}`]: "[WORKSPACE AS LOCALHOST]",
  };
}

function makeFolders(subject: Case, binary: string, machine?: Machine): Folders {
  const root = realpathSync(mkdtempSync(join(machine?.folder ?? tmpdir(), "acceptance-")));
  const folder = (name: string) => {
    const path = join(root, name);
    mkdirSync(path, { mode: 0o700 });
    return path;
  };
  const folders = {
    root,
    home: folder("home"),
    temporary: folder("tmp"),
    runtime: folder("run"),
    work: folder("work"),
    bin: folder("bin"),
  };
  const home = join(subject.folder, "home");
  if (existsSync(home)) cpSync(home, folders.home, { recursive: true });
  symlinkSync(resolve(binary), join(folders.bin, "databricks"));
  return folders;
}

function environment(
  subject: Case,
  folders: Folders,
  keyring: SandboxKeyring | null,
  workspace: Workspace | null,
): Record<string, string> {
  return {
    PATH: `${folders.bin}:/usr/local/bin:/usr/bin:/bin`,
    LANG: "C.UTF-8",
    TZ: "UTC",
    HOME: folders.home,
    TMPDIR: folders.temporary,
    XDG_RUNTIME_DIR: folders.runtime,
    XDG_CONFIG_HOME: join(folders.home, ".config"),
    XDG_DATA_HOME: join(folders.home, ".local/share"),
    XDG_CACHE_HOME: join(folders.home, ".cache"),
    CASE: subject.folder,
    SANDBOX: folders.root,
    BUN: process.execPath,
    CONTROL: join(HERE, "control.ts"),
    BROWSER: "none",
    ...(keyring ? keyring.env : { DATABRICKS_AUTH_STORAGE: "plaintext" }),
    ...(workspace && {
      WORKSPACE_URL: workspace.url,
      ACCOUNTS_URL: accountsUrl(workspace),
      WORKSPACE_BUN: process.execPath,
      BROWSER,
    }),
    ...(workspace?.tls && {
      HTTPS_PROXY: workspace.url,
      NODE_EXTRA_CA_CERTS: workspace.tls.certificateFile,
    }),
  };
}

async function runScript(
  subject: Case,
  command: string[],
  folders: Folders,
  given: { env: Record<string, string>; timeout: number },
): Promise<string> {
  const limits = { cwd: folders.work, ...given, killSignal: "SIGKILL" } as const;
  if (subject.terminal) {
    const { screen, unsent, ending } = await runOnTerminal(command, limits, subject.keys);
    return screen + unsent.map((keys) => `[did not come: ${keys.waitFor}]\n`).join("") + ending;
  }
  // A file rather than a pipe: it keeps the order of both streams, and has its end even
  // when a process that was left behind still holds it.
  const file = join(folders.root, "printed");
  const child = Bun.spawn(["sh", "-c", 'exec "$@" >"$0" 2>&1', file, ...command], {
    ...limits,
    stdin: "ignore",
  });
  await child.exited;
  return readFileSync(file, "utf8") + describeEnding(child);
}

/** How long a program that is about to end, such as the stand-in browser, may take to do so. */
const ENDING_MS = 3000;

/** Temporary files and processes that outlived the script: never expected, so they show up as a difference. */
async function leftBehind({ root, temporary }: Folders): Promise<string> {
  const patience = performance.now() + ENDING_MS;
  while (processesOf(root).length > 0 && performance.now() < patience) await Bun.sleep(50);
  const files = readdirSync(temporary, { recursive: true });
  const commands = processesOf(root).map(commandOf);
  return [
    ...files.sort().map((file) => `[left in TMPDIR: ${file}]\n`),
    ...commands.sort().map((command) => `[left running: ${command}]\n`),
  ].join("");
}

function endProcesses(root: string): void {
  for (const pid of processesOf(root)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      // ESRCH: it ended meanwhile.
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

/** Processes started by the case: those that have its folder in their environment. Linux only. */
function processesOf(root: string): number[] {
  if (process.platform !== "linux") return [];
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && readProc(name, "environ").includes(`SANDBOX=${root}\0`))
    .map(Number);
}

function commandOf(pid: number): string {
  return readProc(String(pid), "cmdline").replaceAll("\0", " ").trim();
}

/** Empty for a process that ended meanwhile, or belongs to somebody else. */
function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
