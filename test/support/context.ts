import type { Context } from "../../src/context.ts";

/** A context of what a test gives: on terminals, and with no outside world to reach. */
export function contextOf(given: Partial<Context>): Context {
  const refuse = () => {
    throw new Error("not part of this test");
  };
  const stream = { isTTY: true, write: refuse, text: refuse, lines: refuse };
  return {
    ...{ env: {}, platform: "linux", home: "/home/me", startedAt: 0 },
    ...{ unfinished: [], unbroken: new Set(), guardMemory: () => {} },
    ...{ stdin: stream, stdout: stream, stderr: stream, fetch, now: Date.now, debug: refuse },
    ...{ keyring: refuse, prompt: refuse },
    ...given,
  };
}
