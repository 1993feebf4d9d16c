import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type Change,
  editIni,
  IniError,
  readIni,
  type Sections,
} from "../../src/config/ini-document.ts";
import { UserError } from "../../src/errors.ts";
import { propertyRuns } from "../support/property.ts";
import {
  type KnownText,
  knownTexts,
  type Piece,
  SECTIONS,
  values,
  wildTexts,
} from "./ini-texts.ts";

const textOf = ({ mark, pieces }: KnownText) => mark + join(pieces);
const join = (pieces: readonly Piece[]) => pieces.map(({ text }) => text).join("");

/** What the text should mean after the changes, by another way than the editor's. */
function expected(text: string, changes: readonly Change[]): Sections {
  const sections = readIni(text);
  for (const change of changes) {
    if (change.kind === "set") {
      const keys = sections.get(change.section) ?? new Map<string, string>();
      sections.set(change.section, keys.set(change.key, change.value));
    } else if (change.kind === "delete") sections.get(change.section)?.delete(change.key);
    else if (change.section === "DEFAULT") sections.set("DEFAULT", new Map());
    else sections.delete(change.section);
  }
  return sections;
}

interface Place {
  index: number;
  section: string;
  key: string;
}

function placesOf(pieces: readonly Piece[]): Place[] {
  let section = "DEFAULT";
  return pieces.flatMap((piece, index) => {
    if (piece.kind === "header") section = piece.section;
    return piece.kind === "entry" ? [{ index, section, key: piece.key }] : [];
  });
}

/** A text, and one of its entries. */
const textAndPlace = knownTexts
  .filter(({ pieces }) => pieces.some(({ kind }) => kind === "entry"))
  .chain((known) =>
    fc.record({ known: fc.constant(known), place: fc.constantFrom(...placesOf(known.pieces)) }),
  );

const assertProperty = <T>(property: fc.IAsyncProperty<T>) =>
  fc.assert(property, propertyRuns(400));

describe("editing a text whose pieces are known", () => {
  test("a value is replaced in its own lines", async () => {
    await assertProperty(
      fc.asyncProperty(textAndPlace, values, async ({ known, place: { section, key } }, value) => {
        const text = textOf(known);
        const changes: Change[] = [{ kind: "set", section, key, value }];
        const edited = await editIni(text, changes);
        expect(readIni(edited)).toEqual(expected(text, changes));
        if (readIni(text).get(section)?.get(key) === value) {
          expect(edited).toBe(text);
          return;
        }
        const last = placesOf(known.pieces).findLast(
          (place) => place.section === section && place.key === key,
        );
        const index = last?.index ?? -1;
        const piece = known.pieces[index];
        if (piece?.kind !== "entry") throw new Error("no such entry");
        const before = known.mark + join(known.pieces.slice(0, index));
        const after = join(known.pieces.slice(index + 1));
        expect(edited).toStartWith(before);
        expect(edited).toEndWith(after);
        const lines = edited.slice(before.length, edited.length - after.length);
        expect(lines).toContain(piece.lead);
        expect(lines).toContain(piece.comment.trim());
        expect(lines.split(known.feed).length).toBeLessThanOrEqual(piece.comment ? 3 : 2);
        expect(lines).toEndWith(known.feed);
      }),
    );
  });

  test("a new key or section is put in, and nothing else", async () => {
    await assertProperty(
      fc.asyncProperty(
        knownTexts,
        fc.constantFrom(...SECTIONS, "new"),
        values,
        fc.boolean(),
        async (known, section, value, cutOff) => {
          const whole = textOf(known);
          const text =
            cutOff && whole.endsWith(known.feed) ? whole.slice(0, -known.feed.length) : whole;
          const changes: Change[] = [{ kind: "set", section, key: "new_key", value }];
          const edited = await editIni(text, changes);
          expect(readIni(edited)).toEqual(expected(text, changes));
          expect(isInsertion(text, edited)).toBe(true);
          if (text.includes(known.feed))
            expect(edited.replaceAll(known.feed, "")).not.toContain("\n");
        },
      ),
    );
  });

  test("deleting a key takes all its lines and no other", async () => {
    await assertProperty(
      fc.asyncProperty(textAndPlace, async ({ known, place: { section, key } }) => {
        const gone = placesOf(known.pieces)
          .filter((place) => place.section === section && place.key === key)
          .map(({ index }) => index);
        const rest = known.pieces.filter((_, index) => !gone.includes(index));
        const edited = await editIni(textOf(known), [{ kind: "delete", section, key }]);
        expect(edited).toBe(known.mark + join(rest));
      }),
    );
  });

  test("deleting a section takes it from its header to its last key", async () => {
    await assertProperty(
      fc.asyncProperty(knownTexts, fc.constantFrom(...SECTIONS), async (known, section) => {
        const text = textOf(known);
        const changes: Change[] = [{ kind: "delete-section", section }];
        const edited = await editIni(text, changes);
        expect(readIni(edited)).toEqual(expected(text, changes));
        expect(edited).toBe(known.mark + join(withoutSection(known.pieces, section)));
      }),
    );
  });

  test("a section that is added and deleted leaves no trace", async () => {
    await assertProperty(
      fc.asyncProperty(knownTexts, values, async (known, value) => {
        const text = textOf(known);
        const added = await editIni(text, [{ kind: "set", section: "new", key: "host", value }]);
        const deleted = await editIni(added, [{ kind: "delete-section", section: "new" }]);
        // All but a blank line at the end, which may have been there or not.
        expect(deleted.trimEnd()).toBe(text.trimEnd());
      }),
    );
  });
});

