import { describe, expect, test } from "bun:test";
import { readIni } from "../../src/config/ini-document.ts";
import vectors from "./ini-vectors.json";

const plainObject = (text: string) =>
  Object.fromEntries([...readIni(text)].map(([name, keys]) => [name, [...keys]]));

describe("readIni", () => {
  for (const { name, input, expected, note } of vectors) {
    test(`${name}: ${note}`, () => {
      if (expected === null) {
        expect(() => readIni(input)).toThrow(/^line \d+: /);
        return;
      }
      const sections = Object.entries(expected).map(([section, keys]) => [
        section,
        Object.entries(keys),
      ]);
      expect(plainObject(input)).toEqual(Object.fromEntries(sections));
    });
  }
});
