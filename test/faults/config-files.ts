/** Random config files: read as they are meant, changed where they are to be changed, or refused with file and line. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { Change } from "../../src/config/ini-document.ts";
import { type ConfigFile, changeConfigFile, readConfigFile } from "../../src/config/profiles.ts";
import { UserError } from "../../src/errors.ts";
import { knownTexts, values, wildTexts } from "../config/ini-texts.ts";
import { makeBed } from "./bed.ts";
import type { Random } from "./random.ts";
import { BATCH, checkBatch, damaged, sampleOf } from "./random-files.ts";
import { type Bench, insist, lacksNothing, type OpenRow, type Row } from "./row.ts";

type Meaning = Map<string, Map<string, string>>;

type Setting = Extract<Change, { kind: "set" }>;

interface Subject {
  bytes: Buffer;
  /** What it says, where that is known. */
  meaning: Meaning | null;
}

/** A value, and a way to write it that every reader must understand so. */
const written = fc.oneof(
  fc
    .tuple(
      fc.stringMatching(/^[A-Za-z0-9./?&_@%+-]([A-Za-z0-9./:=?&_@%+#;-]| [a-z]){0,20}$/),
      fc.constantFrom("", "", " # note", " ; note", "\t"),
    )
    .map(([value, comment]) => ({ value, text: value + comment })),
  fc
    .tuple(fc.stringMatching(/^[ -!$-&(-:<-_a-~é]{0,20}$/), fc.constantFrom("'", '"'))
    .filter(([value, quote]) => !value.includes(quote))
    .map(([value, quote]) => ({ value, text: quote + value + quote })),
  fc.stringMatching(/^[ -_a-~é\n]{0,30}$/).map((value) => ({ value, text: `\`${value}\`` })),
);

const names = fc.constantFrom("DEFAULT", "a", "b", "a.b", "__proto__", "7", "ünï", " a ", "[x");
const keys = fc.constantFrom("host", "token", "x", "__proto__", "true", "a.b", '"two words"');
const fillers = fc.constantFrom("", "", "\n", "# note\n", "; [z]\n", "   \n");

/** Files whose meaning is known because they were made from it. */
const meant: fc.Arbitrary<Subject> = fc
  .record({
    mark: fc.constantFrom("", "", "\u{feff}"),
    feed: fc.constantFrom("\n", "\n", "\r\n"),
    sections: fc.array(
      fc.record({
        name: names,
        filler: fillers,
        entries: fc.array(
          fc.record({
            key: keys,
            sign: fc.constantFrom("=", " = ", ": "),
            written,
            filler: fillers,
          }),
          { maxLength: 4 },
        ),
      }),
      { maxLength: 5 },
    ),
  })
  .map(({ mark, feed, sections }) => {
    const meaning: Meaning = new Map([["DEFAULT", new Map()]]);
    let text = mark;
    for (const { name, filler, entries } of sections) {
      const known = meaning.get(name) ?? new Map<string, string>();
      meaning.set(name, known);
      text += `[${name}]${feed}${filler}`;
      for (const entry of entries) {
        text += `${entry.key}${entry.sign}${entry.written.text}${feed}${entry.filler}`;
        known.set(entry.key.replaceAll('"', ""), entry.written.value);
      }
    }
    return { bytes: Buffer.from(text), meaning };
  });

const unknown = fc.oneof(
  knownTexts.map(({ mark, pieces }) => Buffer.from(mark + pieces.map((p) => p.text).join(""))),
  wildTexts.map((text) => Buffer.from(text)),
  damaged(meant.map(({ bytes }) => bytes)),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
);

const subjects: fc.Arbitrary<Subject> = fc.oneof(
  meant,
  unknown.map((bytes) => ({ bytes, meaning: null })),
);

const changes = fc.record({
  kind: fc.constant("set" as const),
  section: fc.oneof(names, fc.constant("new")),
  key: fc.constantFrom("host", "x", "__proto__", "new"),
  value: fc.oneof(values, fc.string({ unit: "grapheme" })),
});

export const configFileRows: readonly Row[] = [
  {
    name: "random config files",
    tries: { quick: 10, full: 20_000 / BATCH },
    lacks: lacksNothing,
    open: openConfigFiles,
  },
];

async function openConfigFiles(bench: Bench): Promise<OpenRow> {
  const counts = { files: 0, refused: 0 };
  const path = join(bench.folder, "cfg");
  const lockDirectory = join(bench.folder, "cfg-locks");

  async function check({ bytes, meaning }: Subject, change: Setting): Promise<void> {
    for (const left of [path, `${path}.bak`]) rmSync(left, { force: true });
    writeFileSync(path, bytes, { mode: 0o600 });
    counts.files += 1;
    const config = read(path);
    insist(readFileSync(path).equals(bytes), "reading changed a byte");
    if (!config) counts.refused += 1;
    if (meaning) insist(isSame(config?.sections, meaning), "it is read otherwise than it is meant");
    const error = await failureOf(changeConfigFile(path, () => [change], { lockDirectory }));
    requireChanged(path, bytes, config, change, error);
  }

  async function attempt(_index: number, random: Random): Promise<void> {
    const pairs = fc.record({ subject: subjects, change: changes });
    await checkBatch(pairs, random, ({ subject, change }) => check(subject, change));
    await tryProgram(bench, sampleOf(subjects, random));
  }

  return {
    attempt,
    note: () => `${counts.files} files, ${counts.refused} of them refused, with line`,
    async close() {},
  };
}

const isSame = (one: unknown, other: unknown) => Bun.deepEquals(one, other, true);

/** What the file says; null where it is refused as it should be. */
function read(path: string): ConfigFile | null {
  try {
    return readConfigFile(path);
  } catch (error) {
    requireRefusal(error, path);
    return null;
  }
}

function requireRefusal(error: unknown, path: string): void {
  insist(error instanceof UserError, () => `no error of ours: ${Bun.inspect(error)}`);
  insist(
    error.message.startsWith(`cannot read ${path}: line `),
    `no file or line: ${error.message}`,
  );
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => null,
    (error: unknown) => error,
  );
}

function requireChanged(
  path: string,
  bytes: Buffer,
  config: ConfigFile | null,
  { section, key, value }: Setting,
  error: unknown,
): void {
  const after = readFileSync(path);
  if (error !== null) {
    if (config) insist(error instanceof UserError, () => `no error of ours: ${Bun.inspect(error)}`);
    else requireRefusal(error, path);
    insist(after.equals(bytes), "a change that failed changed a byte");
    return;
  }
  insist(config !== null, "a file that cannot be read was changed");
  const wanted: Meaning = new Map(config.sections);
  wanted.set(section, new Map(wanted.get(section)).set(key, value));
  insist(isSame(readConfigFile(path).sections, wanted), () => `changed otherwise, to ${after}`);
  const kept =
    bytes.length === 0 || after.equals(bytes) || readFileSync(`${path}.bak`).equals(bytes);
  insist(kept, "the old bytes were not kept");
}

/** The same through the compiled program. */
async function tryProgram(bench: Bench, { bytes }: Subject): Promise<void> {
  const bed = makeBed(bench, { DATABRICKS_AUTH_STORAGE: "plaintext" });
  try {
    writeFileSync(bed.config, bytes, { mode: 0o600 });
    const readable = read(bed.config) !== null;
    const list = await bed.run(["auth", "profiles", "--skip-validate", "-o", "json"]);
    insist(!existsSync(`${bed.config}.bak`), "listing changed something");
    insist(readFileSync(bed.config).equals(bytes), "listing changed a byte");
    if (readable) {
      insist(list.code === 0, `it fails: ${list.stderr}`);
      JSON.parse(list.stdout);
    } else {
      const error = `Error: cannot read ${bed.config}: line `;
      insist(list.code === 1 && list.stderr.includes(error), `not refused: ${list.stderr}`);
    }
  } finally {
    bed.close();
  }
}
