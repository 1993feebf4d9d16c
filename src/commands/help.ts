/** Help texts, made from the declarations. */
import type { Context } from "../context.ts";
import { renderTable, stylist } from "../output.ts";
import {
  type Argument,
  authArgs,
  type Command,
  type Examples,
  type Group,
  globalArgs,
} from "./command.ts";

const indent = (text: string) => text.replace(/^(?=.)/gm, "  ");

function flagWords(name: string, { alias, valueHint }: Argument): string {
  const short = alias ? `-${alias}, ` : "    ";
  return `${short}--${name}${valueHint ? ` ${valueHint}` : ""}`;
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.\n`;

function renderExamples(examples: Examples, style: ReturnType<typeof stylist>): string {
  const lines = examples.map(
    ([line, effect]) => `  ${style("dim", `# ${effect}`)}\n  databricks ${line}\n`,
  );
  return `${style("bold", "Examples:")}\n${lines.join("")}`;
}

/** The help of one command: usage, what it does, arguments, flags, examples. */
export function renderCommandHelp(command: Command, context: Context): string {
  const style = stylist(context, context.stdout);
  const shown = Object.entries(command.args).filter(([, argument]) => !argument.hidden);
  const positionals = shown.filter(([, { type }]) => type === "positional");
  const flags = shown.filter(([, { type }]) => type !== "positional");
  const rows = (entries: [string, Argument][]) =>
    indent(
      renderTable(
        entries.map(([name, argument]) => [flagWords(name, argument), argument.description]),
      ),
    );
  const own = [
    ...flags.filter(([name]) => !(name in authArgs)),
    ...flags.filter(([name]) => name in authArgs && !(name in globalArgs)),
  ];
  const shared = flags.filter(([name]) => name in globalArgs);
  const usage = [
    "databricks",
    command.name,
    ...positionals.map(([name, { variadic }]) => `[${name}${variadic ? "…" : ""}]`),
    "[flags]",
  ].join(" ");
  const sections = [
    sentence(command.summary),
    ...(command.details ? [`${command.details}\n`] : []),
    `${style("bold", "Usage:")} ${usage}\n`,
    ...(positionals.length > 0
      ? [
          `${style("bold", "Arguments:")}\n${indent(renderTable(positionals.map(([name, { description }]) => [name, description])))}`,
        ]
      : []),
    ...(own.length > 0 ? [`${style("bold", "Flags:")}\n${rows(own)}`] : []),
    `${style("bold", "Global flags:")}\n${rows(shared)}`,
    renderExamples(command.examples, style),
  ];
  return sections.join("\n");
}

/** The children that people are told of. */
export const shownChildren = (group: Group) =>
  Object.entries(group.children).filter(([name]) => !name.startsWith("__"));

/** The help of a group: its commands, one a line, and examples. */
export async function renderGroupHelp(
  group: Group,
  path: readonly string[],
  context: Context,
): Promise<string> {
  const style = stylist(context, context.stdout);
  const rows = await Promise.all(
    shownChildren(group).map(async ([name, child]) => [
      name,
      typeof child === "function" ? (await child()).summary : child.summary,
    ]),
  );
  const full = ["databricks", ...path].join(" ");
  return [
    sentence(group.summary),
    `${style("bold", "Usage:")} ${full} COMMAND [flags]\n`,
    `${style("bold", "Commands:")}\n${indent(renderTable(rows))}`,
    renderExamples(group.examples, style),
    `Run \`${full} COMMAND --help\` for a command's flags and examples.\n`,
  ].join("\n");
}
