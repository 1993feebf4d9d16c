/**
 * What `npm install` puts on PATH as long as no install script may put the executable itself
 * there (postinstall.ts). Runs the executable, and ends as it ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { findExecutable } from "./platform-package.ts";

let child: ChildProcess;
// Before the start: a signal that came in between would end this process alone. A terminal sends
// Ctrl-C to the executable too, which decides what it means.
process.on("SIGINT", () => {});
for (const signal of ["SIGTERM", "SIGHUP"] as const) process.on(signal, () => child.kill(signal));

try {
  child = spawn(findExecutable(), process.argv.slice(2), { stdio: "inherit" });
  child.on("error", fail);
  child.on("exit", (code, signal) => {
    process.exitCode = code ?? 128 + (signal ? constants.signals[signal] : 0);
  });
} catch (error) {
  fail(error);
}

function fail(error: unknown): void {
  console.error(`Error: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
