import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { browserCommand, openBrowser } from "../../src/oauth/browser.ts";
import { scratchFolder } from "../support/scratch.ts";

const url = "https://example.com/oidc/v1/authorize?state=a&b=$(touch%20x)";

describe("the command", () => {
  const rows: [
    string,
    NodeJS.Platform,
    Record<string, string>,
    ReturnType<typeof browserCommand>,
  ][] = [
    ["BROWSER=none", "linux", { BROWSER: "none", DISPLAY: ":0" }, "disabled"],
    ["BROWSER=NONE on Windows", "win32", { BROWSER: " NONE " }, "disabled"],
    ["a screen", "linux", { DISPLAY: ":0" }, ["xdg-open", url]],
    ["a Wayland screen", "linux", { WAYLAND_DISPLAY: "wayland-0" }, ["xdg-open", url]],
    ["an empty BROWSER", "linux", { BROWSER: "", DISPLAY: ":0" }, ["xdg-open", url]],
    ["no screen", "linux", {}, "no-display"],
    ["SSH", "linux", { SSH_CONNECTION: "1 2 3 4" }, "remote"],
    [
      "SSH with X",
      "linux",
      { SSH_CONNECTION: "1 2 3 4", DISPLAY: "localhost:10.0" },
      ["xdg-open", url],
    ],
    ["macOS", "darwin", {}, ["/usr/bin/open", url]],
    ["SSH to a Mac", "darwin", { SSH_TTY: "/dev/ttys000" }, "remote"],
    [
      "Windows",
      "win32",
      { SystemRoot: "D:\\Win" },
      ["D:\\Win\\System32\\rundll32.exe", "url.dll,FileProtocolHandler", url],
    ],
    ["SSH to Windows", "win32", { SSH_CONNECTION: "1 2 3 4" }, "remote"],
    [
      "a program of one's own, over SSH",
      "linux",
      { BROWSER: "helper", SSH_TTY: "x" },
      ["helper", url],
    ],
    ["arguments", "linux", { BROWSER: "firefox --new-window" }, ["firefox", "--new-window", url]],
    ["a place for the address", "linux", { BROWSER: "a --url=%s -x" }, ["a", `--url=${url}`, "-x"]],
    [
      "quotes",
      "linux",
      { BROWSER: `"/opt/my browser/run" '--profile=a b'` },
      ["/opt/my browser/run", "--profile=a b", url],
    ],
    [
      "signs that a shell would obey",
      "linux",
      { BROWSER: "a; rm -rf $HOME" },
      ["a;", "rm", "-rf", "$HOME", url],
    ],
  ];
  test.each(rows)("with %s on %s", (_name, platform, env, command) => {
    expect(browserCommand(url, env, platform)).toEqual(command);
  });

  test("may have blanks in its path", () => {
    const folder = join(scratchFolder(), "my programs");
    mkdirSync(folder);
    const program = join(folder, process.platform === "win32" ? "browse it.exe" : "browse it");
    writeFileSync(program, "#!/bin/sh\n", { mode: 0o755 });
    expect(browserCommand(url, { BROWSER: program }, "linux")).toEqual([program, url]);
  });
});

describe.skipIf(process.platform === "win32")("openBrowser", () => {
  /** A program that writes down what it was given, and then does `more`. */
  function recorder(more: string): { program: string; record: string } {
    const folder = scratchFolder();
    const program = join(folder, "browser");
    const record = join(folder, "record");
    writeFileSync(
      program,
      `#!/bin/sh\nprintf '%s|' "$#" "$@" > '${record}.new'\nmv '${record}.new' '${record}'\n${more}\n`,
    );
    chmodSync(program, 0o755);
    return { program, record };
  }

  async function recorded(record: string): Promise<string> {
    while (!existsSync(record)) await Bun.sleep(5);
    return readFileSync(record, "utf8");
  }

  const env = { PATH: process.env["PATH"] };

  test("hands over the address as one argument, untouched by any shell", async () => {
    const { program, record } = recorder("");
    expect(openBrowser(url, { ...env, BROWSER: program }, "linux")).toBe("opened");
    expect(await recorded(record)).toBe(`1|${url}|`);
  });

  test("says so when there is no such program, or it cannot be run", () => {
    const folder = scratchFolder();
    const broken = join(folder, "broken");
    writeFileSync(broken, "#!/nowhere/at/all\n", { mode: 0o755 });
    for (const BROWSER of [join(folder, "missing"), "no-such-browser", broken]) {
      expect(openBrowser(url, { ...env, BROWSER }, "linux")).toBe("no-program");
    }
    expect(openBrowser(url, { DISPLAY: ":0", PATH: folder }, "linux")).toBe("no-program");
  });

  test("waits for nothing, shares no stream, and leaves the browser alive", async () => {
    const { program, record } = recorder('echo noise; echo noise >&2; sleep 1; touch "$0.done"');
    const script = `
      const { openBrowser } = await import(${JSON.stringify(new URL("../../src/oauth/browser.ts", import.meta.url).href)});
      console.log(openBrowser("https://example.com/", process.env, "linux"));`;
    const startedAt = performance.now();
    const child = Bun.spawn([process.execPath, "-e", script], {
      env: { ...env, BROWSER: program },
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    expect([await child.exited, stdout, stderr]).toEqual([0, "opened\n", ""]);
    expect(performance.now() - startedAt).toBeLessThan(900);
    await recorded(record);
    await recorded(`${program}.done`);
  });
});
