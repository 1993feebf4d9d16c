/**
 * A session on dbus-broker, the bus of Fedora, Arch and others, in place of the reference dbus-daemon.
 *
 * It runs in a small system of its own, from Debian's packages: installed on a machine, it would become
 * the bus of its next start. And without systemd, it needs a stand-in for what that gives it.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { debianFolder, debianMirror, insideDebian } from "../../scripts/debian.ts";
import {
  type BusFiles,
  missingTools,
  type Session,
  startSession,
} from "../support/secret-service.ts";

const LAUNCHER = "/dbus-broker.py";

const PACKAGES = {
  suite: "trixie",
  architecture: "amd64",
  packages: ["dbus-broker", "python3-minimal"],
};

let system: Promise<string> | undefined;

export function missingForDBusBroker(): string[] {
  if (process.platform !== "linux" || process.arch !== "x64") return ["Linux on x64"];
  const missing = missingTools("bwrap", "apt-get", "dpkg-deb");
  if (missing.length > 0 || debianMirror()) return missing;
  return ["a Debian mirror in apt's configuration"];
}

/** A session with gnome-keyring on it, unlocked. */
export async function startOnDBusBroker(): Promise<Session> {
  system ??= debianFolder(PACKAGES);
  const folder = await system;
  return startSession("unlocked", { busCommand: (files) => commandIn(folder, files) });
}

/** All of it ends with the command: bwrap gives it processes of its own. */
function commandIn(folder: string, { directory, config, socket }: BusFiles): string[] {
  const machineId = join(directory, "machine-id");
  writeFileSync(machineId, crypto.randomUUID().replaceAll("-", ""));
  const inside = insideDebian(folder, {
    mounts: {
      [directory]: directory,
      "/etc/machine-id": machineId,
      [LAUNCHER]: join(import.meta.dir, "dbus-broker.py"),
    },
    // Where it looks for systemd, to start services by.
    env: { DBUS_SESSION_BUS_ADDRESS: `unix:path=${socket}` },
  });
  const launcher = ["/usr/bin/dbus-broker-launch", "--scope", "user", "--config-file", config];
  return [...inside, "/usr/bin/python3", LAUNCHER, socket, ...launcher];
}
