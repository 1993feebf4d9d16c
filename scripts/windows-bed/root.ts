/** A Debian with Wine and a Windows folder tree in it, built once and kept outside the checkout. */
import { cachedFolder } from "../build-cache.ts";
import { debianMirror, missingForPackages } from "../debian.ts";

/** Bookworm's Wine 8 does not start Bun's Windows binary. */
const SUITE = "trixie";

/**
 * Run in namespaces of its own: what it starts or mounts ends with it. `wineserver -w` waits
 * until the registry is on the disk; without it Wine's services are missing afterwards.
 */
const RECIPE = `
  debootstrap --variant=minbase --include=wine64 "$1" "$2" "$3"
  rm -rf "$2"/var/cache/apt/archives/*.deb "$2"/var/lib/apt/lists/*
  mount --bind /dev "$2/dev"
  mount -t proc proc "$2/proc"
  mount -t tmpfs tmpfs "$2/tmp"
  exec chroot "$2" env -i $4 sh -c "wine64 wineboot --init && wineserver -w"
`;

/** What programs inside see: nothing of this machine's own. */
export const WINE_ENVIRONMENT: Readonly<Record<string, string>> = {
  PATH: "/usr/lib/wine:/usr/bin:/bin",
  HOME: "/root",
  LC_ALL: "C.UTF-8",
  WINEPREFIX: "/prefix",
  WINEDEBUG: "-all",
  XDG_RUNTIME_DIR: "/tmp",
};

/** What this machine lacks for the bed; null when it has all. */
export function missingForWine(): string | null {
  if (process.platform !== "linux" || process.arch !== "x64") return "needs Linux on x64";
  if (process.getuid?.() !== 0) return "needs root, for a chroot";
  for (const program of ["debootstrap", "unshare", "nsenter", "chroot"]) {
    if (!Bun.which(program)) return `needs ${program}`;
  }
  return missingForPackages();
}

/** The folder of the Debian root with Wine. Rejects with the log's end when it cannot be built. */
export function wineRoot(): Promise<string> {
  const environment = Object.entries(WINE_ENVIRONMENT).map(([name, value]) => `${name}=${value}`);
  return cachedFolder("wine", [SUITE, RECIPE, ...environment], async (folder) => {
    const script = ["sh", "-euc", RECIPE, "sh", SUITE, folder, debianMirror() ?? ""];
    const child = Bun.spawn([...NAMESPACES, ...script, environment.join(" ")], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: 20 * 60_000,
      killSignal: "SIGKILL",
    });
    const log = await Promise.all([child.stdout, child.stderr].map((s) => new Response(s).text()));
    if ((await child.exited) !== 0) throw new Error(`no Wine: ${log.join("").slice(-2000)}`);
  });
}

/** Mounts and processes of its own; the processes are killed with the first of them. */
export const NAMESPACES = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
