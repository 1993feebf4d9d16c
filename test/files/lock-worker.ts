/** A process that works under a lock, for lock.test.ts: `<what> <lock file> …`. */
import { readFileSync, writeFileSync } from "node:fs";
import { acquireLock, withLock } from "../../src/files/lock.ts";

const [what, path = "", ...rest] = process.argv.slice(2);

switch (what) {
  case "increment": {
    const [counter = "", times] = rest;
    for (let i = 0; i < Number(times); i++) {
      await withLock(path, { deadline: performance.now() + 60_000 }, async () => {
        const before = Number(readFileSync(counter, "utf8"));
        await Bun.sleep(1);
        writeFileSync(counter, String(before + 1));
      });
    }
    break;
  }
  case "hold":
    await acquireLock(path, { deadline: performance.now() + 10_000 });
    process.stdout.write("held\n");
    await Bun.sleep(60_000);
    break;
  case "try": {
    const start = performance.now();
    const error: unknown = await withLock(
      path,
      { deadline: start + Number(rest[0]) },
      () => null,
    ).catch((thrown) => thrown);
    const waited = performance.now() - start;
    process.stdout.write(
      JSON.stringify(
        error instanceof Error ? { name: error.name, message: error.message, waited } : { waited },
      ),
    );
    break;
  }
}
