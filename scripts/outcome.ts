/** What `check` and `acceptance` say of each thing they ran. */
export interface Outcome {
  name: string;
  result: "passed" | "failed" | "skipped";
  /** Why: a difference, a message, or what is missing. Empty when passed. */
  detail: string;
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
