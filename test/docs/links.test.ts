import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join, posix } from "node:path";
import { anchorOf, documents, partsOf, ROOT, textOf } from "./markdown.ts";

/** Where the links and pictures of a document lead, code aside. */
function targetsOf(markdown: string): string[] {
  const prose = markdown.replaceAll(/^ *```[\s\S]*?^ *```$|<!--[\s\S]*?-->|`[^`\n]+`/gm, "");
  return Array.from(
    prose.matchAll(/\]\(([^)\s]+)\)|<(https?:[^>]+)>/g),
    ([, link, bare = ""]) => link ?? bare,
  );
}

function anchorsOf(document: string): string[] {
  return partsOf(textOf(document)).flatMap((part) =>
    part.kind === "heading" ? [anchorOf(part.text)] : [],
  );
}

const links = documents().flatMap((path) =>
  targetsOf(textOf(path)).map((target) => ({ path, target })),
);

test.each(links.filter(({ target }) => !target.startsWith("http")))(
  "$path: $target is there",
  ({ path, target }) => {
    const [file = "", anchor] = target.split("#");
    const document = file === "" ? path : posix.join(posix.dirname(path), file);
    expect(document).not.toStartWith("..");
    expect(existsSync(join(ROOT, document))).toBe(true);
    if (anchor !== undefined) expect(anchorsOf(document)).toContain(anchor);
  },
);

test("links to elsewhere are whole and encrypted", () => {
  const elsewhere = links.filter(({ target }) => target.startsWith("http"));
  expect(elsewhere.length).toBeGreaterThan(10);
  expect(elsewhere.filter(({ target }) => !/^https:\/\/[\w.-]+\.\w+\//.test(target))).toEqual([]);
});

test("every page is linked from the README or from one that is", () => {
  const reached = new Set(["README.md"]);
  for (const document of reached) {
    for (const { path, target } of links) {
      if (path !== document || target.startsWith("http")) continue;
      const [file = ""] = target.split("#");
      const next = posix.join(posix.dirname(path), file);
      if (next.endsWith(".md")) reached.add(next);
    }
  }
  const pages = documents().filter((path) => !path.startsWith("packaging/"));
  expect(pages.filter((path) => !reached.has(path))).toEqual([]);
});
