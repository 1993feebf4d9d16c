import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Change } from "../../src/config/ini-document.ts";
import {
  changeConfigFile,
  differencesForJavaScriptSdk,
  isLoose,
  loginChanges,
  readConfigFile,
} from "../../src/config/profiles.ts";
import { UserError } from "../../src/errors.ts";
import { runScript } from "../support/run-script.ts";
import { scratchFolder } from "../support/scratch.ts";

const worker = new URL("./config-worker.ts", import.meta.url);
const onWindows = process.platform === "win32";

function scratch(text?: string | Uint8Array) {
  const folder = scratchFolder();
  const path = join(folder, "cfg");
  if (text !== undefined) writeFileSync(path, text, { mode: 0o600 });
  return { folder, path, options: { lockDirectory: join(folder, "locks") } };
}

const set = (section: string, key: string, value: string): Change => ({
  kind: "set",
  section,
  key,
  value,
});
const modeOf = (path: string) => statSync(path).mode & 0o777;
const failureOf = (action: Promise<unknown>) =>
  action.then(
    () => null,
    (error: unknown) => error,
  );

describe("readConfigFile", () => {
  test("gives a missing file as an empty one", () => {
    const { path } = scratch();
    expect(readConfigFile(path)).toEqual({
      path,
      text: null,
      sections: new Map([["DEFAULT", new Map()]]),
    });
  });

  test("gives text and sections", () => {
    const text = "\u{feff}[a]\r\nhost = hé\r\n";
    const { path } = scratch(text);
    const { sections, ...rest } = readConfigFile(path);
    expect(rest).toEqual({ path, text });
    expect(sections.get("a")).toEqual(new Map([["host", "hé"]]));
  });

  const broken: [what: string, content: string | Uint8Array, reason: string][] = [
    ["a line that cannot be read", "[a]\nsecret-1\n", 'line 2: no "=" or ":" behind the key'],
    [
      "Latin-1",
      Buffer.concat([Buffer.from("[a]\n\u{fffd} = 1\n"), Buffer.from("x = \xe9\n", "latin1")]),
      "line 3: not UTF-8",
    ],
    ["UTF-16", Buffer.from("\u{feff}[a]\n", "utf16le"), "line 1: not UTF-8"],
    ["a last line that is no UTF-8", Buffer.from([0x0a, 0xff]), "line 2: not UTF-8"],
  ];
  for (const [what, content, reason] of broken) {
    test(`names path and line of ${what}`, () => {
      const { path } = scratch(content);
      expect(() => readConfigFile(path)).toThrow(new UserError(`cannot read ${path}: ${reason}`));
    });
  }

  test("names a path that is a folder", () => {
    const { folder } = scratch();
    expect(() => readConfigFile(folder)).toThrow(`cannot read ${folder}: `);
  });

  // To Windows such a file is missing like any other.
  test.skipIf(onWindows)("names a path that lies in a file", () => {
    const { path } = scratch("x = 1\n");
    expect(() => readConfigFile(join(path, "cfg"))).toThrow(`cannot read ${join(path, "cfg")}: `);
  });
});

