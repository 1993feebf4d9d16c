/** A migration that is killed again and again, and started anew: it ends with every token in exactly one place. */
import { join } from "node:path";
import { missingTools, startSession } from "../support/secret-service.ts";
import { type Bed, makeBed } from "./bed.ts";
import { type KeyringEntries, openEntries } from "./keyring-entries.ts";
import { busOf } from "./kills.ts";
import { plantedSecret } from "./leaks.ts";
import { type Entry, isSame } from "./logins.ts";
import { killingAt, type Moment, momentsIn, recording } from "./moments.ts";
import type { Random } from "./random.ts";
import { type Bench, insist, needs, type OpenRow, type Row } from "./row.ts";

const LOGINS = 50;
/** Fewer than logins, so that some share theirs. */
const HOSTS = 40;
/** In one try. */
const KILLS = 30;

type Mode = "secure" | "plaintext";

export const migrationRows: readonly Row[] = (["secure", "plaintext"] as const).map((to) => ({
  name: `kill migrate --to ${to}`,
  tries: { quick: 1, full: 7 },
  lacks: () => needs(missingTools("strace")),
  open: (bench) => openMigrations(to, bench),
}));

interface Ground {
  bed: Bed;
  keyring: KeyringEntries;
  to: Mode;
}

async function openMigrations(to: Mode, bench: Bench): Promise<OpenRow> {
  const session = await startSession("unlocked");
  const keyring = await openEntries(await session.connect());
  const openGround = (): Ground => ({ bed: makeBed(bench, busOf(session)), keyring, to });
  const trace = join(bench.folder, "trace");
  await runWhole(openGround(), recording(trace));
  const moments = momentsIn(trace);
  const duration = await runWhole(openGround(), []);
  const counts = { kills: 0, ends: 0 };

  async function attempt(index: number, random: Random): Promise<void> {
    const ground = openGround();
    try {
      let tokens = await seed(ground);
      for (let kills = 0; kills < KILLS; ) {
        const byCall = (index + kills) % 2 === 0;
        const { code, stderr } = await (byCall
          ? runKilledAt(random.pick(moments), ground)
          : runKilledAfter(duration * 0.3 * random.fraction(), ground));
        if (code === null) {
          kills += 1;
          await requireNothingLost(tokens, ground);
        } else {
          insist(code === 0, `fails when run again: ${stderr}`);
          await requireMoved(tokens, ground);
          counts.ends += 1;
          tokens = await seed(ground);
        }
      }
      counts.kills += KILLS;
      const { code, stderr } = await migrate(ground);
      insist(code === 0, `fails when run again: ${stderr}`);
      await requireMoved(tokens, ground);
    } finally {
      ground.bed.close();
    }
  }

  return {
    attempt,
    note: () =>
      `${LOGINS} logins, ${counts.kills} kills; came to its end ${counts.ends} times between them`,
    close: session.close,
  };
}

const argsOf = ({ to }: Ground) => ["auth", "storage", "migrate", "--to", to, "--all"];

const migrate = (ground: Ground, options: Parameters<Bed["run"]>[1] = {}) =>
  ground.bed.run(argsOf(ground), options);

/** How long it takes undisturbed, in milliseconds. */
async function runWhole(ground: Ground, wrap: readonly string[]): Promise<number> {
  try {
    const tokens = await seed(ground);
    const { code, stderr, took } = await migrate(ground, { wrap });
    insist(code === 0, `fails undisturbed: ${stderr}`);
    await requireMoved(tokens, ground);
    return took;
  } finally {
    ground.bed.close();
  }
}

const runKilledAt = (moment: Moment, ground: Ground) =>
  migrate(ground, { wrap: killingAt(moment), mayDieOf: "SIGKILL" });

async function runKilledAfter(milliseconds: number, ground: Ground) {
  const { child, ended } = ground.bed.start(argsOf(ground), { mayDieOf: "SIGKILL" });
  const timer = setTimeout(() => child.kill("SIGKILL"), milliseconds);
  try {
    return await ended;
  } finally {
    clearTimeout(timer);
  }
}

const hostOf = (profile: number) => `https://host-${profile % HOSTS}.example.com`;

/** Fresh logins in the place that they are to leave; returns them by profile. */
async function seed({ bed, keyring, to }: Ground): Promise<Map<string, Entry>> {
  const tokens = new Map<string, Entry>();
  const mirrors = new Map<string, Entry>();
  const sections: string[] = [];
  for (let index = 0; index < LOGINS; index++) {
    const token = {
      access_token: plantedSecret(),
      token_type: "Bearer",
      refresh_token: plantedSecret(),
      expiry: "2100-01-01T00:00:00.000Z",
    };
    tokens.set(`profile-${index}`, token);
    mirrors.set(hostOf(index), token);
    sections.push(`[profile-${index}]\nhost = ${hostOf(index)}\n`);
  }
  bed.write(bed.config, sections.join("\n"));
  const filed = to === "secure" ? Object.fromEntries([...tokens, ...mirrors]) : {};
  bed.write(bed.cache, JSON.stringify({ version: 1, tokens: filed }));
  const secrets = [...tokens].map(([key, token]) => [key, JSON.stringify({ token })] as const);
  await keyring.replaceAll(new Map(to === "secure" ? [] : secrets));
  return tokens;
}

async function readPlaces({ bed, keyring }: Ground) {
  const cache: { tokens: Record<string, Entry> } = JSON.parse(bed.read(bed.cache) ?? "");
  const held = [...(await keyring.list())].map(
    ([key, secret]) => [key, JSON.parse(secret).token as Entry] as const,
  );
  return { file: new Map(Object.entries(cache.tokens)), keyring: new Map(held) };
}

/** What a kill may leave: every token, as it was, in one place or in both. */
async function requireNothingLost(tokens: ReadonlyMap<string, Entry>, ground: Ground) {
  ground.bed.checkFiles();
  const { file, keyring } = await readPlaces(ground);
  for (const [key, token] of tokens) {
    const found = [file.get(key), keyring.get(key)].filter((entry) => entry !== undefined);
    insist(found.length > 0, `${key} is lost`);
    insist(
      found.every((entry) => isSame(entry, token)),
      `${key} is another token than before`,
    );
  }
}

async function requireMoved(tokens: ReadonlyMap<string, Entry>, ground: Ground) {
  const { bed, to } = ground;
  await requireNothingLost(tokens, ground);
  const { file, keyring } = await readPlaces(ground);
  insist(keyring.size === (to === "secure" ? LOGINS : 0), `${keyring.size} are in the keyring`);
  const profiles = [...file.keys()].filter((key) => tokens.has(key));
  insist(profiles.length === (to === "secure" ? 0 : LOGINS), `${profiles.length} are in the file`);
  const mirrors = [...file].filter(([key]) => !tokens.has(key));
  insist(mirrors.length === (to === "secure" ? 0 : HOSTS), `${mirrors.length} host keys remain`);
  for (const [key, entry] of mirrors) {
    const sharers = [...tokens.values()].filter((_, index) => hostOf(index) === key);
    insist(
      sharers.some((token) => isSame(token, entry)),
      `${key} holds somebody else's token`,
    );
  }
  insist(bed.read(bed.config)?.includes(`auth_storage = ${to}\n`) ?? false, "it is not set");
  insist(bed.temporaryFiles().length === 0, () => `left: ${bed.temporaryFiles()}`);
}
