/** Clients of every kind at once, over one expired token. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "./clients.ts";
import { accessTokenIn, type Machine, USER } from "./machine.ts";

export const MANY_AT_ONCE = "eight at once, the refresh token rotates, one program is killed";

const PROFILE = "work";
const AT_ONCE = 8;
const REQUESTS = 3;
/** How long the token endpoint takes, in milliseconds: long enough for the others to come and wait. */
const DELAY = 2000;

/**
 * Eight processes want a new token; the server gives every refresh token one use, and revokes
 * the login of whoever sends one twice. The program that asks first is killed while it waits:
 * a client may lose its program and say so, the other seven must not notice.
 */
export async function manyAtOnce(machine: Machine, commands: readonly Command[]): Promise<string> {
  const { workspace } = machine;
  workspace.control.accessLifetimeSeconds = 1;
  await machine.login(PROFILE);
  workspace.control.accessLifetimeSeconds = 3600;
  await Bun.sleep(1000);

  workspace.control.delayMs = { token: DELAY };
  const running = Array.from({ length: AT_ONCE }, (_, index) => {
    const command = commands[index % commands.length];
    assert.ok(command);
    return machine.askUncounted({ command, requests: REQUESTS, profile: PROFILE });
  });
  let over = false;
  const all = Promise.all(running).finally(() => {
    over = true;
  });
  while (!over && workspace.count("refresh_token") === 0) await Bun.sleep(5);
  const holder = holderOfLock(join(machine.home, ".databricks/locks"));
  process.kill(holder, "SIGKILL");
  await Bun.sleep(DELAY / 2);
  workspace.control.delayMs = {};
  const asked = await all;

  const said = JSON.stringify(asked);
  const troubled = asked.filter(({ answers }) => answers.some(({ error }) => error !== undefined));
  assert.ok(troubled.length <= 1, said);
  for (const { answers } of asked.filter((each) => !troubled.includes(each))) {
    assert.deepEqual(
      answers.map(({ user }) => user),
      Array.from({ length: REQUESTS }, () => USER),
      said,
    );
  }
  const statuses = workspace.requests
    .filter(({ grant }) => grant === "refresh_token")
    .map(({ status }) => status);
  assert.deepEqual(new Set(statuses), new Set([null, 200]), said);
  accessTokenIn(await machine.run(["auth", "token", "--profile", PROFILE, "--force-refresh"]));
  return `${AT_ONCE - troubled.length} of ${AT_ONCE} noticed nothing`;
}

/** The process that holds a lock on one of the files in the folder, as the kernel tells. */
function holderOfLock(folder: string): number {
  const inodes = readdirSync(folder).map((file) => String(statSync(join(folder, file)).ino));
  const held = readFileSync("/proc/locks", "utf8")
    .split("\n")
    .map((line) => /FLOCK +ADVISORY +WRITE +(\d+) +\S+:(\d+) /.exec(line))
    .find((match) => inodes.includes(match?.[2] ?? ""));
  assert.ok(held, "nobody holds the lock");
  return Number(held[1]);
}
