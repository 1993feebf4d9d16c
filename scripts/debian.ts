/** Debian packages of other releases and processors, unpacked into folders outside the checkout. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cachedFolder } from "./build-cache.ts";

const LINKS = ["lib", "lib64"] as const;

export interface DebianPackages {
  /** Name of the release, such as `trixie`. */
  suite: string;
  /** Debian's name of the processor, such as `arm64`. */
  architecture: string;
  packages: readonly string[];
}

/** What this machine lacks to get packages; null when it has all. */
export function missingForPackages(): string | null {
  for (const program of ["apt-get", "dpkg-deb", "setpriv"]) {
    if (!Bun.which(program)) return `needs ${program}`;
  }
  return debianMirror() ? null : "needs a Debian mirror in apt's configuration";
}

/**
 * A folder with the packages and all that they depend on, unpacked and not configured. apt
 * checks signatures as ever, and sees an empty machine: this one's packages play no part.
 */
export function debianFolder({ suite, architecture, packages }: DebianPackages): Promise<string> {
  return cachedFolder(`debian-${suite}`, [suite, architecture, ...packages], async (folder) => {
    const apt = mkdtempSync(join(tmpdir(), "databricks-apt-"));
    try {
      await download(apt, { suite, architecture, packages });
      const archives = join(apt, "cache/archives");
      for (const file of readdirSync(archives).filter((name) => name.endsWith(".deb"))) {
        await run(["dpkg-deb", "--extract", join(archives, file), folder]);
      }
    } finally {
      rmSync(apt, { recursive: true, force: true });
    }
    // Links that a real installation makes; the loaders' own paths go through them.
    for (const name of LINKS) symlinkSync(`usr/${name}`, join(folder, name));
  });
}

/** What a program inside sees besides the packages. */
export interface Inside {
  /** Files and folders of this machine, by their path inside. */
  mounts: Readonly<Record<string, string>>;
  env: Readonly<Record<string, string>>;
}

/**
 * What to put before a command so that it runs with the folder's packages as its system:
 * nothing else of this machine, no network, no environment but the one given. Needs bwrap.
 */
export function insideDebian(folder: string, { mounts, env }: Inside): string[] {
  return [
    ...["bwrap", "--unshare-all", "--die-with-parent", "--clearenv"],
    ...["--ro-bind", join(folder, "usr"), "/usr"],
    ...LINKS.flatMap((name) => ["--symlink", `usr/${name}`, `/${name}`]),
    ...["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"],
    ...Object.entries(mounts).flatMap(([inside, outside]) => ["--bind", outside, inside]),
    ...Object.entries(env).flatMap(([name, value]) => ["--setenv", name, value]),
  ];
}

async function download(
  apt: string,
  { suite, architecture, packages }: DebianPackages,
): Promise<void> {
  for (const folder of ["lists/partial", "cache/archives/partial"]) {
    mkdirSync(join(apt, folder), { recursive: true });
  }
  writeFileSync(join(apt, "sources"), `deb ${debianMirror()} ${suite} main\n`);
  writeFileSync(join(apt, "status"), "");
  const options = [
    `Dir::Etc::SourceList=${apt}/sources`,
    `Dir::Etc::SourceParts=${apt}/none`,
    `Dir::State::Lists=${apt}/lists`,
    `Dir::State::status=${apt}/status`,
    `Dir::Cache=${apt}/cache`,
    `APT::Architecture=${architecture}`,
    `APT::Architectures=${architecture}`,
    "APT::Install-Recommends=false",
    "APT::Sandbox::User=",
    "Acquire::Languages=none",
    "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
  ].flatMap((option) => ["-o", option]);
  await run(["apt-get", ...options, "--quiet", "update"]);
  await run(["apt-get", ...options, "--yes", "--download-only", "install", ...packages]);
}

/** Where apt of this machine gets Debian's main packages, security updates aside. */
export function debianMirror(): string | undefined {
  const format = ["--format", "$(REPO_URI)", "Created-By: Packages", "Component: main"];
  const { stdout } = Bun.spawnSync(["apt-get", "indextargets", ...format]);
  return stdout
    .toString()
    .split("\n")
    .find((uri) => uri.endsWith("/debian/"));
}

/** The kernel ends it with us. */
async function run(command: string[]): Promise<void> {
  const child = Bun.spawn(["setpriv", "--pdeathsig", "KILL", ...command], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [stderr, exitCode] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (exitCode !== 0) throw new Error(`${command[0]} ended with ${exitCode}: ${stderr}`);
}
