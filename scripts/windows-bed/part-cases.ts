/** Parts of the program on Windows: long secrets whose writer is killed, locks, replaced files. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { TRANSITIONS } from "../../test/windows/stopping.ts";
import { BED, type BedCase, bed } from "./cases.ts";
import { HOME, type Wine } from "./wine.ts";

/** The home folder as Windows names it. */
const WINDOWS_HOME = "C:\\users\\root";

const killedWriters: BedCase[] = TRANSITIONS.map(({ from, to }) => ({
  name: `a writer killed after any of its calls leaves a whole secret: ${from} to ${to} bytes`,
  async run(wine) {
    const allowed = [String(from ?? "none"), String(to ?? "none")];
    const found: string[] = [];
    for (let calls = 1; ; calls++) {
      const account = `killed-${from}-${to}-${calls}`;
      const writer = wine.start(BED, ["change", account, ...allowed, `${calls}`]);
      const stopped = await writer.printed("stopped").then(
        () => true,
        () => false,
      );
      writer.kill();
      const { stdout } = await writer.ended;
      if (!stopped) assert.match(stdout, /^changed\r?\n$/);
      found.push(await bed(wine, "take", account));
      if (!stopped) break;
    }
    assert.ok(found.length > 1, "no call was killed");
    assert.deepEqual([...new Set(found)], found[0] === allowed[1] ? [allowed[1]] : allowed);
  },
}));

const locks: BedCase[] = [
  {
    name: "a lock keeps another process out, and is free once its holder is killed",
    async run(wine) {
      const path = `${WINDOWS_HOME}\\locks\\one`;
      const holder = wine.start(BED, ["hold-lock", path]);
      await holder.printed("held");
      assert.equal(await bed(wine, "try-lock", path, "300"), "timed out");
      holder.kill();
      await holder.ended;
      assert.equal(await bed(wine, "try-lock", path, "5000"), "held: written by the holder");
    },
  },
  {
    name: "eight processes that change one file under a lock lose nothing",
    async run(wine) {
      writeFileSync(wine.path(`${HOME}/count`), "0");
      await Promise.all(
        Array.from({ length: 8 }, () => bed(wine, "count", `${WINDOWS_HOME}\\count`, "25")),
      );
      assert.equal(readFileSync(wine.path(`${HOME}/count`), "utf8"), "200");
    },
  },
];

const longPath: BedCase = {
  name: "a path of more than 260 characters is locked and replaced like any other",
  async run(wine) {
    const path = [WINDOWS_HOME, ..."abc".split("").map((letter) => letter.repeat(100)), "x"].join(
      "\\",
    );
    await bed(wine, "replace", path, "0");
    await bed(wine, "count", path, "2");
    assert.equal(await bed(wine, "try-lock", `${path}.lock`, "300"), "held:");
  },
};

async function replaceWhileOpen(wine: Wine, milliseconds: number) {
  const path = `${WINDOWS_HOME}\\replaced`;
  writeFileSync(wine.path(`${HOME}/replaced`), "old");
  const reader = wine.start(BED, ["keep-open", path, `${milliseconds}`]);
  await reader.printed("open");
  const outcome = await wine.run(BED, ["replace", path, "new"]);
  reader.kill();
  await reader.ended;
  return { ...outcome, content: readFileSync(wine.path(`${HOME}/replaced`), "utf8") };
}

const files: BedCase[] = [
  {
    name: "a file is replaced while another process has it open for a moment",
    async run(wine) {
      const { exitCode, content } = await replaceWhileOpen(wine, 200);
      assert.deepEqual({ exitCode, content }, { exitCode: 0, content: "new" });
    },
  },
  {
    name: "a file that stays open elsewhere keeps its content, and nothing lies beside it",
    async run(wine) {
      const { exitCode, stderr, content } = await replaceWhileOpen(wine, 20_000);
      assert.deepEqual({ exitCode, content }, { exitCode: 1, content: "old" });
      assert.match(stderr, /UserError: cannot write C:\\users\\root\\replaced: /);
      const left = readdirSync(wine.path(HOME)).filter((name) => name.endsWith(".tmp"));
      assert.deepEqual(left, []);
    },
  },
  {
    name: "a library planted in the current folder is not loaded",
    async run(wine) {
      const folder = "/tmp/planted";
      await bed(wine, "replace", `Z:${folder.replaceAll("/", "\\")}\\advapi32.dll`, "planted");
      assert.ok(existsSync(wine.path(`${folder}/advapi32.dll`)));
      const { exitCode, stdout } = await wine.run(BED, ["credential", "none"], {
        cwd: folder,
      });
      assert.deepEqual([exitCode, stdout.trim()], [0, "null"]);
    },
  },
];

export const partCases: readonly BedCase[] = [...killedWriters, ...locks, longPath, ...files];
