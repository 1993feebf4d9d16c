import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { findJsonProblem } from "../../src/storage/json-problem.ts";

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe("findJsonProblem", () => {
  test.each([
    ["", 1, 1],
    ["{", 1, 2],
    ['{"a": }', 1, 7],
    ['{"a": 1,}', 1, 9],
    ['{\n  "a": 1\n  "b": 2\n}', 3, 3],
    ['{\r\n  "a": tru\r\n}', 2, 8],
    ['{"a": "unclosed\n}', 1, 7],
    ["[1, 2}", 1, 6],
    ["[01]", 1, 2],
    ['{"a":1} trailing', 1, 9],
    ["\ufeff{}", 1, 1],
    ["'a'", 1, 1],
  ])("in %p is line %d, column %d", (text, line, column) => {
    expect(findJsonProblem(text)).toEqual({ line, column });
  });

  test("finds none in any JSON", () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom(0, 1, "\t"), (text, indent) => {
        expect(findJsonProblem(JSON.stringify(JSON.parse(text), null, indent))).toBeNull();
      }),
    );
  });

  test("agrees with JSON.parse on damaged JSON", () => {
    const damaged = fc
      .tuple(
        fc.json(),
        fc.nat(),
        fc.constantFrom("", '"', "{", "]", ",", ":", "\\", "\u0000", "-", "e", "0"),
      )
      .map(([text, at, sign]) => {
        const place = at % (text.length + 1);
        return text.slice(0, place) + sign + text.slice(place + 1);
      });
    fc.assert(
      fc.property(damaged, (text) => {
        expect(findJsonProblem(text) === null).toBe(isJson(text));
      }),
      { numRuns: 5_000 },
    );
  });

  test("bears a text that is nested very deeply", () => {
    const text = "[".repeat(1_000_000);
    expect(findJsonProblem(text)).toEqual({ line: 1, column: text.length + 1 });
  });
});
