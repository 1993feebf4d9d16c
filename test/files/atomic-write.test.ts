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
import { asOwner } from "../../src/files/ownership.ts";
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

describe.skipIf(!canBeNobody)("whose the file is", () => {
  const NOBODY = 65534;
  const USERS = 100;
  const asNobodyWrites = async (path: string, octal: string) =>
    JSON.parse((await runScript(worker, ["write", path, octal], asNobody())).stdout);
  /** A file of old content in a folder of nobody's. */
  function inNobodysFolder(uid: number, gid: number, fileMode: number) {
    const { folder, path } = oldFile();
    chownSync(folder, NOBODY, NOBODY);
    chownSync(path, uid, gid);
    chmodSync(path, fileMode);
    return path;
  }

  test("stays so when root replaces it, the group too", () => {
    for (const [uid, gid] of [
      [NOBODY, NOBODY],
      [NOBODY, USERS],
      [0, USERS],
    ] as const) {
      const { path } = oldFile();
      chownSync(path, uid, gid);
      writeAtomic(path, "new", { mode: 0o640 });
      expect(statSync(path)).toMatchObject({ uid, gid, mode: 0o100640 });
    }
  });

  test("somebody who may only replace it takes it over", async () => {
    const path = inNobodysFolder(0, 0, 0o644);
    expect(await asNobodyWrites(path, "600")).toMatchObject({ failure: null, content: "new" });
    expect(statSync(path)).toMatchObject({ uid: NOBODY, gid: NOBODY });
  });

  test.each([
    ["640", 0o100600],
    ["664", 0o100644],
    ["600", 0o100600],
  ])("a group that cannot be kept gives its rights (%s) to no other", async (octal, wanted) => {
    const path = inNobodysFolder(NOBODY, USERS, Number.parseInt(octal, 8));
    expect(await asNobodyWrites(path, octal)).toMatchObject({ failure: null, content: "new" });
    expect(statSync(path)).toMatchObject({ uid: NOBODY, gid: NOBODY, mode: wanted });
  });

  test("what root makes in somebody's folder is theirs", () => {
    const home = scratchFolder();
    chownSync(home, NOBODY, NOBODY);
    writeAtomic(join(home, "a", "b", "file"), "new", { mode });
    for (const made of ["a", "a/b", "a/b/file"]) {
      expect(statSync(join(home, made))).toMatchObject({ uid: NOBODY, gid: NOBODY });
    }
  });

  test("what root makes where a link of somebody's leads stays root's", () => {
    const [home, system] = [scratchFolder(), scratchFolder()];
    chownSync(home, NOBODY, NOBODY);
    symlinkSync(system, join(home, "link"));
    writeAtomic(join(home, "link", "file"), "new", { mode });
    expect(statSync(join(system, "file"))).toMatchObject({ uid: 0, gid: 0 });
  });

  test("can be that of another file", () => {
    const { folder, path } = oldFile();
    chownSync(path, NOBODY, NOBODY);
    writeFileSync(join(folder, "copy"), "old");
    writeAtomic(join(folder, "copy"), "new", { mode, ownedLike: path });
    expect(statSync(join(folder, "copy"))).toMatchObject({ uid: NOBODY, gid: NOBODY });
  });

  test("where it cannot be made as its owner, root makes it as root", () => {
    const seen: unknown[] = [];
    const act = () => {
      seen.push([process.geteuid?.(), process.getegid?.()]);
      if (seen.length === 1) throw new Error("not as nobody");
      return "done";
    };
    expect(asOwner({ uid: NOBODY, gid: USERS }, act)).toBe("done");
    expect(seen).toEqual([
      [NOBODY, USERS],
      [0, process.getegid?.()],
    ]);
  });
});

test.skipIf(!canInject)("a folder that cannot be looked at is told with the reason", async () => {
  const { folder, path } = oldFile();
  const fault = [...withFault("/stat:error=EACCES"), "-P", folder];
  const { stdout } = await runScript(worker, ["write", path], fault);
  expect(JSON.parse(stdout)).toMatchObject({
    failure: { message: `cannot write ${path}: permission denied` },
    content: "old",
  });
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
