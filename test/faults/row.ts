/** A row of the table: one kind of fault, tried many times. */
import type { Random } from "./random.ts";

export interface Bench {
  /** The compiled program. */
  binary: string;
  /** An empty folder that other users can pass through; removed at the end. */
  folder: string;
  soak: SoakPlan;
}

/** How many calls of `auth token`, spread over how many processes and seconds. */
export interface SoakPlan {
  calls: number;
  processes: number;
  seconds: number;
}

export interface Row {
  name: string;
  /** How often; `quick` is for every change, `full` for a release. */
  tries: { quick: number; full: number };
  /** What this machine lacks for it, or null. */
  lacks: () => string | null;
  /** Prepares what all tries share. */
  open: (bench: Bench, random: Random) => Promise<OpenRow>;
}

export interface OpenRow {
  /** One try. What it throws is a loss. */
  attempt: (index: number, random: Random) => Promise<void>;
  /** What else the tries showed, in a few words. */
  note?: () => string;
  close: () => Promise<void>;
}

/** Something did not hold. */
export class Loss extends Error {
  override name = "Loss";
}

export function insist(held: boolean, otherwise: string | (() => string)): asserts held {
  if (!held) throw new Loss(typeof otherwise === "string" ? otherwise : otherwise());
}

/** Says with every loss in `body` what was being done. */
export async function during(what: string, body: () => Promise<void>): Promise<void> {
  try {
    await body();
  } catch (error) {
    throw error instanceof Loss ? new Loss(`${what}: ${error.message}`) : error;
  }
}

export const lacksNothing = () => null;

/** What a row lacks; null where nothing is missing. */
export function needs(missing: readonly string[]): string | null {
  return missing.length > 0 ? `needs ${missing.join(", ")}` : null;
}
