/** Arbitrary config files, for the property tests: made of pieces whose meaning is known, or wild. */
import fc from "fast-check";

/** Some lines that mean the same wherever they stand between others. */
export type Piece =
  | { kind: "filler"; text: string; blank: boolean; needed: boolean }
  | { kind: "header"; text: string; section: string }
  | { kind: "entry"; text: string; key: string; lead: string; comment: string };

export interface KnownText {
  mark: string;
  feed: string;
  pieces: Piece[];
}

export const SECTIONS = [
  "a",
  "b",
  "a.b",
  "DEFAULT",
  "__settings__",
  "__proto__",
  " a ",
  "7",
  "ünï",
];
const KEYS = [
  "host",
  "token",
  "account_id",
  "auth_type",
  "x",
  "__proto__",
  "a.b",
  "true",
  "k\u{feff}",
];

const SPACES = ["", " ", "  ", "\t", "\u{85}", "\u{a0}", "\u{3000}"];
const SIGNS = [
  ..."aZ0#;'\"`\\=:[]%{}.,é",
  "😀",
  " ",
  "  ",
  "\t",
  '"""',
  "true",
  "null",
  " #",
  " ;",
  "%(x)s",
  "\u{85}",
  "\u{a0}",
  "\u{feff}",
  "\u{2028}",
];

/** Values without line breaks, rich in what has a meaning to one of the readers. */
export const values = fc
  .array(fc.constantFrom(...SIGNS), { maxLength: 8 })
  .map((signs) => signs.join(""));

const spaces = fc.constantFrom(...SPACES);
const words = fc.constantFrom("v", "https://a.b/?o=1", "p#ss", "a;b", "é", "1", "");
const comments = fc.constantFrom("", "", "", " # note", "  ; old = `x`");

/** Values as they may be written, in one line or several, that nothing behind them can alter. */
const written = (feed: string) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ value: words, comment: comments }) },
    fc.record({ value: words.map((word) => `'${word}'`), comment: comments }),
    fc.record({ value: words.map((word) => `"${word}"`), comment: comments }),
    fc.record({ value: words.map((word) => `\`${word} # ${word}\``), comment: comments }),
    fc.record({
      value: words.map((word) => `\`${word}${feed}[z]${feed}${word}\``),
      comment: comments,
    }),
    fc.record({ value: words.map((word) => `"""${word}${feed}# x"""`), comment: comments }),
    fc.record({
      value: words.map((word) => `${word}\\${feed}  # ${word}`),
      comment: fc.constant(""),
    }),
  );

/** A raw value ends at the last such quote of its line, so no comment with a backtick may follow one. */
const isSound = ({ value, comment }: { value: string; comment: string }) =>
  !(value.startsWith("`") && comment.includes("`")) && !(value === "" && comment !== "");

const entries = (feed: string): fc.Arbitrary<Piece> =>
  fc
    .tuple(
      spaces,
      fc.constantFrom(...KEYS),
      fc.boolean(),
      spaces,
      fc.constantFrom("=", "=", ":"),
      spaces,
      written(feed).filter(isSound),
    )
    .map(([indent, key, quoted, before, sign, after, { value, comment }]) => {
      const lead = `${indent}${quoted ? `"${key}"` : key}${before}${sign}`;
      return {
        kind: "entry",
        key,
        lead,
        comment,
        text: `${lead}${after}${value}${comment}${feed}`,
      };
    });

/** A joined value that a blank line ends: that line must stay. */
const joinedByBlank = (feed: string): fc.Arbitrary<Piece[]> =>
  fc.constantFrom(...KEYS).map((key) => [
    { kind: "entry", key, lead: `${key} =`, comment: "", text: `${key} = a\\${feed}` },
    { kind: "filler", text: feed, blank: true, needed: true },
  ]);

const fillers = (feed: string): fc.Arbitrary<Piece> =>
  fc
    .constantFrom("", "", "  ", "# note", "; host = old", "#", " ; [a]", "# `", '# """', "# x \\")
    .map((text) => ({
      kind: "filler",
      text: text + feed,
      blank: text.trim() === "",
      needed: false,
    }));

const headers = (feed: string): fc.Arbitrary<Piece> =>
  fc
    .tuple(spaces, fc.constantFrom(...SECTIONS), fc.constantFrom("", "", " ", " # note", " ;"))
    .map(([indent, section, behind]) => ({
      kind: "header",
      section,
      text: `${indent}[${section}]${behind}${feed}`,
    }));

export const knownTexts: fc.Arbitrary<KnownText> = fc
  .constantFrom("\n", "\n", "\r\n")
  .chain((feed) =>
    fc.record({
      mark: fc.constantFrom("", "", "\u{feff}"),
      feed: fc.constant(feed),
      pieces: fc
        .array(
          fc.oneof(
            { weight: 6, arbitrary: entries(feed).map((piece) => [piece]) },
            { weight: 3, arbitrary: headers(feed).map((piece) => [piece]) },
            { weight: 3, arbitrary: fillers(feed).map((piece) => [piece]) },
            { weight: 1, arbitrary: joinedByBlank(feed) },
          ),
          { maxLength: 14 },
        )
        .map((pieces) => pieces.flat()),
    }),
  );

/** Lines of every kind that somebody may have typed or a broken program written. */
export const wildTexts = fc
  .array(
    fc.tuple(
      fc.oneof(
        { weight: 2, arbitrary: fc.constantFrom(...SECTIONS).map((name) => `[${name}]`) },
        {
          weight: 5,
          arbitrary: fc
            .tuple(fc.constantFrom(...KEYS, "-", "`q`"), spaces, values)
            .map(([key, space, value]) => `${key}${space}=${space}${value}`),
        },
        fc.constantFrom(
          "x = `",
          "x = a`",
          "y = a\\",
          "\\",
          "`",
          '"""',
          "",
          "# c",
          "k : v",
          "- = 1",
          "[a] ]",
        ),
        values,
      ),
      fc.constantFrom("\n", "\n", "\n", "\r\n", ""),
    ),
    { maxLength: 12 },
  )
  .map((lines) => lines.flat().join(""));
