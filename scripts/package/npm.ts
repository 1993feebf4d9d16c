/**
 * The npm packages: one a system with its executable, and `databricks-auth-cli`, which has them
 * as optional dependencies, so that npm fetches the one that fits.
 *
 * Each of the former can be installed by itself, too: its `bin` is the executable, and no
 * install script is needed to have it on PATH.
 */
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { description, license, name, version } from "../../package.json";
import { ROOT } from "../build.ts";
import { PRODUCTS } from "../build-all.ts";
import { systemOf } from "./system.ts";

const SCOPE = `@${name}`;

/** SDKs skip a `databricks` on PATH that is smaller: they take it for the old Python program of that name. */
const LEAST_SIZE = 1024 * 1024;

const SHARED = { version, license, description };

/** Fills `folder` with the package of one executable; `documents` is the folder of what else goes in. */
export function stagePlatformPackage(
  folder: string,
  product: string,
  executable: string,
  documents: string,
): void {
  const manifest = platformManifest(product);
  const target = join(folder, manifest.bin.databricks);
  mkdirSync(join(folder, "bin"), { recursive: true });
  copyFileSync(executable, target);
  chmodSync(target, 0o755);
  writePackage(folder, documents, manifest);
}

/** The package.json of one executable's package. */
export function platformManifest(product: string) {
  const { label, os, cpu, libc } = systemOf(product);
  return {
    name: `${SCOPE}/${label}`,
    ...SHARED,
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
    bin: { databricks: os === "win32" ? "bin/databricks.exe" : "bin/databricks" },
  };
}

/** Fills `folder` with `databricks-auth-cli`. */
export async function stageMainPackage(folder: string, documents: string): Promise<void> {
  mkdirSync(join(folder, "bin"), { recursive: true });
  const launcher = `#!/usr/bin/env node\n${await bundle("launcher")}`;
  writeFileSync(join(folder, "bin/databricks"), padded(launcher), { mode: 0o755 });
  writeFileSync(join(folder, "postinstall.js"), await bundle("postinstall"));
  copyFileSync(join(documents, "databricks.1"), join(folder, "databricks.1"));
  writePackage(folder, documents, {
    name,
    ...SHARED,
    bin: { databricks: "bin/databricks" },
    man: ["databricks.1"],
    engines: { node: ">=18" },
    scripts: { postinstall: "node postinstall.js" },
    optionalDependencies: Object.fromEntries(
      PRODUCTS.map(({ file }) => [`${SCOPE}/${systemOf(file).label}`, version]),
    ),
  });
}

async function bundle(script: string): Promise<string> {
  const { outputs } = await Bun.build({
    entrypoints: [join(ROOT, `packaging/npm/${script}.ts`)],
    target: "node",
    format: "cjs",
  });
  return (await Promise.all(outputs.map((output) => output.text()))).join("");
}

/** The script, and blanks up to the size that SDKs ask for. */
function padded(script: string): string {
  const reason = "// SDKs take a smaller file for another program of this name, hence the blanks:";
  return `${script}\n${reason}${" ".repeat(LEAST_SIZE)}\n`;
}

function writePackage(folder: string, documents: string, manifest: Record<string, unknown>): void {
  writeFileSync(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  for (const file of ["LICENSE", "README.md", "THIRD-PARTY.md"]) {
    copyFileSync(join(documents, file), join(folder, file));
  }
}
