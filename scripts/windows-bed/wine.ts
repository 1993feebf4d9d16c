/** Windows programs, run by Wine in a throw-away copy of its root. */
import { existsSync, readFileSync } from "node:fs";
import { NAMESPACES, WINE_ENVIRONMENT } from "./root.ts";

export interface Ended {
  exitCode: number;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  /** Current folder, as Linux sees it from inside. */
  cwd?: string;
  stdin?: string;
}

export interface Running {
  /** Resolves when the program has printed this line, rejects when it ended without. */
  printed(line: string): Promise<void>;
  isRunning(): boolean;
  /** As the task manager ends a process: at once, whatever it is at. */
  kill(): void;
  ended: Promise<Ended>;
}

export interface Wine {
  /** What starts a program inside, in its current folder there and an environment of its own. */
  argv(program: string, args: readonly string[], cwd?: string): string[];
  /** A shell command that runs a program inside, in the caller's current folder and environment. */
  command(program: string): string;
  /** A path inside, seen from outside. */
  path(inside: string): string;
  /** @param program its path as Linux sees it from inside, or the name of one of Windows' own */
  start(program: string, args: readonly string[], options?: RunOptions): Running;
  run(program: string, args: readonly string[], options?: RunOptions): Promise<Ended>;
  stop(): Promise<void>;
}

/** The programs' folder inside. */
export const PROGRAMS = "/bed";

/** The person's home folder, where Wine puts it. */
export const HOME = "/prefix/drive_c/users/root";

/** No program of the bed takes longer, in milliseconds; one that does is killed. */
const LONGEST_RUN = 60_000;

/**
 * What is written goes to memory. A shell of Windows waits for commands that never come: while
 * it lives, Wine's services do. Programs must find them running: one that started them would
 * leave its output open in their hands. `cat` ends with this process, however that ends, and
 * everything inside ends with `cat`.
 */
const SETUP = `
  mount -t tmpfs tmpfs "$2"
  mkdir "$2/upper" "$2/work" "$2/root"
  mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" overlay "$2/root"
  cd "$2/root"
  mkdir ".$4"
  mount --bind "$3" ".$4"
  mount --bind /dev dev
  mount -t proc proc proc
  mount -t tmpfs tmpfs tmp
  mkdir -p ".$6"
  mount --bind "$6" ".$6"
  umask 077
  exec chroot . env -i $5 sh -c "sleep infinity | wine64 cmd /k echo ready & cat"
`;

const VARIABLES = Object.entries(WINE_ENVIRONMENT).map(([name, value]) => `${name}=${value}`);

export interface Folders {
  /** The root, which stays as it is. */
  root: string;
  /** An empty folder to mount the copy on. */
  copy: string;
  /** Seen inside as `PROGRAMS`. */
  programs: string;
  /** Seen inside under the same path. */
  shared: string;
}

/** Starts a machine on a copy of the root. It shares the network of this one. */
export async function startWine({ root, copy, programs, shared }: Folders): Promise<Wine> {
  const folders = [root, copy, programs, PROGRAMS, VARIABLES.join(" "), shared];
  const setup = ["sh", "-euc", SETUP, "sh", ...folders];
  const machine = Bun.spawn([...NAMESPACES, ...setup], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const timer = setTimeout(() => machine.kill("SIGKILL"), LONGEST_RUN);
  await followed(machine.stdout).line("ready");
  clearTimeout(timer);
  const [init] = childrenOf(machine.pid);
  if (init === undefined) throw new Error("the machine for Wine ended at once");

  const argv: Wine["argv"] = (program, args, cwd = PROGRAMS) => [
    ...["nsenter", `--target=${init}`, "--mount", "--pid", "--root"],
    `--wd=/proc/${init}/root${cwd}`,
    ...["env", "-i", ...VARIABLES],
    ...["wine64", program, ...args],
  ];

  function start(program: string, args: readonly string[], options: RunOptions = {}): Running {
    const child = Bun.spawn(argv(program, args, options.cwd), {
      stdin: Buffer.from(options.stdin ?? ""),
      stdout: "pipe",
      stderr: "pipe",
    });
    // nsenter stays outside and only waits; the program is its child.
    const kill = () => {
      for (const pid of childrenOf(child.pid)) process.kill(pid, "SIGKILL");
    };
    const output = followed(child.stdout);
    const { promise: overdue, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      kill();
      reject(new Error(`${program} ${args[0]} was killed after ${LONGEST_RUN} ms`));
    }, LONGEST_RUN);
    const streams = [child.exited, output.text, new Response(child.stderr).text()] as const;
    const ended = Promise.race([Promise.all(streams), overdue])
      .then(([exitCode, stdout, stderr]) => ({ exitCode, stdout, stderr }))
      .finally(() => clearTimeout(timer));
    const isRunning = () => child.exitCode === null && child.signalCode === null;
    return { printed: output.line, isRunning, kill, ended };
  }

  return {
    argv,
    command: (program) =>
      [
        `nsenter --target=${init} --mount --pid --root --wd="/proc/${init}/root$PWD"`,
        `env ${VARIABLES.join(" ")} wine64 ${program}`,
      ].join(" "),
    path: (inside) => `/proc/${init}/root${inside}`,
    start,
    run: (program, args, options) => start(program, args, options).ended,
    async stop() {
      machine.stdin.end();
      await machine.exited;
    },
  };
}

function childrenOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`;
  return existsSync(file) ? (readFileSync(file, "utf8").match(/\d+/g) ?? []).map(Number) : [];
}

/** A stream's text, of which single lines can be waited for. */
function followed(stream: ReadableStream<Uint8Array>) {
  const { promise: text, resolve } = Promise.withResolvers<string>();
  let soFar = "";
  let wanted: { line: string; resolve(): void; reject(error: Error): void } | undefined;
  const look = () => {
    if (wanted && soFar.split(/\r?\n/).includes(wanted.line)) wanted.resolve();
  };
  (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      soFar += decoder.decode(chunk, { stream: true });
      look();
    }
    wanted?.reject(new Error(`ended without ${JSON.stringify(wanted.line)}: ${soFar}`));
    resolve(soFar);
  })();
  return {
    text,
    line(line: string): Promise<void> {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      wanted = { line, resolve, reject };
      look();
      return promise;
    },
  };
}
