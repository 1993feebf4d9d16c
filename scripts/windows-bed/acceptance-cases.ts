/** The acceptance cases that make sense on Windows: their scripts stay on Linux, the program runs in Wine. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Case } from "../acceptance/case.ts";
import { runAcceptance } from "../acceptance.ts";
import type { Outcome } from "../outcome.ts";
import { BED } from "./cases.ts";
import { PROGRAMS, type Wine } from "./wine.ts";

/** Cases that Windows must end otherwise, and why. */
const ELSEWHERE: Readonly<Record<string, string>> = {};

/** Each run of the program starts two processes of Wine. */
const PATIENCE = 5;

export interface WindowsAcceptance {
  wine: Wine;
  /** The folder that both systems see. */
  shared: string;
  filters: readonly string[];
  report(outcome: Outcome): void;
}

export async function runWindowsAcceptance(options: WindowsAcceptance): Promise<void> {
  const { wine, shared, filters, report } = options;
  const binary = join(shared, "databricks");
  const script = `#!/bin/sh\n# With TMPDIR, Wine does not start.\nunset TMPDIR\nPERSON=$HOME exec ${wine.command(BED)} program "$@"\n`;
  writeFileSync(binary, script, { mode: 0o755 });
  await runAcceptance({
    binary,
    machine: {
      folder: shared,
      browser: `Z:${PROGRAMS}/bed.exe visit`,
      translate: onLinux,
      patience: PATIENCE,
    },
    except: (subject) => !makesSense(subject),
    filters,
    update: false,
    report: ({ name, ...outcome }) => report({ name: `acceptance: ${name}`, ...outcome }),
  });
}

/** Without Linux's keyring, terminal and programs. */
function makesSense({ name, keyring, terminal, needs }: Case): boolean {
  return keyring === null && !terminal && needs.length === 0 && !(name in ELSEWHERE);
}

/** Wine's drive Z: is the root of Linux. In JSON each backslash is two. */
function onLinux(output: string): string {
  return output.replace(/Z:(\\{1,2}[^\\\s"'<>|:*?()]+)+/g, (path) =>
    path.slice(2).replace(/\\+/g, "/"),
  );
}
