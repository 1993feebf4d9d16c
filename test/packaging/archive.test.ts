/** The tar.gz of a Unix, unpacked over a prefix as docs/install.md says. */
import { describe, expect, test } from "bun:test";
import { copyFileSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dependencies, version } from "../../package.json";
import { writeChecksums } from "../../scripts/build-all.ts";
import { packageAll } from "../../scripts/package.ts";
import { compiledProgram } from "../support/program.ts";
import { scratchFolder } from "../support/scratch.ts";

const ARCHIVE = `databricks-${version}-linux-x64.tar.gz`;
const product = [{ file: "databricks-linux-x64", target: "bun-linux-x64" }] as const;
const lacking = ["tar", "gzip", "sha256sum"].filter((program) => !Bun.which(program));

/** Packs `executable` as this system's; returns the folder. */
async function packed(executable: string): Promise<string> {
  const folder = scratchFolder();
  copyFileSync(executable, join(folder, product[0].file));
  await packageAll(folder, product);
  return folder;
}

describe.skipIf(process.platform !== "linux" || lacking.length > 0)("the archive", () => {
  test("makes an installation when unpacked over a prefix", async () => {
    const folder = await packed(await compiledProgram());
    const prefix = scratchFolder();
    const unpack = ["tar", "-xzf", join(folder, ARCHIVE), "-C", prefix, "--strip-components=1"];
    expect(Bun.spawnSync(unpack).exitCode).toBe(0);

    const program = join(prefix, "bin/databricks");
    const env = { PATH: process.env["PATH"], HOME: scratchFolder() };
    const say = (...args: string[]) => Bun.spawnSync([program, ...args], { env }).stdout.toString();
    expect(say("version")).toBe(`Databricks CLI v${version}\n`);
    const shells = {
      bash: "share/bash-completion/completions/databricks",
      zsh: "share/zsh/site-functions/_databricks",
      fish: "share/fish/vendor_completions.d/databricks.fish",
    };
    for (const [shell, place] of Object.entries(shells)) {
      expect(readFileSync(join(prefix, place), "utf8")).toBe(say("completion", shell));
    }
    expect(readFileSync(join(prefix, "share/man/man1/databricks.1"), "utf8")).toStartWith(".TH");
    const notices = readFileSync(join(prefix, "share/doc/databricks/THIRD-PARTY.md"), "utf8");
    for (const name of Object.keys(dependencies)) expect(notices).toContain(`# ${name} `);
    expect(statSync(program).mode & 0o777).toBe(0o755);
  }, 60_000);

  test("is the same, byte by byte, when it is made again", async () => {
    const executable = join(scratchFolder(), "program");
    writeFileSync(executable, "not compiled, which the archive does not care for", { mode: 0o700 });
    process.env["SOURCE_DATE_EPOCH"] = "1000000000";
    try {
      const [first, second] = [await packed(executable), await packed(executable)];
      expect(readFileSync(join(first, ARCHIVE))).toEqual(readFileSync(join(second, ARCHIVE)));
      const man = ["tar", "-xzOf", join(first, ARCHIVE), "--wildcards", "*/databricks.1"];
      expect(Bun.spawnSync(man).stdout.toString()).toStartWith(".TH DATABRICKS 1 2001-09-09 ");
    } finally {
      delete process.env["SOURCE_DATE_EPOCH"];
    }
  });

  test("checksums find a changed bit", () => {
    const folder = scratchFolder();
    writeFileSync(join(folder, "a"), "one");
    writeFileSync(join(folder, "b"), "two");
    writeChecksums(folder, ["a", "b"]);
    const check = () => Bun.spawnSync(["sha256sum", "--check", "SHA256SUMS"], { cwd: folder });
    expect(check().exitCode).toBe(0);
    writeFileSync(join(folder, "b"), "twp");
    expect(check().stdout.toString()).toBe("a: OK\nb: FAILED\n");
  });
});
