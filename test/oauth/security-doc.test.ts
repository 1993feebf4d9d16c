import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";

const root = new URL("../../", import.meta.url);

/** What the last column of a table names: `file`: `test`, `test`; `file`: `test`. */
function references(markdown: string): { file: string; name: string }[] {
  const cells = Array.from(markdown.matchAll(/^\|.*\| ([^|]+) \|$/gm), (match) => match[1] ?? "");
  return cells
    .flatMap((cell) => cell.split("; "))
    .flatMap((part) => {
      const [file = "", ...names] = Array.from(part.matchAll(/`([^`]+)`/g), (m) => m[1] ?? "");
      return names.map((name) => ({ file, name }));
    });
}

const document = readFileSync(new URL("docs/security.md", root), "utf8");

test("docs/security.md names a test for every threat", () => {
  const threats = document.match(/^\| (?!threat|---)/gm) ?? [];
  expect(threats.length).toBeGreaterThan(25);
  const rowsWithTests = document.match(/^\|.*\| `test\/[^`|]+`: `[^|]+\|$/gm) ?? [];
  expect(rowsWithTests).toHaveLength(threats.length);
});

test.each(references(document))(
  "docs/security.md is right about $file: $name",
  ({ file, name }) => {
    expect(readFileSync(new URL(file, root), "utf8")).toContain(`"${name}"`);
  },
);
