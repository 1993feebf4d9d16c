/**
 * One acceptance case: a folder with a `script`, its `output.txt`, and optionally `home/`
 * (copied as HOME) and `keys` (typed on the terminal).
 *
 * A script opens with a block of comments that say what it needs, up to the first other line:
 *
 *     # keyring: STATE          the keyring it finds; storage is then the default, not plaintext
 *     # workspace [JSON]        an embedded workspace, with these switches
 *     # hosts: NAME…            names under which the workspace is reached as https://NAME, too
 *     # terminal                stdin, stdout and stderr are a terminal
 *     # needs: NAME…            programs, libraries (`*.so*`), `mounts` or `linux`; missing, it is skipped
 *     # timeout: SECONDS        30 when not said
 */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SessionState } from "../../test/support/secret-service.ts";
import { KEYRING_NEEDS } from "./needs.ts";

/** A state of `test/support/secret-service.ts`, or a machine without libsecret. */
export type KeyringState = SessionState | "no-library";

/** Text that must come to the terminal, after that of the keys before, for `send` to be typed. */
export interface Keystrokes {
  waitFor: string;
  send: string;
}

export interface Case {
  /** `<command>/<case>`. */
  name: string;
  folder: string;
  keyring: KeyringState | null;
  /** Switches of the embedded workspace; null where the case has none. */
  workspace: object | null;
  /** Names by which the workspace is reached over HTTPS; it is the proxy for that itself. */
  hosts: string[];
  terminal: boolean;
  keys: Keystrokes[];
  needs: string[];
  timeoutMs: number;
}

const DEFAULT_TIMEOUT_MS = 30_000;

const KEYS: Record<string, string> = {
  enter: "\r",
  escape: "\x1b",
  up: "\x1b[A",
  down: "\x1b[B",
  tab: "\t",
  backspace: "\x7f",
  "ctrl-c": "\x03",
  "ctrl-d": "\x04",
  "ctrl-u": "\x15",
  /** For text that must come, and is gone at the end. */
  nothing: "",
};

/** All cases below `root` in the order of their names, each found by its script. Throws on a bad header. */
export function findCases(root: string): Case[] {
  const scripts = [...new Bun.Glob("*/*/script").scanSync(root)].sort();
  return scripts.map((script) => readCase(dirname(script), join(root, dirname(script))));
}

function readCase(name: string, folder: string): Case {
  const keysFile = join(folder, "keys");
  const found: Case = {
    name,
    folder,
    keyring: null,
    workspace: null,
    hosts: [],
    terminal: false,
    keys: existsSync(keysFile) ? parseKeys(readFileSync(keysFile, "utf8")) : [],
    needs: [],
    timeoutMs: DEFAULT_TIMEOUT_MS,
  };
  for (const line of readFileSync(join(folder, "script"), "utf8").split("\n")) {
    const header = /^# ?([a-z]+):? ?(.*)$/.exec(line);
    if (!header) break;
    try {
      applyHeader(found, header[1] ?? "", (header[2] ?? "").trim());
    } catch (error) {
      throw new Error(`${name}/script: ${line}: ${error instanceof Error ? error.message : error}`);
    }
  }
  return found;
}

function applyHeader(target: Case, name: string, value: string): void {
  switch (name) {
    case "keyring":
      target.keyring = keyringState(value);
      return;
    case "workspace":
      target.workspace = value === "" ? {} : (JSON.parse(value) as object);
      return;
    case "hosts":
      target.hosts.push(...value.split(/\s+/));
      target.needs.push("openssl");
      return;
    case "terminal":
      target.terminal = true;
      return;
    case "needs":
      target.needs.push(...value.split(/\s+/));
      return;
    case "timeout":
      target.timeoutMs = Number(value) * 1000;
      return;
    default:
      throw new Error("no such header (comments come after a blank line)");
  }
}

function keyringState(value: string): KeyringState {
  if (!(value in KEYRING_NEEDS)) throw new Error(`want one of ${Object.keys(KEYRING_NEEDS)}`);
  return value as KeyringState;
}

/** Lines `text on the terminal => keys`, where `<enter>`, `<down>`… are named keys. */
export function parseKeys(text: string): Keystrokes[] {
  return text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const [waitFor, keys] = line.split(" => ");
      if (!waitFor || keys === undefined) throw new Error(`want \`TEXT => KEYS\`: ${line}`);
      const send = keys.replace(/<([a-z-]+)>/g, (whole, name: string) => {
        const key = KEYS[name];
        if (key === undefined) throw new Error(`no key ${whole}`);
        return key;
      });
      return { waitFor, send };
    });
}
