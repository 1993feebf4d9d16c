/** Files and folders that belong to somebody else, or cannot be changed. */
import { chmodSync, chownSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { asNobody, canBeNobody, canMount, onReadOnlyDisk } from "../support/faults.ts";
import type { Trial } from "./aftermath.ts";
import type { RunOptions } from "./bed.ts";
import { type FileCase, fileRow } from "./file-cases.ts";
import { PROFILE } from "./logins.ts";
import { insist } from "./row.ts";

const NOBODY = 65534;

/** Runs the command as somebody who is not root and whose home it is, after `spoil` has taken something from them. */
function asNobodyAfter(spoil: (trial: Trial) => void) {
  return (trial: Trial): RunOptions => {
    giveAwayAll(trial);
    spoil(trial);
    return { wrap: asNobody() };
  };
}

function giveAwayAll({ bed }: Trial): void {
  for (const name of ["home", "tmp", "work"]) giveAway(join(bed.folder, name));
}

function giveAway(folder: string): void {
  const below = readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)));
  for (const path of [folder, ...below]) chownSync(path, NOBODY, NOBODY);
}

function giveToRoot(path: string, mode: number): void {
  chownSync(path, 0, 0);
  chmodSync(path, mode);
}

const databricks = ({ bed }: Trial) => dirname(bed.cache);

function makeLocks(trial: Trial): string {
  const locks = join(databricks(trial), "locks");
  mkdirSync(locks);
  return locks;
}

const spoils: readonly (readonly [
  name: string,
  outcome: "works" | "may fail",
  spoil: (trial: Trial) => void,
])[] = [
  ["nothing is amiss", "works", () => {}],
  ["the config file is root's", "may fail", ({ bed }) => giveToRoot(bed.config, 0o600)],
  ["root's config file can be read", "works", ({ bed }) => giveToRoot(bed.config, 0o644)],
  [
    "the copy of the config file is root's",
    "works",
    ({ bed }) => {
      bed.write(`${bed.config}.bak`, "");
      giveToRoot(`${bed.config}.bak`, 0o600);
    },
  ],
  ["the cache is root's", "may fail", ({ bed }) => giveToRoot(bed.cache, 0o600)],
  ["~/.databricks is root's", "may fail", (trial) => giveToRoot(databricks(trial), 0o700)],
  ["root's ~/.databricks can be read", "may fail", (trial) => giveToRoot(databricks(trial), 0o755)],
  ["the folder of the locks is root's", "works", (trial) => giveToRoot(makeLocks(trial), 0o700)],
  ["the home cannot be written", "may fail", ({ bed }) => chmodSync(bed.home, 0o555)],
  ["the home cannot be listed", "works", ({ bed }) => chmodSync(bed.home, 0o300)],
  ["~/.databricks cannot be written", "may fail", (trial) => chmodSync(databricks(trial), 0o500)],
];

/** Root refreshes in vain and changes the config file, which is put back, in a home that is nobody's. */
const rootWasHere: FileCase = {
  name: "root was here",
  outcome: "works",
  async arrange(trial) {
    const { bed, before, ground } = trial;
    giveAwayAll(trial);
    ground.workspace.control.faults = { token: { kind: "status", status: 503 } };
    await bed.run(["auth", "token", "-p", PROFILE, "--force-refresh"]);
    ground.workspace.control.faults = {};
    await bed.run(["auth", "switch", PROFILE]);
    bed.write(bed.config, before.config ?? "");
    return { wrap: asNobody() };
  },
  check({ bed }) {
    const below = readdirSync(bed.home, { recursive: true }).map(String);
    const foreign = below.filter((name) => statSync(join(bed.home, name)).uid !== NOBODY);
    insist(below.includes(".databrickscfg.bak"), "root changed nothing");
    insist(
      below.some((name) => name.startsWith(".databricks/locks/")),
      "root locked nothing",
    );
    insist(foreign.length === 0, `root's: ${foreign.join(", ")}`);
  },
};

const cases: readonly FileCase[] = [
  ...spoils.map(([name, outcome, spoil]) => ({ name, outcome, arrange: asNobodyAfter(spoil) })),
  rootWasHere,
];

/** Mounts a file over itself, as containers are given single files: it cannot be replaced. */
const withMountedFile = (path: string): RunOptions => ({
  wrap: [
    ...["unshare", "--mount", "--map-root-user"],
    ...["sh", "-c", 'mount --bind "$0" "$0" && exec "$@"', path],
  ],
});

const mounted: readonly FileCase[] = [
  {
    name: "the home is read-only",
    outcome: "may fail",
    arrange: ({ bed }) => ({ wrap: onReadOnlyDisk(bed.home) }),
  },
  {
    name: "~/.databricks is read-only",
    outcome: "may fail",
    arrange: (trial) => ({ wrap: onReadOnlyDisk(databricks(trial)) }),
  },
  {
    name: "the config file is a mount",
    outcome: "may fail",
    arrange: ({ bed }) => withMountedFile(bed.config),
  },
  {
    name: "the cache is a mount",
    outcome: "may fail",
    arrange: ({ bed }) => withMountedFile(bed.cache),
  },
];

export const foreignFileRows = [
  fileRow("another user's files", cases, () => (canBeNobody ? null : "needs root and setpriv")),
  fileRow("read-only and mounted", mounted, () => (canMount ? null : "needs private mounts")),
];
