import { describe, expect, test } from "bun:test";
import {
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { UserError } from "../../src/errors.ts";
import { listEntries, openFileStore } from "../../src/storage/file-store.ts";
import { repairCache, salvage } from "../../src/storage/repair.ts";
import { canBeNobody } from "../support/faults.ts";
import { propertyRuns } from "../support/property.ts";
import { scratchFolder } from "../support/scratch.ts";

/** No modes there, and links by special right only. */
const onWindows = process.platform === "win32";

const NOW = Date.parse("2026-11-24T15:04:05.678Z");

const entry = (name: string) => ({
  access_token: `access-${name}`,
  token_type: "Bearer",
  refresh_token: `refresh-${name}`,
  expiry: "2026-11-24T16:00:00Z",
});

const cacheOf = (...names: string[]) => ({
  version: 1,
  tokens: Object.fromEntries(names.map((name) => [name, entry(name)])),
});

const WHOLE = JSON.stringify(cacheOf("one", "two", "three"), null, 2);
const salvageText = (text: string) => salvage(Buffer.from(text));

describe("of a damaged file is kept", () => {
  const cases: [title: string, text: string | Buffer, kept: string[], lost: string[]][] = [
    ["all, where it is not damaged", WHOLE, ["one", "two", "three"], []],
    ["what stands before the cut", WHOLE.slice(0, -80), ["one", "two"], ["three"]],
    ["what stands after a lost beginning", WHOLE.slice(60), ["two", "three"], []],
    [
      "what garbage does not touch",
      WHOLE.replace('"refresh-two"', 'x"y{{[\0'),
      ["one", "three"],
      ["two"],
    ],
    [
      "all around commas that are too many",
      WHOLE.replaceAll(/}\n/g, "},\n"),
      ["one", "two", "three"],
      [],
    ],
    [
      "all around commas that are missing",
      WHOLE.replaceAll("},", "}"),
      ["one", "two", "three"],
      [],
    ],
    ["all behind a byte order mark", `\ufeff${WHOLE}`, ["one", "two", "three"], []],
    ["all in UTF-16", Buffer.from(`\ufeff${WHOLE}`, "utf16le"), ["one", "two", "three"], []],
    ["all of a text that is there twice", WHOLE + WHOLE, ["one", "two", "three"], []],
    [
      "all of two texts, one written into the other",
      WHOLE.slice(0, 90) + JSON.stringify(cacheOf("four", "one")),
      ["four", "one"],
      [],
    ],
    ["all of another version", WHOLE.replace("1", "2"), ["one", "two", "three"], []],
    ["all without its version", WHOLE.replace('"version": 1,', ""), ["one", "two", "three"], []],
    [
      "all where a brace is missing after one",
      JSON.stringify(cacheOf("one", "two", "three")).replace('Z"},"two"', 'Z","two"'),
      ["one", "two", "three"],
      [],
    ],
    [
      "what is no token is not",
      WHOLE.replace('"Bearer"', "7").replace("1", "3"),
      ["two", "three"],
      ["one"],
    ],
    [
      "a key with odd signs",
      `{"tokens":{"a\\"b\\\\{":${JSON.stringify(entry("odd"))},`,
      ['a"b\\{'],
      [],
    ],
    [
      "a key that objects have anyway",
      `{"tokens":{"__proto__":${JSON.stringify(entry("p"))},`,
      ["__proto__"],
      [],
    ],
    ["nothing of nothing", "", [], []],
    ["nothing of a list", "[1]", [], []],
    ["nothing of another program's file", '{"a":{"b":{}}}', [], ["a", "b"]],
  ];
  test.each(cases)("%s", (_title, text, kept, lost) => {
    const found = salvage(Buffer.from(text));
    expect({ kept: found.kept, lost: found.lost }).toEqual({ kept, lost });
    expect(Object.keys(found.cache.tokens)).toEqual(kept);
    expect(found.cache.version).toBe(1);
  });

  test("what is not UTF-8 but in the entries that it touches", () => {
    const bytes = Buffer.from(WHOLE);
    bytes[bytes.indexOf("refresh-two") + 3] = 0xff;
    expect(salvage(bytes)).toMatchObject({ kept: ["one", "three"], lost: ["two"] });
  });

  test("the better of two entries under one key, whichever comes first", () => {
    const older = JSON.stringify({
      version: 1,
      tokens: { one: { ...entry("old"), expiry: "2026-11-23T16:00:00Z" } },
    });
    const newer = JSON.stringify(cacheOf("one"));
    for (const text of [older + newer, newer + older]) {
      expect(salvageText(text).cache.tokens).toEqual({ one: entry("one") });
    }
  });

  test("what this program does not know, digit by digit", () => {
    const odd = '{"access_token":"a","token_type":"Bearer","id":12345678901234567890}';
    const whole = salvageText(`{"version":2,"owner":98765432109876543210,"tokens":{"one":${odd}}}`);
    expect(JSON.stringify(whole.cache)).toBe(
      `{"version":1,"owner":98765432109876543210,"tokens":{"one":${odd}}}`,
    );
    const cut = salvageText(`{"version":1,"tokens":{"one":${odd},"two`);
    expect(JSON.stringify(cut.cache.tokens)).toBe(`{"one":${odd}}`);
  });
});

