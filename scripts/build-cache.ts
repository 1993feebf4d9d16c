/** What takes long to build or fetch is kept outside the checkout, named by what it was made from. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

const ROOT = join(
  process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"),
  "databricks-auth-cli",
);

/**
 * The folder `name-<hash of inputs>`, filled by `fill` the first time. It appears whole or not
 * at all; where two processes fill it at once, the first one's stays.
 *
 * @param inputs whatever decides the content: versions, flags, sources
 */
export async function cachedFolder(
  name: string,
  inputs: readonly (string | Uint8Array)[],
  fill: (folder: string) => void | Promise<void>,
): Promise<string> {
  const hasher = new Bun.CryptoHasher("sha256");
  for (const input of inputs) hasher.update(new Bun.CryptoHasher("sha256").update(input).digest());
  const folder = join(ROOT, `${name}-${hasher.digest("hex").slice(0, 16)}`);
  if (existsSync(folder)) return folder;

  mkdirSync(dirname(folder), { recursive: true });
  const unfinished = mkdtempSync(`${folder}.`);
  try {
    await fill(unfinished);
    renameSync(unfinished, folder);
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}
