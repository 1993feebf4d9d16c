/** How a command is declared, and the flags that several share. */
import { canonicalHost } from "../config/host.ts";
import type { Context } from "../context.ts";
import { messageOf, UserError } from "../errors.ts";
import type { OutputFormat } from "../output.ts";

/** One flag or positional argument. */
export interface Argument {
  type: "string" | "boolean" | "positional";
  description: string;
  /** One letter. */
  alias?: string;
  valueHint?: string;
  required?: false;
  /** Accepted, but not shown in help or completion. */
  hidden?: true;
  /** May be given any number of times, or more than one positional is taken. */
  variadic?: true;
}

export type Arguments = Readonly<Record<string, Argument>>;

/** The values of a command's arguments; undefined where not given. `_` holds all positionals. */
export type Values<A extends Arguments> = {
  [K in keyof A]: (A[K]["type"] extends "boolean" ? boolean : string) | undefined;
} & { _: string[] };

/** Command lines without the program's name, each with what it does. */
export type Examples = readonly (readonly [command: string, effect: string])[];

export interface Declaration<A extends Arguments> {
  /** The words after the program's name: "auth token". */
  name: string;
  /** One line for the list of commands. */
  summary: string;
  /** Further paragraphs for the command's own help. */
  details?: string;
  args: A;
  examples: Examples;
  run(values: Values<A>, context: Context): Promise<void>;
}

/** A declared command with its argument types erased, as the command tree holds it. */
export interface Command extends Omit<Declaration<Arguments>, "run"> {
  run(values: Values<Arguments>, context: Context): Promise<void>;
}

export function command<const A extends Arguments>(declaration: Declaration<A>): Command {
  return {
    ...declaration,
    run: (values, context) => declaration.run(values as Values<A>, context),
  };
}

/** A command is loaded when it is run, completed or listed, so that each run parses only its own code. */
export type Leaf = () => Promise<Command>;

/** A word of the command tree that has further words below it. */
export interface Group {
  summary: string;
  examples: Examples;
  /** What runs when none of them is given; without it, the help is shown. */
  default?: Leaf;
  children: Record<string, Group | Leaf>;
}

export const globalArgs = {
  profile: {
    type: "string",
    alias: "p",
    valueHint: "NAME",
    description: "profile of the config file",
  },
  output: {
    type: "string",
    alias: "o",
    valueHint: "text|json",
    description: "how results are printed",
  },
  debug: { type: "boolean", description: "tell on stderr what is being done; no secrets" },
  help: { type: "boolean", alias: "h", description: "show this help" },
  version: { type: "boolean", alias: "v", description: "print the version" },
} as const satisfies Arguments;

export const authArgs = {
  ...globalArgs,
  host: { type: "string", valueHint: "URL", description: "workspace or account host" },
  "account-id": { type: "string", valueHint: "ID", description: "Databricks account id" },
  "workspace-id": { type: "string", valueHint: "ID", description: "workspace id" },
  storage: {
    type: "string",
    valueHint: "secure|plaintext",
    description: "keep tokens in the OS keyring or in a file, for this run",
  },
  // Older SDKs give it; the host says itself what it is.
  "experimental-is-unified-host": { type: "boolean", description: "ignored", hidden: true },
} as const satisfies Arguments;

/** The positional of most `auth` commands, beside their flags. */
export const profileArgument = {
  PROFILE: { type: "positional", required: false, description: "profile name, or a host" },
} as const satisfies Arguments;

export function checkOutput(flag: string | undefined): void {
  if (flag === undefined || flag === "text" || flag === "json") return;
  throw new UserError(`--output: unknown format ${JSON.stringify(flag)} (want text or json)`);
}

/** The format of results: the flag, then DATABRICKS_OUTPUT_FORMAT (an unknown one is ignored), then the command's own. */
export function outputFormat(
  flag: string | undefined,
  context: Pick<Context, "env">,
  otherwise: OutputFormat = "text",
): OutputFormat {
  const wanted = flag ?? context.env["DATABRICKS_OUTPUT_FORMAT"]?.toLowerCase();
  return wanted === "json" || wanted === "text" ? wanted : otherwise;
}

/** What is wrong with a host, or undefined. */
export function hostProblem(line: string): string | undefined {
  try {
    canonicalHost(line);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

const DURATION_UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** What `setTimeout` can count to, in milliseconds: 24 days. It takes anything more for nothing at all. */
const LONGEST_TIMER = 2 ** 31 - 1;

/** Milliseconds of a duration such as `300s`, `5m` or `1h30m`, no more than a timer can count. @throws UserError naming the flag */
export function parseDuration(text: string, flag: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const total = parts.reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * (DURATION_UNITS[unit ?? ""] ?? 0),
    0,
  );
  if (parts.map(([part]) => part).join("") !== text || total <= 0) {
    throw new UserError(
      `${flag}: ${JSON.stringify(text)} is no duration (examples: 300s, 5m, 1h30m)`,
    );
  }
  return Math.min(total, LONGEST_TIMER);
}
