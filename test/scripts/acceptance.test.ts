import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Case, findCases, parseKeys } from "../../scripts/acceptance/case.ts";
import { missingFor } from "../../scripts/acceptance/needs.ts";
import { normalise } from "../../scripts/acceptance/normalise.ts";
import { runCase } from "../../scripts/acceptance/sandbox.ts";
import { isOnlySlow } from "../../scripts/acceptance.ts";
import { scratchFolder } from "../support/scratch.ts";

/** Scripts want a POSIX shell. */
const onWindows = process.platform === "win32";

/** A case as it would be found. */
function caseOf(script: string, files: Record<string, string> = {}): Case {
  const folder = join(scratchFolder(), "command", "case");
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries({ script, ...files })) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const [found] = findCases(join(folder, "../.."));
  if (!found) throw new Error("not found by its script");
  return found;
}

/** Stands in for the compiled program. */
const echo = "/bin/echo";

describe.skipIf(onWindows)("a script's header", () => {
  test("says what the case needs, up to the first other line", () => {
    const found = caseOf(
      '# keyring: locked\n# workspace: {"cloud": "azure"}\n# hosts: a.example.com b.example.com\n# terminal\n# needs: cc mounts\n# timeout: 5\n\n# needs: nothing\n',
    );
    expect(found).toMatchObject({
      name: "command/case",
      keyring: "locked",
      workspace: { cloud: "azure" },
      hosts: ["a.example.com", "b.example.com"],
      terminal: true,
      needs: ["openssl", "cc", "mounts"],
      timeoutMs: 5000,
    });
  });

  test.each(["# keyrng: locked", "# keyring: unhinged", "# workspace: {"])("refuses %s", (line) => {
    expect(() => caseOf(`${line}\n`)).toThrow(`command/case/script: ${line}`);
  });

  test("a missing program or library is named", () => {
    const needs = "# needs: sh no-such-program libno-such.so.1\n";
    expect(missingFor(caseOf(needs))).toEqual(["no-such-program", "libno-such.so.1"]);
  });
});

describe.skipIf(onWindows)("a case", () => {
  test("shows commands, both streams, exit codes, and what differs by run by its name", async () => {
    const output = await runCase(
      caseOf(
        `run databricks hello
        run sh -c 'echo out; echo err >&2; printf open; exit 3'
        run cat ~/notes "$CASE/../../none"`,
        { "home/notes": "kept\n" },
      ),
      echo,
    );
    expect(output).toBe(`$ databricks hello
hello
$ sh -c echo out; echo err >&2; printf open; exit 3
out
open
[no newline at the end]
! err
[exit 3]
$ cat [HOME]/notes [CASE]/../../none
kept
! cat: [CASE]/../../none: No such file or directory
[exit 1]
`);
  });

  test("sees nothing of the caller's environment", async () => {
    process.env["DATABRICKS_HOST"] = "https://leaked.example.com";
    try {
      const output = await runCase(caseOf("env; pwd"), echo);
      expect(output).not.toContain("leaked");
      expect(output).toContain("DATABRICKS_AUTH_STORAGE=plaintext\n");
      expect(output).toEndWith("[SANDBOX]/work\n");
    } finally {
      delete process.env["DATABRICKS_HOST"];
    }
  });

  // Others have no /proc to look at.
  test.skipIf(process.platform !== "linux")(
    "that leaves something behind shows it, and it is gone afterwards",
    async () => {
      const subject = caseOf(
        'sleep 987 & echo $! >"$CASE/pid"; sleep 0.2; touch "$TMPDIR/secret"; exit 4',
      );
      expect(await runCase(subject, echo)).toBe(
        "[the script itself ended with 4]\n[left in TMPDIR: secret]\n[left running: sleep 987]\n",
      );
      const pid = readFileSync(join(subject.folder, "pid"), "utf8").trim();
      // Of a process that has ended and that nobody has waited for yet, the rest is still there.
      expect(existsSync(`/proc/${pid}/exe`)).toBe(false);
    },
  );

  test("that takes too long is stopped", async () => {
    const output = await runCase(caseOf("# timeout: 0.2\n\necho begun; sleep 30"), echo);
    expect(output).toStartWith("begun\n[the script was stopped: SIGKILL]\n");
  });

  test("uses its workspace, and hears of a mistake", async () => {
    const output = await runCase(
      caseOf(
        '# workspace\n\nseed file a\nrun sh -c "cut -c 1-40 ~/.databricks/*.json"\nworkspace bogus',
      ),
      echo,
    );
    expect(output).toContain('{"version":1,"tokens":{"a":{"access_toke\n');
    expect(output).toContain("no such action: POST bogus");
  });

  test.skipIf(!Bun.which("openssl"))("reaches its workspace under other names", async () => {
    const ask = "console.log((await fetch('https://a.example.com/oidc/v1/authorize')).status)";
    const script = `# workspace\n# hosts: a.example.com\n\n"$BUN" -e "${ask}"\nworkspace requests\n`;
    expect(await runCase(caseOf(script), echo)).toBe(
      "400\nCONNECT  200\nGET /oidc/v1/authorize 400\n",
    );
  });
});

