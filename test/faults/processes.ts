/** Processes as /proc shows them. Linux only. */
import { readdirSync, readFileSync } from "node:fs";

/** Every process that has `mark` in its environment, which children inherit. */
export function processesWith(mark: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && readProc(name, "environ").includes(mark))
    .map(Number);
}

/** Command line and environment of a process and of all its descendants. */
export function whatIsShownOf(pid: number): string {
  const children = listTasks(pid).flatMap((task) =>
    readProc(pid, `task/${task}/children`).split(" ").filter(Boolean).map(Number),
  );
  const own = readProc(pid, "cmdline") + readProc(pid, "environ");
  return [own, ...children.map(whatIsShownOf)].join("\n");
}

function listTasks(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

export function commandOf(pid: number): string {
  return readProc(pid, "cmdline").replaceAll("\0", " ").trim();
}

/** Empty for a process that ended meanwhile, or belongs to somebody else. */
export function readProc(pid: number | string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch {
    return "";
  }
}
