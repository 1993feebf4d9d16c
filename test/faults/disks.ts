/** Disks that are full, and system calls that fail. */
import { existsSync, statSync, unlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { canInject, canMount, withFault } from "../support/faults.ts";
import { judgeTrial, openTrialRow, openTrials, runTrial } from "./aftermath.ts";
import { approve, type Bed } from "./bed.ts";
import { type Moment, momentsIn, recording } from "./moments.ts";
import type { Random } from "./random.ts";
import { during, insist, type Row } from "./row.ts";
import type { Scenario } from "./scenarios.ts";

/**
 * Moves the home to a disk of its own that only the command sees, fills it but for some bytes and
 * some files, runs the command, and moves what is there afterwards back.
 */
const ON_FULL_DISK = `
home=$1 bytes=$2 files=$3
shift 3
disk=$(mktemp -d "$home/../disk-XXXXXX")
mount -t tmpfs -o size=512k,mode=700 none "$disk" || exit 99
cp -a "$home/." "$disk/"
cat /dev/zero >"$disk/filler" 2>/dev/null
truncate -s "-$bytes" "$disk/filler"
[ "$files" = any ] ||
  mount -o "remount,nr_inodes=$(($(df --output=iused "$disk" | tail -n 1) + files))" "$disk" || exit 99
mount --bind "$disk" "$home" || exit 99
"$@"
code=$?
umount "$home"
rm "$disk/filler"
find "$home" -mindepth 1 -delete
cp -a "$disk/." "$home/"
umount "$disk"
rmdir "$disk"
exit "$code"
`;

const PAGE = 4096;

const fullDisk: Row = {
  name: "disk full",
  tries: { quick: 16, full: 400 },
  lacks: () => (canMount ? null : "needs private mounts"),
  open: (bench) =>
    openTrialRow(bench, async ({ scenarios, within }, index, random) => {
      const scenario = scenarios[index % scenarios.length] as Scenario;
      const bytes = PAGE * random.below(8);
      const files = random.pick(["any", "any", "0", "1", "2"]);
      const what = `${scenario.name}, room for ${bytes} bytes and ${files} files`;
      await during(what, () =>
        within(scenario, async (trial) => {
          const script = ["sh", "-c", ON_FULL_DISK, "sh", trial.bed.home, String(bytes), files];
          const wrap = ["unshare", "--mount", "--map-root-user", ...script];
          await judgeTrial(trial, await runTrial(trial, { wrap }));
          await worksAgain(trial);
        }),
      );
    }),
};

async function worksAgain(trial: Parameters<typeof runTrial>[0]): Promise<void> {
  const { scenario, ground, configs } = trial;
  if (scenario.isOver?.({ ...trial.before, config: trial.bed.read(trial.bed.config) }, configs))
    return;
  const { code, stderr } = await trial.bed.run(scenario.args(ground), { browser: approve });
  // The server has taken the refresh token of a login whose new one could not be stored.
  const spent = stderr.includes("because the refresh token is invalid");
  insist(code === 0 || spent, `fails with room on the disk, too: ${stderr}`);
}

/** How each call may fail: what local disks, NFS, quotas and bind mounts say. */
const FAILURES: Readonly<Record<string, readonly string[]>> = {
  mkdir: ["ENOSPC", "EROFS", "EACCES", "EDQUOT", "EIO"],
  openat: ["ENOSPC", "EROFS", "EACCES", "EMFILE", "ENFILE", "EIO", "ESTALE"],
  write: ["ENOSPC", "EDQUOT", "EIO", "EFBIG"],
  pwrite64: ["ENOSPC", "EDQUOT", "EIO"],
  ftruncate: ["EIO", "ENOSPC"],
  fchmod: ["EPERM", "EROFS", "EIO"],
  fsync: ["EIO", "ENOSPC", "EDQUOT"],
  statx: ["EACCES", "EIO", "ESTALE"],
  readlink: ["EACCES", "EIO"],
  rename: ["EBUSY", "ESTALE", "EXDEV", "EACCES", "EPERM", "EIO", "ENOSPC"],
  unlink: ["EBUSY", "EACCES", "EIO"],
  flock: ["ENOLCK", "EOPNOTSUPP", "EIO", "EINTR"],
  read: ["EIO", "ESTALE"],
  getdents64: ["EIO", "EACCES"],
};

const failingCalls: Row = {
  name: "failing calls",
  // Each of the four commands makes up to some 100 such calls: every one fails in some try.
  tries: { quick: 400, full: 3000 },
  lacks: () => (canInject ? null : "needs strace"),
  async open(bench, random) {
    const trials = await openTrials(bench);
    const moments = new Map<Scenario, Moment[]>();
    for (const scenario of trials.scenarios) {
      await trials.within(scenario, async (trial) => {
        const trace = join(trial.bed.folder, "trace");
        await runTrial(trial, { wrap: recording(trace) });
        const files = momentsIn(trace, trial.bed.home).filter(({ call }) => call in FAILURES);
        moments.set(scenario, random.shuffled(files));
      });
    }
    return {
      async attempt(index: number, chance: Random) {
        const scenario = trials.scenarios[index % trials.scenarios.length] as Scenario;
        const list = moments.get(scenario) ?? [];
        const moment = list[Math.floor(index / trials.scenarios.length) % list.length] as Moment;
        const error = chance.pick(FAILURES[moment.call] ?? []);
        // Once, or from then on: but not what stdout and stderr need too, nor an endless "try again".
        const once = moment.call === "write" || error === "EINTR";
        const often = once ? "" : chance.pick(["", "+"]);
        const fault = `${moment.call}:error=${error}:when=${moment.nth}${often}`;
        await during(`${scenario.name}, ${fault}`, () =>
          trials.within(scenario, async (trial) => {
            const ended = await runTrial(trial, { wrap: withFault(fault) });
            // What cannot be removed stays, but nothing is in it.
            if (moment.call === "unlink") removeEmptyFiles(trial.bed);
            await judgeTrial(trial, ended);
          }),
        );
      },
      close: trials.close,
    };
  },
};

function removeEmptyFiles({ cache, temporaryFiles }: Bed): void {
  for (const name of temporaryFiles()) {
    const path = join(dirname(cache), name);
    if (existsSync(path) && statSync(path).size === 0) unlinkSync(path);
  }
}

export const diskRows: readonly Row[] = [fullDisk, failingCalls];
