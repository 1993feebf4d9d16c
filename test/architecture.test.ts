/** The rules of ARCHITECTURE.md that a compiler does not check. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { basename, dirname, join, normalize, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "..");

/** Each layer imports only from itself and from those before it. */
const LAYERS = [
  ...["build-info", "errors", "native", "files", "keyring", "config", "storage", "oauth"],
  ...["prompt", "waiting", "context", "output", "commands", "cli", "main"],
];

const program = filesBelow("native", "src");
const everything = [...program, ...filesBelow("test", "scripts", "bench")];

function filesBelow(...folders: string[]): string[] {
  return folders
    .flatMap((folder) => [...new Bun.Glob(`${folder}/**/*.ts`).scanSync(ROOT)])
    .map((file) => file.replaceAll("\\", "/"))
    .sort();
}

function textOf(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

/** `src/storage/mode.ts` → storage, `src/cli.ts` → cli, `native/libc.ts` → native. */
function layerOf(file: string): string {
  const [top = "", inner = ""] = file.split("/");
  return top === "native" ? "native" : basename(inner, ".ts");
}

/** Modules that the text imports in any form: types, values, dynamic, or as a worker. */
function importsOf(text: string): string[] {
  const forms = /(?:\bfrom|\bimport|\bimport\(|\bnew URL\()\s*"([^"\n]+)"/g;
  return [...text.matchAll(forms)].map(([, module = ""]) => module);
}

/** Imports of `file` that point up the layers or out of the program. */
function wrongImports(file: string, text: string): string[] {
  const own = LAYERS.indexOf(layerOf(file));
  return importsOf(text)
    .filter((module) => module.startsWith("."))
    .map((module) => normalize(join(dirname(file), module)))
    .filter((target) => target !== "package.json")
    .filter((target) => {
      const other = LAYERS.indexOf(layerOf(target));
      return !/^(native|src)\//.test(target) || other < 0 || other > own;
    })
    .map((target) => `${file} imports ${target}`);
}

describe("import direction", () => {
  test("every file belongs to a layer", () => {
    expect(program.filter((file) => !LAYERS.includes(layerOf(file)))).toEqual([]);
  });

  test("each layer imports only from those before it", () => {
    expect(program.flatMap((file) => wrongImports(file, textOf(file)))).toEqual([]);
  });

  test("the rule sees every form of import", () => {
    const text = `
      import type { A } from "../commands/a.ts";
      export { b } from "../cli.ts";
      import "../../test/c.ts";
      const d = await import("../oauth/d.ts");
      new Worker(new URL("../main.ts", import.meta.url).href);
      import { fine } from "../errors.ts";`;
    expect(wrongImports("src/storage/x.ts", text)).toHaveLength(5);
  });

  test("only native/ touches bun:ffi", () => {
    const users = program.filter((file) => importsOf(textOf(file)).includes("bun:ffi"));
    expect(users.length).toBeGreaterThan(0);
    expect(users.filter((file) => !file.startsWith("native/"))).toEqual([]);
  });
});

describe("what it takes to print a token", () => {
  /** Where `auth token` goes on by dynamic imports. */
  const entrances = [
    "src/main.ts",
    "src/commands/auth/token.ts",
    "src/commands/auth/session.ts",
    "src/storage/open.ts",
    "src/storage/file-store.ts",
    "src/storage/keyring-store.ts",
    "src/keyring/keyring.ts",
    "src/keyring/linux.ts",
  ];

  /** Modules of the program that are there as soon as `file` is. */
  function loadedWith(file: string, loaded = new Set<string>()): Set<string> {
    if (loaded.has(file) || !file.endsWith(".ts")) return loaded;
    loaded.add(file);
    for (const module of valueImportsOf(textOf(file)).filter((name) => name.startsWith("."))) {
      loadedWith(normalize(join(dirname(file), module)).replaceAll("\\", "/"), loaded);
    }
    return loaded;
  }

  /** Modules from which the text imports more than types, at once. */
  function valueImportsOf(text: string): string[] {
    const forms = /^(?:import|export)\s+(?!type\b)(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm;
    return [...text.matchAll(forms)].map(([, module = ""]) => module);
  }

  test("is no module of the runtime's that takes long to load", () => {
    const loaded = entrances.flatMap((file) => [...loadedWith(file)]);
    expect(loaded).toContain("src/keyring/quick-read.ts");
    const users = loaded.flatMap((file) =>
      valueImportsOf(textOf(file))
        .filter((module) => module.startsWith("node:") && module !== "node:buffer")
        .map((module) => `${file} imports ${module}`),
    );
    expect(users).toEqual([]);
  });
});

test("only src/main.ts ends the process", () => {
  const users = program.filter((file) => /\bprocess\.(exit|reallyExit|abort)\b/.test(textOf(file)));
  expect(users).toEqual(["src/main.ts"]);
});

test("files are kebab-case and named after what they hold", () => {
  const vague = /(^|\/)(utils?|helpers?|common|managers?|services?)(\/|\.|$)/;
  const kebab = /^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.ts$/;
  expect(everything.filter((file) => vague.test(file) || !kebab.test(file))).toEqual([]);
});
