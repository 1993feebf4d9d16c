/** A home of its own for one try: runs the program there, and looks at all that it prints, shows and leaves behind. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { messageOf } from "../../src/errors.ts";
import { visit } from "../workspace/browser.ts";
import { leakyFiles, type SecretKind, secretsIn } from "./leaks.ts";
import { commandOf, processesWith, whatIsShownOf } from "./processes.ts";
import { type Bench, insist, Loss } from "./row.ts";

type Environment = Record<string, string | undefined>;

export interface RunOptions {
  /** A command that runs the given one. */
  wrap?: readonly string[];
  env?: Environment;
  cwd?: string;
  input?: string;
  /** Opens the link of a login, as a person's browser would; nobody does by default. */
  browser?: (link: string) => Promise<unknown>;
  /** The signal that a harness sends is no loss. */
  mayDieOf?: NodeJS.Signals;
  /** Without `--debug`, which is otherwise given: it must be as free of secrets as the rest. */
  quiet?: boolean;
  /** How long it may run, in milliseconds. */
  limit?: number;
}

export interface Ended {
  /** null when a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
  /** From start to end, in milliseconds. */
  took: number;
  /** For how much of that the machine was too busy even for this harness. */
  stalled: number;
}

/** What a run left beside its output. */
interface Trace {
  /** All that /proc showed of it. */
  shown: string;
  signal: Bun.Subprocess["signalCode"];
  /** Its mark in the environment, and in that of its children. */
  run: string;
}

export interface Running {
  child: Bun.Subprocess;
  /** Resolves once stderr holds such a text. */
  said: (pattern: RegExp) => Promise<void>;
  ended: Promise<Ended>;
}

export interface Bed {
  folder: string;
  home: string;
  config: string;
  cache: string;
  env: Environment;
  start: (args: readonly string[], options?: RunOptions) => Running;
  run: (args: readonly string[], options?: RunOptions) => Promise<Ended>;
  /** Writes a file of the home, 0600, and its folder. */
  write: (path: string, text: string) => void;
  /** The file's text, or null. */
  read: (path: string) => string | null;
  /** Temporary files in the home's folders and in TMPDIR. */
  temporaryFiles: () => string[];
  /** Looks for secrets outside their stores. */
  checkFiles: () => void;
  /** Looks for secrets a last time, and removes everything. */
  close: () => void;
}

const LIMIT = 30_000;

/** The stores, what is being written in their place, and what is kept of older ones. */
const STORES =
  /(^|\/)\.?(token-cache\.json|\.databrickscfg)(\.bak|\.corrupt-[\dTZ-]+)?(\.\d+-[0-9a-f]{8}\.tmp)?$/;

/** Only a programming mistake names places in the program or in the runtime. */
const CRASH = /\/\$bunfs\/|Bun v\d|panic|\b(Type|Reference|Range|Syntax)Error\b/;

/** What a terminal would obey: all but line breaks and tabs, and what changes the direction of text. */
const CONTROLS = /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;

