import { describe, expect, test } from "bun:test";
import {
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join, sep } from "node:path";
import {
  acquireLock,
  type Lock,
  LockTimeout,
  LockUnavailable,
  lockPath,
  withLock,
} from "../../src/files/lock.ts";
import { asNobody, canBeNobody, canInject, withFault } from "../support/faults.ts";
import { runScript, startScript } from "../support/run-script.ts";
import { scratchFolder } from "../support/scratch.ts";

const worker = new URL("./lock-worker.ts", import.meta.url);
/** No modes there, and links by special right only. */
const onWindows = process.platform === "win32";
const soon = (milliseconds = 5_000) => ({ deadline: performance.now() + milliseconds });

async function startHolder(path: string) {
  const holder = startScript(worker, ["hold", path]);
  const { value } = await holder.stdout.getReader().read();
  expect(new TextDecoder().decode(value)).toBe("held\n");
  return holder;
}

describe("a lock between processes", () => {
  test("loses no update of 20 processes", async () => {
    const folder = scratchFolder();
    const counter = join(folder, "counter");
    writeFileSync(counter, "0");
    const args = ["increment", join(folder, "lock"), counter, "5"];
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => runScript(worker, args)));
    expect(outcomes.filter(({ exitCode }) => exitCode !== 0)).toEqual([]);
    expect(readFileSync(counter, "utf8")).toBe("100");
    expect(readdirSync(folder).sort()).toEqual(["counter", "lock"]);
  }, 60_000);

  test("is freed when its holder is killed, and keeps its content", async () => {
    const path = join(scratchFolder(), "lock");
    writeFileSync(path, "from before");
    const holder = await startHolder(path);
    const waiting = acquireLock(path, soon());
    holder.kill("SIGKILL");
    const lock = await waiting;
    expect(lock.read()).toBe("from before");
    lock.release();
  });

  test("is given up at the deadline, not before and not much after", async () => {
    const path = join(scratchFolder(), "lock");
    const holder = await startHolder(path);
    const start = performance.now();
    const error: unknown = await acquireLock(path, soon(200)).catch((thrown) => thrown);
    const waited = performance.now() - start;
    holder.kill("SIGKILL");
    expect(error).toBeInstanceOf(LockTimeout);
    expect(String(error)).toContain(path);
    expect(waited).toBeGreaterThanOrEqual(199);
    expect(waited).toBeLessThan(2_000);
  });

  test("that is free is taken even past the deadline", async () => {
    const lock = await acquireLock(join(scratchFolder(), "lock"), { deadline: 0 });
    lock.release();
  });

  test("keeps the event loop turning while it waits", async () => {
    const path = join(scratchFolder(), "lock");
    const holder = await startHolder(path);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 10);
    await acquireLock(path, soon(300)).catch(() => {});
    clearInterval(timer);
    holder.kill("SIGKILL");
    expect(ticks).toBeGreaterThan(3);
  });

  test("is not inherited by a process that its holder started", async () => {
    const path = join(scratchFolder(), "lock");
    const lock = await acquireLock(path, soon());
    const child = Bun.spawn([process.execPath, "-e", "await Bun.sleep(30_000)"]);
    lock.release();
    // Not at once: the child may still be on its way through exec, which closes the file.
    const again = await acquireLock(path, soon(1_000));
    again.release();
    child.kill();
  });
});

describe("a lock within one process", () => {
  test("excludes a second holder, and is free again after release", async () => {
    const path = join(scratchFolder(), "lock");
    const first = await acquireLock(path, soon());
    await expect(acquireLock(path, soon(20))).rejects.toBeInstanceOf(LockTimeout);
    first.release();
    const second = await acquireLock(path, soon(0));
    second.release();
  });

  test("released twice, does not close what was opened in between", async () => {
    const folder = scratchFolder();
    const first = await acquireLock(join(folder, "a"), soon());
    first.release();
    const second = await acquireLock(join(folder, "b"), soon());
    first.release();
    second.write("still open");
    expect(second.read()).toBe("still open");
    second.release();
  });

  test("is released when its body throws", async () => {
    const path = join(scratchFolder(), "lock");
    const failing = withLock(path, soon(), () => {
      throw new Error("body");
    });
    await expect(failing).rejects.toThrow("body");
    (await acquireLock(path, soon(0))).release();
  });

  test("replaces its content, by longer and by shorter text", async () => {
    const path = join(scratchFolder(), "lock");
    const lock: Lock = await acquireLock(path, soon());
    expect(lock.read()).toBe("");
    for (const text of ["short", "a longer text with ümläuts", "x", ""]) {
      lock.write(text);
      expect(lock.read()).toBe(text);
      expect(readFileSync(path, "utf8")).toBe(text);
    }
    lock.release();
  });
});