describe.skipIf(onWindows)("on a terminal", () => {
  test("a person reads the screen and types", async () => {
    const program = 'printf "%s: " Name; read name; printf "\\033[1A\\033[2KHello $name\\n"';
    const subject = caseOf(`# terminal\n\nrun sh -c '${program}'`, {
      keys: "Name: => ada<enter>\n",
    });
    expect(await runCase(subject, echo)).toBe(`$ sh -c ${program}\nHello ada\n`);
  });

  test("keys that were never asked for are told", async () => {
    const output = await runCase(
      caseOf("# terminal\n\nrun true", { keys: "Host => x<enter>" }),
      echo,
    );
    expect(output).toContain("[did not come: Host]");
  });

  test("one that is not left as it was is told", async () => {
    const left = "stty -echo; tput civis";
    const output = await runCase(caseOf(`# terminal\n\nrun sh -c "${left}"`), echo);
    expect(output).toContain("[the terminal is not as it was: ");
    expect(output).toEndWith("[the cursor stays hidden]\n");
    const restored = `${left}; stty echo; tput cnorm`;
    expect(await runCase(caseOf(`# terminal\n\nrun sh -c "${restored}"`), echo)).toBe(
      `$ sh -c ${restored}\n`,
    );
  });

  test("keys have names", () => {
    expect(parseKeys("A => <down><enter>\n\nB => x<ctrl-c>\nC => <nothing>\n")).toEqual([
      { waitFor: "A", send: "\x1b[B\r" },
      { waitFor: "B", send: "x\x03" },
      { waitFor: "C", send: "" },
    ]);
    expect(() => parseKeys("A => <hyper>")).toThrow("no key <hyper>");
    expect(() => parseKeys("A")).toThrow("want `TEXT => KEYS`");
  });
});

test("what differs from run to run is replaced, and nothing else", () => {
  const run = `{"access_token": "access-12-AAAAAAAAAAAAAAAAAAAAAA", "expires_in": 3599, "expiry": "2026-11-24T01:33:53.955000000+01:00"}
http://localhost:8037 redirect_uri=http%3A%2F%2Flocalhost%3A8020&state=abcdefghijklmnop0123
GET /x: 200 after 12 ms, workspace 6051921418418893123, http://localhost:8041`;
  expect(normalise(run, { "/x": "[X]" })).toBe(
    `{"access_token": "access-12", "expires_in": [SECONDS], "expiry": "[TIME]"}
http://localhost:[CALLBACK PORT] redirect_uri=http%3A%2F%2Flocalhost%3A[CALLBACK PORT]&state=[RANDOM]
GET [X]: 200 after [DURATION], workspace 6051921418418893123, http://localhost:8041`,
  );
});

test("a case that was only slow is told from one that differs", () => {
  const diff = (...lines: string[]) =>
    ["--- expected", "+++ printed", "@@ -1,2 +1,3 @@", " [exit 1]", ...lines].join("\n");
  const slow = "+[took [DURATION], more than 3500]";
  expect(isOnlySlow(diff(slow))).toBe(true);
  expect(isOnlySlow(diff(slow, slow))).toBe(true);
  expect(isOnlySlow("")).toBe(false);
  expect(isOnlySlow(diff("-[exit 1]", slow))).toBe(false);
  expect(isOnlySlow(diff(slow, "+more"))).toBe(false);
});
