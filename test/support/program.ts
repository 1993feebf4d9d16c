import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "../../scripts/build.ts";

/** Path of the compiled program: the one that `check` built, else one built now and removed at the end. */
export async function compiledProgram(): Promise<string> {
  const given = process.env["DATABRICKS_TEST_BINARY"];
  if (given) return given;
  const folder = mkdtempSync(join(tmpdir(), "databricks-program-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const outfile = join(folder, process.platform === "win32" ? "databricks.exe" : "databricks");
  await build({ outfile });
  return outfile;
}
