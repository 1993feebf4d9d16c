/** Running a script of the tests as a process of its own, if need be inside another program. */
import { fileURLToPath } from "node:url";

export interface Outcome {
  exitCode: number;
  stdout: string;
  stderr: string;
}

/** The command that runs `script` (an URL beside the test's own) with this Bun. `wrap` goes before it. */
function commandOf(script: URL, args: readonly string[], wrap: readonly string[]): string[] {
  return [...wrap, process.execPath, fileURLToPath(script), ...args];
}

/** Starts the script; the caller stops it. */
export function startScript(script: URL, args: readonly string[], wrap: readonly string[] = []) {
  return Bun.spawn(commandOf(script, args, wrap), {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
}

/** Runs the script to its end. */
export async function runScript(
  script: URL,
  args: readonly string[],
  wrap: readonly string[] = [],
): Promise<Outcome> {
  const child = startScript(script, args, wrap);
  const [exitCode, stdout, stderr] = await Promise.all([
    child.exited,
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  return { exitCode, stdout, stderr };
}
