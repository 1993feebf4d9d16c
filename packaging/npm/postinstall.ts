/**
 * Puts the executable in the launcher's place: one process fewer, and no Node.js at each start.
 * Whatever stands in the way, the launcher works as well.
 */
import { linkSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { findExecutable, SCRIPT } from "./platform-package.ts";

/**
 * Other package managers write scripts of their own that run the launcher by Node.js, as npm
 * does on Windows; an executable there would be taken for JavaScript.
 */
const isNpm = process.env["npm_config_user_agent"]?.startsWith("npm/");

if (isNpm && process.platform !== "win32") {
  const launcher = join(dirname(SCRIPT), "bin/databricks");
  const beside = `${launcher}.new`;
  try {
    rmSync(beside, { force: true });
    linkSync(findExecutable(), beside);
    renameSync(beside, launcher);
  } catch (error) {
    console.error(`databricks is started through Node.js: ${error}`);
  }
}