describe("changeConfigFile", () => {
  test("begins anew when an editor saves the file meanwhile", async () => {
    const { path, options } = scratch("[a]\nhost = old\n");
    let round = 0;
    const saved = await changeConfigFile(
      path,
      () => {
        round += 1;
        if (round === 1) writeFileSync(path, "[a]\nhost = old\n[b]\nhost = edited\n");
        return [set("a", "host", "new")];
      },
      options,
    );
    expect(saved.changed).toBe(true);
    expect(round).toBe(2);
    expect(readFileSync(path, "utf8")).toBe("[a]\nhost = new\n[b]\nhost = edited\n");
    expect(readFileSync(`${path}.bak`, "utf8")).toBe("[a]\nhost = old\n[b]\nhost = edited\n");
  });

  test("makes a private file with a note, and its folder", async () => {
    const { folder, options } = scratch();
    const path = join(folder, "new", "cfg");
    const saved = await changeConfigFile(path, () => [set("a", "host", "h")], options);
    expect(saved).toEqual({ changed: true, warnings: [] });
    expect(readFileSync(path, "utf8")).toMatch(/^; .*\[DEFAULT\].*\n\n\[a\]\nhost = h\n$/);
    expect(readdirSync(join(folder, "new"))).toEqual(["cfg"]);
    if (!onWindows) expect(modeOf(path)).toBe(0o600);
  });

  test("keeps the old bytes beside the file, for its owner alone", async () => {
    const text = "\u{feff}[a]\r\nhost = h # why\r\n";
    const { path, options } = scratch(text);
    await changeConfigFile(path, () => [set("a", "host", "new")], options);
    expect(readFileSync(path, "utf8")).toBe("\u{feff}[a]\r\nhost = new # why\r\n");
    expect(readFileSync(`${path}.bak`, "utf8")).toBe(text);
    if (!onWindows) expect(modeOf(`${path}.bak`)).toBe(0o600);
  });

  test.skipIf(onWindows)("puts no backup beside a device", async () => {
    const { options } = scratch();
    const failure = await failureOf(
      changeConfigFile("/dev/null", () => [set("a", "host", "h")], options),
    );
    expect(failure).toEqual(new UserError("cannot write /dev/null: not a regular file"));
    expect(existsSync("/dev/null.bak")).toBe(false);
  });

  test("writes nothing where there is nothing to change", async () => {
    const { folder, path, options } = scratch("[a]\nhost = h\n");
    const before = statSync(path, { bigint: true });
    const saved = await changeConfigFile(path, () => [set("a", "host", "h")], options);
    expect(saved).toEqual({ changed: false, warnings: [] });
    expect(statSync(path, { bigint: true }).ino).toBe(before.ino);
    expect(readdirSync(folder).sort()).toEqual(["cfg", "locks"]);
  });

  test("makes no file where there is nothing to write", async () => {
    const { path, options } = scratch();
    const saved = await changeConfigFile(path, () => [], options);
    expect(saved.changed).toBe(false);
    expect(existsSync(path)).toBe(false);
  });

  test("leaves a file alone that it cannot read or change", async () => {
    for (const text of ["[a\n", "[a]\n- = 1\n- = 2\n"]) {
      const { folder, path, options } = scratch(text);
      const change = () => [{ kind: "delete", section: "a", key: "#1" } as const];
      expect(await failureOf(changeConfigFile(path, change, options))).toBeInstanceOf(UserError);
      expect(readFileSync(path, "utf8")).toBe(text);
      expect(readdirSync(folder).sort()).toEqual(["cfg", "locks"]);
    }
  });

  test("frees the lock after a failure", async () => {
    const { path, options } = scratch("[a]\nhost = h\n");
    const refuse = () => {
      throw new UserError("no");
    };
    expect(await failureOf(changeConfigFile(path, refuse, options))).toEqual(new UserError("no"));
    const saved = await changeConfigFile(path, () => [set("a", "host", "new")], options);
    expect(saved.changed).toBe(true);
  });

  test.skipIf(onWindows)("keeps links, and locks what they point to", async () => {
    const { folder, options } = scratch();
    mkdirSync(join(folder, "real"));
    const real = join(folder, "real", "cfg");
    writeFileSync(real, "[a]\nhost = h\n");
    const link = join(folder, "link");
    symlinkSync("real/cfg", link);
    await changeConfigFile(link, () => [set("a", "host", "1")], options);
    await changeConfigFile(real, () => [set("a", "host", "2")], options);
    expect(readlinkSync(link)).toBe("real/cfg");
    expect(readFileSync(real, "utf8")).toBe("[a]\nhost = 2\n");
    expect(readdirSync(join(folder, "real")).sort()).toEqual(["cfg", "cfg.bak"]);
    expect(readdirSync(options.lockDirectory)).toHaveLength(1);
  });

  test.skipIf(onWindows)("makes the file that a link points to", async () => {
    const { folder, options } = scratch();
    const link = join(folder, "link");
    symlinkSync("cfg", link);
    await changeConfigFile(link, () => [set("a", "host", "h")], options);
    expect(lstatSync(link).isSymbolicLink()).toBe(true);
    expect(readConfigFile(join(folder, "cfg")).sections.get("a")?.get("host")).toBe("h");
  });

  test.skipIf(onWindows)("names a path that leads nowhere", async () => {
    const { folder, path, options } = scratch("x = 1\n");
    const loop = join(folder, "loop");
    symlinkSync("loop", loop);
    for (const bad of [folder, join(path, "cfg"), loop]) {
      const failure = await failureOf(changeConfigFile(bad, () => [], options));
      expect(failure).toBeInstanceOf(UserError);
      expect(String(failure)).toContain(bad);
    }
  });

  test.skipIf(onWindows)("keeps the mode, and says that others have rights", async () => {
    const { path, options } = scratch("[a]\nhost = h\n");
    chmodSync(path, 0o644);
    expect(isLoose(modeOf(path))).toBe(true);
    const { warnings } = await changeConfigFile(path, () => [set("a", "host", "1")], options);
    expect(modeOf(path)).toBe(0o644);
    expect(warnings).toEqual([expect.stringContaining(`${path} (mode 0644)`)]);
    chmodSync(path, 0o640);
    expect(isLoose(modeOf(path))).toBe(true);
    chmodSync(path, 0o600);
    expect(isLoose(modeOf(path))).toBe(false);
    const silent = await changeConfigFile(path, () => [set("a", "host", "2")], options);
    expect(silent.warnings).toEqual([]);
  });

  test("warns when it makes a name with a dot, once", async () => {
    const { path, options } = scratch("[a]\nhost = h\n");
    const login = () =>
      changeConfigFile(
        path,
        (config) => loginChanges(config, "a.b.c", { host: "https://h" }, { discovery: false }),
        options,
      );
    expect((await login()).warnings).toEqual([
      expect.stringContaining("[a.b.c] lacks from [a.b],"),
    ]);
    expect((await login()).warnings).toEqual([]);
  });

  test("warns of what it wrote and the JavaScript SDK reads otherwise", async () => {
    const { path, options } = scratch("[b]\ncluster_id = 1#2\n");
    const { warnings } = await changeConfigFile(
      path,
      () => [set("a", "host", "h"), set("a", "cluster_id", "true")],
      options,
    );
    expect(warnings).toEqual(["the JavaScript SDK will read cluster_id of [a] as true"]);
    const later = await changeConfigFile(path, () => [set("a", "host", "h2")], options);
    expect(later.warnings).toEqual([]);
  });

  test("30 processes lose no update and no comment", async () => {
    const kept = "# mine\n[old]\nhost = h # why\nunknown_key = kept\n\n# the end\n";
    const { path, options } = scratch(kept);
    const names = Array.from({ length: 30 }, (_, index) => `p${index}`);
    const outcomes = await Promise.all(
      names.map((name) => runScript(worker, ["login", path, options.lockDirectory, name])),
    );
    expect(outcomes.filter(({ exitCode, stderr }) => exitCode !== 0 || stderr !== "")).toEqual([]);
    const { text, sections } = readConfigFile(path);
    expect(text).toStartWith(kept);
    expect([...sections.keys()].sort()).toEqual(["DEFAULT", "old", ...names].sort());
    for (const name of names) {
      expect(sections.get(name)?.get("host")).toBe(`https://${name}.example`);
    }
  }, 60_000);
});

