/** The program itself, as a person or a script on Windows meets it. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { visit } from "../../test/workspace/browser.ts";
import { startWorkspace, type Workspace } from "../../test/workspace/server.ts";
import { type BedCase, bed } from "./cases.ts";
import { type Ended, HOME, PROGRAMS, type RunOptions, type Wine } from "./wine.ts";

const PROGRAM = `${PROGRAMS}/databricks.exe`;

const PROFILE = "größe";
const TARGET = `databricks-cli:${PROFILE}`;

interface Scene {
  wine: Wine;
  workspace: Workspace;
  /** Runs the program. */
  cli(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** Runs it and gives the access token that it printed. */
  token(): Promise<string>;
}

/** A case with a workspace and an empty home folder. */
function scene(name: string, play: (scene: Scene) => Promise<void>): BedCase {
  return {
    name,
    async run(wine) {
      for (const left of [".databrickscfg", ".databricks"]) {
        rmSync(wine.path(`${HOME}/${left}`), { recursive: true, force: true });
      }
      const workspace = await startWorkspace();
      const cli: Scene["cli"] = (args, options) => wine.run(PROGRAM, args, options);
      const token: Scene["token"] = async () => {
        const { stdout } = succeeded(await cli(["auth", "token", "-p", PROFILE]));
        return JSON.parse(stdout).access_token;
      };
      try {
        await play({ wine, workspace, cli, token });
        succeeded(await cli(["auth", "logout", PROFILE, "--auto-approve"]));
        assert.equal(await bed(wine, "credentials", PROFILE), "[]");
      } finally {
        await workspace.stop();
      }
    },
  };
}

function succeeded(ended: Ended): Ended {
  assert.equal(ended.exitCode, 0, `ended with ${ended.exitCode}: ${ended.stderr}`);
  return ended;
}

/** Wine hands links to this program; here, it writes them down. */
const XDG_OPEN = `#!/bin/sh
printf %s "$1" >/tmp/opened.new
mv /tmp/opened.new /tmp/opened
`;

/** Logs in through the browser that the shell of Windows opens, the person being this process. */
async function login({ wine, workspace }: Scene, flags: readonly string[] = []): Promise<Ended> {
  const link = wine.path("/tmp/opened");
  rmSync(link, { force: true });
  writeFileSync(wine.path("/usr/bin/xdg-open"), XDG_OPEN, { mode: 0o755 });
  const args = ["auth", "login", "-p", PROFILE, "--host", workspace.url, ...flags];
  const running = wine.start(PROGRAM, args);
  while (running.isRunning() && !existsSync(link)) await Bun.sleep(20);
  if (existsSync(link)) {
    const page = await visit(readFileSync(link, "utf8"));
    assert.ok(page?.ok, `${page?.url} says ${page?.status}: ${await page?.text()}`);
  }
  return succeeded(await running.ended);
}

