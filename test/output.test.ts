import { expect, test } from "bun:test";
import type { Output } from "../src/context.ts";
import { printable, renderTable, shellWordOn, stylist } from "../src/output.ts";

test.each<[word: string, platform: NodeJS.Platform, expected: string]>([
  ["work", "linux", "work"],
  ["https://h.example:1/x", "win32", "https://h.example:1/x"],
  ["my work", "linux", "'my work'"],
  ["it's", "linux", String.raw`'it'\''s'`],
  ["$HOME", "linux", "'$HOME'"],
  ["my work", "win32", '"my work"'],
  ["%PATH%", "win32", '"%PATH%"'],
  ["", "linux", "''"],
])("shellWordOn of %j on %s", (word, platform, expected) => {
  expect(shellWordOn(platform, word)).toBe(expected);
});

test.skipIf(process.platform === "win32")(
  "a POSIX shell reads a word of shellWordOn as it was",
  () => {
    const word = "a b'c\"d$HOME`e`\\f*?;&|\tg";
    const shell = Bun.spawnSync(["sh", "-c", `printf %s ${shellWordOn("linux", word)}`]);
    expect(shell.stdout.toString()).toBe(word);
  },
);

test("a table is as wide as its widest cells, by columns of a terminal, without trailing blanks", () => {
  expect(
    renderTable([
      ["Name", "Host", ""],
      ["日本", "h", "x"],
      ["longer", "", ""],
    ]),
  ).toBe("Name    Host\n日本    h     x\nlonger\n");
});

test("printable shows what a terminal would obey", () => {
  expect(printable("a\x1b[2Jb\u202ec\rd\n\te")).toBe("a\\u001b[2Jb\\u202ec\\u000dd\n\te");
});

test.each<[env: Record<string, string>, isTTY: boolean, expected: string]>([
  [{}, true, "\x1b[31mx\x1b[39m"],
  [{}, false, "x"],
  [{ NO_COLOR: "1" }, true, "x"],
  [{ NO_COLOR: "" }, true, "\x1b[31mx\x1b[39m"],
  [{ TERM: "dumb" }, true, "x"],
])("colours with %j on a terminal: %p", (env, isTTY, expected) => {
  const output: Output = { isTTY, write() {} };
  expect(stylist({ env }, output)("red", "x")).toBe(expected);
});
