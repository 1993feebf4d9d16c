import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type Change, editIni, IniError, readIni } from "../../src/config/ini-document.ts";
import { readAsJavaScript } from "../../src/config/ini-second-reader.ts";
import { UserError } from "../../src/errors.ts";
import { runScript } from "../support/run-script.ts";

interface Vector {
  name: string;
  input: string;
  /** null: the text is refused. */
  expected: Record<string, Record<string, string>> | null;
  note: string;
}

/** Parsed here, as an imported JSON module would make a prototype of its `__proto__`. */
const vectors: Vector[] = JSON.parse(
  readFileSync(new URL("./ini-vectors.json", import.meta.url), "utf8"),
);

const worker = new URL("./config-worker.ts", import.meta.url);

/** Sections that hold a key, as a plain object. */
const objectOf = (text: string) =>
  Object.fromEntries(
    [...readIni(text)]
      .filter(([, keys]) => keys.size > 0)
      .map(([name, keys]) => [name, Object.fromEntries(keys)]),
  );

describe("readIni reads the vector", () => {
  for (const { name, input, expected, note } of vectors) {
    test(`${name}: ${note}`, () => {
      if (expected === null) {
        expect(() => readIni(input)).toThrow(IniError);
        return;
      }
      const sections = [...readIni(input)].map(([section, keys]) => [section, [...keys]]);
      expect(sections).toEqual(
        Object.entries(expected).map(([section, keys]) => [section, Object.entries(keys)]),
      );
    });
  }
});

describe("readIni", () => {
  const oneValue: [what: string, text: string, value: string][] = [
    ["every space of Go around key and value", "\u{3000}v\u{85}=\u{a0}\u{2028}x\u{1680}\n", "x"],
    ["no sign that is a space to JavaScript alone", "v = \u{feff}x\u{feff}\n", "\u{feff}x\u{feff}"],
    ["a last line without its line feed", "v = x", "x"],
    ["three quotes as the last of the text", 'v = """', '"""'],
    ["a raw value up to the last such quote of its line", "v = `a`b` # c`d\n", "a`b` # c"],
    ["a raw value that goes on behind a backslash", 'v = """a\nb""" \\\nc"""\n', 'a\nb""" \\\nc'],
    ["nothing of a backslash behind a raw value of one line", "v = `x` \\\n", "x"],
    ["line breaks of a raw value as they are", "v = `a\r\nb`\r\n", "a\r\nb"],
    ["a joined value up to a blank line", "v = a \\\n  b\\\n\n", "a b"],
    ["a joined value that the text ends", "v = a\\", "a"],
    ["no comment in a joined value", "v = a\\\n b # c\n", "ab # c"],
    ["no quotes in a joined value", "v = 'a\\\nb'\n", "'ab'"],
    ["a quoted key", '" v ":x = y\n', "x = y"],
    ["a key in backticks, and nothing of what is behind it", "`v` w = x\n", "x"],
    ["a key in three quotes", '"""v""" = x\n', "x"],
    ["a comment from the first of its signs on", "v = x ; y ; z\n", "x"],
    ["a quote alone", "v = '\n", "'"],
    ["the last of repeated keys", "v = 1\nv = 2\n", "2"],
  ];
  for (const [what, text, value] of oneValue) {
    test(`reads ${what}`, () => {
      expect(objectOf(text)).toEqual({ DEFAULT: { v: value } });
    });
  }

  test("takes no delimiter from within a quoted key", () => {
    expect(objectOf('"a=b:c" = x\n')).toEqual({ DEFAULT: { "a=b:c": "x" } });
  });

  test("numbers the keys called -, anew behind each header", () => {
    const text = '[a]\n- = 1\n"-" = 2\n[b]\n- = 3\n[a]\n- = 4\n';
    expect(objectOf(text)).toEqual({ a: { "#1": "4", "#2": "2" }, b: { "#1": "3" } });
  });

  const failures: [what: string, text: string, line: number][] = [
    ["a header without ]", "\n\n[a\n", 3],
    ["a header without a name", "[]\n", 1],
    ["a line without = or :", "a = 1\r\nb\r\n", 2],
    ["a key that is empty", "a = 1\n= 2", 2],
    ["a quoted key that is empty", '"  " = 2', 1],
    ["a key's open quote", '"a = 1\n', 1],
    ["no delimiter behind a quoted key", "`a=b`\n", 1],
    ["a raw value without an end", 'a = `1\n2`\nb = """x\ny\n', 3],
    ["a raw value whose only end is void", "b = `x\ny` \\\n", 1],
  ];
  for (const [what, text, line] of failures) {
    test(`names the line of ${what}`, () => {
      expect(() => readIni(text)).toThrow(expect.objectContaining({ name: "IniError", line }));
      expect(() => readIni(text)).toThrow(`line ${line}: `);
    });
  }

  test("shows nothing of a line that it cannot read", () => {
    expect(() => readIni("secret-1\n")).toThrow(/^line 1: no "=" or ":" behind the key$/);
  });
});