export function makeBed({ binary, folder: parent }: Bench, extra: Environment = {}): Bed {
  const folder = mkdtempSync(join(parent, "bed-"));
  chmodSync(folder, 0o755);
  const [home, temporary, runtime, work] = ["home", "tmp", "run", "work"].map((name) => {
    const path = join(folder, name);
    mkdirSync(path, { mode: 0o700 });
    return path;
  }) as [string, string, string, string];
  const config = join(home, ".databrickscfg");
  const cache = join(home, ".databricks", "token-cache.json");
  const env: Environment = {
    PATH: process.env["PATH"],
    LANG: "C.UTF-8",
    HOME: home,
    TMPDIR: temporary,
    XDG_RUNTIME_DIR: runtime,
    BROWSER: "none",
    FAULTS_BED: folder,
    ...extra,
  };

  function start(args: readonly string[], options: RunOptions = {}): Running {
    const { wrap = [], limit = LIMIT, quiet = false } = options;
    const run = crypto.randomUUID();
    const startedAt = performance.now();
    const child = Bun.spawn([...wrap, binary, ...args, ...(quiet ? [] : ["--debug"])], {
      env: { ...env, ...options.env, FAULTS_RUN: run },
      cwd: options.cwd ?? work,
      stdin: new Blob([options.input ?? ""]),
      stdout: "pipe",
      stderr: "pipe",
      timeout: limit,
      killSignal: "SIGKILL",
    });
    const ended = child.exited.then(() => performance.now() - startedAt);
    const stdout = collect(child.stdout, ended);
    const stderr = collect(child.stderr, ended);
    if (options.browser) openLink(stderr, options.browser);
    const watched = watch(child);

    async function end(): Promise<Ended> {
      const took = await ended;
      const { shown, stalled } = await watched;
      const result = {
        code: child.signalCode === null ? child.exitCode : null,
        stdout: await stdout.whole,
        stderr: await stderr.whole,
        took,
        stalled,
      };
      judge(args, result, { shown, signal: child.signalCode, run }, options);
      return result;
    }

    const outcome = end();
    // A try may fail before it comes to this one's end.
    outcome.catch(() => {});
    return { child, said: (pattern) => stderr.until(pattern).then(() => {}), ended: outcome };
  }

  function judge(
    args: readonly string[],
    { stdout, stderr, took }: Ended,
    { shown, signal, run }: Trace,
    options: RunOptions,
  ): void {
    const name = `\`${args.slice(0, 2).join(" ")}\``;
    insist(took < (options.limit ?? LIMIT), `${name} hung: ${stderr}`);
    insist(signal === null || signal === options.mayDieOf, `${name} died of ${signal}: ${stderr}`);
    const wasCrashed = signal === "SIGSEGV" || signal === "SIGABRT";
    insist(wasCrashed || !CRASH.test(stderr), () => `${name} crashed: ${stderr}`);
    insist(!CONTROLS.test(stderr), () => `${name} sends signs to the terminal: ${stderr}`);
    const printed = secretsIn(stdout);
    if (printsTokens(args)) printed.delete("access");
    report(name, "stdout", printed);
    report(name, "stderr", secretsIn(stderr));
    report(name, "what /proc shows of it", secretsIn(shown));
    const left = processesWith(`FAULTS_RUN=${run}\0`).map(commandOf);
    insist(left.length === 0, () => `${name} left running: ${left.join(", ")}`);
  }

  return {
    folder,
    home,
    config,
    cache,
    env,
    start,
    run: (args, options) => start(args, options).ended,
    write(path, text) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileSync(path, text, { mode: 0o600 });
    },
    read: (path) => (existsSync(path) ? readFileSync(path, "utf8") : null),
    temporaryFiles: () => [
      ...[home, dirname(cache)]
        .filter((path) => existsSync(path))
        .flatMap((path) => readdirSync(path))
        .filter((name) => name.endsWith(".tmp")),
      ...readdirSync(temporary),
    ],
    checkFiles() {
      const leaks = leakyFiles(folder, STORES);
      insist(leaks.length === 0, () => leaks.join("; "));
    },
    close() {
      for (const pid of processesWith(`FAULTS_BED=${folder}\0`)) process.kill(pid, "SIGKILL");
      const leaks = leakyFiles(folder, STORES);
      rmSync(folder, { recursive: true, force: true });
      insist(leaks.length === 0, leaks.join("; "));
    },
  };
}

/** Commands whose very purpose is to print an access token. */
const printsTokens = (args: readonly string[]) =>
  (args[0] === "auth" && (args[1] === "token" || args[1] === "env")) ||
  args.includes("--sensitive");

function report(name: string, place: string, kinds: ReadonlySet<SecretKind>): void {
  insist(kinds.size === 0, () => `${name}: ${[...kinds].join(" and ")} in ${place}`);
}

/** A stream's text as it grows. It ends with the process, whoever else still holds the stream. */
function collect(stream: ReadableStream<Uint8Array<ArrayBuffer>>, ended: Promise<unknown>) {
  let text = "";
  const waiting = new Set<() => void>();
  const decoder = new TextDecoder();
  const read = (async () => {
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true });
      for (const check of waiting) check();
    }
  })();
  const whole = Promise.race([read, ended.then(() => Bun.sleep(200))]).then(() => text);
  return {
    whole,
    until(pattern: RegExp): Promise<RegExpExecArray> {
      const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>();
      const check = () => {
        const match = pattern.exec(text);
        if (match) resolve(match);
      };
      waiting.add(check);
      check();
      whole.then(() => reject(new Loss(`never said ${pattern}: ${text}`)));
      return promise;
    },
  };
}

function openLink(stderr: ReturnType<typeof collect>, browser: (link: string) => Promise<unknown>) {
  stderr
    .until(/^ {2}(https?:\S+)$/m)
    .then(([, link = ""]) => browser(link))
    // A login that was killed, or failed first, has no link; its own end tells.
    .catch((error: unknown) => messageOf(error));
}

/** How often a running program is looked at, in milliseconds; several at once share the looks. */
const GLANCE = 10;
/** Looking itself takes a while; what comes this much later did not get the machine's attention. */
const STALL = 90;

let watched = 0;

/** All that /proc ever showed of the program and its children, and for how long the machine did not let us look. */
async function watch(child: Bun.Subprocess): Promise<{ shown: string; stalled: number }> {
  const seen = new Set<string>();
  let stalled = 0;
  watched += 1;
  while (child.exitCode === null && child.signalCode === null) {
    const before = performance.now();
    const pause = GLANCE * watched;
    seen.add(whatIsShownOf(child.pid));
    await Promise.race([Bun.sleep(pause), child.exited]);
    const gap = performance.now() - before;
    if (gap > pause + STALL) stalled += gap;
  }
  watched -= 1;
  return { shown: [...seen].join("\n"), stalled };
}

/** A person who approves. */
export const approve = (link: string) => visit(link);
