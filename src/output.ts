/** How results look: JSON, tables, durations, colours. Everything here returns text. */
import type { Context, Output } from "./context.ts";

export type OutputFormat = "text" | "json";

export function renderJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** Columns padded to their widest cell, two spaces apart; no trailing blanks. */
export function renderTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, Bun.stringWidth(cell));
    });
  }
  const pad = (cell: string, column: number) =>
    cell + " ".repeat((widths[column] ?? 0) - Bun.stringWidth(cell));
  return rows.map((row) => `${row.map(pad).join("  ").trimEnd()}\n`).join("");
}

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "cyan";

const SGR: Record<Style, [number, number]> = {
  bold: [1, 22],
  dim: [2, 22],
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  cyan: [36, 39],
};

/** A function that styles text for `output`: plain where colours are not wanted or the stream is no terminal. */
export function stylist(
  context: Pick<Context, "env">,
  output: Output,
): (style: Style, text: string) => string {
  const plain = !output.isTTY || Boolean(context.env["NO_COLOR"]) || context.env["TERM"] === "dumb";
  return (style, text) => (plain ? text : `\x1b[${SGR[style][0]}m${text}\x1b[${SGR[style][1]}m`);
}

/**
 * Text that came from outside (a server, a file) made safe for a terminal: control signs,
 * escape sequences and bidirectional overrides are shown, not obeyed.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (sign) =>
    sign === "\n" || sign === "\t"
      ? sign
      : `\\u${(sign.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}

/** A word as this system's shells must be given it. */
export function shellWord(word: string): string {
  return shellWordOn(process.platform, word);
}

/** On Windows double quotes, which cmd and PowerShell both know; elsewhere those of a POSIX shell. */
export function shellWordOn(platform: NodeJS.Platform, word: string): string {
  if (/^[\w@+=:,./-]+$/.test(word)) return word;
  return platform === "win32" ? `"${word}"` : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The command by which a shell forgets a variable: PowerShell's on Windows, elsewhere a POSIX shell's. */
export function unsetOn(platform: NodeJS.Platform, variable: string): string {
  return platform === "win32" ? `Remove-Item Env:${variable}` : `unset ${variable}`;
}
