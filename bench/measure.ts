/** Whole processes, timed from outside. */
import { spawnSync } from "bun";

export interface Command {
  argv: readonly string[];
  /** In place of the environment of whoever runs this. */
  env: Record<string, string>;
}

/** Milliseconds, each of one process. */
export type Times = readonly number[];

/** Runs the commands in turn, A B A B …, after one run of each that does not count. */
export function timeInTurn(commands: readonly Command[], runs: number): Times[] {
  const times: number[][] = commands.map(() => []);
  for (let run = 0; run <= runs; run++) {
    commands.forEach((command, index) => {
      const took = timeOnce(command);
      if (run > 0) times[index]?.push(took);
    });
  }
  return times;
}

function timeOnce({ argv, env }: Command): number {
  const startedAt = performance.now();
  const ended = spawnSync([...argv], { env, stdio: ["ignore", "ignore", "pipe"] });
  const took = performance.now() - startedAt;
  if (!ended.success) throw new Error(`${argv.join(" ")}: ${ended.stderr}`);
  return took;
}

/**
 * Peak memory of a command, in KiB, by GNU time. Asked of the kernel directly it would include
 * what this process uses, which a child shares until it becomes another program.
 */
export function peakMemory({ argv, env }: Command, runs: number): number {
  return median(
    Array.from({ length: runs }, () => {
      const ended = spawnSync(["/usr/bin/time", "--format=%M", ...argv], {
        env,
        stdio: ["ignore", "ignore", "pipe"],
      });
      if (!ended.success) throw new Error(`${argv.join(" ")}: ${ended.stderr}`);
      return Number(ended.stderr.toString().trim());
    }),
  );
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