/** Whether `edited` is `text` with something put in at one place. */
function isInsertion(text: string, edited: string): boolean {
  let same = 0;
  while (same < text.length && text[same] === edited[same]) same++;
  for (let before = same; before >= 0; before--) {
    if (edited.endsWith(text.slice(before))) return edited.length > text.length;
  }
  return false;
}

function withoutSection(pieces: readonly Piece[], section: string): Piece[] {
  const gone = new Set<number>();
  let current = "DEFAULT";
  let begin = -1;
  pieces.forEach((piece, index) => {
    if (piece.kind === "filler") return;
    if (piece.kind === "header") {
      current = piece.section;
      begin = -1;
    }
    if (current !== section) return;
    if (begin < 0) {
      const above = pieces[index - 1];
      const setOff = piece.kind === "header" && above?.kind === "filler" && above.blank;
      begin = setOff && !above.needed ? index - 1 : index;
    }
    for (let at = begin; at <= index; at++) gone.add(at);
  });
  return pieces.filter((_, index) => !gone.has(index));
}

const anyChange: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    kind: fc.constant("set" as const),
    section: fc.constantFrom(...SECTIONS),
    key: fc.constantFrom("x", "host", "#1", "new", "k"),
    value: values,
  }),
  fc.record({
    kind: fc.constant("delete" as const),
    section: fc.constantFrom(...SECTIONS),
    key: fc.constantFrom("x", "host", "#1"),
  }),
  fc.record({
    kind: fc.constant("delete-section" as const),
    section: fc.constantFrom(...SECTIONS),
  }),
);

/** Keys called `-` are numbered by their place, so most changes to one would renumber others. */
const isNumbered = (change: Change) => change.kind !== "delete-section" && change.key === "#1";

describe("editing any text", () => {
  test("does exactly what was asked, once, or refuses a text that cannot be read", async () => {
    await fc.assert(
      fc.asyncProperty(
        wildTexts,
        fc.array(anyChange, { minLength: 1, maxLength: 4 }),
        async (text, changes) => {
          let edited: string;
          try {
            edited = await editIni(text, changes);
          } catch (error) {
            expect(error).toBeInstanceOf(UserError);
            // Three quotes as the last of a text are a value; with more behind them they are not.
            if (text.endsWith('"""') || changes.some(isNumbered)) return;
            // What comes to stand first would be a byte order mark.
            if (text.slice(1).includes("\ufeff")) return;
            expect(() => readIni(text)).toThrow(IniError);
            return;
          }
          expect(readIni(edited)).toEqual(expected(text, changes));
          if (changes.length === 1) expect(await editIni(edited, changes)).toBe(edited);
        },
      ),
      propertyRuns(2_000),
    );
  });
});
