/** Files and folders of another kind, linked, in other places, of any mode. */

import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { lockPath } from "../../src/files/lock.ts";
import { canBeNobody } from "../support/faults.ts";
import { startWorkspace } from "../workspace/server.ts";
import type { Trial } from "./aftermath.ts";
import { approve, type Bed, makeBed, type RunOptions } from "./bed.ts";
import { type FileCase, fileRow } from "./file-cases.ts";
import { PROFILE } from "./logins.ts";
import { during, insist, lacksNothing, type Row } from "./row.ts";

const config = ({ bed }: Trial) => bed.config;
const cache = ({ bed }: Trial) => bed.cache;
const databricks = ({ bed }: Trial) => dirname(bed.cache);
const dotfile = ({ bed }: Trial, name: string) => join(bed.folder, "dotfiles", name);

function putFolderInPlaceOf(path: string): RunOptions {
  rmSync(path);
  mkdirSync(path);
  return {};
}

/** A path of the home that leads into a folder of dotfiles by a link, or by two. */
function behindLink(
  name: string,
  pathOf: (trial: Trial) => string,
  steps: "one" | "two",
): FileCase {
  const realOf = (trial: Trial) => dotfile(trial, basename(pathOf(trial)));
  const textOf = (trial: Trial) => (steps === "one" ? realOf(trial) : "../dotfiles/second");
  return {
    name,
    outcome: "works",
    arrange(trial) {
      mkdirSync(dotfile(trial, "."));
      renameSync(pathOf(trial), realOf(trial));
      symlinkSync(basename(realOf(trial)), dotfile(trial, "second"));
      symlinkSync(textOf(trial), pathOf(trial));
      return {};
    },
    check(trial) {
      insist(lstatSync(pathOf(trial)).isSymbolicLink(), "the link was replaced");
      insist(readlinkSync(pathOf(trial)) === textOf(trial), "the link leads elsewhere");
      insist(!lstatSync(realOf(trial)).isSymbolicLink(), "its target was replaced");
    },
  };
}

/** What older or newer versions, a kill, or a disk may have left in the files of the locks. */
function locksHolding(name: string, textOf: (trial: Trial) => string): FileCase {
  return {
    name: `the locks hold ${name}`,
    outcome: "works",
    arrange(trial) {
      const { bed, ground } = trial;
      const locks = join(databricks(trial), "locks");
      const subjects = [PROFILE, ground.workspace.url].map((key) => `token:${key}`);
      for (const subject of [...subjects, `file:${bed.cache}`, bed.config]) {
        bed.write(lockPath(locks, subject), textOf(trial));
      }
      return {};
    },
  };
}

const cases: readonly FileCase[] = [
  behindLink("the config file is a link", config, "one"),
  behindLink("the config file is a relative link to a link", config, "two"),
  behindLink("the cache is a link", cache, "one"),
  behindLink("~/.databricks is a link", databricks, "one"),
  {
    name: "the config file is a folder",
    outcome: "refused",
    arrange: ({ bed }) => putFolderInPlaceOf(bed.config),
  },
  {
    name: "the config file is a link to itself",
    outcome: "refused",
    arrange({ bed }) {
      rmSync(bed.config);
      symlinkSync(bed.config, bed.config);
      return {};
    },
  },
  {
    name: "the config file lies in a file",
    outcome: "refused",
    arrange: ({ bed }) => ({ env: { DATABRICKS_CONFIG_FILE: join(bed.cache, "cfg") } }),
  },
  {
    name: "the folder of the locks is a file",
    outcome: "works",
    arrange(trial) {
      writeFileSync(join(databricks(trial), "locks"), "");
      return {};
    },
  },
  locksHolding("a megabyte of nonsense", () =>
    crypto
      .getRandomValues(new Uint8Array(2 ** 16))
      .toHex()
      .repeat(8),
  ),
  locksHolding("half of a note", () => '{"stored":{"hash":"0'),
  locksHolding(
    "notes of another kind",
    () => '{"version":2,"stored":[],"rejected":{"hash":7,"at":null}}',
  ),
  locksHolding("notes from before the clock was set back", ({ before }) => {
    const { access_token, refresh_token } = before.file.get(PROFILE) ?? {};
    const at = Date.now() + 3_600_000;
    const hashOf = (secret: unknown) => createHash("sha256").update(String(secret)).digest("hex");
    return JSON.stringify({
      stored: { hash: hashOf(access_token), at },
      rejected: { hash: hashOf(refresh_token), at },
    });
  }),
  {
    name: "the current folder is gone",
    outcome: "works",
    arrange({ bed }) {
      const gone = join(bed.folder, "gone");
      mkdirSync(gone);
      return { wrap: ["sh", "-c", 'cd "$0" && rmdir "$0" && exec "$@"', gone] };
    },
  },
  {
    name: "the config file is named by a relative path",
    outcome: "works",
    arrange: ({ bed }) => ({
      cwd: bed.home,
      env: { DATABRICKS_CONFIG_FILE: basename(bed.config) },
    }),
  },
  {
    name: "HOME ends with a slash",
    outcome: "works",
    arrange: ({ bed }) => ({ env: { HOME: `${bed.home}/` } }),
  },
];

