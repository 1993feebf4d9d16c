/** A limit of time for requests. */
import { UserError } from "../errors.ts";

/** What `setTimeout` can count to, in milliseconds. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * Aborted after `timeout` milliseconds; requests then fail with "`failure` within N s". Does not
 * keep the process alive.
 */
export function deadline(timeout: number, failure: string): AbortSignal {
  const controller = new AbortController();
  const expire = () =>
    controller.abort(new UserError(`${failure} within ${Math.round(timeout / 100) / 10} s`));
  setTimeout(expire, Math.min(timeout, LONGEST_TIMER)).unref();
  return controller.signal;
}
