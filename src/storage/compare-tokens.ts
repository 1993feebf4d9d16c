/** Which of two tokens is which. Neither store keeps the time at which a token was stored. */
import type { Token } from "./store.ts";
import { encodeToken } from "./token-json.ts";

/** Whether the stores would write both alike. */
export function isSameToken(a: Token, b: Token): boolean {
  return JSON.stringify(encodeToken(a)) === JSON.stringify(encodeToken(b));
}

/** Whether one of them is a copy of the other, or was one until a refresh. */
export function isSameLogin(a: Token, b: Token): boolean {
  return (
    (a.access_token !== "" && a.access_token === b.access_token) ||
    (a.refresh_token !== undefined && a.refresh_token === b.refresh_token)
  );
}

/**
 * Whether `a` is worth more than `b`: it can be renewed and `b` cannot, or else it ends later,
 * which means that it was issued later. Never for equal ones.
 *
 * @param isRejected whether a refresh token is known to be dead
 */
export function isBetter(
  a: Token,
  b: Token,
  isRejected: (refreshToken: string) => boolean = () => false,
): boolean {
  const isRenewable = ({ refresh_token }: Token) =>
    refresh_token !== undefined && !isRejected(refresh_token);
  if (isRenewable(a) !== isRenewable(b)) return isRenewable(a);
  return (a.expiry ?? 0) > (b.expiry ?? 0);
}