export const programCases: readonly BedCase[] = [
  {
    name: "version is one line",
    async run(wine) {
      const { stdout } = succeeded(await wine.run(PROGRAM, ["version"]));
      assert.match(stdout, /^Databricks CLI v\d+\.\d+\.\d+\S*\n$/);
    },
  },

  {
    name: "a token comes through a pipe of Windows' shell",
    async run(wine) {
      const configure = "Z:\\bed\\databricks.exe configure -p piped --host https://h.example.com";
      succeeded(await wine.run("cmd", ["/c", `echo personal-1| ${configure}`]));
      const config = readFileSync(wine.path(`${HOME}/.databrickscfg`), "utf8");
      assert.match(config, /^token = personal-1$/m);
    },
  },

  scene("login, token, logout: the entry is one that the Go CLI reads", async (scene) => {
    const { stderr } = await login(scene);
    assert.match(stderr, /^Profile größe was successfully saved$/m);
    const { user, blob } = JSON.parse(await bed(scene.wine, "credential", TARGET));
    assert.equal(user, PROFILE);
    const requests = scene.workspace.requests.length;
    assert.equal(await scene.token(), JSON.parse(blob).token.access_token);
    assert.equal(scene.workspace.requests.length, requests, "a cached token costs no request");
    const config = readFileSync(scene.wine.path(`${HOME}/.databrickscfg`), "utf8");
    assert.match(config, /^auth_storage\s*= secure$/m);
  }),

  scene("profiles and describe show the login and where its token lies", async (scene) => {
    await login(scene);
    const { stdout: list } = succeeded(await scene.cli(["auth", "profiles", "-o", "json"]));
    assert.deepEqual(
      JSON.parse(list).profiles.map(({ name, valid }: Record<string, unknown>) => [name, valid]),
      [[PROFILE, true]],
    );
    const { stdout: text } = succeeded(await scene.cli(["auth", "describe", "-p", PROFILE]));
    assert.match(text, /^User: ada@example\.com$/m);
    assert.match(text, /^Token storage: secure, OS keyring \(service: databricks-cli\)/m);
    assert.match(text, / \(from C:\\users\\root\\\.databrickscfg config file\)$/m);
  }),

  scene("a token of 10,000 bytes goes there and back", async (scene) => {
    const access_token = "long-".repeat(2_000);
    scene.workspace.control.faults = { token: { kind: "rewrite", set: { access_token } } };
    await login(scene);
    assert.match(
      JSON.parse(await bed(scene.wine, "credential", TARGET)).blob,
      /^databricks-cli:split:/,
    );
    assert.equal(await scene.token(), access_token);
  }),

  scene("30 callers of an expired token: one refresh", async (scene) => {
    scene.workspace.control.accessLifetimeSeconds = 1;
    await login(scene);
    const expired = await bed(scene.wine, "credential", TARGET);
    scene.workspace.control.accessLifetimeSeconds = 3600;
    scene.workspace.control.delayMs = { token: 300 };
    const tokens = await Promise.all(Array.from({ length: 30 }, () => scene.token()));
    assert.equal(scene.workspace.count("refresh_token"), 1);
    assert.equal(new Set(tokens).size, 1);
    assert.ok(!expired.includes(tokens[0] ?? ""));
  }),

  scene("a caller that is killed while it refreshes frees the next one", async (scene) => {
    scene.workspace.control.accessLifetimeSeconds = 1;
    await login(scene);
    Object.assign(scene.workspace.control, {
      accessLifetimeSeconds: 3600,
      faults: { token: { kind: "never", times: 1 } },
    });
    const killed = scene.wine.start(PROGRAM, ["auth", "token", "-p", PROFILE]);
    while (scene.workspace.count("refresh_token") === 0) await Bun.sleep(20);
    killed.kill();
    await killed.ended;
    assert.ok(await scene.token());
    assert.equal(scene.workspace.count("refresh_token"), 2);
  }),

  scene("the home folder is USERPROFILE, not HOME", async (scene) => {
    await login(scene, ["--storage", "plaintext"]);
    const cache = readFileSync(scene.wine.path(`${HOME}/.databricks/token-cache.json`), "utf8");
    assert.ok(JSON.parse(cache).tokens[PROFILE]);
    assert.equal(await bed(scene.wine, "credential", TARGET), "null");
    // Wine sets USERPROFILE itself; its shell can set it anew.
    const command = `set USERPROFILE=C:\\other&& Z:\\bed\\databricks.exe auth token -p ${PROFILE}`;
    const elsewhere = await scene.wine.run("cmd", ["/c", command]);
    assert.equal(elsewhere.exitCode, 1);
    assert.match(elsewhere.stderr, /C:\\other\\\.databrickscfg/);
  }),

  scene("variables count in any letter case", async (scene) => {
    await login(scene);
    const program = "Z:\\bed\\databricks.exe auth describe";
    const variables = `set databricks_host=${scene.workspace.url}&& set Databricks_Cluster_Id=7`;
    const described = await scene.wine.run("cmd", ["/c", `${variables}&& ${program}`]);
    const { stdout } = succeeded(described);
    assert.match(stdout, /^ {2}✓ profile: größe /m);
    assert.match(
      stdout,
      /^ {2}✓ cluster_id: 7 \(from DATABRICKS_CLUSTER_ID environment variable\)$/m,
    );
  }),

  scene("nothing in the current folder runs", async (scene) => {
    await login(scene);
    const folder = "/tmp/someone-elses";
    const plant = (name: string, text: string) =>
      bed(scene.wine, "replace", `Z:\\tmp\\someone-elses\\${name}`, text);
    await plant("advapi32.dll", "planted");
    await plant("kernel32.dll", "planted");
    await plant(".env", "DATABRICKS_AUTH_STORAGE=planted");
    await plant("bunfig.toml", 'preload = ["./planted.js"]');
    await plant("planted.js", 'console.log("planted")');
    const args = ["auth", "token", "-p", PROFILE];
    const there = succeeded(await scene.cli(args, { cwd: folder }));
    assert.deepEqual(there, await scene.cli(args));
  }),
];