describe("differencesForJavaScriptSdk", () => {
  const differences: [text: string, messages: string[]][] = [
    ["[a]\nhost = h\ntoken = t\n[__settings__]\ndefault_profile = a\n", []],
    ["[a.b]\nhost = h\n", []],
    ["[a]\nhost = h#1\n", ['the JavaScript SDK will read host of [a] as "h"']],
    ["[a]\ntoken = secret#1\n", ["the JavaScript SDK will read token of [a] as another value"]],
    ["[a]\nmine = secret#1\n", ["the JavaScript SDK will read mine of [a] as another value"]],
    ["host = h\n", ["the JavaScript SDK will not find host of [DEFAULT]"]],
    ["[a]\nhost: h\n", ["the JavaScript SDK will not find host of [a]"]],
    ["\u{feff}[a]\nhost = h\n", ["the JavaScript SDK will not find host of [a]"]],
    ["[__proto__]\nhost = h\n", ["the JavaScript SDK will not find host of [__proto__]"]],
    ["[ a ]\nhost = h\n", ["the JavaScript SDK will not find host of [ a ]"]],
  ];
  for (const [text, messages] of differences) {
    test(`of ${JSON.stringify(text)}`, async () => {
      const found = await differencesForJavaScriptSdk(text);
      expect(found.map(({ message }) => message)).toStrictEqual(messages);
    });
  }
});