/** What a login makes in an empty home, with its mode. */
const MADE = {
  ".databricks": 0o700,
  ".databricks/locks": 0o700,
  ".databricks/token-cache.json": 0o600,
  ".databrickscfg": 0o600,
};

const UMASKS = ["000", "022", "027", "077"];

const umasks: Row = {
  name: "umask",
  tries: { quick: UMASKS.length, full: UMASKS.length },
  lacks: lacksNothing,
  async open(bench) {
    const workspace = await startWorkspace();
    async function attempt(index: number): Promise<void> {
      const umask = UMASKS[index % UMASKS.length] ?? "";
      const bed = makeBed(bench, { DATABRICKS_AUTH_STORAGE: "plaintext" });
      const wrap = ["sh", "-c", 'umask "$0" && exec "$@"', umask];
      try {
        const args = ["auth", "login", "-p", "work", "--host", workspace.url];
        const { code, stderr } = await bed.run(args, { wrap, browser: approve });
        insist(code === 0, stderr);
        checkModes(bed);
        // Again, over files that are there.
        await bed.run(["auth", "token", "-p", "work", "--force-refresh"], { wrap });
        checkModes(bed);
        bed.checkFiles();
      } finally {
        bed.close();
      }
    }
    return {
      attempt: (index) => during(`umask ${UMASKS[index]}`, () => attempt(index)),
      close: workspace.stop,
    };
  },
};

function checkModes({ home }: Bed): void {
  const modeOf = (name: string) => statSync(join(home, name)).mode & 0o777;
  for (const [name, mode] of Object.entries(MADE)) {
    insist(modeOf(name) === mode, `${name} has mode ${modeOf(name).toString(8)}`);
  }
  for (const name of readdirSync(join(home, ".databricks/locks"))) {
    const mode = modeOf(join(".databricks/locks", name));
    insist((mode & 0o077) === 0, `${name} has mode ${mode.toString(8)}`);
  }
}

/** Homes that are not there, and what `auth login` says of them. */
const HOMES: readonly (readonly [name: string, home: string | undefined, says: RegExp])[] = [
  ["no HOME, and a user without a name", undefined, /^Error: .*set HOME/m],
  ["an empty HOME, and such a user", "", /^Error: .*set HOME/m],
  ["a HOME that cannot be made", "/nonexistent", /^Error: .*\/nonexistent\/\.databricks/m],
];

const homes: Row = {
  name: "no home",
  tries: { quick: HOMES.length, full: HOMES.length },
  lacks: () => (canBeNobody ? null : "needs root and setpriv"),
  async open(bench) {
    const workspace = await startWorkspace();
    // A user that no file of this system knows.
    const wrap = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"];
    async function attempt(home: string | undefined, says: RegExp): Promise<void> {
      const bed = makeBed(bench, { HOME: home, DATABRICKS_AUTH_STORAGE: "plaintext" });
      try {
        const options = { wrap, cwd: "/" };
        const version = await bed.run(["version"], { ...options, quiet: true });
        insist(version.code === 0 && version.stderr === "", `version: ${version.stderr}`);
        const args = ["auth", "login", "-p", "work", "--host", workspace.url];
        const login = await bed.run(args, { ...options, browser: approve });
        insist(login.code === 1 && says.test(login.stderr), `login: ${login.stderr}`);
      } finally {
        bed.close();
      }
    }
    return {
      async attempt(index) {
        const [name, home, says = /^/] = HOMES[index % HOMES.length] ?? [];
        await during(name ?? "", () => attempt(home, says));
      },
      close: workspace.stop,
    };
  },
};

export const oddFileRows = [fileRow("odd and linked files", cases, lacksNothing), umasks, homes];
