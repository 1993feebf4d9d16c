/** What a terminal shows, row by row, in runs of equal style. */
import { type IBufferCell, Terminal } from "@xterm/headless";

export interface Run {
  /** Of its first cell, from 0. */
  column: number;
  text: string;
  bold: boolean;
  dim: boolean;
  /** One of the sixteen colours of a terminal; null for the text's own. */
  color: number | null;
}

/** Wide enough for every line: what does not fit into the picture is cut, not wrapped. */
const WIDEST = 1000;

/** The rows down to the last that is not empty; one that is longer than `columns` ends in `…`. */
export async function readRows(printed: string, columns: number): Promise<Run[][]> {
  const terminal = new Terminal({ cols: WIDEST, rows: 100, allowProposedApi: true });
  await new Promise<void>((written) => terminal.write(printed, written));
  const buffer = terminal.buffer.active;
  const rows: Run[][] = [];
  for (let row = 0; row < buffer.length; row++) {
    const line = buffer.getLine(row);
    const cut = line?.translateToString(true, columns) !== "";
    const runs: Run[] = [];
    for (let column = 0; column < (cut ? columns - 1 : columns); column++) {
      const cell = line?.getCell(column);
      if (cell) addCell(runs, column, cell);
    }
    const last = runs.at(-1);
    if (cut && last) last.text += "…";
    rows.push(runs.filter(({ text }) => text.trim() !== ""));
  }
  return rows.slice(0, rows.findLastIndex((runs) => runs.length > 0) + 1);
}

function addCell(runs: Run[], column: number, cell: IBufferCell): void {
  const style = {
    bold: cell.isBold() !== 0,
    dim: cell.isDim() !== 0,
    color: cell.isFgPalette() ? cell.getFgColor() : null,
  };
  const last = runs.at(-1);
  const same = last && (["bold", "dim", "color"] as const).every((key) => last[key] === style[key]);
  if (same) last.text += cell.getChars() || " ";
  else runs.push({ column, text: cell.getChars() || " ", ...style });
}