describe("a lock file", () => {
  test.skipIf(onWindows)(
    "is private, and so is the folder made for it, whatever the umask",
    async () => {
      for (const umask of [0o000, 0o077]) {
        const folder = join(scratchFolder(), "deep", "locks");
        const before = process.umask(umask);
        try {
          (await acquireLock(join(folder, "lock"), soon())).release();
        } finally {
          process.umask(before);
        }
        expect(statSync(folder).mode & 0o777).toBe(0o700);
        expect(statSync(join(folder, "lock")).mode & 0o777).toBe(0o600);
      }
    },
  );

  test("is named by a hash of its subject", () => {
    const path = lockPath("locks", "token:../../etc/passwd");
    expect(path.split(sep)).toEqual(["locks", expect.stringMatching(/^[0-9a-f]{64}$/)]);
    expect(lockPath("/locks", "token:a")).not.toBe(lockPath("/locks", "token:b"));
  });

  test.skipIf(onWindows)("that is a symbolic link is not followed", async () => {
    const folder = scratchFolder();
    symlinkSync(join(folder, "elsewhere"), join(folder, "lock"));
    const error: unknown = await acquireLock(join(folder, "lock"), soon()).catch(
      (thrown) => thrown,
    );
    expect(error).toBeInstanceOf(LockUnavailable);
    expect(existsSync(join(folder, "elsewhere"))).toBe(false);
  });

  test("that is a folder, or lies under a file, is no lock", async () => {
    const folder = scratchFolder();
    mkdirSync(join(folder, "lock"));
    writeFileSync(join(folder, "file"), "");
    for (const path of [join(folder, "lock"), join(folder, "file", "lock")]) {
      await expect(acquireLock(path, soon())).rejects.toBeInstanceOf(LockUnavailable);
    }
  });

  test.skipIf(onWindows)("that is a FIFO is no lock", async () => {
    const path = join(scratchFolder(), "lock");
    Bun.spawnSync(["mkfifo", path]);
    await expect(acquireLock(path, soon())).rejects.toBeInstanceOf(LockUnavailable);
  });

  test.skipIf(!canBeNobody)("of another user is no lock, and the error says why", async () => {
    const path = join(scratchFolder(), "locks", "lock");
    (await acquireLock(path, soon())).release();
    const { stdout } = await runScript(worker, ["try", path, "100"], asNobody());
    expect(JSON.parse(stdout)).toMatchObject({
      name: "LockUnavailable",
      message: expect.stringContaining("permission denied"),
    });
  });

  test.skipIf(!canBeNobody)("that root makes in somebody's home is of use to them", async () => {
    const home = scratchFolder();
    chownSync(home, 65534, 65534);
    const path = join(home, "locks", "lock");
    (await acquireLock(path, soon())).release();
    const { stdout } = await runScript(worker, ["try", path, "100"], asNobody());
    expect(JSON.parse(stdout)).toEqual({ waited: expect.any(Number) });
  });

  test.skipIf(!canBeNobody)("that is a second name of a file is no lock for root", async () => {
    const folder = scratchFolder();
    writeFileSync(join(folder, "other"), "of somebody");
    linkSync(join(folder, "other"), join(folder, "lock"));
    await expect(acquireLock(join(folder, "lock"), soon())).rejects.toThrow("not a regular file");
  });

  test.skipIf(!canInject)("on a file system without locks says so", async () => {
    const path = join(scratchFolder(), "lock");
    for (const code of ["ENOLCK", "EOPNOTSUPP"]) {
      const fault = withFault(`flock:error=${code}`);
      const { stdout } = await runScript(worker, ["try", path, "1000"], fault);
      expect(JSON.parse(stdout)).toMatchObject({ name: "LockUnavailable" });
    }
  });

  test.skipIf(!canInject)("is tried again after an interrupted call", async () => {
    const path = join(scratchFolder(), "lock");
    const fault = withFault("flock:error=EINTR:when=1");
    const { stdout } = await runScript(worker, ["try", path, "1000"], fault);
    expect(JSON.parse(stdout)).toEqual({ waited: expect.any(Number) });
  });
});
