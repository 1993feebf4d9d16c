/**
 * Draws docs/session.svg, the picture of the README: `bun run picture [--out FILE] [--binary PATH]`.
 *
 * What is shown is what the compiled program prints on a terminal, against the embedded workspace
 * under a name of Databricks' and a keyring of its own. Only the person's home folder is another,
 * and long lines are cut.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { startSession } from "../test/support/secret-service.ts";
import { startWorkspace } from "../test/workspace/server.ts";
import { build, ROOT } from "./build.ts";
import { readRows } from "./picture/rows.ts";
import { renderSvg } from "./picture/svg.ts";

const HOST = "adb-1.2.azuredatabricks.net";
const HOME = "/home/ada";
const COLUMNS = 100;

export const COMMANDS = [
  `databricks auth login -p work --host https://${HOST}`,
  "databricks auth token -p work",
  "databricks auth storage",
] as const;

/** The picture of a session of `binary`. */
export async function drawSession(binary: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "databricks-picture-"));
  const workspace = await startWorkspace({
    controls: { hostMetadata: "absent" },
    tls: { names: [HOST] },
  });
  const session = await startSession("unlocked");
  try {
    const env = {
      ...session.env,
      PATH: `${join(folder, "bin")}:${process.env["PATH"]}`,
      HOME: join(folder, "home"),
      LANG: "C.UTF-8",
      TERM: "xterm-256color",
      BROWSER: join(ROOT, "test/workspace/browser"),
      WORKSPACE_BUN: process.execPath,
      HTTPS_PROXY: workspace.url,
      NODE_EXTRA_CA_CERTS: workspace.tls?.certificateFile,
    };
    mkdirSync(env.HOME);
    mkdirSync(join(folder, "bin"));
    symlinkSync(resolve(binary), join(folder, "bin/databricks"));
    const printed = await runOnTerminal(COMMANDS.map(asTyped).join("echo\n"), env);
    return renderSvg(await readRows(printed.replaceAll(env.HOME, HOME), COLUMNS), COLUMNS);
  } finally {
    await session.close();
    await workspace.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Shell lines that show the command as on a prompt, and run it. */
function asTyped(command: string): string {
  return `printf '\\033[32m$\\033[39m \\033[1m%s\\033[22m\\n' '${command}'\n${command}\n`;
}

/** Everything that the script prints on a terminal. Throws when its last command fails. */
async function runOnTerminal(
  script: string,
  env: { HOME: string; [name: string]: string | undefined },
) {
  const decoder = new TextDecoder();
  let printed = "";
  const ended = Promise.withResolvers<void>();
  const child = Bun.spawn(["sh", "-euc", script], {
    env,
    cwd: env.HOME,
    terminal: {
      cols: COLUMNS,
      rows: 50,
      data(_terminal, bytes) {
        printed += decoder.decode(bytes, { stream: true });
      },
      exit: () => ended.resolve(),
    },
  });
  const exitCode = await child.exited;
  await ended.promise;
  child.terminal?.close();
  if (exitCode !== 0) throw new Error(`the session ended with ${exitCode}:\n${printed}`);
  return printed;
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      out: { type: "string", default: join(ROOT, "docs/session.svg") },
      binary: { type: "string" },
    },
  });
  const folder = mkdtempSync(join(tmpdir(), "databricks-picture-build-"));
  try {
    const binary = values.binary ?? join(folder, "databricks");
    if (!values.binary) await build({ outfile: binary });
    writeFileSync(values.out, await drawSession(binary));
    console.log(values.out);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
