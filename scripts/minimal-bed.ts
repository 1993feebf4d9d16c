/**
 * The two commands of the README from a fresh clone, on a machine that has next to nothing:
 * `bun run minimal-bed`. A Debian root with npm, without git, D-Bus, libsecret or a compiler,
 * and an empty home folder.
 *
 * Each command is one test here; what `check` counts inside is printed, and not added up.
 * The last line is `N passed, N failed, N skipped`; with CI=true a skip is a failure.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageManager } from "../package.json";
import { messageOf } from "../src/errors.ts";
import { ROOT } from "./build.ts";
import { cachedFolder } from "./build-cache.ts";
import { debianMirror } from "./debian.ts";
import { count, countsLine, type Outcome, renderOutcome } from "./outcome.ts";

const SUITE = "bookworm";

/** debootstrap alone stumbles over npm's hundreds of packages. */
const RECIPE = `
  debootstrap --variant=minbase --include=ca-certificates "$1" "$2" "$3"
  chroot "$2" apt-get install --yes --no-install-recommends npm
  rm -rf "$2"/var/cache/apt/archives/*.deb "$2"/var/lib/apt/lists/*
  mkdir "$2/clone" "$2/home/person"
  touch "$2/etc/hosts" "$2/etc/resolv.conf"
`;

/** Of this machine, what every machine with a network has. */
const NETWORK_FILES = ["/etc/hosts", "/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt"];

const outcomes: Outcome[] = [];
const missing = missingForBed();
if (missing) outcomes.push({ name: "minimal bed", result: "skipped", detail: missing });
else await runBed();
for (const outcome of outcomes) console.log(renderOutcome(outcome));
const counts = count(outcomes);
console.log(countsLine(counts));
process.exitCode = counts.failed > 0 || (missing && process.env["CI"] === "true") ? 1 : 0;

function missingForBed(): string | null {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "needs Linux, and root";
  const programs = ["bwrap", "debootstrap", "chroot", "git", "apt-get"];
  const absent = programs.find((program) => !Bun.which(program));
  if (absent) return `needs ${absent}`;
  if (!existsSync(join(ROOT, ".git"))) return "needs a checkout";
  return debianMirror() ? null : "needs a Debian mirror in apt's configuration";
}

async function runBed(): Promise<void> {
  const root = await cachedFolder("minimal", [SUITE, RECIPE], (folder) =>
    run(["sh", "-euc", RECIPE, "sh", SUITE, folder, debianMirror() ?? ""], "ignore"),
  );
  const scratch = mkdtempSync(join(tmpdir(), "databricks-minimal-"));
  try {
    for (const script of ["demo", "check"]) outcomes.push(await tryScript(script, root, scratch));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Runs `npx -y bun@… run SCRIPT` in a clone and a home folder of its own. */
async function tryScript(script: string, root: string, scratch: string): Promise<Outcome> {
  const command = ["npx", "-y", packageManager, "run", script];
  const name = `\`${command.join(" ")}\` on a minimal Debian`;
  const folder = (path: string) => {
    const made = join(scratch, script, path);
    mkdirSync(made, { recursive: true });
    return made;
  };
  const folders = { clone: folder("clone"), home: folder("home"), temporary: folder("tmp") };
  console.log(`\n$ ${command.join(" ")}`);
  try {
    await run(["git", "clone", "--quiet", "--no-local", ROOT, folders.clone]);
    await run([...inside(root, folders), ...command]);
    const left = readdirSync(folders.temporary);
    if (left.length > 0) throw new Error(`left in /tmp: ${left.join(", ")}`);
    return { name, result: "passed", detail: "" };
  } catch (error) {
    return { name, result: "failed", detail: messageOf(error) };
  }
}

interface Folders {
  clone: string;
  home: string;
  temporary: string;
}

/** What to put before a command so that it runs in the root, with the network and nothing else of this machine. */
function inside(root: string, { clone, home, temporary }: Folders): string[] {
  const extraCertificates = process.env["NODE_EXTRA_CA_CERTS"];
  const env = {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    HOME: "/home/person",
    ...(extraCertificates && { NODE_EXTRA_CA_CERTS: extraCertificates }),
  };
  return [
    ...["bwrap", "--unshare-all", "--share-net", "--die-with-parent", "--clearenv"],
    ...["--ro-bind", root, "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/run"],
    ...["--bind", clone, "/clone", "--bind", home, env.HOME, "--bind", temporary, "/tmp"],
    ...NETWORK_FILES.flatMap((file) => ["--ro-bind-try", file, file]),
    ...(extraCertificates ? ["--ro-bind-try", extraCertificates, extraCertificates] : []),
    ...Object.entries(env).flatMap(([name, value]) => ["--setenv", name, value]),
    ...["--chdir", "/clone"],
  ];
}

async function run(command: string[], stdout: "inherit" | "ignore" = "inherit"): Promise<void> {
  const child = Bun.spawn(command, { stdio: ["ignore", stdout, "inherit"] });
  if ((await child.exited) !== 0) throw new Error(`${command[0]} ended with ${child.exitCode}`);
}
