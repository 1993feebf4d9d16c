/** Another program that writes the token cache in place, as older SDKs do: for moments it is empty. */
import { join } from "node:path";
import { type Bed, makeBed } from "./bed.ts";
import { plantedSecret } from "./leaks.ts";
import { printedToken } from "./logins.ts";
import { type Bench, insist, lacksNothing, type OpenRow, type Row } from "./row.ts";

export const tornFileRows: readonly Row[] = [
  {
    name: "cache written in place",
    tries: { quick: 20, full: 300 },
    lacks: lacksNothing,
    open: openTornFiles,
  },
];

/** Copies `$1` over `$0` for ever, and pauses when it is empty and when it is whole. */
const WRITER = 'while :; do : >"$0"; sleep 0.002; cat "$1" >"$0"; sleep 0.01; done';

async function openTornFiles(bench: Bench): Promise<OpenRow> {
  const bed = makeBed(bench, { DATABRICKS_AUTH_STORAGE: "plaintext" });
  const token = {
    access_token: plantedSecret(),
    token_type: "Bearer",
    expiry: "2100-01-01T00:00:00Z",
  };
  const whole = join(bed.home, ".databricks", "token-cache.json.bak");
  bed.write(bed.config, "[work]\nhost = https://example.com\n");
  for (const path of [whole, bed.cache]) {
    bed.write(path, JSON.stringify({ version: 1, tokens: { work: token } }, null, 2));
  }
  const writer = Bun.spawn(["sh", "-c", WRITER, bed.cache, whole]);
  let torn = 0;

  async function attempt(): Promise<void> {
    torn += isTorn(bed) ? 1 : 0;
    const { code, stdout, stderr } = await bed.run(["auth", "token", "-p", "work"]);
    insist(code === 0, `it fails: ${stderr}`);
    insist(printedToken(stdout) === token.access_token, "another token is printed");
    bed.checkFiles();
  }

  return {
    attempt,
    note: () => `the cache was torn at ${torn} looks of our own`,
    async close() {
      writer.kill("SIGKILL");
      await writer.exited;
      bed.close();
    },
  };
}

function isTorn({ cache, read }: Bed): boolean {
  try {
    JSON.parse(read(cache) ?? "");
    return false;
  } catch {
    return true;
  }
}
