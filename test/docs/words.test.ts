/** Words of texts that people read. */
import { describe, expect, test } from "bun:test";
import { ENVIRONMENT } from "../../scripts/package/man-page.ts";
import { documents, partsOf, ROOT, textOf } from "./markdown.ts";

const sources = [...new Bun.Glob("{src,packaging}/**/*.{ts,md}").scanSync(ROOT)];

test.each([...documents(), ...sources])("%s does not say U2M, which no user knows", (path) => {
  expect(textOf(path)).not.toMatch(/\bu2m\b/i);
});

describe("the README", () => {
  const readme = textOf("README.md");

  test("names every variable that the manual names", () => {
    const names = ENVIRONMENT.flatMap(([list]) => list.split(", "));
    expect(names.filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
  });

  test("says whose program it is", () => {
    expect(readme).toContain("not made by, endorsed by or affiliated with Databricks");
  });

  test("is read in a few minutes", () => {
    expect(readme.split("\n").length).toBeLessThan(160);
    const longest = partsOf(readme).flatMap((part) =>
      part.kind === "block" ? [part.text.split("\n").length] : [],
    );
    expect(Math.max(...longest)).toBeLessThan(20);
  });
});
