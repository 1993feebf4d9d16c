/** The acceptance cases that make sense on Windows: their scripts stay on Linux, the program runs in Wine. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Case } from "../acceptance/case.ts";
import { runAcceptance } from "../acceptance.ts";
import type { Outcome } from "../outcome.ts";
import { BED } from "./cases.ts";
import { PROGRAMS, type Wine } from "./wine.ts";

const NOT_REFUSED = "Wine does not tell Bun that a connection was refused";
const TWO_LOCALHOSTS = "`localhost` is ::1 first, where Wine tells Bun no refusal either";
const OTHER_SHELL = "what is to be typed is in the words of Windows' shells";

/** Cases that end otherwise here, and why. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  "auth-describe/account": TWO_LOCALHOSTS,
  "auth-describe/refused": NOT_REFUSED,
  "auth-env/profiles": OTHER_SHELL,
  "configure/deleted-folder": "a folder that is in use cannot be deleted",
  "auth-login/named-pipe": "there are no pipes among the files",
  "concurrency/logins": "of sixty logins at once Wine cuts a connection",
  "concurrency/refresh-plaintext-forced": "thirty processes of Wine do not start at once",
  "login-flows/account": TWO_LOCALHOSTS,
  "login-flows/host-alone": TWO_LOCALHOSTS,
  "login-flows/discovery-elsewhere": NOT_REFUSED,
  "login-flows/wrong-host": NOT_REFUSED,
  "storage/set": OTHER_SHELL,
};

/**
 * The program, as the scripts start it. With TMPDIR Wine does not start, and Bun cannot read a
 * pipe of Linux there.
 */
const launcher = (command: string) => `#!/bin/sh
unset TMPDIR
if [ -p /dev/stdin ]; then
  cat >"$SANDBOX/stdin-$$"
  exec <"$SANDBOX/stdin-$$"
fi
PERSON=$HOME exec ${command} program "$@"
`;

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
  writeFileSync(binary, launcher(wine.command(BED)), { mode: 0o755 });
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

/**
 * Wine's drive Z: is the root of Linux. In JSON each backslash is two. Of a thread that is at work
 * while its process ends, Wine sometimes complains on stderr.
 */
function onLinux(output: string): string {
  const said = output.replace(/^(! )?wine client error:.*\n/gm, "");
  return said.replace(/Z:(\\{1,2}[^\\\s"'<>|:*?()]+)+/g, (path) =>
    path.slice(2).replace(/\\+/g, "/"),
  );
}