const set = (key: string, value: string, section = "a"): Change => ({
  kind: "set",
  section,
  key,
  value,
});
const remove = (key: string, section = "a"): Change => ({ kind: "delete", section, key });
const removeSection = (section: string): Change => ({ kind: "delete-section", section });

describe("editIni", () => {
  const edits: [what: string, before: string, change: Change, after: string][] = [
    [
      "keeps comment and alignment",
      "[a]\nhost      = x # why\n",
      set("host", "y"),
      "[a]\nhost      = y # why\n",
    ],
    [
      "keeps CRLF and the missing last one",
      "[a]\r\nk=1\r\nv:x",
      set("v", "y"),
      "[a]\r\nk=1\r\nv:y",
    ],
    ["keeps the BOM", "\u{feff}[a]\nv = x\n", set("v", "y"), "\u{feff}[a]\nv = y\n"],
    [
      "changes the last of repeated keys",
      "[a]\nv = 1\n[b]\n[a]\nv = 2\n",
      set("v", "3"),
      "[a]\nv = 1\n[b]\n[a]\nv = 3\n",
    ],
    [
      "replaces all lines of a joined value",
      "[a]\nv = 1\\\n  2\nw = 3\n",
      set("v", "4"),
      "[a]\nv = 4\nw = 3\n",
    ],
    [
      "replaces all lines of a raw value",
      "[a]\nv = `1\n[b]` # c\nw = 3\n",
      set("v", "4"),
      "[a]\nv = 4 # c\nw = 3\n",
    ],
    ["fills an empty value", "[a]\nv =\n", set("v", "x"), "[a]\nv = x\n"],
    ["fills an empty value behind its space", "[a]\nv = \n", set("v", "x"), "[a]\nv = x\n"],
    ["fills an empty value behind its tab", "[a]\nv =\t\n", set("v", "x"), "[a]\nv =\tx\n"],
    ["fills a cramped empty value", "[a]\nv=\n", set("v", "x"), "[a]\nv=x\n"],
    ["empties a value", "[a]\nv = x\n", set("v", ""), "[a]\nv = \n"],
    [
      "puts a new key behind the section's last",
      "[a]\nv = 1\n\n# b\n[b]\n",
      set("w", "2"),
      "[a]\nv = 1\nw = 2\n\n# b\n[b]\n",
    ],
    ["indents a new key", "[a]\n\tv=1\n", set("w", "2"), "[a]\n\tv=1\n\tw=2\n"],
    [
      "aligns a new key",
      "[a]\nhost      = x\nauth_type = y\n",
      set("token", "z"),
      "[a]\nhost      = x\nauth_type = y\ntoken     = z\n",
    ],
    [
      "does not align behind unaligned keys",
      "[a]\nhost = x\nauth_type = y\n",
      set("v", "z"),
      "[a]\nhost = x\nauth_type = y\nv = z\n",
    ],
    ["does not align behind one key", "[a]\nhost = x\n", set("v", "z"), "[a]\nhost = x\nv = z\n"],
    [
      "does not align where only some keys are",
      "[a]\nhost  = x\nauth_type = y\n",
      set("v", "z"),
      "[a]\nhost  = x\nauth_type = y\nv = z\n",
    ],
    [
      "indents and spaces as the last key does",
      "[a]\nv = 1\n  w=2\n",
      set("x", "3"),
      "[a]\nv = 1\n  w=2\n  x=3\n",
    ],
    [
      "puts a key under the last of bare headers",
      "[a]\n[b]\n[a]\n",
      set("v", "1"),
      "[a]\n[b]\n[a]\nv = 1\n",
    ],
    [
      "takes one blank line with a section, and no comment",
      "# x\n# y\n\n\n[a]\nv = 1\n",
      removeSection("a"),
      "# x\n# y\n\n",
    ],
    ["puts a key under a bare header", "[a]\n# c\n[b]\n", set("v", "1"), "[a]\nv = 1\n# c\n[b]\n"],
    ["ends an open line first", "[a]\nv = 1", set("w", "2"), "[a]\nv = 1\nw = 2\n"],
    ["ends an open joined value first", "[a]\nv = 1\\", set("w", "2"), "[a]\nv = 1\\\n\nw = 2\n"],
    [
      "goes behind the blank line that ends a joined value",
      "[a]\nv = 1\\\n\n",
      set("w", "2"),
      "[a]\nv = 1\\\n\nw = 2\n",
    ],
    [
      "adds a section after one blank line",
      "[b]\nv = 1\n",
      set("v", "1"),
      "[b]\nv = 1\n\n[a]\nv = 1\n",
    ],
    [
      "adds a section with the file's line ending",
      "[b]\r\n",
      set("v", "1"),
      "[b]\r\n\r\n[a]\r\nv = 1\r\n",
    ],
    ["uses a blank line that is there", "[b]\n\n", set("v", "1"), "[b]\n\n[a]\nv = 1\n"],
    ["adds a section to an empty text", "", set("v", "1"), "[a]\nv = 1\n"],
    ["adds a section to a text of a BOM", "\u{feff}", set("v", "1"), "\u{feff}[a]\nv = 1\n"],
    [
      "makes [DEFAULT] where it has no header",
      "# c\n",
      set("v", "1", "DEFAULT"),
      "# c\n\n[DEFAULT]\nv = 1\n",
    ],
    [
      "adds to keys before any header",
      "v = 1\n[b]\n",
      set("w", "2", "DEFAULT"),
      "v = 1\nw = 2\n[b]\n",
    ],
    ["writes nothing for an equal value", "[a]\nv = 'x'\n", set("v", "x"), "[a]\nv = 'x'\n"],
    [
      "deletes every one of repeated keys",
      "[a]\nv = 1\n# c\nv = `2\n3`\nw = 4\n",
      remove("v"),
      "[a]\n# c\nw = 4\n",
    ],
    ["deletes nothing that is not there", "[a]\nv = 1\n", remove("w"), "[a]\nv = 1\n"],
    [
      "keeps what follows a deleted section",
      "[b]\nx = 1\n\n[a]\nv = 1\n# in a\nw = 1\n\n# on c\n[c]\n",
      removeSection("a"),
      "[b]\nx = 1\n\n# on c\n[c]\n",
    ],
    [
      "deletes every part of a section",
      "v = 0\n[a]\nv = 1\n[b]\n[a]\nw = 2\n",
      removeSection("a"),
      "v = 0\n[b]\n",
    ],
    [
      "keeps the blank line that ends a joined value",
      "v = 0\\\n\n[a]\n[b]\n",
      removeSection("a"),
      "v = 0\\\n\n[b]\n",
    ],
  ];
  for (const [what, before, change, after] of edits) {
    test(what, async () => {
      expect(await editIni(before, [change])).toBe(after);
    });
  }

  const spellings: [why: string, value: string, line: string][] = [
    ["bare", "https://a.b/?o=1", "v = https://a.b/?o=1"],
    ["bare, with a backslash inside", "a\\b", "v = a\\b"],
    ["quoted, as the second reader cuts it at the sign", "p#ss", "v = 'p#ss'"],
    ["quoted, for a space at its end", "x ", "v = 'x '"],
    ["quoted, for a backslash at its end", "x\\", "v = 'x\\'"],
    ["in double quotes, as the second reader makes JSON of single ones", " 1", `v = " 1"`],
    ["bare, as no spelling keeps it a text for both", "true", "v = true"],
    ["raw, as a comment begins inside of it", "a # b", "v = `a # b`"],
    ["raw, with backticks inside", "` # `", "v = `` # ``"],
  ];
  for (const [why, value, line] of spellings) {
    test(`writes ${JSON.stringify(value)} ${why}`, async () => {
      expect(await editIni("[a]\nv = x\n", [set("v", value)])).toBe(`[a]\n${line}\n`);
      expect(await editIni("[a]\n", [set("v", value)])).toBe(`[a]\n${line}\n`);
    });
  }

  const comments: [what: string, before: string, value: string, after: string][] = [
    ["stays behind a bare value", "[a]\nv = x ; c\n", "y", "[a]\nv = y ; c\n"],
    [
      "moves above a quoted value, for the second reader",
      "[a]\n  v = x ; c\n",
      "p#ss",
      "[a]\n  ; c\n  v = 'p#ss'\n",
    ],
    ["moves above a raw value", "[a]\r\nv = x # c", "a # b", "[a]\r\n# c\r\nv = `a # b`"],
    [
      "is made of what no reader reads behind a raw value",
      "[a]\nv = `x`junk\n",
      "y",
      "[a]\n# junk\nv = y\n",
    ],
  ];
  for (const [what, before, value, after] of comments) {
    test(`a comment ${what}`, async () => {
      expect(await editIni(before, [set("v", value)])).toBe(after);
    });
  }

  test("makes several changes, the later on top of the earlier", async () => {
    const changes = [set("v", "1"), set("w", "2"), remove("v"), set("x", "3", "b")];
    expect(await editIni("", changes)).toBe("[a]\nw = 2\n\n[b]\nx = 3\n");
  });

  const refusals: [what: string, text: string, change: Change][] = [
    ["a line feed", "", set("v", "secret-1\n")],
    ["a carriage return", "", set("v", "secret-1\r")],
    ["a NUL", "", set("v", "secret-1\0")],
    ["a line feed in a section's name", "", set("v", "secret-1", "a]\n[b")],
    ["a key that would be a comment", "", set("#v", "secret-1")],
    ["a key that would end early", "", set("v=w", "secret-1")],
    ["a section without a name", "", set("v", "secret-1", "")],
    ["a change that would renumber another key", "[a]\n- = secret-1\n- = 2\n", remove("#1")],
    ["a text that cannot be read", "[a\n", set("v", "secret-1")],
  ];
  for (const [what, text, change] of refusals) {
    test(`refuses ${what}, and does not show the value`, async () => {
      const failure = await editIni(text, [change]).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(UserError);
      expect(String(failure)).not.toContain("secret-1");
    });
  }
});

