/** Which bus is taken for the session's. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sessionBusAddress } from "../../src/keyring/session-bus.ts";

const directory = mkdtempSync(join(tmpdir(), "session-bus-"));
const strange = join(directory, "a b,c;d=e%f");
mkdirSync(strange);
const fileInstead = join(directory, "file");
mkdirSync(fileInstead);
writeFileSync(join(fileInstead, "bus"), "");

afterAll(() => rmSync(directory, { recursive: true }));

describe("from DBUS_SESSION_BUS_ADDRESS", () => {
  const cases: [string, string | null][] = [
    ["unix:path=/run/user/1/bus", "unix:path=/run/user/1/bus"],
    ["unix:abstract=x,guid=1;tcp:host=localhost", "unix:abstract=x,guid=1;tcp:host=localhost"],
    ["autolaunch:", null],
    ["autolaunch:scope=*install-path", null],
    ["unix:path=/a;autolaunch:;unix:path=/b", "unix:path=/a;unix:path=/b"],
    ["", null],
  ];
  for (const [given, address] of cases) {
    test(JSON.stringify(given), () => {
      const env = { DBUS_SESSION_BUS_ADDRESS: given, XDG_RUNTIME_DIR: strange };
      expect(sessionBusAddress(env)).toBe(address);
    });
  }
});

// Windows has no such sockets.
describe.skipIf(process.platform === "win32")("from the runtime folder", () => {
  let listener: Pick<Bun.UnixSocketListener<undefined>, "stop">;
  beforeAll(() => {
    listener = Bun.listen({ unix: join(strange, "bus"), socket: { data() {} } });
  });
  afterAll(() => listener.stop(true));

  test("a socket, its path escaped", () => {
    const escaped = `${directory}/a%20b%2Cc%3Bd%3De%25f/bus`;
    expect(sessionBusAddress({ XDG_RUNTIME_DIR: strange })).toBe(`unix:path=${escaped}`);
  });

  test("nothing else", () => {
    expect(sessionBusAddress({ XDG_RUNTIME_DIR: fileInstead })).toBeNull();
    expect(sessionBusAddress({ XDG_RUNTIME_DIR: join(directory, "none") })).toBeNull();
    expect(sessionBusAddress({ XDG_RUNTIME_DIR: join(fileInstead, "bus") })).toBeNull();
  });
});
