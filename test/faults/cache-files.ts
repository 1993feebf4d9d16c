/** Random token caches: read and changed entry by entry, or refused with file and line, and repaired. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { UserError } from "../../src/errors.ts";
import { CorruptCache, type FileStore, openFileStore } from "../../src/storage/file-store.ts";
import { repairCache } from "../../src/storage/repair.ts";
import { makeBed } from "./bed.ts";
import type { Random } from "./random.ts";
import { BATCH, checkBatch, damaged, sampleOf } from "./random-files.ts";
import { type Bench, insist, lacksNothing, type OpenRow, type Row } from "./row.ts";

/** An entry that is a token, and its text. */
interface GoodEntry {
  key: string;
  accessToken: string;
  text: string;
}

interface Subject {
  bytes: Buffer;
  /** Those that were written; a damage may have come over them since. */
  entries: GoodEntry[];
}

const keys = fc.oneof(
  fc.stringMatching(/^[a-z]{1,8}$/),
  fc.constantFrom("https://a.example.com", "__proto__", "constructor", "DEFAULT", "ünï", 'q"\\'),
);

const goodEntries: fc.Arbitrary<GoodEntry> = fc
  .record({
    key: keys,
    times: fc.constantFrom("2100-01-01T00:00:00Z", "2100-01-01T00:00:00.123456789+01:00"),
    unknown: fc.constantFrom("", ',"id":12345678901234567890', ',"scopes":["a"]', ',"x":{"y":1.0}'),
    space: fc.constantFrom("", " ", "\n    "),
    number: fc.nat(),
  })
  .map(({ key, times, unknown, space, number }) => {
    const accessToken = `access-0-${String(number).padStart(22, "x")}`;
    const fields = `"access_token":${space}"${accessToken}","token_type":"Bearer"`;
    const text = `${JSON.stringify(key)}:${space}{${fields},${space}"expiry":"${times}"${unknown}}`;
    return { key, accessToken, text };
  });

/** Entries that stand where a token should, and are none. */
const oddEntries = fc.oneof(
  fc.json({ maxDepth: 3 }),
  fc.constantFrom(
    '{"access_token":7}',
    '{"access_token":"a","token_type":"Bearer","expiry":"soon"}',
    '{"refresh_token":null}',
    '"access"',
    "[]",
  ),
);

const caches: fc.Arbitrary<Subject> = fc
  .record({
    entries: fc.uniqueArray(goodEntries, { maxLength: 5, selector: ({ key }) => key }),
    odd: fc.option(oddEntries, { nil: null }),
    space: fc.constantFrom("", "\n  ", "\r\n\t"),
    others: fc.constantFrom("", ',"owner":{"id":98765432109876543210}', ',"note":"x"'),
  })
  .map(({ entries, odd, space, others }) => {
    const texts = entries.map(({ text }) => text);
    if (odd !== null) texts.splice(1, 0, `"odd entry":${odd}`);
    const tokens = texts.map((text) => space + text).join(",");
    return {
      bytes: Buffer.from(`{"version":1,${space}"tokens":{${tokens}${space}}${others}}\n`),
      entries,
    };
  });

const subjects: fc.Arbitrary<Subject> = fc.oneof(
  caches,
  caches.chain(({ bytes, entries }) =>
    damaged(fc.constant(bytes)).map((spoilt) => ({ bytes: spoilt, entries })),
  ),
  fc
    .oneof(
      fc.json().map((text) => Buffer.from(text)),
      fc
        .constantFrom('{"version":2,"tokens":{}}', '{"tokens":{}}', "null", "\ufeff{}")
        .map(Buffer.from),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    )
    .map((bytes) => ({ bytes, entries: [] })),
);

export const cacheFileRows: readonly Row[] = [
  {
    name: "random token caches",
    tries: { quick: 5, full: 5000 / BATCH },
    lacks: lacksNothing,
    open: openCacheFiles,
  },
];

const NEW_KEY = "new entry";
const NEW_TOKEN = { access_token: "access-1", token_type: "Bearer" };

