import { describe, expect, test } from "bun:test";
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { readWhole, writeSome } from "../../src/files/quick-io.ts";
import { scratchFolder } from "../support/scratch.ts";

const onWindows = process.platform === "win32";

/** Code and words of the error that `body` throws; null when it does not. */
function failureOf(body: () => unknown): unknown {
  try {
    body();
    return null;
  } catch (error) {
    const { code, errno, message } = error as NodeJS.ErrnoException;
    return { code, errno, message };
  }
}

describe("readWhole", () => {
  // The ends of the pieces in which it reads, and what lies around them.
  const ends = [1, 1 + 4, 1 + 4 + 16].map((pieces) => pieces * 16_384);
  test.each([0, 1, ...ends.flatMap((end) => [end - 1, end, end + 1]), 5_000_000])(
    "gives all of %d bytes",
    (length) => {
      const path = join(scratchFolder(), "größe 🔑");
      const content = Buffer.from(Uint8Array.from({ length }, (_, index) => index % 251));
      writeFileSync(path, content);
      expect(readWhole(path)?.equals(content)).toBe(true);
    },
  );

  test.skipIf(!Bun.which("mkfifo"))("gives all that comes through a pipe", () => {
    const pipe = join(scratchFolder(), "pipe");
    Bun.spawnSync(["mkfifo", pipe]);
    Bun.spawn(["sh", "-c", 'head -c 300000 /dev/zero > "$0"', pipe]);
    expect(readWhole(pipe)?.equals(Buffer.alloc(300_000))).toBe(true);
  });

  test.skipIf(!Bun.which("mkfifo"))(
    "waits for a pipe's writer, but not for ever",
    () => {
      const pipe = join(scratchFolder(), "pipe");
      Bun.spawnSync(["mkfifo", pipe]);
      Bun.spawn(["sh", "-c", 'sleep 0.3; (echo a; sleep 0.3; echo b) > "$0"', pipe]);
      expect(readWhole(pipe)?.toString()).toBe("a\nb\n");
      expect(() => readWhole(pipe)).toThrow("it is a named pipe, and not all came through");
    },
    10_000,
  );

  test("gives null where there is no file", () => {
    const folder = scratchFolder();
    expect(readWhole(join(folder, "none"))).toBeNull();
    expect(readWhole(join(folder, "none", "below"))).toBeNull();
    expect(readWhole("")).toBeNull();
  });

  test.skipIf(onWindows)("fails as node:fs does", () => {
    const folder = scratchFolder();
    const loop = join(folder, "loop");
    symlinkSync("loop", loop);
    writeFileSync(join(folder, "file"), "x");
    for (const path of [
      folder,
      loop,
      join(folder, "file", "below"),
      join(folder, "x".repeat(300)),
    ]) {
      const failure = failureOf(() => readWhole(path));
      expect(failure).not.toBeNull();
      expect(failure).toEqual(failureOf(() => readFileSync(path)));
    }
  });

  test.skipIf(process.platform !== "linux")("leaves nothing open", () => {
    const open = () => readdirSync("/proc/self/fd").length;
    const folder = scratchFolder();
    writeFileSync(join(folder, "file"), "x".repeat(100_000));
    const before = open();
    for (let round = 0; round < 50; round++) {
      readWhole(join(folder, "file"));
      readWhole(join(folder, "none"));
      failureOf(() => readWhole(folder));
    }
    expect(open()).toBe(before);
  });
});

describe("writeSome", () => {
  test("writes to a descriptor, and says how much", () => {
    const path = join(scratchFolder(), "file");
    const fd = openSync(path, "w");
    expect(writeSome(fd, Buffer.from("größe"))).toBe(7);
    expect(writeSome(fd, Buffer.from("!"))).toBe(1);
    closeSync(fd);
    expect(readFileSync(path, "utf8")).toBe("größe!");
  });

  test("fails as node:fs does", () => {
    const path = join(scratchFolder(), "file");
    writeFileSync(path, "x");
    const fd = openSync(path, "r");
    expect(failureOf(() => writeSome(fd, Buffer.from("y")))).toMatchObject({ code: "EBADF" });
    closeSync(fd);
  });

  test.skipIf(process.platform !== "linux")("fails where the disk is full", () => {
    const fd = openSync("/dev/full", "w");
    expect(failureOf(() => writeSome(fd, Buffer.from("y")))).toMatchObject({ code: "ENOSPC" });
    closeSync(fd);
  });
});
