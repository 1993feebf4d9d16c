/**
 * An error that a person can act on: `message` is the whole text after `Error: `,
 * in one or several lines, and never holds a secret.
 */
export class UserError extends Error {
  override name = "UserError";
}

/** The person pressed Ctrl-C, or the program was told to stop: exit code 130, no message. */
export class Interrupted extends Error {
  override name = "Interrupted";
}

/** What an unknown thrown value says about itself, for the end of a sentence. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
