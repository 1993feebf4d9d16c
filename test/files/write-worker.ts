/** A process that replaces a file, for atomic-write.test.ts: `<what> <file> [<mode, octal>]`. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { writeAtomic } from "../../src/files/atomic-write.ts";

const [what, path = "", octal = "600"] = process.argv.slice(2);
const mode = Number.parseInt(octal, 8);

/** Says what a write came to, and what lies there afterwards. */
function report(content: string): void {
  let failure: { name: string; message: string } | null = null;
  try {
    writeAtomic(path, content, { mode });
  } catch (error) {
    failure = error instanceof Error ? { name: error.name, message: error.message } : null;
  }
  process.stdout.write(
    JSON.stringify({
      failure,
      content: readFileSync(path, "utf8"),
      files: readdirSync(dirname(path)).sort(),
    }),
  );
}

switch (what) {
  case "write":
    report("new");
    break;
  case "write-on-full-disk": {
    writeFileSync(path, "old");
    report("new".repeat(100_000));
    break;
  }
  case "write-forever":
    process.stdout.write("started\n");
    for (;;) for (const letter of ["a", "b"]) writeAtomic(path, letter.repeat(300_000), { mode });
}
