/** The moments of a run, counted in system calls by strace. */
import { readFileSync } from "node:fs";

/** The main thread is about to make this system call for the `nth` time. */
export interface Moment {
  call: string;
  nth: number;
}

/** Calls that change a file, hold a lock, or talk to the keyring or the network, and the pauses between. */
const CALLS = [
  ...["mkdir", "openat", "close", "read", "write", "pwrite64", "ftruncate", "fchmod", "fchown"],
  ...["fsync", "rename", "renameat2", "unlink", "unlinkat", "flock", "getdents64"],
  ...["statx", "readlink"],
  ...["connect", "sendto", "sendmsg", "recvmsg", "epoll_pwait2", "exit_group"],
];

/** What comes before is the runtime starting up. */
const FIRST_WORK = /\.databrickscfg/;

/** Goes before a command, and notes its calls in the file `trace`. */
export function recording(trace: string): string[] {
  return ["strace", "-f", "-qq", "-y", "-o", trace, "--seccomp-bpf", "-e", `trace=${CALLS}`];
}

/** The moments in a recorded run, from when the program begins its work, that have to do with `path`. */
export function momentsIn(trace: string, path = ""): Moment[] {
  const lines = readFileSync(trace, "utf8").split("\n");
  const main = lines[0]?.split(" ")[0];
  const counts = new Map<string, number>();
  const moments: Moment[] = [];
  let working = false;
  for (const line of lines) {
    const [, thread, call = ""] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (thread !== main) continue;
    const nth = (counts.get(call) ?? 0) + 1;
    counts.set(call, nth);
    working ||= FIRST_WORK.test(line);
    if (working && line.includes(path)) moments.push({ call, nth });
  }
  return moments;
}

/** Goes before a command, and sends it a signal at that moment. */
export function strikingAt(
  { call, nth }: Moment,
  signal: "KILL" | "INT" | "TERM" | "HUP",
): string[] {
  return [
    ...["strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`],
    ...["-e", `inject=${call}:signal=${signal}:when=${nth}`],
  ];
}

/** Goes before a command, and kills it at that moment. */
export const killingAt = (moment: Moment) => strikingAt(moment, "KILL");
