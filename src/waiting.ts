/** A line on a terminal that says what is being waited for, and for how long; gone when that is over. */

/** Without automatic wrapping: of a line that wraps, only the last row could be erased. */
const [LINE_START, NO_WRAP, WRAP, ERASE] = ["\r", "\x1b[?7l", "\x1b[?7h", "\x1b[2K"];

/**
 * Shows `what` and the seconds that have passed, from a second on; `elapsed` milliseconds are over already.
 * @param write writes to the terminal at once
 * @returns ends it and clears the line
 */
export function showWaiting(what: string, write: (text: string) => void, elapsed = 0): () => void {
  const startedAt = performance.now() - elapsed;
  let shown = false;
  const show = () => {
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    write(`${LINE_START}${ERASE}${NO_WRAP}${what}… ${seconds} s${WRAP}`);
    shown = true;
  };
  if (elapsed >= 1000) show();
  const timer = setInterval(show, 1000);
  return () => {
    clearInterval(timer);
    if (shown) write(`${LINE_START}${ERASE}`);
  };
}
