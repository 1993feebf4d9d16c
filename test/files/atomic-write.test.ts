import { describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { UserError } from "../../src/errors.ts";
import { probeAtomicWrite, writeAtomic } from "../../src/files/atomic-write.ts";
import {
  asNobody,
  canBeNobody,
  canInject,
  canMount,
  onReadOnlyDisk,
  onSmallDisk,
  withFault,
} from "../support/faults.ts";
import { runScript, startScript } from "../support/run-script.ts";
import { scratchFolder } from "../support/scratch.ts";

const worker = new URL("./write-worker.ts", import.meta.url);
const mode = 0o600;
/** No modes there, and links by special right only. */
const onWindows = process.platform === "win32";

/** A folder with a file of old content. */
function oldFile(): { folder: string; path: string } {
  const folder = scratchFolder();
  const path = join(folder, "file");
  writeFileSync(path, "old", { mode });
  return { folder, path };
}

function errorOf(action: () => void): UserError {
  try {
    action();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("writeAtomic", () => {
  test("creates the file and private folders", () => {
    const folder = join(scratchFolder(), "a", "b");
    writeAtomic(join(folder, "file"), "new", { mode });
    expect(readFileSync(join(folder, "file"), "utf8")).toBe("new");
    if (!onWindows) expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder)).toEqual(["file"]);
  });

  test("replaces text by bytes, exactly", () => {
    const { path, folder } = oldFile();
    const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index % 256);
    writeAtomic(path, bytes, { mode });
    expect(new Uint8Array(readFileSync(path))).toEqual(bytes);
    expect(readdirSync(folder)).toEqual(["file"]);
  });

  test.skipIf(onWindows)("gives the mode asked for, whatever the umask and the old mode", () => {
    for (const umask of [0o000, 0o077, 0o277]) {
      for (const wanted of [0o600, 0o644, 0o660]) {
        const { path } = oldFile();
        chmodSync(path, 0o604);
        const before = process.umask(umask);
        try {
          writeAtomic(path, "new", { mode: wanted });
        } finally {
          process.umask(before);
        }
        expect(statSync(path).mode & 0o777).toBe(wanted);
      }
    }
  });

  test.skipIf(onWindows)("leaves the old content to whoever has it open", () => {
    const { path } = oldFile();
    const reader = openSync(path, "r");
    writeAtomic(path, "new", { mode });
    expect(readFileSync(reader, "utf8")).toBe("old");
    expect(readFileSync(path, "utf8")).toBe("new");
    closeSync(reader);
  });
});

describe.skipIf(onWindows)("a symbolic link", () => {
  test("stays a link, through a chain and relative to the real folder of each", () => {
    const folder = scratchFolder();
    mkdirSync(join(folder, "real", "inner"), { recursive: true });
    mkdirSync(join(folder, "home"));
    writeFileSync(join(folder, "real", "file"), "old");
    // home/folder leads to real/inner, so that ../file means real/file and not home/file.
    symlinkSync(join(folder, "real", "inner"), join(folder, "home", "folder"));
    symlinkSync("../file", join(folder, "real", "inner", "second"));
    symlinkSync("folder/second", join(folder, "home", "first"));

    writeAtomic(join(folder, "home", "first"), "new", { mode });

    expect(readFileSync(join(folder, "real", "file"), "utf8")).toBe("new");
    expect(lstatSync(join(folder, "real", "file")).isFile()).toBe(true);
    expect(readlinkSync(join(folder, "home", "first"))).toBe("folder/second");
    expect(readlinkSync(join(folder, "real", "inner", "second"))).toBe("../file");
    expect(readdirSync(join(folder, "home")).sort()).toEqual(["first", "folder"]);
  });

  test("that leads nowhere yet gets its target", () => {
    const folder = scratchFolder();
    symlinkSync("target", join(folder, "link"));
    writeAtomic(join(folder, "link"), "new", { mode });
    expect(readFileSync(join(folder, "target"), "utf8")).toBe("new");
    expect(readlinkSync(join(folder, "link"))).toBe("target");
  });

  test("into a missing folder, or in a circle, is refused", () => {
    const folder = scratchFolder();
    symlinkSync("missing/target", join(folder, "dangling"));
    symlinkSync("circle", join(folder, "circle"));
    for (const name of ["dangling", "circle"]) {
      const error = errorOf(() => writeAtomic(join(folder, name), "new", { mode }));
      expect(error.message).toContain(join(folder, name));
    }
    expect(readdirSync(folder).sort()).toEqual(["circle", "dangling"]);
  });
});

describe.skipIf(onWindows)("what is no file", () => {
  test("is refused by name: a folder, a device, a path below a file", () => {
    const { folder, path } = oldFile();
    symlinkSync("/dev/null", join(folder, "null"));
    for (const refused of [folder, join(folder, "null"), join(path, "below")]) {
      expect(errorOf(() => writeAtomic(refused, "new", { mode })).message).toContain(refused);
    }
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(readdirSync(folder).sort()).toEqual(["file", "null"]);
  });
});