test("a refusal names what was to be changed", async () => {
  await expect(editIni("", [set("v", "\n")])).rejects.toThrow('"v": ');
  await expect(editIni("", [removeSection("a\n")])).rejects.toThrow('"[a\\n]": ');
});

describe("readAsJavaScript", () => {
  test("reads as the JavaScript SDK does", () => {
    const text = [
      "lost = 1",
      "[empty]",
      "[a]",
      "host = p#ss",
      "flag = true",
      "nothing = null",
      "list[] = 1",
      `json = '{"x":1}'`,
      "[a.b]",
      "host = dotted",
      "[__proto__]",
      "host = gone",
    ].join("\n");
    expect(readAsJavaScript(text)).toEqual(
      new Map<string, Map<string, unknown>>([
        ["a.list", new Map([["0", "1"]])],
        ["a.json", new Map([["x", 1]])],
        ["a.b", new Map([["host", "dotted"]])],
        [
          "a",
          new Map<string, unknown>([
            ["host", "p"],
            ["flag", true],
          ]),
        ],
      ]),
    );
  });

  test("loses what stands behind a byte order mark", () => {
    expect(readAsJavaScript("\u{feff}[a]\nhost = h\n")).toEqual(new Map());
  });

  test("its package is loaded for editing, and not for reading", async () => {
    expect((await runScript(worker, ["modules-after-reading"])).stdout).toBe("without ini\n");
    expect((await runScript(worker, ["modules-after-editing"])).stdout).toBe("with ini\n");
  });
});
