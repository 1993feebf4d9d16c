import { describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { unusableLocks } from "../../src/commands/auth/storage/files-on-disk.ts";
import { asNobody, canBeNobody } from "../support/faults.ts";
import { runScript } from "../support/run-script.ts";
import { scratchFolder } from "../support/scratch.ts";

const worker = new URL("./locks-worker.ts", import.meta.url);
const NOBODY = 65534;

const askedByNobody = async (folder: string) =>
  JSON.parse((await runScript(worker, [folder], asNobody())).stdout);

/** A home of nobody's, with the folder of the locks and one in it. */
function homeOfNobody() {
  const home = scratchFolder();
  const databricks = join(home, ".databricks");
  const locks = join(databricks, "locks");
  const lock = join(locks, "0123");
  mkdirSync(locks, { recursive: true, mode: 0o700 });
  writeFileSync(lock, "", { mode: 0o600 });
  for (const path of [home, databricks, locks, lock]) chownSync(path, NOBODY, NOBODY);
  return { home, databricks, locks, lock };
}

test("there is nothing to say of locks that can be used, or made", () => {
  const folder = scratchFolder();
  expect(unusableLocks(join(folder, ".databricks", "locks"))).toBeNull();
  writeFileSync(join(folder, "lock"), "");
  expect(unusableLocks(folder)).toBeNull();
});

describe.skipIf(!canBeNobody)("locks that cannot be used", () => {
  const foreign = { reason: "permission denied", isForeign: true };

  test("are told by what is somebody else's: a lock, their folder, the one above", async () => {
    const { databricks, locks, lock } = homeOfNobody();
    expect(await askedByNobody(locks)).toBeNull();
    chownSync(lock, 0, 0);
    expect(await askedByNobody(locks)).toEqual({ ...foreign, path: locks });
    chownSync(locks, 0, 0);
    expect(await askedByNobody(locks)).toEqual({ ...foreign, path: locks });
    chownSync(databricks, 0, 0);
    expect(await askedByNobody(locks)).toEqual({ ...foreign, path: databricks });
  });

  test("are not foreign where one's own folder is closed, or the home is", async () => {
    const { home, locks } = homeOfNobody();
    chmodSync(locks, 0o500);
    expect(await askedByNobody(locks)).toMatchObject({ path: locks, isForeign: false });
    chownSync(home, 0, 0);
    const missing = join(home, "other", "locks");
    expect(await askedByNobody(missing)).toMatchObject({ path: home, isForeign: false });
  });
});
