/** Where the package with this machine's executable lies. */
import { realpathSync } from "node:fs";
import { createRequire } from "node:module";

const SCOPE = "@databricks-auth-cli";

/** The script that Node.js runs; on PATH there is a link to it. */
export const SCRIPT = realpathSync(process.argv[1] ?? "");

/** Path of the executable. @throws Error saying what is missing */
export function findExecutable(): string {
  const { platform, arch } = process;
  const file = platform === "win32" ? "bin/databricks.exe" : "bin/databricks";
  const system = platform === "win32" ? "windows" : platform;
  const names = [`${system}-${arch}`];
  if (platform === "linux") {
    // Older versions of npm do not look at `libc`, and install both.
    const musl = `${system}-${arch}-musl`;
    if (isGlibc()) names.push(musl);
    else names.unshift(musl);
  }
  const { resolve } = createRequire(SCRIPT);
  for (const name of names) {
    try {
      return resolve(`${SCOPE}/${name}/${file}`);
    } catch {
      // Not installed: the next may be.
    }
  }
  throw new Error(
    `none of ${names.map((name) => `${SCOPE}/${name}`).join(", ")} is installed. Optional dependencies may have been left out (--omit=optional), or there is no executable for ${platform} on ${arch}.`,
  );
}

/** Node.js names the C library that it runs on; for musl there is no entry. */
function isGlibc(): boolean {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return Boolean(report.header?.glibcVersionRuntime);
}
