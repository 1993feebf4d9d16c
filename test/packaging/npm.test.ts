/** Installs the packages by the npm of this machine, from a registry on this machine. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { version } from "../../package.json";
import { PRODUCTS } from "../../scripts/build-all.ts";
import { packageAll } from "../../scripts/package.ts";
import { compiledProgram } from "../support/program.ts";
import { scratchFolder } from "../support/scratch.ts";
import { type Registry, startRegistry } from "./registry.ts";

/** What SDKs ask of a `databricks` on PATH before they take it for one that they can use. */
const LEAST_SIZE = 1024 * 1024;
const MAIN = "databricks-auth-cli";
const OWN = "@databricks-auth-cli/linux-x64";
const product = PRODUCTS.filter(({ file }) => file === "databricks-linux-x64");

const here = process.platform === "linux" && process.arch === "x64" && Bun.which("npm") !== null;

describe.skipIf(!here)("npm install --global", () => {
  const packages = mkdtempSync(join(tmpdir(), "databricks-packages-"));
  let registry: Registry;
  let program: string;

  beforeAll(async () => {
    program = await compiledProgram();
    symlinkSync(program, join(packages, "databricks-linux-x64"));
    await packageAll(packages, product);
    registry = startRegistry(
      packages,
      manifestOf(MAIN),
      PRODUCTS.map(({ file }) => file),
    );
  }, 120_000);

  afterAll(async () => {
    await registry.stop();
    rmSync(packages, { recursive: true, force: true });
  });

  function manifestOf(name: string) {
    const tarball = join(packages, `${name}-${version}.tgz`);
    const { stdout } = Bun.spawnSync(["tar", "-xzOf", tarball, "package/package.json"]);
    return JSON.parse(stdout.toString());
  }

  /** Installs into a prefix, which is also the home folder. Returns what is then on PATH. */
  async function install(prefix: string, ...args: string[]): Promise<string> {
    const config = ["--prefix", prefix, "--registry", registry.url, "--userconfig", "/dev/null"];
    const npm = Bun.spawn(["npm", "install", "--global", ...config, ...args], {
      env: { PATH: process.env["PATH"], HOME: prefix },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const [exitCode, stderr] = await Promise.all([npm.exited, new Response(npm.stderr).text()]);
    if (exitCode !== 0) throw new Error(stderr);
    return join(prefix, "bin/databricks");
  }

  const isExecutableItself = (path: string) => readFileSync(path).equals(readFileSync(program));

  test("puts the executable itself on PATH, and only this system's is fetched", async () => {
    // Versions of npm before 11 do not know the flag; they run every install script.
    const installed = await install(scratchFolder(), `--allow-scripts=${MAIN}`, MAIN);
    expect(isExecutableItself(installed)).toBe(true);
    expect(run(installed, "version")).toEqual(printed(`Databricks CLI v${version}\n`));
    expect(registry.fetched.filter((path) => /darwin|windows|arm64/.test(path))).toEqual([]);
    expect(statSync(join(installed, "../../share/man/man1/databricks.1")).isFile()).toBe(true);
  }, 60_000);

  test("needs no install script where the package of the system is named", async () => {
    const installed = await install(scratchFolder(), "--ignore-scripts", OWN);
    expect(isExecutableItself(installed)).toBe(true);
  }, 60_000);

  test("takes the tarballs as files, too", async () => {
    const tarball = (name: string) => join(packages, `${name}-${version}.tgz`);
    const installed = await install(
      scratchFolder(),
      "--ignore-scripts",
      tarball(MAIN),
      tarball("databricks-auth-cli-linux-x64"),
    );
    expect(isExecutableItself(installed)).toBe(true);
  }, 60_000);

  describe("without install scripts", () => {
    let prefix: string;
    let installed: string;

    beforeAll(async () => {
      prefix = mkdtempSync(join(tmpdir(), "databricks-prefix-"));
      installed = await install(prefix, "--ignore-scripts", MAIN);
    }, 60_000);

    afterAll(() => rmSync(prefix, { recursive: true, force: true }));

    test("puts something on PATH that SDKs take, and that does as the executable does", () => {
      expect(statSync(installed).size).toBeGreaterThanOrEqual(LEAST_SIZE);
      expect(isExecutableItself(installed)).toBe(false);
      expect(run(installed, "version")).toEqual(printed(`Databricks CLI v${version}\n`));
      const wrong = run(installed, "auth", "tokn");
      expect(wrong).toEqual(run(program, "auth", "tokn"));
      expect(wrong.exitCode).toBe(1);
    });

    test("what is typed reaches the executable", async () => {
      const home = scratchFolder();
      const typed = configure(installed, home);
      typed.stdin.write("access-1\n");
      await typed.stdin.end();
      expect(await typed.exited).toBe(0);
      expect(readFileSync(join(home, ".databrickscfg"), "utf8")).toContain("token = access-1");
    });

    test.each([
      ["SIGINT", 130],
      ["SIGTERM", 143],
      ["SIGHUP", 129],
    ] as const)("%s ends both", async (signal, code) => {
      const waiting = configure(installed, scratchFolder());
      const executable = await childOf(waiting.pid);
      waiting.kill(signal);
      expect(await waiting.exited).toBe(code);
      expect(existsSync(`/proc/${executable}`)).toBe(false);
    });

    test("it says what is missing where the executable was left out", () => {
      const alone = join(scratchFolder(), MAIN);
      cpSync(dirname(dirname(realpathSync(installed))), alone, {
        recursive: true,
        filter: (path) => basename(path) !== "node_modules",
      });
      const { exitCode, stdout, stderr } = run(join(alone, "bin/databricks"), "version");
      expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
      expect(stderr).toStartWith("Error: none of @databricks-auth-cli/linux-x64");
    });
  });
});

function run(program: string, ...args: string[]) {
  const { exitCode, stdout, stderr } = Bun.spawnSync([program, ...args], {
    env: { PATH: process.env["PATH"], HOME: scratchFolder() },
  });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** A command that waits for a token on its stdin. */
function configure(program: string, home: string) {
  return Bun.spawn([program, "configure", "--host", "https://adb-1.2.azuredatabricks.net"], {
    env: { PATH: process.env["PATH"], HOME: home },
    stdio: ["pipe", "ignore", "ignore"],
  });
}

/** The process that `pid` starts, as soon as it does. */
async function childOf(pid: number): Promise<string> {
  for (;;) {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    if (children !== "") return children;
    await Bun.sleep(10);
  }
}

const printed = (stdout: string) => ({ exitCode: 0, stdout, stderr: "" });
