/** A process that works on a file cache, for file-store.test.ts: `<what> <file> <key>`. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { openFileStore } from "../../src/storage/file-store.ts";

const [what, path = "", key = ""] = process.argv.slice(2);
const store = openFileStore({
  path,
  lockDirectory: join(dirname(path), "locks"),
  lockTimeout: 60_000,
  debug: (message) => process.stderr.write(`${message}\n`),
});
const token = { access_token: `access-${key}`, token_type: "Bearer" };

switch (what) {
  case "put":
    await store.put([key, `${key}-mirror`], token);
    break;
  case "put-forever":
    process.stdout.write("started\n");
    for (;;) await store.put([key], token);
  case "fail-to-put": {
    // The disk is full but for what the cache itself takes.
    await store.put(["before"], token);
    const before = readFileSync(path, "utf8");
    try {
      writeFileSync(join(dirname(path), "filler"), "x".repeat(1_000_000));
    } catch {}
    const error: unknown = await store.put(["after"], token).catch((thrown) => thrown);
    process.stdout.write(
      JSON.stringify({
        error: error instanceof Error && { name: error.name, message: error.message },
        intact: readFileSync(path, "utf8") === before,
        files: readdirSync(dirname(path)).sort(),
      }),
    );
  }
}
