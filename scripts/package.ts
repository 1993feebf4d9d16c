/**
 * Packs the executables for people: `bun run package [--outdir DIR] [--built]`. Beside the
 * executables themselves there are then a tar.gz for each Unix, with manual page and completions,
 * the npm packages, and SHA256SUMS of all.
 *
 * Builds the executables of all systems first; with `--built`, packs those that lie in the folder
 * already, such as signed ones. Needs GNU tar.
 */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { name, version } from "../package.json";
import { TREE } from "../src/commands/tree.ts";
import { ROOT } from "./build.ts";
import { buildAll, PRODUCTS, writeChecksums } from "./build-all.ts";
import { renderManPage } from "./package/man-page.ts";
import { renderNotices } from "./package/notices.ts";
import { stageMainPackage, stagePlatformPackage } from "./package/npm.ts";
import { systemOf } from "./package/system.ts";

/** Where each shell looks for completions, below the prefix of an installation. */
const COMPLETIONS = {
  "databricks.bash": "share/bash-completion/completions/databricks",
  "databricks.zsh": "share/zsh/site-functions/_databricks",
  "databricks.fish": "share/fish/vendor_completions.d/databricks.fish",
} as const;

/**
 * Packs the products whose executables lie in `folder`, into `folder`.
 * @returns the names of the files made
 */
export async function packageAll(folder: string, products = PRODUCTS): Promise<string[]> {
  const scratch = mkdtempSync(join(tmpdir(), "databricks-package-"));
  try {
    const documents = join(scratch, "documents");
    await writeDocuments(documents);
    const made: string[] = [];
    const pack = async (staged: string, archive: string) => {
      await packFolder(staged, join(folder, archive));
      made.push(archive);
    };
    for (const { file } of products) {
      const executable = join(folder, file);
      const { label, os } = systemOf(file);
      const unpacked = join(scratch, `databricks-${version}-${label}`);
      if (os !== "win32") {
        stageArchive(unpacked, executable, documents);
        await pack(unpacked, `${basename(unpacked)}.tar.gz`);
      }
      const staged = join(scratch, label, "package");
      stagePlatformPackage(staged, file, executable, documents);
      await pack(staged, `${name}-${label}-${version}.tgz`);
    }
    const staged = join(scratch, "main/package");
    await stageMainPackage(staged, documents);
    await pack(staged, `${name}-${version}.tgz`);
    return made;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Fills `folder` with what every package holds beside the executable. */
async function writeDocuments(folder: string): Promise<void> {
  mkdirSync(folder);
  const day = new Date(releaseSeconds() * 1000).toISOString().slice(0, 10);
  writeFileSync(join(folder, "databricks.1"), await renderManPage(TREE, version, day));
  writeFileSync(join(folder, "THIRD-PARTY.md"), renderNotices());
  for (const file of ["LICENSE", "CHANGELOG.md"])
    copyFileSync(join(ROOT, file), join(folder, file));
  copyFileSync(join(ROOT, "packaging/npm/README.md"), join(folder, "README.md"));
}

/** Fills `folder` with what is unpacked over a prefix such as /usr/local. */
function stageArchive(folder: string, executable: string, documents: string): void {
  const put = (from: string, to: string) => {
    mkdirSync(join(folder, dirname(to)), { recursive: true });
    copyFileSync(from, join(folder, to));
  };
  put(executable, "bin/databricks");
  put(join(documents, "databricks.1"), "share/man/man1/databricks.1");
  for (const [script, place] of Object.entries(COMPLETIONS)) {
    put(join(ROOT, "src/commands/completions", script), place);
  }
  for (const file of ["LICENSE", "CHANGELOG.md", "THIRD-PARTY.md"]) {
    put(join(documents, file), `share/doc/databricks/${file}`);
  }
}

/** Packs `folder`, under its own name. The same files make the same bytes. */
async function packFolder(folder: string, archive: string): Promise<void> {
  const reproducible = [
    ...["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--format=ustar"],
    ...[`--mtime=@${releaseSeconds()}`, "--mode=u=rwX,go=rX"],
  ];
  const tar = Bun.spawn(
    [
      ...["tar", "--create", ...reproducible],
      ...["--directory", dirname(folder), basename(folder)],
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const packed = await new Response(tar.stdout).bytes();
  if ((await tar.exited) !== 0) throw new Error(`tar ended with ${tar.exitCode}`);
  // Twice as fast as gzip(1).
  writeFileSync(archive, Bun.gzipSync(packed, { library: "libdeflate" }));
}

/** Since the epoch; SOURCE_DATE_EPOCH as everywhere for builds that can be made again. */
function releaseSeconds(): number {
  return Number(process.env["SOURCE_DATE_EPOCH"] ?? Math.floor(Date.now() / 1000));
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      outdir: { type: "string", default: join(ROOT, "dist") },
      built: { type: "boolean", default: false },
    },
  });
  if (!values.built) await buildAll(values.outdir);
  const made = await packageAll(values.outdir);
  for (const file of made) console.log(file);
  writeChecksums(values.outdir, [...PRODUCTS.map(({ file }) => file), ...made]);
}
