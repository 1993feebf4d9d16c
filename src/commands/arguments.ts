/** Strict reading of a command line: unknown words are errors that suggest the nearest known one. */
import { UserError } from "../errors.ts";
import type { Argument, Arguments, Values } from "./command.ts";

/**
 * The values of `argv` by a command's declaration: `--name value`, `--name=value`, `-n value`,
 * `-nvalue`, `-n=value`; the last of repeated flags counts; nothing behind `--` is a flag.
 *
 * @throws UserError for an unknown flag, a missing or surplus value, a surplus argument
 */
export function parseArguments<A extends Arguments>(
  declared: A,
  argv: readonly string[],
  commandName: string,
): Values<A> {
  const values: Record<string, string | boolean> = {};
  const positionals: string[] = [];
  const words = [...argv];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === "--") positionals.push(...words.splice(0));
    else if (word === "-" || !word.startsWith("-")) positionals.push(word);
    else {
      const { written, inline } = splitFlag(word);
      const [name, argument] = findFlag(declared, written, commandName);
      values[name] =
        argument.type === "boolean"
          ? booleanValue(written, inline)
          : stringValue(written, inline, words);
    }
  }
  const placed = placePositionals(declared, positionals, commandName);
  return { ...values, ...placed, _: positionals } as Values<A>;
}

/** `--name=value`, `-nvalue` and `-n=value` taken apart. Short flags are not bundled: each takes what follows. */
function splitFlag(word: string): { written: string; inline: string | undefined } {
  if (!word.startsWith("--")) {
    const rest = word.slice(2);
    return { written: word.slice(0, 2), inline: rest === "" ? undefined : rest.replace(/^=/, "") };
  }
  const equals = word.indexOf("=");
  if (equals < 0) return { written: word, inline: undefined };
  return { written: word.slice(0, equals), inline: word.slice(equals + 1) };
}

function findFlag(declared: Arguments, written: string, commandName: string): [string, Argument] {
  const flags = Object.entries(declared).filter(([, { type }]) => type !== "positional");
  const found = flags.find(
    ([name, { alias }]) => written === `--${name}` || (alias && written === `-${alias}`),
  );
  if (found) return found;
  throw unknownFlag(written, declared, commandName);
}

const flagNames = (declared: Arguments): string[] =>
  Object.entries(declared)
    .filter(([, { type }]) => type !== "positional")
    .map(([name]) => name);

function booleanValue(written: string, inline: string | undefined): boolean {
  if (inline === undefined || inline === "true") return true;
  if (inline === "false") return false;
  throw new UserError(`${written} takes no value`);
}

function stringValue(written: string, inline: string | undefined, rest: string[]): string {
  if (inline !== undefined) return inline;
  const value = rest.shift();
  if (value === undefined) throw new UserError(`${written} needs a value`);
  if (value.startsWith("-") && value !== "-") {
    throw new UserError(
      `${written} needs a value (one that begins with a dash: ${written}=${value})`,
    );
  }
  return value;
}

function placePositionals(
  declared: Arguments,
  given: readonly string[],
  commandName: string,
): Record<string, string> {
  const names = Object.keys(declared).filter((name) => declared[name]?.type === "positional");
  const variadic = names.some((name) => declared[name]?.variadic);
  const surplus = variadic ? undefined : given[names.length];
  if (surplus !== undefined) throw unexpectedArgument(surplus, declared, commandName);
  return Object.fromEntries(
    names.flatMap((name, index) => {
      const value = given[index];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** Perhaps a flag without its dashes. */
function unexpectedArgument(word: string, declared: Arguments, commandName: string): UserError {
  const suggestion = nearest(word, flagNames(declared));
  return new UserError(
    `unexpected argument ${JSON.stringify(word)}${suggestion ? `; did you mean --${suggestion}?` : ""}\n${seeHelp(commandName)}`,
  );
}

function unknownFlag(raw: string, declared: Arguments, commandName: string): UserError {
  const suggestion = nearest(raw.replace(/^-+/, ""), flagNames(declared));
  return new UserError(
    `unknown flag: ${raw}${suggestion ? `; did you mean --${suggestion}?` : ""}\n${seeHelp(commandName)}`,
  );
}

/** The program itself has no name here. */
const seeHelp = (commandName: string) =>
  `See \`databricks ${commandName}${commandName && " "}--help\`.`;

/** The known word closest to `word`, if it is close enough to be a slip. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((candidate) => ({
      candidate,
      distance: editDistance(word.toLowerCase(), candidate.toLowerCase()),
    }))
    .sort((a, b) => a.distance - b.distance);
  return best && best.distance <= Math.max(1, Math.floor(word.length / 3))
    ? best.candidate
    : undefined;
}

/** Optimal string alignment distance: insertions, deletions, replacements, neighbours swapped. */
function editDistance(a: string, b: string): number {
  const rows = Array.from({ length: a.length + 1 }, (_, i) => [i]);
  const at = (i: number, j: number) => rows[i]?.[j] ?? j;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, at(i - 1, j - 1) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, at(i - 2, j - 2) + 1);
      }
      rows[i]?.splice(j, 1, cost);
    }
  }
  return at(a.length, b.length);
}
