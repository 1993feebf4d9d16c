/** What could stand at the end of a command line. The shells' scripts (completion.ts) ask for it. */
import { withoutPassword } from "../config/host.ts";
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
  args: {
    current: { type: "string", description: "the word being typed; the last one without it" },
    WORDS: { type: "positional", required: false, description: "", variadic: true },
  },
  examples: [],
  /** Each candidate is a line: word, tab, meaning. */
  async run({ _: typed, current }, context) {
    const words = current === undefined ? typed : [...typed, current];
    for (const { word, meaning } of await candidates(words, context)) {
      context.stdout.write(`${word}\t${meaning}\n`);
    }
  },
});

async function candidates(line: readonly string[], context: Context): Promise<Candidate[]> {
  const { findCommand } = await import("./tree.ts");
  const words = line[0] === "help" && line.length > 1 ? line.slice(1) : line;
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
  return countPositionals(rest, declared) > 0 && !takesMore(declared)
    ? []
    : startingWith(current, await valuesOf(positionalOf(declared), context));
}

/** How many of the words are neither flags nor their values. */
function countPositionals(words: readonly string[], declared: Arguments): number {
  return words.filter(
    (word, index) => !word.startsWith("-") && flagBefore(words.slice(0, index), declared) === null,
  ).length;
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
    case "host":
      return hosts(context);
    default:
      return [];
  }
}

/** Names with control signs are left out: neither a line here nor one of a shell can hold them. */
function profiles(context: Context): Candidate[] {
  try {
    return listProfiles(readConfigFile(configPath(context)))
      .map(({ name, settings }) => ({
        word: name,
        meaning: withoutPassword(settings.get("host") ?? ""),
      }))
      .filter(({ word, meaning }) => !/\p{Cc}/u.test(word + meaning));
  } catch {
    // A line that is being typed is no place for errors.
    return [];
  }
}

/** The hosts of profiles, each with the first that has it. */
function hosts(context: Context): Candidate[] {
  const byHost = new Map<string, string>();
  for (const { word: name, meaning: host } of profiles(context)) {
    if (host !== "" && !byHost.has(host)) byHost.set(host, name);
  }
  return [...byHost].map(([word, meaning]) => ({ word, meaning }));
}
