/** The keyring of this machine: its backend, one time budget for all calls, and the write probe. */
import { type Backend, type CallOptions, KeyringError } from "./backend.ts";

/** Without a terminal nobody waits gladly: all calls of a command together, in milliseconds. */
const BUDGET = 3000;
/** On a terminal there is time to answer a prompt. */
const TERMINAL_BUDGET = 60_000;
/** On a terminal, after this long the person is told what is waited for. */
const SAID_AFTER = 1000;
/** How far a backend may overrun its deadline before it is left behind. */
const OVERRUN = 200;

/** How often what a probe may have stored is looked for: a prompt that was answered may let it through just while it is. */
const LOOKS = 3;

export interface KeyringOptions {
  backend: Backend;
  /** Somebody is there to answer a prompt. */
  terminal: boolean;
  /**
   * Called when the calls have taken a second on a terminal, and again for each later one that is
   * waited for; `elapsed` is the milliseconds that are over. Its result is called at the end of the wait.
   */
  waiting: (elapsed: number) => () => void;
  /**
   * Runs `body` when no other process writes. A service takes its calls one after the other: of
   * many writers at once, the last ones' budgets would end before their turn. The wait costs none.
   */
  inTurn?: <T>(body: () => Promise<T>) => Promise<T>;
  /** The clock of `CallOptions.deadline`. */
  now?: () => number;
}

/** A backend whose calls share one time budget; when that is used up they fail with `timed-out`. */
export interface Keyring {
  /** The backend's name. */
  readonly name: string;
  get(account: string): Promise<string | null>;
  set(account: string, secret: string): Promise<void>;
  delete(account: string): Promise<boolean>;
  /** Stores and deletes a random entry. What fails with `timed-out` may be a prompt, which is left open. */
  probeWrite(): Promise<void>;
  /** Gives the calls from here on a budget of their own. */
  freshBudget(): void;
  /** Removes what a probe may have stored after it timed out. Never fails. */
  settle(): Promise<void>;
}

/** The backend of this system. The name of the platform is known when compiling: the others are left out. */
export async function systemBackend(): Promise<Backend> {
  if (process.platform === "win32") return (await import("./windows.ts")).openWindowsBackend();
  if (process.platform === "darwin") return (await import("./macos.ts")).openMacosBackend();
  return (await import("./linux.ts")).openLinuxBackend();
}

export function openKeyring(options: KeyringOptions): Keyring {
  const { backend, terminal, waiting, now = () => performance.now() } = options;
  const { inTurn = (body) => body() } = options;
  const budget = terminal ? TERMINAL_BUDGET : BUDGET;
  const clock = openStopwatch(now);
  let endWaiting: (() => void) | null = null;
  let probe: string | null = null;

  async function timed<T>(call: (options: CallOptions) => Promise<T>, most = Infinity): Promise<T> {
    const left = Math.min(budget - clock.elapsed(), most);
    if (left <= 0) throw timedOut();
    const overrun = Promise.withResolvers<never>();
    const say = () => {
      endWaiting ??= waiting(clock.elapsed());
    };
    const timers = [
      setTimeout(() => overrun.reject(timedOut()), left + OVERRUN),
      ...(terminal ? [setTimeout(say, Math.max(0, SAID_AFTER - clock.elapsed()))] : []),
    ];
    clock.start();
    try {
      const answer = call({ deadline: now() + left, interactive: terminal });
      return await Promise.race([answer, overrun.promise]);
    } catch (error) {
      throw error instanceof KeyringError && error.code === "timed-out" ? timedOut() : error;
    } finally {
      clock.stop();
      for (const timer of timers) clearTimeout(timer);
      if (!clock.isRunning()) {
        endWaiting?.();
        endWaiting = null;
      }
    }
  }

  function timedOut(): KeyringError {
    const seconds = Math.round(clock.elapsed() / 1000);
    return new KeyringError("timed-out", `waited ${seconds} s for the ${backend.name}`);
  }

  return {
    name: backend.name,
    get: (account) => timed((options) => backend.get(account, options)),
    set: (account, secret) =>
      inTurn(() => timed((options) => backend.set(account, secret, options))),
    delete: (account) => timed((options) => backend.delete(account, options)),
    probeWrite: () =>
      inTurn(async () => {
        const account = `__probe_${crypto.randomUUID()}`;
        probe = account;
        await timed((options) =>
          backend.set(account, "probe", { ...options, leavePromptOpen: true }),
        );
        await timed((options) => backend.delete(account, options));
        probe = null;
      }),
    freshBudget: clock.reset,
    async settle() {
      if (probe === null) return;
      const account = probe;
      probe = null;
      // Nobody is to be asked, or to wait, for the sake of tidiness.
      const remove = (options: CallOptions) =>
        backend.delete(account, { ...options, interactive: false });
      try {
        for (let look = 1; look <= LOOKS; look++) if (await timed(remove, BUDGET)) return;
      } catch {}
    },
  };
}

/** Measures the time during which at least one of several overlapping spans is open. */
function openStopwatch(now: () => number) {
  let running = 0;
  let startedAt = 0;
  let before = 0;
  const elapsed = () => before + (running > 0 ? now() - startedAt : 0);
  return {
    elapsed,
    isRunning: () => running > 0,
    start() {
      if (running++ === 0) startedAt = now();
    },
    stop() {
      before = elapsed();
      startedAt = now();
      running--;
    },
    reset() {
      before = 0;
      startedAt = now();
    },
  };
}
