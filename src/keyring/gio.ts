/**
 * GIO's asynchronous calls, turned in this thread.
 *
 * A synchronous call would hold up timers and signals, and hang for ever on a daemon that
 * does not answer. So GLib's main context is iterated here in short slices, and between
 * two of them the event loop has its turn.
 */
import {
  G_SOURCE_CONTINUE,
  GAsyncReadyCallback,
  GError,
  GSourceFunc,
  glib,
} from "../../native/glib.ts";
import {
  JSCallback,
  outPointer,
  type Pointer,
  pointerIn,
  read,
  readCString,
  toPointer,
} from "../../native/memory.ts";

/** The longest time that one turn may take, and so the delay of a timer or a signal. */
const SLICE_MS = 50;

/** How long a cancelled call may take to say so. With a prompt open it sometimes never does. */
const GRACE_MS = 150;

/** A call that GIO reported as failed: a GError's domain (a quark), code and text. */
export class GioError extends Error {
  override name = "GioError";
  constructor(
    readonly domain: number,
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** The deadline came before the answer. */
export class GioTimeout extends Error {
  override name = "GioTimeout";
}

export interface Patience {
  /** Point in time of `performance.now()`. */
  deadline: number;
  /** At the deadline, let the call go on instead of cancelling it; its outcome is then lost. */
  leaveRunning: boolean;
}

/** The last three arguments of every asynchronous GIO function: GCancellable, GAsyncReadyCallback, user data. */
export type AsyncTail = [Pointer | null, Pointer | null, Pointer | null];

type Outcome<T> = { value: T } | { error: unknown };

export type Gio = ReturnType<typeof open>;

let opened: Gio | undefined;

/**
 * GLib's main loop, loaded on first use. There is one to a process, as its callbacks must live as
 * long: a call that was given up may complete much later. Throws LibraryMissing.
 */
export function openGio(): Gio {
  opened ??= open();
  return opened;
}

function open() {
  const g = glib();
  // GLib's warnings about a service that misbehaves are not for this program's stderr. The
  // handler may be called in GLib's threads, where no JavaScript can run.
  g.g_log_set_default_handler(g.addresses.g_thread_yield, null);

  const finishers = new Map<number, (result: Pointer | null) => void>();
  /** Whether something has happened in this turn that somebody may wait for. */
  let stirred = false;
  const completed = new JSCallback((_source: unknown, result: Pointer | null, id: number) => {
    const finish = finishers.get(id);
    finishers.delete(id);
    finish?.(result);
    stirred = true;
  }, GAsyncReadyCallback);
  const tick = new JSCallback(() => {
    stirred = true;
    return G_SOURCE_CONTINUE;
  }, GSourceFunc);
  let lastId = 0;

  let turning: Promise<void> | undefined;

  /**
   * Iterates GLib's loop until a call completes. After each slice of time the event loop has its
   * turn. All calls that wait share one: a hundred of them with a turn each would mostly run timers
   * for one another.
   */
  function turn(): Promise<void> {
    turning ??= iterate().finally(() => {
      turning = undefined;
    });
    return turning;
  }

  let yieldedAt = performance.now();

  async function iterate(): Promise<void> {
    await null; // calls that are made together are sent together
    const source = g.g_timeout_add(SLICE_MS, tick.ptr, null);
    stirred = false;
    while (!stirred) g.g_main_context_iteration(null, 1);
    g.g_source_remove(source);
    if (performance.now() - yieldedAt < SLICE_MS) return;
    await new Promise((resolve) => setImmediate(resolve));
    yieldedAt = performance.now();
  }

  /** The error in a `GError *` cell, or undefined; frees it. */
  function takeError(cell: BigUint64Array): GioError | undefined {
    const error = pointerIn(cell);
    if (!error) return undefined;
    g.g_dbus_error_strip_remote_error(error);
    const message = readCString(read.u64(error, GError.message)) ?? "";
    const taken = new GioError(
      read.u32(error, GError.domain),
      read.i32(error, GError.code),
      message,
    );
    g.g_error_free(error);
    return taken;
  }

  /**
   * Makes an asynchronous call. Throws GioError or GioTimeout, and what `finish` threw.
   *
   * @param start starts it
   * @param finish takes its GAsyncResult and the address of a `GError *`, and owns what it receives.
   *   Runs once for every call that completes, also when nobody waits for it any longer.
   */
  async function call<T>(
    start: (...tail: AsyncTail) => void,
    finish: (result: Pointer | null, error: Pointer) => T,
    { deadline, leaveRunning }: Patience,
  ): Promise<T> {
    if (performance.now() >= deadline) throw new GioTimeout();
    const ended: { outcome?: Outcome<T> } = {};
    const id = ++lastId;
    finishers.set(id, (result) => {
      const { cell, address } = outPointer();
      let outcome: Outcome<T>;
      try {
        outcome = { value: finish(result, address) };
      } catch (error) {
        outcome = { error }; // not to be thrown through the C frames that called us
      }
      const failure = takeError(cell);
      ended.outcome = failure ? { error: failure } : outcome;
    });

    const cancellable = toPointer(g.g_cancellable_new());
    start(cancellable, completed.ptr, toPointer(id));
    try {
      let cancelled = false;
      for (;;) {
        await turn();
        if (ended.outcome) break;
        const late = performance.now() - deadline;
        if (late >= 0) {
          if (leaveRunning || late >= GRACE_MS) throw new GioTimeout();
          if (!cancelled) g.g_cancellable_cancel(cancellable);
          cancelled = true;
        }
      }
    } finally {
      g.g_object_unref(cancellable);
    }
    if ("error" in ended.outcome) throw ended.outcome.error;
    return ended.outcome.value;
  }

  return { call };
}
