/** A command on a pseudo-terminal, for tests that answer what it shows. */

export interface TerminalSession {
  /** Everything shown so far, escape sequences included. */
  readonly raw: string;
  type(keys: string): void;
  /** Waits for what `find` looks for in the text, without escape sequences, that was shown since the last wait. */
  until(find: (text: string) => string | null): Promise<string>;
  /** Waits for this text. */
  see(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  /** Closes the terminal's window. */
  hangUp(): void;
  /** The exit code. */
  ended: Promise<number>;
  close(): Promise<void>;
}

/** How long something may take to be shown, in milliseconds. */
const PATIENCE = 4000;

export function startOnTerminal(
  command: readonly string[],
  { cwd, env }: { cwd: string; env: Record<string, string> },
): TerminalSession {
  let raw = "";
  /** Where in `raw` the text begins that no wait has seen. */
  let seen = 0;
  let grown = () => {};
  const decoder = new TextDecoder();
  const child = Bun.spawn([...command], {
    cwd,
    env: { TERM: "xterm-256color", ...env },
    terminal: {
      cols: 200,
      rows: 50,
      data(_terminal, bytes) {
        raw += decoder.decode(bytes, { stream: true });
        grown();
      },
    },
  });

  async function until(find: (text: string) => string | null): Promise<string> {
    const patience = AbortSignal.timeout(PATIENCE);
    for (;;) {
      const text = Bun.stripANSI(raw.slice(seen));
      const found = find(text);
      if (found !== null) {
        seen = raw.length;
        return found;
      }
      if (patience.aborted) throw new Error(`only this is shown: ${JSON.stringify(text)}`);
      const more = new Promise<void>((resolve) => {
        grown = resolve;
      });
      await Promise.race([more, Bun.sleep(100)]);
    }
  }

  return {
    get raw() {
      return raw;
    },
    type: (keys) => child.terminal?.write(keys),
    until,
    async see(text) {
      await until((shown) => (shown.includes(text) ? text : null));
    },
    kill: (signal) => child.kill(signal),
    hangUp: () => child.terminal?.close(),
    ended: child.exited,
    async close() {
      child.kill("SIGKILL");
      await child.exited;
      child.terminal?.close();
    },
  };
}
