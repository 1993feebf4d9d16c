/** A terminal's window as an SVG that needs nothing from elsewhere. */
import type { Run } from "./rows.ts";

const CELL = { width: 8.4, height: 20 } as const;
const PADDING = 20;
const TITLE_BAR = 34;

/** By the number of the colour; light enough a background for all of them. */
const COLORS: Readonly<Record<number, string>> = {
  1: "#c0362c",
  2: "#1a7f37",
  3: "#9a6700",
  4: "#0550ae",
  5: "#8250df",
  6: "#1b7c83",
};

export function renderSvg(rows: readonly (readonly Run[])[], columns: number): string {
  const width = Math.ceil(columns * CELL.width + 2 * PADDING);
  const height = TITLE_BAR + rows.length * CELL.height + PADDING;
  const title = rows
    .filter((runs) => runs[0]?.text.trim() === "$")
    .map((runs) =>
      runs
        .slice(1)
        .map(({ text }) => text.trim())
        .join(" "),
    )
    .join("; ");
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<style>
text { font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; fill: #1f2328; white-space: pre }
.bold { font-weight: 600 }
.dim { fill: #59636e }
${Object.entries(COLORS)
  .map(([number, color]) => `.c${number} { fill: ${color} }`)
  .join("\n")}
</style>
<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8" fill="#ffffff" stroke="#d1d9e0"/>
<path d="M0.5 ${TITLE_BAR - 6}h${width - 1}" stroke="#eaeef2"/>
${["#ed6a5e", "#f5bf4f", "#61c554"].map((fill, index) => `<circle cx="${PADDING + 2 + index * 18}" cy="14.5" r="5" fill="${fill}"/>`).join("")}
${rows.map(renderRow).filter(Boolean).join("\n")}
</svg>
`;
}

function renderRow(runs: readonly Run[], row: number): string {
  const y = TITLE_BAR + row * CELL.height + 14;
  return runs
    .map(({ column, text, ...style }) => {
      const start = text.length - text.trimStart().length;
      const shown = text.trim();
      const x = PADDING + (column + start) * CELL.width;
      const length = [...shown].length * CELL.width;
      return `<text x="${round(x)}" y="${y}" textLength="${round(length)}"${classOf(style)}>${escaped(shown)}</text>`;
    })
    .join("");
}

function classOf({ bold, dim, color }: Pick<Run, "bold" | "dim" | "color">): string {
  const names = [bold && "bold", dim && "dim", color !== null && color in COLORS && `c${color}`];
  const shown = names.filter(Boolean).join(" ");
  return shown && ` class="${shown}"`;
}

const round = (value: number) => Math.round(value * 10) / 10;

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
