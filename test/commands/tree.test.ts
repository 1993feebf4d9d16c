import { expect, test } from "bun:test";
import { parseArguments } from "../../src/commands/arguments.ts";
import type { Argument, Command, Group } from "../../src/commands/command.ts";
import { findCommand, TREE } from "../../src/commands/tree.ts";

/** Every command that help tells of, by its words. */
async function commandsOf(
  group: Group,
  path: readonly string[] = [],
): Promise<[string, Command][]> {
  const found = Object.entries(group.children)
    .filter(([word]) => !word.startsWith("__"))
    .map(async ([word, child]): Promise<[string, Command][]> => {
      const words = [...path, word];
      return typeof child === "function"
        ? [[words.join(" "), await child()]]
        : commandsOf(child, words);
    });
  return (await Promise.all(found)).flat();
}

const commands = await commandsOf(TREE);

test.each(commands)(
  "%s is declared under its own name, with all that help shows",
  (words, command) => {
    expect(command.name).toBe(words);
    expect(command.summary).toMatch(/^[^A-Z].*[^.]$/);
    expect(command.examples.length).toBeGreaterThan(0);
    const shown = Object.values(command.args).filter(({ hidden }) => !hidden);
    expect(shown.filter(({ description }) => description === "")).toEqual([]);
  },
);

const examples = commands.flatMap(([words, command]) =>
  command.examples.map(([line]) => ({ line, words, command })),
);

test.each(examples)(
  "the example `databricks $line` is a command line of $words",
  async ({ line, words, command }) => {
    const [plain = ""] = line.split(/ [<>|]/);
    const { node, rest } = findCommand(plain.split(" "));
    const leaf = typeof node === "function" ? node : node.default;
    expect(await leaf?.()).toBe(command);
    expect(() => parseArguments(command.args, rest, words)).not.toThrow();
  },
);

test("flags may stand before a command's words, with their values", () => {
  const { path, rest } = findCommand(["-p", "auth", "auth", "--output=json", "token", "x"]);
  expect({ path, rest }).toEqual({
    path: ["auth", "token"],
    rest: ["-p", "auth", "--output=json", "x"],
  });
  expect(findCommand(["--", "auth"]).path).toEqual([]);
  expect(findCommand(["constructor"]).path).toEqual([]);
});

test("so may every flag that takes a value", () => {
  const flags = commands.flatMap(([words, { args }]) =>
    Object.entries<Argument>(args).flatMap(([name, { type, alias }]) => {
      const written = [`--${name}`, ...(alias ? [`-${alias}`] : [])];
      return type === "string" ? written.map((flag) => ({ flag, words: words.split(" ") })) : [];
    }),
  );
  const lost = flags.filter(
    ({ flag, words }) => findCommand([flag, "x", ...words]).path.join() !== words.join(),
  );
  expect(lost).toEqual([]);
});
