/** A limit of time for requests. */
import { UserError } from "../errors.ts";

/**
 * Aborted `timeout` milliseconds after `start`, a point in time of `performance.now()`; requests
 * then fail with "`failure` within N s". Does not keep the process alive.
 */
export function deadline(
  timeout: number,
  failure: string,
  start: number = performance.now(),
): AbortSignal {
  const controller = new AbortController();
  const expire = () =>
    controller.abort(new UserError(`${failure} within ${Math.round(timeout / 100) / 10} s`));
  setTimeout(expire, start + timeout - performance.now()).unref();
  return controller.signal;
}
