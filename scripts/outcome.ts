import { messageOf } from "../src/errors.ts";

/** What `check`, `acceptance` and the beds say of each thing they ran. */
export interface Outcome {
  name: string;
  result: "passed" | "failed" | "skipped";
  /** Why: a difference, a message, or what is missing. Empty when passed. */
  detail: string;
}

/** What becomes of `body`: not run where something is missing, failed where it throws. */
export async function outcomeOf(
  name: string,
  missing: string | null,
  body: () => void | Promise<void>,
  explain: (error: unknown) => string = messageOf,
): Promise<Outcome> {
  if (missing) return { name, result: "skipped", detail: missing };
  try {
    await body();
    return { name, result: "passed", detail: "" };
  } catch (error) {
    return { name, result: "failed", detail: explain(error) };
  }
}

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export function count(outcomes: readonly Outcome[]): Counts {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const { result } of outcomes) counts[result] += 1;
  return counts;
}

/** The last line of every runner; `.ci/run` adds such lines up. */
export function countsLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}

/** One line, and below it why. */
export function renderOutcome({ name, result, detail }: Outcome): string {
  switch (result) {
    case "passed":
      return `  ✓ ${name}`;
    case "skipped":
      return detail === "" ? `  - ${name}` : `  - ${name} (${detail})`;
    case "failed":
      return detail === ""
        ? `  ✗ ${name}`
        : `  ✗ ${name}\n${detail.trimEnd().replace(/^/gm, "      ")}`;
  }
}
