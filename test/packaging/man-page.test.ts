import { beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { ENVIRONMENT, renderManPage } from "../../scripts/package/man-page.ts";
import { command, globalArgs } from "../../src/commands/command.ts";
import { TREE } from "../../src/commands/tree.ts";
import { scratchFolder } from "../support/scratch.ts";

const ROOT = resolve(import.meta.dir, "../..");

let page: string;
beforeAll(async () => {
  page = await renderManPage(TREE, "1.0.0", "2026-11-24");
});

/** The page as a terminal of 100 columns shows it. */
function shown(text: string): string {
  const file = join(scratchFolder(), "databricks.1");
  writeFileSync(file, text);
  const { stdout } = Bun.spawnSync(["mandoc", "-T", "utf8", "-O", "width=100", file]);
  // Bold and underlined signs are struck twice.
  return stdout.toString().replace(/.\x08/gu, "");
}

describe.skipIf(!Bun.which("mandoc"))("the manual page", () => {
  test("is well-formed", () => {
    const file = join(scratchFolder(), "databricks.1");
    writeFileSync(file, page);
    const { stdout } = Bun.spawnSync(["mandoc", "-T", "lint", "-W", "warning", file]);
    expect(stdout.toString()).toBe("");
  });

  test("shows commands, flags and examples as they are typed", () => {
    const text = shown(page);
    expect(text).toContain("  -p, --profile NAME\n");
    expect(text).toContain("databricks auth token [PROFILE] [flags]\n");
    expect(text).toContain("  databricks auth token -p work -o text\n");
    expect(text).toContain("~/.databricks/token-cache.json");
    expect(text).not.toContain("experimental-is-unified-host");
    expect(text).not.toContain("__complete");
  });

  test("text of a declaration is never taken for a request of roff", async () => {
    const odd = command({
      name: "odd",
      summary: "print `a\\nb` and 'c'",
      details: ".SH one\n'br two",
      args: globalArgs,
      examples: [["odd ~/x^y \"z\" -- 'w'", ".so /etc/passwd"]],
      run: async () => {},
    });
    const text = shown(
      await renderManPage(
        { summary: "Odd.", examples: [], children: { odd: async () => odd } },
        "1.0.0",
        "2026-11-24",
      ),
    );
    expect(text).toContain("Print `a\\nb` and 'c'.");
    expect(text).toContain(".SH one 'br two");
    expect(text).toContain("  # .so /etc/passwd\n");
    expect(text).toContain("  databricks odd ~/x^y \"z\" -- 'w'\n");
  });
});

/** Variables that are looked at to find out about the machine, and are not there to be set for us. */
const OF_THE_MACHINE = [
  ...["DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR", "DISPLAY", "WAYLAND_DISPLAY"],
  ...["SSH_CONNECTION", "SSH_TTY", "WSL_DISTRO_NAME"],
  ...["HOME", "USERPROFILE", "PATH", "TERM", "FORCE_COLOR", "SystemRoot", "LOCALAPPDATA"],
];

test("every variable that the program reads is in the manual", () => {
  const files = [...new Bun.Glob("{src,native}/**/*.ts").scanSync(ROOT)];
  const read = new Set(
    files.flatMap((file) =>
      Array.from(
        readFileSync(join(ROOT, file), "utf8").matchAll(/\benv(?:ironment)?\["(\w+)"\]/g),
        ([, name = ""]) => name,
      ),
    ),
  );
  const documented = ENVIRONMENT.flatMap(([names]) => names.split(", "));
  const missing = [...read].filter((name) => ![...documented, ...OF_THE_MACHINE].includes(name));
  expect(read.size).toBeGreaterThan(10);
  expect(missing).toEqual([]);
});
