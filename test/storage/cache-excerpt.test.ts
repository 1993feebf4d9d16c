import { describe, expect, test } from "bun:test";
import { excerptEntry } from "../../src/storage/cache-excerpt.ts";

const filler = Object.fromEntries(
  Array.from({ length: 3000 }, (_, index) => [
    `profile-${index}`,
    { access_token: `access-${index}`.padEnd(100, "x"), token_type: "Bearer" },
  ]),
);

/** The file as programs write it. */
const written = (tokens: object, more: object = {}) =>
  JSON.stringify({ version: 1, tokens, ...more }, null, 2);

const excerpt = (text: string, key: string) => {
  const found = excerptEntry(Buffer.from(text), key);
  return found === null ? null : JSON.parse(found);
};

describe("an entry of a large file is read alone", () => {
  const entries = {
    first: { access_token: "1" },
    ...filler,
    'größe "quoted" \\ / 🔑': { access_token: "2", more: { "deeper\n": [{ a: {} }] } },
    "a\nb": { access_token: "3" },
    last: { access_token: "4", empty: {} },
  };

  for (const [key, entry] of Object.entries(entries).filter(
    ([key]) => !key.startsWith("profile"),
  )) {
    test(JSON.stringify(key), () => {
      expect(excerpt(written(entries), key)).toEqual(entry);
      expect(excerpt(`${written(entries)}\n`, key)).toEqual(entry);
    });
  }

  test("also one whose name stands in others", () => {
    const named = { ...filler, other: { note: '\n    "a": {', a: { b: 1 } }, a: { c: 2 } };
    expect(excerpt(written(named), "a")).toEqual({ c: 2 });
  });
});

describe("all is read, as only that can tell", () => {
  const entries = { a: { access_token: "1" }, ...filler };
  const entry = '    "a": {\n      "access_token": "1"\n    },\n';
  const whole = written(entries);

  test("where the file is small", () => {
    expect(excerpt(written({ a: {} }), "a")).toBeNull();
  });
  test("where the key is not there", () => {
    expect(excerpt(whole, "b")).toBeNull();
  });
  test("where the key is there twice", () => {
    expect(excerpt(whole.replace(entry, entry + entry), "a")).toBeNull();
  });
  test("where the key is written in another way", () => {
    expect(excerpt(whole.replace('"a"', '"\\u0061"'), "a")).toBeNull();
  });
  test("where the file has further members", () => {
    expect(excerpt(written(entries, { more: 1 }), "a")).toBeNull();
  });
  test("where its version is another one", () => {
    expect(excerpt(whole.replace('"version": 1', '"version": 2'), "a")).toBeNull();
  });
  test("where it is laid out otherwise", () => {
    expect(excerpt(JSON.stringify({ version: 1, tokens: entries }), "a")).toBeNull();
    expect(excerpt(JSON.stringify({ version: 1, tokens: entries }, null, 4), "a")).toBeNull();
    expect(
      excerpt(JSON.stringify({ version: 1, tokens: { x: entries } }, null, 2), "a"),
    ).toBeNull();
  });
  test("where it is cut off", () => {
    expect(excerpt(whole.slice(0, -1), "a")).toBeNull();
    expect(excerpt(whole.slice(0, -5000), "a")).toBeNull();
  });
});
