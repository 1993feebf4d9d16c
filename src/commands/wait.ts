/** A line on a terminal that says what is being waited for, and for how long; gone when that is over. */
import { type Context, isInteractive } from "../context.ts";

/**
 * Shows `what` with the seconds that have passed, from a second on.
 * @returns ends it and clears the line
 */
export function showWaiting(what: string, context: Context): () => void {
  if (!isInteractive(context)) return () => {};
  const startedAt = performance.now();
  let shown = false;
  const timer = setInterval(() => {
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    context.stderr.write(`\r\x1b[2K${what}… ${seconds} s`);
    shown = true;
  }, 1000);
  return () => {
    clearInterval(timer);
    if (shown) context.stderr.write("\r\x1b[2K");
  };
}
