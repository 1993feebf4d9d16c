import { expect, test } from "bun:test";

const SCRIPT = `
import { forbidCoreDumps } from ${JSON.stringify(`${import.meta.dir}/../../native/libc.ts`)};
forbidCoreDumps();
process.stdout.write(Bun.spawnSync(["sh", "-c", "ulimit -S -c; ulimit -H -c"]).stdout);
`;

/** The soft and the hard limit after `forbidCoreDumps`, in a process of its own that began with this soft one. */
function limitsAfter(soft: string): string[] {
  const command = `ulimit -S -c ${soft} && exec "$0" -e "$1"`;
  const { stdout } = Bun.spawnSync(["sh", "-c", command, process.execPath, SCRIPT]);
  return stdout.toString().trim().split("\n");
}

const hard = Bun.spawnSync(["sh", "-c", "ulimit -H -c"]).stdout.toString().trim();
const lacks = process.platform === "win32" || hard === "0";
test.skipIf(lacks)(
  `no core is dumped, and the hard limit stays${lacks ? " (skipped: there are no core dumps here)" : ""}`,
  () => {
    expect(limitsAfter(hard)).toEqual(["0", hard]);
    expect(limitsAfter("0")).toEqual(["0", hard]);
  },
);