describe("salvaging", () => {
  const names = fc.uniqueArray(fc.stringMatching(/^[a-z"\\{} :]{1,9}$/), { maxLength: 6 });

  test("keeps every entry of an undamaged file", () => {
    fc.assert(
      fc.property(names, fc.constantFrom(0, 2), (keys, indent) => {
        const cache = cacheOf(...keys);
        const found = salvageText(JSON.stringify(cache, null, indent));
        expect<unknown>(found).toEqual({ cache, kept: keys, lost: [] });
      }),
      propertyRuns(300),
    );
  });

  test("keeps every entry that the damage leaves untouched", () => {
    const whole = JSON.stringify(cacheOf("key-1-", "key-2-", "key-3-", "key-4-"));
    const spans = [...whole.matchAll(/"(key-\d-)":{[^}]*}/g)];
    // A backslash before a key's quote makes it part of a longer key: nothing can tell.
    const garbage = fc
      .oneof(fc.string(), fc.stringMatching(/^["\\{}[\]:, x]*$/))
      .filter((text) => !text.endsWith("\\"));
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(200), garbage, (from, length, text) => {
        const to = Math.min(from + length, whole.length);
        const found = salvageText(whole.slice(0, from) + text + whole.slice(to));
        const untouched = spans.filter(([span], index) => {
          const start = spans[index]?.index ?? 0;
          return start + span.length <= from || start >= to;
        });
        for (const [, key = ""] of untouched) expect(found.cache.tokens[key]).toEqual(entry(key));
      }),
      propertyRuns(2000),
    );
  });

  test("throws for no bytes at all, and makes a file that can be read", () => {
    const folder = scratchFolder();
    const path = join(folder, "token-cache.json");
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(WHOLE.length), (bytes, at) => {
        const damaged = Buffer.concat([
          Buffer.from(WHOLE.slice(0, at)),
          bytes,
          Buffer.from(WHOLE.slice(at)),
        ]);
        for (const content of [bytes, damaged]) {
          const found = salvage(content);
          writeFileSync(path, JSON.stringify(found.cache));
          expect(listEntries(path).map(({ key, token }) => token && key)).toEqual(found.kept);
        }
      }),
      propertyRuns(300),
    );
  });

  test("takes no time to speak of, whatever the file is", () => {
    for (const text of [
      '{"tokens":'.repeat(50_000),
      `{"${"x".repeat(2_000_000)}":{`,
      '"a":{'.repeat(100_000),
    ]) {
      const startedAt = performance.now();
      salvageText(text);
      expect(performance.now() - startedAt).toBeLessThan(10_000);
    }
  });
});

function place(content?: string | Buffer) {
  const folder = scratchFolder();
  const path = join(folder, "token-cache.json");
  if (content !== undefined) writeFileSync(path, content, { mode: 0o600 });
  const options = {
    path,
    lockDirectory: join(folder, "locks"),
    lockTimeout: 1000,
    debug: () => {},
  };
  const files = () =>
    readdirSync(folder)
      .filter((name) => name !== "locks")
      .sort();
  return { folder, path, options, files };
}

describe("repairing a file", () => {
  const aside = "token-cache.json.corrupt-2026-11-24T15-04-05Z";

  test("sets the old bytes aside, and writes a new one", async () => {
    const broken = Buffer.from(`${WHOLE.slice(0, -80)}\xff`, "latin1");
    const { folder, path, options, files } = place(broken);
    expect(await repairCache(options, { dryRun: false, now: NOW })).toEqual({
      kept: ["one", "two"],
      lost: ["three"],
      setAside: join(folder, aside),
    });
    expect(files()).toEqual(["token-cache.json", aside]);
    expect(readFileSync(join(folder, aside)).equals(broken)).toBe(true);
    for (const name of onWindows ? [] : files()) {
      expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
    }
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual(cacheOf("one", "two"));
    const token = await openFileStore(options).lookup("two");
    expect(token?.access_token).toBe("access-two");
  });

  test("overwrites nothing that was set aside before", async () => {
    const { folder, path, options, files } = place("first");
    for (const content of ["first", "second", "third"]) {
      writeFileSync(path, content);
      await repairCache(options, { dryRun: false, now: NOW });
    }
    expect(files()).toEqual(["token-cache.json", aside, `${aside}-2`, `${aside}-3`]);
    expect(
      [aside, `${aside}-2`, `${aside}-3`].map((name) => readFileSync(join(folder, name), "utf8")),
    ).toEqual(["first", "second", "third"]);
  });

  test.skipIf(!canBeNobody)("by root leaves what is in somebody's folder theirs", async () => {
    const { folder, path, options, files } = place("broken");
    for (const name of [folder, path]) chownSync(name, 65534, 65534);
    await repairCache(options, { dryRun: false, now: NOW });
    expect(files()).toEqual(["token-cache.json", aside]);
    for (const name of [...files(), "locks"]) {
      expect(statSync(join(folder, name))).toMatchObject({ uid: 65534, gid: 65534 });
    }
  });

  test.each([
    ["there is none", undefined],
    ["it is without a fault", WHOLE],
    ["an entry of it is no token", '{"version":1,"tokens":{"bad":7}}'],
  ])("does nothing where %s", async (_title, content) => {
    const { path, options, files } = place(content);
    expect(await repairCache(options, { dryRun: false, now: NOW })).toBeNull();
    expect(files()).toEqual(content === undefined ? [] : ["token-cache.json"]);
    if (content !== undefined) expect(readFileSync(path, "utf8")).toBe(content);
  });

  test("only tells, with a dry run", async () => {
    const { folder, path, options } = place("{");
    expect(await repairCache(options, { dryRun: true, now: NOW })).toEqual({
      kept: [],
      lost: [],
      setAside: join(folder, aside),
    });
    expect(readdirSync(folder)).toEqual(["token-cache.json"]);
    expect(readFileSync(path, "utf8")).toBe("{");
  });

  test.skipIf(onWindows)("leaves a link to the file a link", async () => {
    const { folder, path, options } = place();
    mkdirSync(join(folder, "real"));
    writeFileSync(join(folder, "real", "cache"), "{");
    symlinkSync(join("real", "cache"), path);
    await repairCache(options, { dryRun: false, now: NOW });
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(JSON.parse(readFileSync(join(folder, "real", "cache"), "utf8"))).toEqual(cacheOf());
  });

  test("changes nothing where the old bytes cannot be set aside", async () => {
    const { path, options } = place("{");
    // The longest name that a file may have is 255 bytes.
    const long = { ...options, path: join(path, "..", "x".repeat(240)) };
    writeFileSync(long.path, "{");
    const error: unknown = await repairCache(long, { dryRun: false, now: NOW }).catch(
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(UserError);
    expect(String(error)).toContain(`cannot write ${long.path}.corrupt-`);
    expect(readFileSync(long.path, "utf8")).toBe("{");
  });
});
