/** Small systems of other kinds on which a binary runs here: a C library, a C++ library, nothing else. */
import { readdirSync, renameSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { cachedFolder } from "../build-cache.ts";
import { debianFolder, insideDebian, missingForPackages } from "../debian.ts";

/** Bun's musl binaries crash on the musl 1.2.3 of the release before. */
const SUITE = "trixie";

/** A wheel on PyPI that brings the C++ libraries for musl, which Debian does not have. */
const WHEEL_WITH_LIBRARIES = "greenlet==3.5.6";

/** Environment variables that every program here gets: a bus that does not exist, so that the keyring is looked for. */
const ENVIRONMENT = { DBUS_SESSION_BUS_ADDRESS: "unix:path=/nonexistent" };

/** The command that starts `binary` with `home` as the person's home folder; arguments follow. */
export type Launch = (binary: string, home: string) => string[];

export interface System {
  /** Programs without which it does not run here. */
  needs: readonly string[];
  /** Gets what it consists of. */
  prepare(): Promise<Launch>;
}

/** Systems by the name of the binary that they run. */
export const SYSTEMS: Readonly<Record<string, System>> = {
  "databricks-linux-x64": {
    needs: ["bwrap"],
    prepare: () => contained("libc6"),
  },
  "databricks-linux-x64-musl": {
    needs: ["bwrap", "python3"],
    prepare: async () => contained("musl", await muslLibraries("x86_64")),
  },
  "databricks-linux-arm64": {
    needs: ["qemu-aarch64-static"],
    prepare: () => emulated("libc6"),
  },
  "databricks-linux-arm64-musl": {
    needs: ["qemu-aarch64-static", "python3"],
    prepare: async () => emulated("musl", await muslLibraries("aarch64")),
  },
};

/** What this machine lacks for the system; null when it has all. */
export function missingFor({ needs }: System): string | null {
  if (process.platform !== "linux" || process.arch !== "x64") return "needs Linux on x64";
  const program = needs.find((name) => !Bun.which(name));
  return program ? `needs ${program}` : missingForPackages();
}

async function contained(library: string, extra?: string): Promise<Launch> {
  const packages = [library];
  const folder = await debianFolder({ suite: SUITE, architecture: "amd64", packages });
  return (binary, home) => {
    const mounts = { "/home": home, "/databricks": binary, ...(extra && { "/libraries": extra }) };
    const env = { ...ENVIRONMENT, HOME: "/home", LD_LIBRARY_PATH: "/libraries" };
    return [...insideDebian(folder, { mounts, env }), "/databricks"];
  };
}

async function emulated(library: string, extra?: string): Promise<Launch> {
  const packages = [library];
  const folder = await debianFolder({ suite: SUITE, architecture: "arm64", packages });
  return (binary, home) => {
    const env = { ...ENVIRONMENT, HOME: home, ...(extra && { LD_LIBRARY_PATH: extra }) };
    const settings = Object.entries(env).map(([name, value]) => `${name}=${value}`);
    return ["env", "-i", ...settings, Bun.which("qemu-aarch64-static") ?? "", "-L", folder, binary];
  };
}

/** A folder with libstdc++ and libgcc_s for musl, under the names that Bun's binary asks for. */
function muslLibraries(processor: "x86_64" | "aarch64"): Promise<string> {
  return cachedFolder("musl-libraries", [processor, WHEEL_WITH_LIBRARIES], (folder) => {
    const platform = ["--platform", `musllinux_1_2_${processor}`, "--python-version", "3.12"];
    const download = ["pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"];
    run(["python3", "-m", ...download, ...platform, "--dest", folder, WHEEL_WITH_LIBRARIES]);
    const wheel = readdirSync(folder).find((name) => name.endsWith(".whl")) ?? "";
    run(["python3", "-m", "zipfile", "--extract", join(folder, wheel), folder]);
    for (const file of new Bun.Glob("*.libs/*").scanSync(folder)) {
      const name = basename(file);
      renameSync(join(folder, file), join(folder, name));
      const soname = name.startsWith("libstdc++") ? "libstdc++.so.6" : "libgcc_s.so.1";
      symlinkSync(name, join(folder, soname));
    }
  });
}

function run(command: string[]): void {
  const { success, exitCode, stderr } = Bun.spawnSync(command, { stdout: "ignore" });
  if (!success) throw new Error(`${command[0]} ended with ${exitCode}: ${stderr.toString()}`);
}
