/** Every command that the documentation shows is run, or is in the list of those that are not. */
import { beforeAll, describe, expect, test } from "bun:test";
import { scripts } from "../../package.json";
import { parseArguments } from "../../src/commands/arguments.ts";
import { findCommand } from "../../src/commands/tree.ts";
import { compiledProgram } from "../support/program.ts";
import { scratchFolder } from "../support/scratch.ts";
import { documents, type Part, partsOf, textOf } from "./markdown.ts";
import { isShown, machinesOf, missingForMachine, runMachine } from "./shown-commands.ts";

/** Commands that cannot be run here, by their first words, and what is known of them instead. */
const NOT_RUN: readonly (readonly [words: string, instead: string])[] = [
  ["bun run", "is a script of package.json, as tested below; it takes minutes"],
  ["npx -y bun@", "is run by scripts/minimal-bed.ts, on a system that has nothing else"],
  ["npm install --global", "is run by test/packaging/npm.test.ts, from a registry on this machine"],
  ["sha256sum --check", "is run by test/packaging/archive.test.ts"],
  [
    "sudo tar -xzf databricks-",
    "is run by test/packaging/archive.test.ts, into a folder of its own",
  ],
  ["sudo apt-get install", "changes the system"],
  ["docker build", "needs Docker; scripts/image-bed.ts makes the image without it"],
  ["docker run", "needs Docker; scripts/image-bed.ts runs the image without it"],
  ["read -rs password", "asks for a password, and starts a daemon that stays"],
  ["BROWSER=$PWD/test", "needs a workspace that goes on running in another shell"],
  ["ssh ", "needs another machine"],
];

const isLeftOut = (command: string) => NOT_RUN.some(([words]) => command.startsWith(words));

const shown = documents().map((path) => ({ path, parts: partsOf(textOf(path)) }));
const machines = shown.flatMap(({ path, parts }) =>
  machinesOf(parts).map((machine, index) => ({ path, machine, name: `${path}, ${index + 1}` })),
);
const commands = machines.flatMap(({ machine }) => machine.commands.map(({ command }) => command));
const toRun = machines.filter(({ machine }) =>
  machine.commands.some(({ command }) => !isLeftOut(command)),
);

let program: string;
beforeAll(async () => {
  program = await compiledProgram();
}, 60_000);

describe.each(toRun)("$name", ({ path, machine }) => {
  test.skipIf(missingForMachine(machine).length > 0)(
    `the commands do what is shown, on a machine that is ${machine.keyring}`,
    async () => {
      for (const step of await runMachine(machine, program, scratchFolder(), isLeftOut)) {
        const at = `${path}:${step.line}: ${step.command}`;
        const exitCode = step.output?.includes("Error: ") ? 1 : 0;
        expect({ at, exitCode: step.exitCode, printed: step.printed }).toEqual({
          at,
          exitCode,
          printed: isShown(step) ? step.printed : (step.output ?? ""),
        });
      }
    },
    60_000,
  );
});

test("what is left out is shown somewhere, and most is not left out", () => {
  const unused = NOT_RUN.filter(([words]) => !commands.some((line) => line.startsWith(words)));
  expect(unused).toEqual([]);
  expect(commands.filter((line) => !isLeftOut(line)).length).toBeGreaterThan(30);
});

/** What `pick` finds in the parts of all documents. */
const listOf = <T>(pick: (part: Part, path: string) => T[]): T[] =>
  shown.flatMap(({ path, parts }) => parts.flatMap((part) => pick(part, path)));

test("commands stand in blocks of `sh` or `console` only", () => {
  const elsewhere = listOf((part, path) =>
    part.kind === "block" &&
    !["sh", "console"].includes(part.language) &&
    /^(\$ |databricks |npm |bun )/m.test(part.text)
      ? [`${path}:${part.line}`]
      : [],
  );
  expect(elsewhere).toEqual([]);
});

/** A command of the official CLI; what src/cli.ts understands itself. */
const NOT_IN_TREE = ["jobs list", "help"];

const COMMAND = /^(?:databricks (?!-)|(?=(?:auth|configure|completion|version)\b))(.+)$/;

const inline = listOf((part, path) => {
  const [, line] = (part.kind === "code" && COMMAND.exec(part.text)) || [];
  return line && !NOT_IN_TREE.includes(line) ? [{ path, line }] : [];
});

test.each(inline)("$path: `$line` is a command of the program", async ({ line }) => {
  const { node, path, rest } = findCommand(line.replace(/ [<>|].*$/, "").split(" "));
  if (typeof node !== "function") {
    expect(rest).toEqual([]);
    return;
  }
  const { args } = await node();
  expect(() => parseArguments(args, rest, path.join(" "))).not.toThrow();
});

test("scripts that are named exist", () => {
  const named = shown.flatMap(({ path }) =>
    Array.from(textOf(path).matchAll(/\bbun(?:@[\d.]+)? run ([\w:-]+)/g), ([, name = ""]) => name),
  );
  expect(named.length).toBeGreaterThan(5);
  expect(named.filter((name) => !(name in scripts))).toEqual([]);
});
