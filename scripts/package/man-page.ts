/** The manual page, made from the declarations of the commands: it cannot say what they do not. */
import {
  type Argument,
  type Arguments,
  authArgs,
  type Command,
  type Group,
  globalArgs,
  type Leaf,
} from "../../src/commands/command.ts";
import { shownChildren } from "../../src/commands/help.ts";

/** Variables that the program reads itself; those of the SDKs are described by `auth describe`. */
export const ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  [
    "DATABRICKS_AUTH_STORAGE",
    "secure or plaintext: where tokens are kept; beaten by --storage, and beats auth_storage in the config file",
  ],
  ["DATABRICKS_CONFIG_FILE", "the config file, in place of ~/.databrickscfg"],
  ["DATABRICKS_CONFIG_PROFILE", "the profile where none is named"],
  [
    "DATABRICKS_HOST, DATABRICKS_ACCOUNT_ID, DATABRICKS_WORKSPACE_ID",
    "what --host, --account-id and --workspace-id say",
  ],
  ["DATABRICKS_OUTPUT_FORMAT", "text or json: the default of --output, but for auth token"],
  ["DATABRICKS_OAUTH_CALLBACK_PORT", "the port of the browser's answer; else one of 8020 to 8040"],
  ["DATABRICKS_DISCOVERY_HOST", "where a login without a host starts"],
  ["BROWSER", "the program that opens the link of a login; none prints the link and opens nothing"],
  ["CI", "set: nobody is asked anything"],
  ["NO_COLOR", "set: no colours"],
  ["HTTPS_PROXY, NO_PROXY", "the proxy for requests, and hosts that are asked without it"],
  ["NODE_EXTRA_CA_CERTS", "a file of further certificates to trust, beside the system's"],
];

const INDEPENDENT =
  "An independent program, which is not made by, endorsed by or affiliated with Databricks.";

const FILES = [
  ["~/.databrickscfg", "the profiles, and settings of the program under [__settings__]"],
  ["~/.databricks/token-cache.json", "tokens, in plaintext mode or where there is no keyring"],
  ["~/.databricks/locks", "locks between processes; no secrets"],
] as const;

const EXIT_STATUS = [
  ["0", "done"],
  ["1", "an error, told on stderr"],
  ["129", "the terminal was closed"],
  ["130", "interrupted by Ctrl-C, or a question was not answered"],
  ["143", "ended by SIGTERM"],
] as const;

/** The page databricks(1) in the man macros of roff. `date` is the day of the release, `YYYY-MM-DD`. */
export async function renderManPage(tree: Group, version: string, date: string): Promise<string> {
  const commands = await listCommands(tree);
  return [
    `.TH DATABRICKS 1 ${date} ${quoted(`databricks ${version}`)} ${quoted("User Commands")}\n`,
    section("NAME", "databricks \\- sign in to Databricks and keep the login in the keyring"),
    section("SYNOPSIS", ...commands.map(synopsis).join("\n.br\n").split("\n")),
    section("DESCRIPTION", sentence(tree.summary), ".PP", INDEPENDENT),
    section("COMMANDS", ...commands.map(describeCommand)),
    section("FLAGS OF ALL AUTH COMMANDS", ...flags(authArgs, globalArgs).map(describeFlag)),
    section("FLAGS OF ALL COMMANDS", ...flags(globalArgs).map(describeFlag)),
    section("ENVIRONMENT", ...ENVIRONMENT.map(term)),
    section("FILES", ...FILES.map(term)),
    section("EXIT STATUS", ...EXIT_STATUS.map(term)),
  ].join("");
}

async function listCommands(group: Group): Promise<Command[]> {
  const nested = await Promise.all(
    shownChildren(group).map(([, child]: [string, Group | Leaf]) =>
      typeof child === "function" ? child().then((command) => [command]) : listCommands(child),
    ),
  );
  return nested.flat();
}

/** The flags of `args` that people are told of, but for those that it shares with one of `others`. */
function flags(args: Arguments, ...others: Arguments[]): [string, Argument][] {
  return Object.entries(args)
    .filter(([, { type, hidden }]) => type !== "positional" && !hidden)
    .filter(([name, argument]) => others.every((other) => other[name] !== argument));
}

function words({ name, args }: Command): string {
  const positionals = Object.entries(args).filter(
    ([, { type, hidden }]) => type === "positional" && !hidden,
  );
  const shown = positionals.map(([word, { variadic }]) => ` [${word}${variadic ? " ..." : ""}]`);
  return `databricks ${name}${shown.join("")}`;
}

function synopsis(command: Command): string {
  return `.B ${roff(words(command))}\n[flags]`;
}

function describeCommand(command: Command): string {
  return [
    `.SS ${quoted(words(command))}`,
    sentence(command.summary),
    ...(command.details ? [".PP", roff(command.details)] : []),
    ...flags(command.args, authArgs, globalArgs).map(describeFlag),
    ...[".PP", "Examples:"],
    ...command.examples.flatMap(([line, effect]) => [
      ".PP",
      ".EX",
      roff(`  # ${effect}\n  databricks ${line}`),
      ".EE",
    ]),
  ].join("\n");
}

function describeFlag([name, { alias, valueHint, description }]: [string, Argument]): string {
  const value = valueHint ? ` \\fI${roff(valueHint)}\\fR` : "";
  const short = alias ? `\\fB\\-${alias}\\fR, ` : "";
  return `.TP\n${short}\\fB${roff(`--${name}`)}\\fR${value}\n${sentence(description)}`;
}

function term([name, meaning]: readonly [string, string]): string {
  return `.TP\n.B ${roff(name)}\n${roff(meaning)}`;
}

function section(title: string, ...lines: string[]): string {
  return `.SH ${title.includes(" ") ? quoted(title) : title}\n${lines.join("\n")}\n`;
}

function sentence(text: string): string {
  return roff(`${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.:]$/.test(text) ? "" : "."}`);
}

function quoted(text: string): string {
  return `"${roff(text).replaceAll('"', "\\(dq")}"`;
}

/** Text as roff takes it: dashes that can be copied, nothing that begins a line as a request does. */
function roff(text: string): string {
  return text
    .replaceAll("\\", "\\(rs")
    .replaceAll("-", "\\-")
    .replaceAll("~", "\\(ti")
    .replaceAll("^", "\\(ha")
    .replaceAll("`", "\\(ga")
    .replaceAll("…", "...")
    .replace(/^(?=[.'])/gm, "\\&");
}
