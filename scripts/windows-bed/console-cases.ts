/** The program on a console of Windows, which Wine shows on a terminal of Linux. */
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { startOnTerminal, type TerminalSession } from "../../test/support/terminal-session.ts";
import type { BedCase } from "./cases.ts";
import { HOME, PROGRAMS, type Wine } from "./wine.ts";

const DOWN = "\x1b[B";
const ENTER = "\r";
const CTRL_C = "\x03";

const PROFILES = "[first]\nhost = https://a.example.com\n\n[größe]\nhost = https://b.example.com\n";

/** A case with two profiles and the program on a console. */
function onConsole(
  name: string,
  args: readonly string[],
  play: (session: TerminalSession, config: () => string) => Promise<void>,
): BedCase {
  return {
    name: `on a console, ${name}`,
    async run(wine: Wine) {
      const config = wine.path(`${HOME}/.databrickscfg`);
      writeFileSync(config, PROFILES);
      const command = wine.argv(`${PROGRAMS}/databricks.exe`, args);
      const env = { PATH: process.env["PATH"] ?? "" };
      const session = startOnTerminal(command, { cwd: "/", env });
      try {
        await play(session, () => readFileSync(config, "utf8"));
      } finally {
        await session.close();
      }
    },
  };
}

export const consoleCases: readonly BedCase[] = [
  onConsole(
    "text is UTF-8, and escape sequences are obeyed",
    ["auth", "profiles", "--skip-validate"],
    async (session) => {
      await session.see("größe");
      assert.equal(await session.ended, 0);
      // Bold: a console that took it for text would show a sign for the escape.
      assert.match(session.raw, /\x1b\[1mName/);
    },
  ),

  onConsole("a profile is picked with the keys", ["auth", "switch"], async (session, config) => {
    await session.see("Type: to search");
    session.type(DOWN);
    // Only the choice that is marked shows its host.
    await session.see("größe (https://b.example.com)");
    session.type(ENTER);
    await session.see("Profile größe is now the default");
    assert.equal(await session.ended, 0);
    assert.match(config(), /^default_profile = größe$/m);
  }),

  onConsole(
    "Ctrl-C ends a login with 130",
    ["auth", "login", "-p", "x", "--host", "accounts.example.com", "--account-id", "a"],
    async (session) => {
      await session.see("code_challenge_method=S256");
      session.type(CTRL_C);
      assert.equal(await session.ended, 130);
    },
  ),
];