describe("a write that fails leaves the old file and nothing else", () => {
  const old = { content: "old", files: ["file"] };

  test.skipIf(!canMount)("on a full disk", async () => {
    const folder = scratchFolder();
    const path = join(folder, "file");
    const { stdout } = await runScript(
      worker,
      ["write-on-full-disk", path],
      onSmallDisk(folder, "128k"),
    );
    expect(JSON.parse(stdout)).toEqual({
      ...old,
      failure: { name: "UserError", message: `cannot write ${path}: no space left on device` },
    });
  });

  test.skipIf(!canMount)("on a read-only disk", async () => {
    const { folder, path } = oldFile();
    const { stdout } = await runScript(worker, ["write", path], onReadOnlyDisk(folder));
    expect(JSON.parse(stdout)).toEqual({
      ...old,
      failure: { name: "UserError", message: `cannot write ${path}: read-only file system` },
    });
  });

  test.skipIf(!canBeNobody)("in somebody else's folder", async () => {
    const { folder, path } = oldFile();
    chmodSync(folder, 0o755);
    chmodSync(path, 0o644);
    const { stdout } = await runScript(worker, ["write", path], asNobody());
    expect(JSON.parse(stdout)).toEqual({
      ...old,
      failure: { name: "UserError", message: `cannot write ${path}: permission denied` },
    });
  });

  test.skipIf(!canBeNobody)("over somebody else's file in one's own folder", async () => {
    const { folder, path } = oldFile();
    chownSync(folder, 65534, 65534);
    chmodSync(path, 0o644);
    const { stdout } = await runScript(worker, ["write", path], asNobody());
    expect(JSON.parse(stdout)).toEqual({
      ...old,
      failure: { name: "UserError", message: `cannot write ${path}: operation not permitted` },
    });
  });

  test.skipIf(!canBeNobody)("but root keeps the owner of the file it replaces", () => {
    const { path } = oldFile();
    chownSync(path, 65534, 65534);
    writeAtomic(path, "new", { mode });
    expect(statSync(path)).toMatchObject({ uid: 65534, gid: 65534 });
  });

  for (const [calls, code] of [
    ["/^rename", "EXDEV"],
    ["/^rename", "EBUSY"],
    ["/^rename", "EACCES"],
    ["fsync", "EIO"],
  ]) {
    test.skipIf(!canInject)(`when ${calls} fails with ${code}`, async () => {
      const { path } = oldFile();
      const fault = withFault(`${calls}:error=${code}`);
      const outcome = JSON.parse((await runScript(worker, ["write", path], fault)).stdout);
      expect(outcome).toMatchObject({ ...old, failure: { name: "UserError" } });
      expect(outcome.failure.message).toStartWith(`cannot write ${path}: `);
    });
  }
});

describe("a writer that is killed", () => {
  test("leaves a whole file, and the next write tidies up", async () => {
    const { folder, path } = oldFile();
    const whole = new Set(["old", "a".repeat(300_000), "b".repeat(300_000)]);
    let abandoned = 0;
    for (let round = 0; round < 15; round++) {
      const writer = startScript(worker, ["write-forever", path]);
      await writer.stdout.getReader().read();
      await Bun.sleep(Math.random() * 20);
      writer.kill("SIGKILL");
      await writer.exited;
      expect(whole.has(readFileSync(path, "utf8"))).toBe(true);
      abandoned += readdirSync(folder).length - 1;
    }
    // There, files are written faster than processes are killed.
    if (!onWindows) expect(abandoned).toBeGreaterThan(0);
    writeAtomic(path, "last", { mode });
    expect(readFileSync(path, "utf8")).toBe("last");
    expect(readdirSync(folder)).toEqual(["file"]);
  }, 30_000);

  test("is told apart from one that is still writing, and from other files", () => {
    const { folder, path } = oldFile();
    const others = [
      `.file.${process.pid}-0badcafe.tmp`,
      ".file.backup.tmp",
      ".file2.1-0badcafe.tmp",
    ];
    for (const name of others) writeFileSync(join(folder, name), "");
    writeAtomic(path, "new", { mode });
    expect(others.every((name) => existsSync(join(folder, name)))).toBe(true);
  });
});

describe("probeAtomicWrite", () => {
  test("leaves a file as it is, and nothing beside it", () => {
    const { folder, path } = oldFile();
    const before = statSync(path);
    probeAtomicWrite(path);
    expect(readFileSync(path, "utf8")).toBe("old");
    expect(statSync(path).ino).toBe(before.ino);
    expect(readdirSync(folder)).toEqual(["file"]);
  });

  test("makes the folder, but no file", () => {
    const folder = join(scratchFolder(), "a");
    probeAtomicWrite(join(folder, "file"));
    expect(readdirSync(folder)).toEqual([]);
    if (!onWindows) expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  test("refuses what writeAtomic would refuse", () => {
    const path = join(scratchFolder(), "folder");
    mkdirSync(path);
    const { message } = errorOf(() => probeAtomicWrite(path));
    expect(message).toBe(`cannot write ${path}: not a regular file`);
    expect(message).toBe(errorOf(() => writeAtomic(path, "new", { mode })).message);
  });
});
