/** The command tree; dispatch; an error becomes its text and an exit code. */
import { VERSION } from "./build-info.ts";
import type { Group, Leaf } from "./commands/command.ts";
import { type Found, findCommand } from "./commands/tree.ts";
import type { Context } from "./context.ts";
import { Interrupted, messageOf, UserError } from "./errors.ts";

/**
 * Runs the command that `argv` (without the program's own name) asks for.
 * @returns the exit code: 0, 1, or 130 when the person interrupted
 */
export async function run(argv: readonly string[], context: Context): Promise<number> {
  try {
    await dispatch(argv, context);
    return 0;
  } catch (error) {
    if (error instanceof Interrupted) return 130;
    // A message may quote a file or an argument that came from elsewhere.
    const { printable } = await import("./output.ts");
    context.stderr.write(`Error: ${printable(messageOf(error))}\n`);
    if (!(error instanceof UserError) && error instanceof Error && error.stack) {
      context.debug(error.stack);
    }
    return 1;
  } finally {
    await Promise.allSettled(context.unfinished);
  }
}

/** For those who know the official CLI's commands. */
const NOT_HERE =
  "This program signs people in; jobs, clusters and the rest of the API are for the official Databricks CLI.";

async function dispatch(argv: readonly string[], context: Context): Promise<void> {
  const found = findCommand(argv[0] === "help" ? [...argv.slice(1), "--help"] : argv);
  const { node, path, rest } = found;
  if (path[0] === "auth" || path[0] === "configure") context.guardMemory();
  if (typeof node !== "function") await runGroup(node, found, context);
  else await runLeaf(node, rest, context);
}

function printVersion({ stdout }: Context): void {
  stdout.write(`Databricks CLI v${VERSION}\n`);
}

/** Whether one of the flags is given. What follows `--` is none. */
function hasFlag(words: readonly string[], ...flags: string[]): boolean {
  const end = words.indexOf("--");
  return words.slice(0, end < 0 ? words.length : end).some((word) => flags.includes(word));
}

async function runLeaf(leaf: Leaf, rest: readonly string[], context: Context): Promise<void> {
  const command = await leaf();
  if (hasFlag(rest, "--help", "-h")) {
    const { renderCommandHelp } = await import("./commands/help.ts");
    context.stdout.write(renderCommandHelp(command, context));
    return;
  }
  const { parseArguments } = await import("./commands/arguments.ts");
  const values = parseArguments(command.args, rest, command.name);
  if (values["version"]) return printVersion(context);
  const { checkOutput } = await import("./commands/command.ts");
  checkOutput(values["output"]);
  await command.run(values, context);
}

/** Its default command, else its help. */
async function runGroup(group: Group, found: Found, context: Context): Promise<void> {
  const { path, unknown, rest } = found;
  // First of all: the flags may be those of the command that was meant.
  if (unknown !== undefined) throw await unknownCommand(unknown, group, found);
  const { parseArguments } = await import("./commands/arguments.ts");
  const { authArgs } = await import("./commands/command.ts");
  const { renderGroupHelp } = await import("./commands/help.ts");
  const { help, version } = parseArguments(authArgs, rest, path.join(" "));
  if (version) printVersion(context);
  else if (group.default && !help) await runLeaf(group.default, rest, context);
  else context.stdout.write(await renderGroupHelp(group, path, context));
}

async function unknownCommand(
  unknown: string,
  group: Group,
  { path, flags }: Found,
): Promise<UserError> {
  const { nearest, parseArguments } = await import("./commands/arguments.ts");
  const { authArgs } = await import("./commands/command.ts");
  const { shownChildren } = await import("./commands/help.ts");
  const names = (of: Group) => shownChildren(of).map(([name]) => name);
  // Of this group first, then of those below it: `databricks login` lacks a word.
  const below = shownChildren(group).flatMap(([name, child]) => {
    const found = typeof child === "function" ? undefined : nearest(unknown, names(child));
    return found ? [`${name} ${found}`] : [];
  });
  const suggestion = nearest(unknown, names(group)) ?? below[0];
  // What is like no command may be the value of a flag that is misspelt.
  if (!suggestion) parseArguments(authArgs, flags, path.join(" "));
  const full = ["databricks", ...path].join(" ");
  const meant = suggestion ? `; did you mean \`${full} ${suggestion}\`?` : "";
  const elsewhere = path.length === 0 && !suggestion ? ` ${NOT_HERE}` : "";
  return new UserError(
    `unknown command: ${full} ${unknown}${meant}\nSee \`${full} --help\`.${elsewhere}`,
  );
}
