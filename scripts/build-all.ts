/**
 * Compiles the program for every system: `bun run build:all [--outdir DIR]`. Bun fetches the
 * runtimes of the other systems itself; macOS's are signed ad hoc. SHA256SUMS beside them is
 * in the form of `sha256sum --check`.
 */
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build, ROOT } from "./build.ts";

export interface Product {
  /** Name of the file in the output folder. */
  file: string;
  target: Bun.Build.CompileTarget;
}

/** x64 stands for x86-64 with AVX2; without `musl`, Linux means glibc. */
export const PRODUCTS: readonly Product[] = [
  { file: "databricks-linux-x64", target: "bun-linux-x64" },
  { file: "databricks-linux-arm64", target: "bun-linux-arm64" },
  { file: "databricks-linux-x64-musl", target: "bun-linux-x64-musl" },
  { file: "databricks-linux-arm64-musl", target: "bun-linux-arm64-musl" },
  { file: "databricks-windows-x64.exe", target: "bun-windows-x64" },
  { file: "databricks-darwin-x64", target: "bun-darwin-x64" },
  { file: "databricks-darwin-arm64", target: "bun-darwin-arm64" },
];

/** Builds them into `folder`. Rejects with the bundler's messages. */
export async function buildAll(folder: string, products = PRODUCTS): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (const { file, target } of products) {
    const outfile = join(folder, file);
    await build({ outfile, target });
    console.log(`${file}  ${(statSync(outfile).size / 1e6).toFixed(1)} MB`);
  }
  writeChecksums(
    folder,
    products.map(({ file }) => file),
  );
}

/** Writes SHA256SUMS of these files of `folder` beside them. */
export function writeChecksums(folder: string, files: readonly string[]): void {
  const sums = files.map((file) => {
    const bytes = readFileSync(join(folder, file));
    return `${new Bun.CryptoHasher("sha256").update(bytes).digest("hex")}  ${file}\n`;
  });
  writeFileSync(join(folder, "SHA256SUMS"), sums.join(""));
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { outdir: { type: "string", default: join(ROOT, "dist") } },
  });
  await buildAll(values.outdir);
}
