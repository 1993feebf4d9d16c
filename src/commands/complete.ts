/** What could stand at the end of a command line. The shells' scripts (completion.ts) ask for it. */
import { listProfiles, readConfigFile } from "../config/profiles.ts";
import { type Context, configPath } from "../context.ts";
import { STORAGE_MODES } from "../storage/mode.ts";
import {
  type Argument,
  type Arguments,
  authArgs,
  command,
  type Group,
  globalArgs,
} from "./command.ts";
import { shownChildren } from "./help.ts";

/** A word, and what it means, for the shells that show it. */
interface Candidate {
  word: string;
  meaning: string;
}

export default command({
  name: "__complete",
  summary: "print what could come next",
  args: { WORDS: { type: "positional", required: false, description: "", variadic: true } },
  examples: [],
  /** The last word is the one being typed. Each candidate is a line: word, tab, meaning. */
  async run({ _: words }, context) {
    for (const { word, meaning } of await candidates(words, context)) {
      context.stdout.write(`${word}\t${meaning}\n`);
    }
  },
});

async function candidates(words: readonly string[], context: Context): Promise<Candidate[]> {
  const { findCommand } = await import("./tree.ts");
  const current = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const { node, rest } = findCommand(before);
  const found = typeof node === "function" ? await node() : null;
  const declared: Arguments = found?.args ?? { ...authArgs, ...globalArgs };
  const flag = flagBefore(before, declared);
  const inline = /^(--[\w-]+)=(.*)$/s.exec(current);
  if (inline) {
    const [, name = "", value = ""] = inline;
    return (await valuesOf(name.slice(2), context))
      .filter(({ word }) => word.startsWith(value))
      .map(({ word, meaning }) => ({ word: `${name}=${word}`, meaning }));
  }
  if (flag !== null) return startingWith(current, await valuesOf(flag, context));
  if (current.startsWith("-")) return startingWith(current, flagsOf(declared));
  if (typeof node !== "function") return startingWith(current, await wordsOf(node));
  return rest.some((word) => !word.startsWith("-")) && !takesMore(declared)
    ? []
    : startingWith(current, await valuesOf(positionalOf(declared), context));
}

const startingWith = (start: string, all: Candidate[]) =>
  all.filter(({ word }) => word.startsWith(start));

/** The flag whose value is being typed, or null. */
function flagBefore(before: readonly string[], declared: Arguments): string | null {
  const last = before.at(-1) ?? "";
  const entry = Object.entries(declared).find(
    ([name, { alias, type }]) =>
      type === "string" && (last === `--${name}` || last === `-${alias}`),
  );
  return entry?.[0] ?? null;
}

function flagsOf(declared: Arguments): Candidate[] {
  return Object.entries(declared)
    .filter(([, { type, hidden }]) => type !== "positional" && !hidden)
    .map(([name, { description }]) => ({ word: `--${name}`, meaning: description }));
}

async function wordsOf(group: Group): Promise<Candidate[]> {
  return Promise.all(
    shownChildren(group).map(async ([word, child]) => ({
      word,
      meaning: typeof child === "function" ? (await child()).summary : child.summary,
    })),
  );
}

const positionals = (declared: Arguments): [string, Argument][] =>
  Object.entries(declared).filter(([, { type }]) => type === "positional");
const positionalOf = (declared: Arguments) => positionals(declared)[0]?.[0] ?? "";
const takesMore = (declared: Arguments) =>
  positionals(declared).some(([, { variadic }]) => variadic);

/** The values of a flag or positional that are known beforehand. */
async function valuesOf(name: string, context: Context): Promise<Candidate[]> {
  const fixed = (words: readonly string[]) => words.map((word) => ({ word, meaning: "" }));
  switch (name) {
    case "output":
      return fixed(["text", "json"]);
    case "storage":
    case "to":
    case "MODE":
      return fixed(STORAGE_MODES);
    case "SHELL":
      return fixed(["bash", "zsh", "fish", "powershell"]);
    case "profile":
    case "PROFILE":
      return profiles(context);
    default:
      return [];
  }
}

function profiles(context: Context): Candidate[] {
  try {
    return listProfiles(readConfigFile(configPath(context))).map(({ name, settings }) => ({
      word: name,
      meaning: settings.get("host") ?? "",
    }));
  } catch {
    // A line that is being typed is no place for errors.
    return [];
  }
}