async function openCacheFiles(bench: Bench): Promise<OpenRow> {
  const counts = { files: 0, refused: 0, kept: 0 };
  const path = join(bench.folder, "caches", "token-cache.json");
  mkdirSync(dirname(path));
  const options = {
    path,
    lockDirectory: join(bench.folder, "cache-locks"),
    lockTimeout: 1000,
    looks: 1,
    debug: () => {},
  };

  async function check({ bytes, entries }: Subject): Promise<void> {
    for (const name of readdirSync(dirname(path))) rmSync(join(dirname(path), name));
    writeFileSync(path, bytes, { mode: 0o600 });
    counts.files += 1;
    const tokens = tokensIn(bytes);
    if (tokens) {
      await checkReadable(openFileStore(options), bytes, tokens, entries);
      insist((await repairCache(options, REPAIR)) === null, "a sound file is repaired");
      return;
    }
    counts.refused += 1;
    await checkRefused(openFileStore(options), bytes);
    const kept = await checkRepair(bytes, entries);
    counts.kept += kept;
  }

  async function checkReadable(
    store: FileStore,
    bytes: Buffer,
    tokens: Record<string, unknown>,
    entries: readonly GoodEntry[],
  ): Promise<void> {
    for (const [key, value] of Object.entries(tokens)) {
      const good = entries.find((entry) => entry.key === key && isSame(value, parsedEntry(entry)));
      const found = await store.lookup(key).catch((error: unknown) => error);
      if (good) insist(tokenOf(found) === good.accessToken, `${key} is not found`);
      else if (found instanceof Error) requireError(found, `${path}: the entry `);
    }
    insist(readFileSync(path).equals(bytes), "looking changed a byte");
    await store.put([NEW_KEY], NEW_TOKEN);
    const after = tokensIn(readFileSync(path));
    insist(isSame(after, { ...tokens, [NEW_KEY]: NEW_TOKEN }), "another entry was changed");
    await store.remove(NEW_KEY);
    insist(isSame(tokensIn(readFileSync(path)), tokens), "another entry was removed");
  }

  async function checkRefused(store: FileStore, bytes: Buffer): Promise<void> {
    const attempts = await Promise.allSettled([
      store.lookup("a"),
      store.put([NEW_KEY], NEW_TOKEN),
      store.remove("a"),
    ]);
    for (const attempt of attempts) {
      const error: unknown = attempt.status === "rejected" ? attempt.reason : null;
      insist(error instanceof CorruptCache, () => `not called corrupt: ${Bun.inspect(error)}`);
      requireError(error, path);
      insist(isJson(bytes) || WITH_LINE.test(error.message), `no line: ${error.message}`);
    }
    insist(readFileSync(path).equals(bytes), "a corrupt file was changed");
  }

  /** How many entries were kept. */
  async function checkRepair(bytes: Buffer, entries: readonly GoodEntry[]): Promise<number> {
    const repair = await repairCache(options, REPAIR);
    insist(repair !== null, "it is not repaired");
    insist(repair.setAside.startsWith(path), `set aside as ${repair.setAside}`);
    insist(readFileSync(repair.setAside).equals(bytes), "the old bytes were not set aside");
    const text = bytes.toString();
    const store = openFileStore(options);
    const whole = entries.filter((entry) => text.includes(entry.text));
    for (const { key, accessToken } of whole) {
      insist(tokenOf(await store.lookup(key)) === accessToken, `${key} could still be read`);
    }
    return whole.length;
  }

  async function attempt(_index: number, random: Random): Promise<void> {
    await checkBatch(subjects, random, check);
    await tryProgram(bench, sampleOf(subjects, random));
  }

  return {
    attempt,
    note: () =>
      `${counts.files} files, ${counts.refused} of them corrupt and repaired with ${counts.kept} entries`,
    async close() {},
  };
}

const REPAIR = { dryRun: false, now: 0 };
const WITH_LINE =
  / is corrupt: (line \d+, column \d+ is not JSON|it is nested too deeply)\. | is not UTF-8\. /;

const isSame = (one: unknown, other: unknown) => Bun.deepEquals(one, other, true);
const parsedEntry = ({ key, text }: GoodEntry): unknown => JSON.parse(`{${text}}`)[key];
const tokenOf = (found: unknown) => (found as { access_token?: string } | null)?.access_token;

function requireError(error: unknown, start: string): void {
  insist(error instanceof UserError, () => `no error of ours: ${Bun.inspect(error)}`);
  insist(error.message.startsWith(start), `no path: ${error.message}`);
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
    return true;
  } catch {
    return false;
  }
}

/** The list of tokens of a sound cache, or null. */
function tokensIn(bytes: Buffer): Record<string, unknown> | null {
  if (!isJson(bytes)) return null;
  const cache: unknown = JSON.parse(bytes.toString());
  if (!isObject(cache) || cache["version"] !== 1) return null;
  const tokens = cache["tokens"] ?? {};
  return isObject(tokens) ? tokens : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The same through the compiled program. */
async function tryProgram(bench: Bench, { bytes, entries }: Subject): Promise<void> {
  const bed = makeBed(bench, { DATABRICKS_AUTH_STORAGE: "plaintext" });
  try {
    bed.write(bed.config, "[a]\nhost = https://a.example.com\n");
    bed.write(bed.cache, "");
    writeFileSync(bed.cache, bytes);
    const corrupt = tokensIn(bytes) === null;
    const asked = await bed.run(["auth", "token", "-p", "a"]);
    insist(readFileSync(bed.cache).equals(bytes), "asking for a token changed a byte");
    const named = asked.stderr.includes(`Error: ${bed.cache}`);
    insist(!corrupt || (asked.code === 1 && named), `not called corrupt: ${asked.stderr}`);

    const status = await bed.run(["auth", "storage"]);
    const offered = status.stdout.includes("databricks auth storage repair");
    insist(offered === corrupt, `the repair is ${offered ? "" : "not "}offered: ${status.stdout}`);
    const repair = await bed.run(["auth", "storage", "repair"]);
    insist(repair.code === 0, `the repair fails: ${repair.stderr}`);
    const again = await bed.run(["auth", "token", "-p", "a"]);
    const text = bytes.toString();
    const kept = entries.some(({ key, text: entry }) => key === "a" && text.includes(entry));
    insist(!kept || again.code === 0, `the entry was lost: ${again.stderr}`);
    bed.checkFiles();
  } finally {
    bed.close();
  }
}
