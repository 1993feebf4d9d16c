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

test("only src/main.ts ends the process", () => {
  const users = program.filter((file) => /\bprocess\.(exit|reallyExit|abort)\b/.test(textOf(file)));
  expect(users).toEqual(["src/main.ts"]);
});

test("files are kebab-case and named after what they hold", () => {
  const vague = /(^|\/)(utils?|helpers?|common|managers?|services?)(\/|\.|$)/;
  const kebab = /^([a-z0-9]+(-[a-z0-9]+)*\/)*[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.ts$/;
  expect(everything.filter((file) => vague.test(file) || !kebab.test(file))).toEqual([]);
});
