/** Commands of every kind at the same time, on the same logins: a migration among refreshes, a login, a logout, a switch. */
import { missingTools, startSession } from "../support/secret-service.ts";
import { startWorkspace } from "../workspace/server.ts";
import { approve, type Bed, type Ended, makeBed } from "./bed.ts";
import { openEntries } from "./keyring-entries.ts";
import { busOf } from "./kills.ts";
import { type Entry, type Ground, readState } from "./logins.ts";
import type { Random } from "./random.ts";
import { type Bench, insist, needs, type OpenRow, type Row } from "./row.ts";

const REFRESHED = ["p0", "p1", "p2", "p3"];
const PROFILES = [...REFRESHED, "signing-in", "leaving"];

type Mode = "secure" | "plaintext";

export const allAtOnceRows: readonly Row[] = [
  {
    name: "everything at once",
    tries: { quick: 3, full: 60 },
    lacks: () => needs(missingTools()),
    open: openAllAtOnce,
  },
];

async function openAllAtOnce(bench: Bench): Promise<OpenRow> {
  const workspace = await startWorkspace();
  const session = await startSession("unlocked");
  const keyring = await openEntries(await session.connect());
  const counts = { commands: 0, missed: 0 };

  async function attempt(index: number, random: Random): Promise<void> {
    const to: Mode = index % 2 === 0 ? "secure" : "plaintext";
    const bed = makeBed(bench, busOf(session));
    const ground: Ground = { bed, workspace, keyring };
    workspace.reset();
    try {
      await seed(ground, to === "secure" ? "plaintext" : "secure");
      const migration = ["auth", "storage", "migrate", "--to", to, "--all"];
      const [moved, left, entered, switched, ...refreshed] = await Promise.all(
        [
          migration,
          ["auth", "logout", "leaving", "--auto-approve"],
          ["auth", "login", "-p", "signing-in", "--host", workspace.url],
          ["auth", "switch", random.pick(REFRESHED)],
          ...[...REFRESHED, ...REFRESHED].map((profile) => tokenArgs(profile)),
        ].map((args) => runAfter(600 * random.fraction(), args, bed)),
      );
      counts.commands += 4 + refreshed.length;
      for (const ended of [left, entered, switched]) requireDone(ended);
      for (const ended of refreshed) {
        // It looked in one place while the token went to the other.
        const missed = ended.stderr.includes("databricks OAuth is not configured");
        if (missed) counts.missed += 1;
        else requireDone(ended);
      }
      if (moved?.code !== 0)
        insist(
          /run the (same )?command again/.test(moved?.stderr ?? ""),
          () => `no way on: ${moved?.stderr}`,
        );
      requireDone(await bed.run(migration));
      await judge(ground, to, left?.stderr.includes("Logged out of profile leaving") ?? false);
    } finally {
      bed.close();
    }
  }

  return {
    attempt,
    note: () =>
      `${counts.commands} commands; ${counts.missed} looked for a token that was on its way`,
    async close() {
      await session.close();
      await workspace.stop();
    },
  };
}

const tokenArgs = (profile: string) => ["auth", "token", "-p", profile, "--force-refresh"];

async function runAfter(delay: number, args: readonly string[], bed: Bed): Promise<Ended> {
  await Bun.sleep(delay);
  return bed.run(args, { browser: approve });
}

function requireDone(ended: Ended | undefined): void {
  insist(ended?.code === 0, () => `it fails: ${ended?.stderr}`);
}

async function seed({ bed, workspace, keyring }: Ground, mode: Mode): Promise<void> {
  const tokens = PROFILES.map((profile): [string, Entry] => {
    const token = workspace.issueToken();
    return [profile, { ...token, expiry: new Date(token.expiry).toISOString() }];
  });
  const sections = PROFILES.map(
    (profile) => `[${profile}]\nhost = ${workspace.url}\nauth_type = databricks-cli\n`,
  );
  bed.write(
    bed.config,
    [...sections, `[__settings__]\nauth_storage = ${mode}\ndefault_profile = p0\n`].join("\n"),
  );
  const filed = mode === "plaintext" ? Object.fromEntries(tokens) : {};
  bed.write(bed.cache, JSON.stringify({ version: 1, tokens: filed }));
  const kept = tokens.map(([key, token]) => [key, JSON.stringify({ token })] as const);
  await keyring?.replaceAll(new Map(mode === "secure" ? kept : []));
}

async function judge(ground: Ground, to: Mode, hasLeft: boolean): Promise<void> {
  const { bed } = ground;
  for (const profile of [...REFRESHED, "signing-in"]) {
    const { code, stderr } = await bed.run(tokenArgs(profile));
    insist(code === 0, `the login of ${profile} is lost: ${stderr}`);
  }
  const { config, file, keyring } = await readState(ground);
  const emptied = to === "secure" ? file : keyring;
  const [remaining] = PROFILES.filter((profile) => emptied.has(profile));
  insist(remaining === undefined, `${remaining} is still where it was to be moved from`);
  insist(!hasLeft || !(file.has("leaving") || keyring.has("leaving")), "who left is back");
  const profiles = [...(config ?? "").matchAll(/^\[(.+)\]$/gm)].map(([, name]) => name);
  insist(Bun.deepEquals(profiles, [...PROFILES, "__settings__"]), `sections: ${profiles}`);
  insist(config?.includes(`auth_storage = ${to}\n`) ?? false, "it is not set");
  insist(bed.temporaryFiles().length === 0, () => `left: ${bed.temporaryFiles()}`);
  bed.checkFiles();
}
