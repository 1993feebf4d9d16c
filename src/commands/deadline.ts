/** A limit of time for requests. */
import { UserError } from "../errors.ts";

/**
 * Aborted after `timeout` milliseconds; requests then fail with "`failure` within N s". Does not
 * keep the process alive.
 */
export function deadline(timeout: number, failure: string): AbortSignal {
  const controller = new AbortController();
  const expire = () =>
    controller.abort(new UserError(`${failure} within ${Math.round(timeout / 100) / 10} s`));
  setTimeout(expire, timeout).unref();
  return controller.signal;
}
