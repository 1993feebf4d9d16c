/** The table of clients and cases, row by row. */
import type { Outcome } from "../../scripts/outcome.ts";

/** What one client made of one case; null where the client has no such case. */
export type Cell = Outcome | null;

/** What stands under the table. */
export const LEGEND =
  "1+2: for three requests, the program was started once for its version and twice for a token.";

const FIRST = 38;
const WIDTH = 18;

export function renderHeader(names: readonly string[]): string {
  return renderCells("", names);
}

export function renderRow(name: string, cells: readonly Cell[]): string {
  return renderCells(
    name,
    cells.map((cell) => (cell === null ? "n/a" : renderCell(cell))),
  );
}

const SIGNS = { passed: "✓", failed: "✗ failed", skipped: "- skipped" } as const;

function renderCell({ result, detail }: Outcome): string {
  return result === "passed" ? `${SIGNS.passed} ${detail}` : SIGNS[result];
}

function renderCells(first: string, cells: readonly string[]): string {
  return [first.padEnd(FIRST), ...cells.map((cell) => cell.padEnd(WIDTH))].join("").trimEnd();
}
