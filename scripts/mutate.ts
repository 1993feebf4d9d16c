/**
 * Breaks the program in some places, one at a time, and sees whether a test notices:
 * `bun run mutate [--count N] [--seed S] [PATH…]`, a path being the start of a file's name.
 * Works on a copy of the last commit in a temporary folder. The same seed on the same commit
 * breaks the same places.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "./build.ts";

/** What Bun runs first for a file, by the start of its name: the first row that fits. */
const TESTS: readonly (readonly [start: string, commands: readonly string[]])[] = [
  [
    "native/",
    [
      "test --bail test/files test/native test/context.test.ts",
      "test --bail test/contract test/windows test/macos",
      "test --bail test/keyring",
    ],
  ],
  ["src/files/", ["test --bail test/files", "test --bail test/storage"]],
  [
    "src/keyring/",
    ["test --bail test/contract test/windows test/macos", "test --bail test/keyring"],
  ],
  ["src/config/", ["test --bail test/config", "test --bail test/commands"]],
  ["src/storage/", ["test --bail test/storage"]],
  ["src/oauth/", ["test --bail test/oauth"]],
  ["src/", ["test --bail test/commands test/cli.test.ts test/context.test.ts test/output.test.ts"]],
];

/** What it runs when those have noticed nothing: the compiled program's own. */
const LAST = "scripts/acceptance.ts";

/** For one run of tests, in milliseconds: a place that makes the program hang is noticed, too. */
const PATIENCE = 180_000;

/** Something in a line of code, and what it becomes. */
const BREAKS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/ === /g, " !== "],
  [/ !== /g, " === "],
  [/ <= /g, " < "],
  [/ >= /g, " > "],
  [/(?<=[\w)\]]) < (?=[\w(])/g, " >= "],
  [/(?<=[\w)\]]) > (?=[\w(])/g, " <= "],
  [/ && /g, " || "],
  [/ \|\| /g, " && "],
  [/ \?\? .*(?=[,;]$)/g, ""],
  [/(?<=[\s(])!(?=[\w(])/g, ""],
  [/\btrue\b/g, "false"],
  [/\bfalse\b/g, "true"],
  [/(?<=[ (-])[1-9][\d_]*(?=[ ,;)])/g, "7"],
  [/^ +(await )?[\w.?]+\(.*\);$/g, ""],
  // A word less in a text.
  [/(?<=["`\w] )[a-z]{3,} (?=[a-z ]+)(?=[^"`]*["`])/g, ""],
];

/** Comments, types, and what is only read: the texts of the help. */
const PASSED_OVER =
  /^\s*(\/?\*|\/\/|import\b|(export )?(type|interface|declare)\b|\[?"[^"]*"|(summary|details|\w+: \{.*description)\b)/;

interface Mutant {
  file: string;
  line: number;
  before: string;
  after: string;
}

function mutantsOf(file: string): Mutant[] {
  const lines = readFileSync(join(copy, file), "utf8").split("\n");
  return lines.flatMap((before, index) =>
    PASSED_OVER.test(before)
      ? []
      : BREAKS.flatMap(([pattern, replacement]) =>
          [...before.matchAll(pattern)].map((match) => {
            const rest = before.slice(match.index + match[0].length);
            const after = before.slice(0, match.index) + replacement + rest;
            return { file, line: index + 1, before, after };
          }),
        ),
  );
}

/** One place of each of `count` files, or more of a file where there are fewer files. */
function choose(files: readonly string[], count: number, seed: number): Mutant[] {
  const rank = (item: unknown) => Bun.hash(JSON.stringify(item), seed);
  const shuffled = <T>(list: readonly T[]) => list.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
  const piles = shuffled(files.map((file) => shuffled(mutantsOf(file))));
  const rounds = Array.from({ length: count }, (_, round) =>
    piles.flatMap((pile) => pile[round] ?? []),
  );
  return rounds.flat().slice(0, count);
}

const commandsFor = (file: string) => [
  ...(TESTS.find(([start]) => file.startsWith(start))?.[1] ?? []),
  LAST,
];

const passes = (command: string): boolean =>
  Bun.spawnSync([process.execPath, ...command.split(" ")], {
    cwd: copy,
    stdio: ["ignore", "ignore", "ignore"],
    timeout: PATIENCE,
  }).success;

const verdicts = new Map<string, boolean>();

/** Whether tests pass on the program as it is: those that do not would catch everything. */
function isSound(command: string): boolean {
  const known = verdicts.get(command) ?? passes(command);
  verdicts.set(command, known);
  return known;
}

type Verdict = "caught" | "SURVIVED" | "not tested";

/** Breaks one place, runs its tests, and mends it. */
function judge({ file, line, after }: Mutant): Verdict {
  if (!commandsFor(file).every(isSound)) return "not tested";
  const path = join(copy, file);
  const original = readFileSync(path, "utf8");
  const lines = original.split("\n").with(line - 1, after);
  writeFileSync(path, lines.join("\n"));
  try {
    return commandsFor(file).every(passes) ? "SURVIVED" : "caught";
  } finally {
    writeFileSync(path, original);
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: "string", default: "30" }, seed: { type: "string", default: "1" } },
});
const copy = mkdtempSync(join(tmpdir(), "databricks-mutate-"));
// Some tests run a program as somebody else, who has to get at its files.
chmodSync(copy, 0o755);
try {
  await Bun.$`git -C ${ROOT} archive HEAD | tar -x -C ${copy}`;
  symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
  const wanted = positionals.length > 0 ? positionals : ["src/", "native/"];
  const files = [...new Bun.Glob("{src,native}/**/*.ts").scanSync(copy)].sort();
  const chosen = files.filter((file) => wanted.some((start) => file.startsWith(start)));
  const mutants = choose(chosen, Number(values.count), Number(values.seed));
  const found: Verdict[] = [];
  for (const mutant of mutants) {
    const verdict = judge(mutant);
    found.push(verdict);
    console.log(`${verdict.padEnd(10)} ${mutant.file}:${mutant.line}`);
    console.log(`  - ${mutant.before.trim()}\n  + ${mutant.after.trim()}`);
  }
  const number = (wanted: Verdict) => found.filter((verdict) => verdict === wanted).length;
  console.log(
    `${number("caught")} caught, ${number("SURVIVED")} survived, ${number("not tested")} not tested as their tests fail anyhow`,
  );
} finally {
  rmSync(copy, { recursive: true, force: true });
}
