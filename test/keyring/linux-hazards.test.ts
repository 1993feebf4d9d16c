/** What the folder and the environment of a call must not bring about: foreign code, new processes. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ended, runCall, type Surroundings } from "../support/backend-call.ts";
import {
  missingTools,
  type Session,
  type SessionState,
  startSession,
} from "../support/secret-service.ts";

const reason = (missing: string[]) =>
  missing.length > 0 ? ` (skipped: no ${missing.join(", ")})` : "";
const LIBRARIES = [
  "libsecret-1.so.0",
  "libglib-2.0.so.0",
  "libgobject-2.0.so.0",
  "libgio-2.0.so.0",
  "libc.so.6",
];

let directory: string;
let session: Session;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "planted-"));
});
afterAll(() => rmSync(directory, { recursive: true }));
afterEach(() => session.close());

const outcomeOf = ({ answer, noise }: Ended) => [answer.code ?? answer.value, noise];
const get = (surroundings: Surroundings) =>
  runCall({ operation: "get", account: "a", within: 5000 }, surroundings);

const compiler = missingTools("cc");
describe.skipIf(compiler.length > 0)(`libraries in the current folder${reason(compiler)}`, () => {
  const mark = () => join(directory, "library-ran");

  beforeAll(async () => {
    const source = join(directory, "planted.c");
    writeFileSync(
      source,
      `#include <fcntl.h>
      __attribute__((constructor)) static void run(void) { open("${mark()}", O_CREAT, 0600); }`,
    );
    for (const name of LIBRARIES) {
      const build = ["cc", "-shared", "-fPIC", "-o", join(directory, name), source];
      expect(await Bun.spawn(build).exited).toBe(0);
    }
  });
  beforeEach(() => rmSync(mark(), { force: true }));

  test("would run, if they were loaded", async () => {
    session = await startSession("unlocked");
    const env = { ...session.env, LD_PRELOAD: join(directory, "libsecret-1.so.0") };
    await Bun.spawn(["true"], { env: { ...process.env, ...env } }).exited;
    expect(existsSync(mark())).toBe(true);
  });

  test("are not run", async () => {
    session = await startSession("unlocked");
    expect(outcomeOf(await get({ env: session.env, cwd: directory }))).toEqual([null, ""]);
    expect(existsSync(mark())).toBe(false);
  });

  const hiding = hideLibraries();
  test.skipIf(hiding === null)(
    `are not run where the system has none: unreachable${hiding ? "" : " (skipped: no mount namespaces)"}`,
    async () => {
      session = await startSession("unlocked");
      const surroundings = { env: session.env, cwd: directory, wrapper: hiding ?? [] };
      expect(outcomeOf(await get(surroundings))).toEqual(["unreachable", ""]);
      expect(existsSync(mark())).toBe(false);
    },
  );
});

/** A command that runs another one where libsecret and GLib cannot be loaded; null where that cannot be had. */
function hideLibraries(): string[] | null {
  const cache = Bun.spawnSync(["sh", "-c", "PATH=$PATH:/sbin ldconfig -p"]).stdout.toString();
  const paths = LIBRARIES.filter((name) => name !== "libc.so.6").flatMap((name) =>
    cache
      .split("\n")
      .filter((line) => line.trim().startsWith(`${name} `))
      .map((line) => line.split(" => ")[1] ?? ""),
  );
  const mounts = paths.map((path) => `mount --bind /dev/null '${path}'`).join(" && ");
  const wrapper = [
    "unshare",
    "--mount",
    "--map-root-user",
    "sh",
    "-c",
    `${mounts} && exec "$@"`,
    "sh",
  ];
  return paths.length > 0 && Bun.spawnSync([...wrapper, "true"]).success ? wrapper : null;
}

const machineId = existsSync("/etc/machine-id") ? [] : ["/etc/machine-id"];
const tracers = [...missingTools("strace", "secret-tool"), ...machineId];
describe.skipIf(tracers.length > 0)(`processes${reason(tracers)}`, () => {
  const mark = () => join(directory, "launched");
  const trace = () => join(directory, "trace");
  const wrapper = () => ["strace", "-f", "-qq", "-e", "trace=execve,execveat", "-o", trace()];

  beforeAll(() => {
    const launcher = join(directory, "dbus-launch");
    writeFileSync(launcher, `#!/bin/sh\ntouch ${mark()}\nexit 1\n`);
    chmodSync(launcher, 0o755);
  });
  beforeEach(() => rmSync(mark(), { force: true }));

  const launching = (changes: Record<string, string | undefined>) => ({
    ...session.env,
    DISPLAY: ":99",
    PATH: `${directory}:${process.env["PATH"]}`,
    ...changes,
  });

  test("dbus-launch is what libsecret alone would start", async () => {
    session = await startSession("no-bus");
    const env = { ...process.env, ...launching({}) };
    const lookup = ["secret-tool", "lookup", "service", "databricks-cli"];
    await Bun.spawn(lookup, { env, stderr: "ignore" }).exited;
    expect(existsSync(mark())).toBe(true);
  });

  const cases: [string, SessionState, Record<string, string>, string | null][] = [
    ["no bus, but a display", "no-bus", {}, "unreachable"],
    ["autolaunch", "no-bus", { DBUS_SESSION_BUS_ADDRESS: "autolaunch:" }, "unreachable"],
    [
      "autolaunch after a stale address",
      "no-bus",
      { DBUS_SESSION_BUS_ADDRESS: "unix:path=/nonexistent;autolaunch:" },
      "unreachable",
    ],
    [
      "a command as an address",
      "no-bus",
      { DBUS_SESSION_BUS_ADDRESS: "unixexec:path=dbus-launch" },
      "unreachable",
    ],
    ["a bus without the service", "no-service", {}, "unreachable"],
    ["a keyring", "unlocked", {}, null],
  ];
  for (const [title, state, changes, expected] of cases) {
    test(`none is started: ${title}`, async () => {
      session = await startSession(state);
      const ended = await get({ env: launching(changes), wrapper: wrapper() });
      expect(outcomeOf(ended)).toEqual([expected, ""]);
      expect(readFileSync(trace(), "utf8").match(/execve(at)?\(/g)).toHaveLength(1);
      expect(existsSync(mark())).toBe(false);
    });
  }
});
