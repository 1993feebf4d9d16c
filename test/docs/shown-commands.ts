/**
 * The commands of a document, and the machines on which they are run.
 *
 * A block of `console` shows commands behind `$ `, and what they print; a block of `sh` commands
 * alone. In what is shown, `…` stands for any text, and alone on a line for any lines. A command
 * whose output shows `Error: ` is to end with 1, all others with 0.
 *
 * A comment `<!-- machine: KEYRING` in the document begins a new machine for the blocks below it:
 * a state of scripts/acceptance/case.ts. Further lines of the comment are run there before, and
 * may use what scripts/acceptance/prelude.sh has. At the top there is a machine with an unlocked
 * keyring and an empty home folder.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { findCases, type KeyringState } from "../../scripts/acceptance/case.ts";
import { KEYRING_NEEDS, missingFor } from "../../scripts/acceptance/needs.ts";
import { normalise } from "../../scripts/acceptance/normalise.ts";
import { runCase } from "../../scripts/acceptance/sandbox.ts";
import type { Part } from "./markdown.ts";

export interface ShownCommand {
  /** As a shell takes it; several lines where it goes on behind `\`. */
  command: string;
  /** What the document shows; null where it shows nothing. */
  output: string | null;
  line: number;
}

export interface Machine {
  keyring: KeyringState;
  setup: string;
  commands: ShownCommand[];
}

export interface Ran extends ShownCommand {
  printed: string;
  exitCode: number;
}

/** Hosts that the documents speak of; the embedded workspace is reached under their names. */
const HOSTS = ["adb-1.2.azuredatabricks.net", "adb-3.4.azuredatabricks.net"];
const CONSOLES = ["accounts.cloud.databricks.com", "login.databricks.com"];
const SWITCHES = { discoveredOrigin: `https://${HOSTS[0]}`, hostMetadata: "absent" };

/** The home folder of the documents' person. */
const HOME = "/home/ada";

export function machinesOf(parts: readonly Part[]): Machine[] {
  let machine: Machine = { keyring: "unlocked", setup: "", commands: [] };
  const machines = [machine];
  for (const part of parts) {
    if (part.kind === "block") machine.commands.push(...commandsOf(part));
    const [, keyring, setup = ""] =
      part.kind === "comment" ? (/^ machine: (\S+)([\s\S]*)$/.exec(part.text) ?? []) : [];
    if (!keyring) continue;
    if (!isState(keyring)) throw new Error(`no such machine: ${keyring}`);
    machine = { keyring, setup: setup.trim(), commands: [] };
    machines.push(machine);
  }
  return machines.filter(({ commands }) => commands.length > 0);
}

const isState = (word: string): word is KeyringState => word in KEYRING_NEEDS;

function commandsOf({ language, text, line }: Part & { kind: "block" }): ShownCommand[] {
  if (language !== "sh" && language !== "console") return [];
  const found: ShownCommand[] = [];
  let open = false;
  for (const [index, shown] of text.trimEnd().split("\n").entries()) {
    const last = found.at(-1);
    const [, typed] = language === "sh" ? [null, shown] : (/^\$ (.*)$/.exec(shown) ?? []);
    if (open && last) last.command += `\n${shown}`;
    else if (typed !== undefined) {
      if (typed === "" || typed.startsWith("#")) continue;
      found.push({ command: typed, output: null, line: line + index });
    } else if (last) last.output = `${last.output ?? ""}${shown}\n`;
    open = (open || typed !== undefined) && shown.endsWith("\\");
  }
  return found;
}

/** What a machine's commands need and this machine lacks. */
export function missingForMachine({ keyring }: Machine): string[] {
  return missingFor({ keyring, needs: ["openssl"] });
}

const header = (keyring: string) =>
  `# keyring: ${keyring}\n# workspace ${JSON.stringify(SWITCHES)}\n# hosts: ${[...HOSTS, ...CONSOLES].join(" ")}\n# timeout: 60\n\n`;

function caseIn(folder: string, script: string) {
  const file = join(folder, "document/machine/script");
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, script);
  const [found] = findCases(folder);
  if (!found) throw new Error("no case");
  return found;
}

const [BEGIN, END] = ["\x1e", "\x1f"];

/** Runs the commands one after the other in one shell, but for those that `isLeftOut`. */
export async function runMachine(
  machine: Machine,
  binary: string,
  folder: string,
  isLeftOut: (command: string) => boolean,
): Promise<Ran[]> {
  const commands = machine.commands.filter(({ command }) => !isLeftOut(command));
  const steps = commands.map(
    ({ command }) => `printf '${BEGIN}'\n${command}\nprintf '${END}%s\\n' "$?"`,
  );
  const home = 'cd "$HOME"\n';
  const script = `${header(machine.keyring)}${home}${machine.setup}\n${steps.join("\n")}\n`;
  const printed = await runCase(caseIn(folder, script), binary);
  const results = [...printed.matchAll(new RegExp(`${BEGIN}([^${END}]*)${END}(\\d+)\n`, "g"))];
  // Nothing before, between or after: neither a failed setup nor something left behind.
  const whole = results.map(([text]) => text).join("");
  if (results.length !== commands.length || whole !== printed) throw new Error(printed);
  return commands.map((command, index) => {
    const [, text = "", exitCode = ""] = results[index] ?? [];
    return { ...command, printed: text, exitCode: Number(exitCode) };
  });
}

/** Whether the document shows what was printed. */
export function isShown({ output, printed }: Ran): boolean {
  if (output === null) return true;
  const lines = canonical(output).split("\n");
  const pattern = lines.map((line, index) => {
    if (line === "…") return "(?:.*\\n)*";
    const text = line.split("…").map(RegExp.escape).join(".*");
    return index === lines.length - 1 ? text : `${text}\\n`;
  });
  return new RegExp(`^${pattern.join("")}$`).test(canonical(printed));
}

/** Without what differs from run to run, and with the documents' home folder. */
function canonical(text: string): string {
  const lines = normalise(text.replaceAll(HOME, "[HOME]"), {}).trimEnd().split("\n");
  return `${lines.map((line) => line.trimEnd().replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d/g, "[TIME]")).join("\n")}\n`;
}
