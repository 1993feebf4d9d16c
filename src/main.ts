import { run } from "./cli.ts";
import { isInteractive, systemContext } from "./context.ts";

const argv = process.argv.slice(2);
const context = systemContext(argv);

/** How long a signal waits for work that must not be cut short, in milliseconds. */
const GRACE = 5000;

let stopped: number | null = null;

/** Ends the process, after a first signal only when nothing is lost by it. */
function stop(code: number): void {
  if (stopped !== null || context.unbroken.size === 0) process.exit(code);
  stopped = code;
  setTimeout(() => process.exit(code), GRACE);
  Promise.allSettled(context.unbroken).then(() => process.exit(code));
}

process.on("SIGINT", () => {
  // After the terminal's `^C`, the shell's prompt begins on a line of its own.
  if (isInteractive(context)) context.stderr.write("\n");
  stop(130);
});
process.on("SIGTERM", () => stop(143));
run(argv, context).then((code) => process.exit(stopped ?? code));
