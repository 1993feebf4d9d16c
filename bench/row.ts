/** A row of the table: what is measured, against what, and where the goal lies. */
import type { Bench } from "./ground.ts";

export interface Row {
  /** As the goals number it. */
  number: string;
  work: string;
  against: string;
  /** What this machine lacks for it, or null. */
  lacks?: () => string | null;
  measure: (bench: Bench) => Promise<Finding>;
}

export interface Finding {
  /** What came of it, and of what it is measured against: with a unit. */
  value: Quantity;
  reference: Quantity | null;
  /** What is compared with the goal: the ratio of the two, or the value itself. */
  result: number;
  /** The most that it may be. */
  goal: number;
  /** What else had to hold and did not; empty when all did. */
  faults?: readonly string[];
}

export interface Quantity {
  amount: number;
  unit: "ms" | "KiB" | "bytes" | "requests";
}

export const isMet = ({ result, goal, faults = [] }: Finding): boolean =>
  result <= goal && faults.length === 0;

/** A finding on the ratio of two quantities of the same unit. */
export function ratio(
  amount: number,
  reference: number,
  unit: Quantity["unit"],
  goal: number,
): Finding {
  return {
    value: { amount, unit },
    reference: { amount: reference, unit },
    result: amount / reference,
    goal,
  };
}
