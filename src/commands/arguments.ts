/** Strict reading of a command line: unknown words are errors that suggest the nearest known one. */
import { parseArgs } from "node:util";
import { UserError } from "../errors.ts";
import type { Arguments, Values } from "./command.ts";

/**
 * The values of `argv` by a command's declaration. `node:util` splits the words; what it would
 * let slide in its lenient mode is refused here, so that messages name the nearest flag.
 *
 * @throws UserError for an unknown flag, a missing or surplus value, a surplus argument
 */
export function parseArguments<A extends Arguments>(
  declared: A,
  argv: readonly string[],
  commandName: string,
): Values<A> {
  const flags = Object.entries(declared).filter(([, { type }]) => type !== "positional");
  const options = Object.fromEntries(
    flags.map(([name, { type, alias }]) => [
      name,
      {
        type: type === "boolean" ? ("boolean" as const) : ("string" as const),
        ...(alias && { short: alias }),
      },
    ]),
  );
  const { tokens } = parseArgs({
    args: [...argv],
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, string | boolean | string[]> = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") positionals.push(token.value);
    if (token.kind !== "option") continue;
    const option = options[token.name];
    if (!option) throw unknownFlag(token.rawName, Object.keys(options), commandName);
    values[token.name] = option.type === "boolean" ? booleanValue(token) : stringValue(token);
  }
  return {
    ...values,
    ...placePositionals(declared, positionals, commandName),
    _: positionals,
  } as Values<A>;
}

interface OptionToken {
  index: number;
  rawName: string;
  value: string | undefined;
  inlineValue: boolean | undefined;
}

function booleanValue({ rawName, value, inlineValue }: OptionToken): boolean {
  if (!inlineValue || value === "true") return true;
  if (value === "false") return false;
  throw new UserError(`${rawName} takes no value`);
}

function stringValue({ rawName, value, inlineValue }: OptionToken): string {
  if (value === undefined) throw new UserError(`${rawName} needs a value`);
  if (!inlineValue && value.startsWith("-") && value !== "-") {
    throw new UserError(
      `${rawName} needs a value (one that begins with a dash: ${rawName}=${value})`,
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
  if (surplus !== undefined) {
    throw new UserError(
      `unexpected argument ${JSON.stringify(surplus)}; see \`databricks ${commandName} --help\``,
    );
  }
  return Object.fromEntries(
    names.flatMap((name, index) => {
      const value = given[index];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function unknownFlag(raw: string, known: readonly string[], commandName: string): UserError {
  const suggestion = nearest(raw.replace(/^-+/, ""), known);
  return new UserError(
    `unknown flag: ${raw}${suggestion ? `; did you mean --${suggestion}?` : ""}\nSee \`databricks ${commandName}${commandName && " "}--help\`.`,
  );
}

/** The known word closest to `word`, if it is close enough to be a slip. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
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
