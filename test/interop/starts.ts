/**
 * Which programs a command starts, itself and all its children, seen by strace: it stops them
 * at `execve` and nowhere else, so that what is measured goes on as it would by itself.
 */
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { programPath } from "./tools.ts";

export interface Start {
  /** Its path within the folder that was looked at. */
  program: string;
  args: readonly string[];
}

/** Goes before a command; its starts are then in `log`. */
export function tracing(log: string): string[] {
  const only = ["--seccomp-bpf", "--trace=execve", "--status=successful", "--signal=none"];
  return [
    programPath("strace"),
    "--follow-forks",
    "-qq",
    ...only,
    "--string-limit=4096",
    `--output=${log}`,
  ];
}

const EXECVE = / execve\("([^"]+)", \[(.*)\], 0x/g;

/** The starts of programs that lie in the folder, in their order. */
export function startsIn(log: string, folder: string): Start[] {
  return [...readFileSync(log, "utf8").matchAll(EXECVE)].flatMap(([, path = "", list = ""]) => {
    if (!path.startsWith(`${folder}/`)) return [];
    const [, ...args] = [...list.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, arg = ""]) => arg);
    return [{ program: relative(folder, path), args }];
  });
}
