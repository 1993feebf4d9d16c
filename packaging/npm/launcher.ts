/**
 * What `npm install` puts on PATH as long as no install script may put the executable itself
 * there (postinstall.ts). Runs the executable, and ends as it ends.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:os";
import { findExecutable } from "./platform-package.ts";

let child: ChildProcess;
// Before the start: a signal that came in between would end this process alone.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    // Ctrl-C on a terminal reaches the executable by itself. It takes two within half a second for
    // one, but to Windows every signal that a program sends is the end.
    if (signal !== "SIGINT" || process.platform !== "win32") child.kill(signal);
  });
}

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
