import { ignoresHangup } from "../native/libc.ts";
import { run } from "./cli.ts";
import { isInteractive, systemContext } from "./context.ts";

const argv = process.argv.slice(2);
const context = systemContext(argv);

/** How long a signal waits for work that must not be cut short, in milliseconds. */
const GRACE = 5000;
/** What comes sooner is the same Ctrl-C, sent on by the program that started this one. */
const SECOND_PRESS = 500;

let stopped: { code: number; at: number } | null = null;

/** Ends the process: at once when nothing is lost by it, or when the person insists. */
function stop(code: number): void {
  const now = performance.now();
  const insists = stopped !== null && now - stopped.at > SECOND_PRESS;
  if (insists || context.unbroken.size === 0) process.exit(code);
  if (stopped) return;
  stopped = { code, at: now };
  setTimeout(() => process.exit(code), GRACE);
  Promise.allSettled(context.unbroken).then(() => process.exit(code));
}

process.on("SIGINT", () => {
  // After the terminal's `^C`, the shell's prompt begins on a line of its own.
  if (isInteractive(context)) context.stderr.write("\n");
  stop(130);
});
process.on("SIGTERM", () => stop(143));
// The terminal is closed. A handler would undo that somebody has this ignored.
if (process.platform !== "win32" && !ignoresHangup()) process.on("SIGHUP", () => stop(129));
// Nothing is left to wait for, and the command has not ended: a question whose terminal is gone.
process.on("beforeExit", () => process.exit(130));
run(argv, context).then((code) => process.exit(stopped?.code ?? code));
