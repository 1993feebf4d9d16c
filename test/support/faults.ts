/**
 * Real faults for a process that a test starts: each function gives a command to put before
 * the process's own. What a machine lacks is said by a constant, so that tests can be skipped by name.
 */

function works(...command: string[]): boolean {
  try {
    return Bun.spawnSync(command, { stdout: "ignore", stderr: "ignore" }).exitCode === 0;
  } catch {
    return false;
  }
}

const PRIVATE_MOUNTS = ["unshare", "--mount", "--map-root-user"];

/** Mounts that only the process itself sees. */
export const canMount =
  process.platform === "linux" && works(...PRIVATE_MOUNTS, "sh", "-c", "mount -t tmpfs none /mnt");

/** System calls that fail on demand. */
export const canInject =
  process.platform === "linux" &&
  works("strace", "-o", "/dev/null", "-e", "inject=sync:error=EIO", "true");

/** Root may do everything; a test of permissions needs somebody else. */
export const canBeNobody =
  process.platform === "linux" && process.getuid?.() === 0 && works(...asNobody(), "true");

/** An empty file system of `size` (such as `64k`) at `folder`, gone with the process. */
export function onSmallDisk(folder: string, size: string): string[] {
  const script = 'mount -t tmpfs -o "mode=700,size=$1" none "$0" && shift && exec "$@"';
  return [...PRIVATE_MOUNTS, "sh", "-c", script, folder, size];
}

/** `folder` on a read-only file system. */
export function onReadOnlyDisk(folder: string): string[] {
  const script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
  return [...PRIVATE_MOUNTS, "sh", "-c", script, folder];
}

/** A system that trusts `certificate` (a PEM file) and no other. */
export function onSystemTrusting(certificate: string): string[] {
  const script =
    'mount -t tmpfs none /etc/ssl/certs && cp "$0" /etc/ssl/certs/ca-certificates.crt && exec "$@"';
  return [...PRIVATE_MOUNTS, "sh", "-c", script, certificate];
}

/** The system calls of `fault` fail, in the form of strace's `inject`: `flock:error=ENOLCK`. */
export function withFault(fault: string): string[] {
  const [calls = ""] = fault.split(":");
  return [
    "strace",
    "-f",
    "-qq",
    "-o",
    "/dev/null",
    "-e",
    `trace=${calls}`,
    "-e",
    `inject=${fault}`,
  ];
}

export function asNobody(): string[] {
  return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
}
