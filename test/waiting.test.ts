import { expect, test } from "bun:test";
import { showWaiting } from "../src/waiting.ts";

/** What a terminal's last line holds after these writes. */
function lastLine(writes: readonly string[]): string {
  const written = writes.join("");
  return Bun.stripANSI(written.slice(written.lastIndexOf("\x1b[2K"))).replaceAll("\r", "");
}

test("nothing is shown of a wait that is over within a second", () => {
  const writes: string[] = [];
  showWaiting("Waiting", (text) => writes.push(text))();
  expect(writes).toEqual([]);
});

test("a line with the seconds, counted from when the wait began, and gone at its end", async () => {
  const writes: string[] = [];
  const end = showWaiting("Waiting", (text) => writes.push(text), 5000);
  expect(lastLine(writes)).toBe("Waiting… 5 s");
  await Bun.sleep(1100);
  expect(lastLine(writes)).toBe("Waiting… 6 s");
  end();
  expect(lastLine(writes)).toBe("");
  const { length } = writes;
  await Bun.sleep(1100);
  expect(writes).toHaveLength(length);
});

test("a line wider than the terminal does not wrap, and wrapping is left as it was", () => {
  const writes: string[] = [];
  showWaiting("Waiting", (text) => writes.push(text), 1000)();
  const written = writes.join("");
  expect(written.indexOf("\x1b[?7l")).toBeLessThan(written.indexOf("Waiting"));
  expect(written.lastIndexOf("\x1b[?7h")).toBeGreaterThan(written.lastIndexOf("Waiting"));
});
