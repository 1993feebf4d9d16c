/**
 * Sessions of their own for tests: a D-Bus, a gnome-keyring, a home folder, in every state in
 * which a real one can be. Nothing of the person's session is touched, and what was started
 * ends with the process that started it, however that ends.
 *
 * From a shell: `bun test/support/secret-service.ts STATE COMMAND…` runs a command in one.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { connectPeer, DBusError, type Peer, ping, type Target } from "./dbus.ts";

const STATES = [
  "unlocked",
  "locked",
  "never-unlocked",
  "no-collection",
  "hung",
  "denied",
  "no-service",
  "hung-bus",
  "silent-bus",
  "garbage-bus",
  "stale-bus",
  "no-bus",
] as const;

/**
 * - `unlocked`: a login keyring that can be used
 * - `locked`: the same, locked again; `never-unlocked`: locked since the session began
 * - `no-collection`: a service without any keyring, and nobody who could make one
 * - `hung`: a service that was stopped (SIGSTOP)
 * - `denied`: a bus whose policy lets nobody talk to the service
 * - `no-service`: a bus, and nothing behind it
 * - `hung-bus`: a bus that was stopped; `silent-bus`: a listener that never says a word
 * - `garbage-bus`: a listener that speaks something else
 * - `stale-bus`: the address of a bus that is gone; `no-bus`: no address at all
 */
export type SessionState = (typeof STATES)[number];

export interface Session {
  /** Variables to set, over those that a process has anyway; undefined: to be unset. */
  env: Record<string, string | undefined>;
  /** The folder that holds all of it. */
  directory: string;
  /** Another peer on the same bus; closed with the session. */
  connect(): Promise<Peer>;
  lock(): Promise<void>;
  /** Unlocks the login keyring with its password, without a prompt. */
  unlock(): Promise<void>;
  /** Stops and continues the keyring's daemon, or the bus in state `hung-bus`. */
  stop(): void;
  cont(): void;
  killDaemon(): Promise<void>;
  killBus(): Promise<void>;
  close(): Promise<void>;
}

/** Of the login keyring. */
export const PASSWORD = "pw";
/** Runs a command that the kernel kills when this process ends. */
const DIE_WITH_US = ["setpriv", "--pdeathsig", "KILL"] as const;
const DAEMON = ["gnome-keyring-daemon", "--foreground", "--components=secrets"] as const;
/** The path of the login keyring. */
export const LOGIN = "/org/freedesktop/secrets/collection/login";

/** Which of the programs that a session needs, and of `others`, are not installed. */
export function missingTools(...others: string[]): string[] {
  const needed = ["dbus-daemon", "gnome-keyring-daemon", "setpriv", ...others];
  return needed.filter((name) => !Bun.which(name));
}

export interface SessionOptions {
  /** Whether the bus starts a new daemon, locked, for whoever asks after the first one died. */
  activates?: boolean;
  /** What starts the bus, and prints something when it listens. dbus-daemon when absent. */
  busCommand?: (files: BusFiles) => string[];
}

/** Paths. */
export interface BusFiles {
  /** Of the session; holds the other two. */
  directory: string;
  config: string;
  socket: string;
}

/** Starts a session in `state`. */
export async function startSession(
  state: SessionState,
  { activates = false, busCommand = dbusDaemon }: SessionOptions = {},
): Promise<Session> {
  const directory = mkdtempSync(join(tmpdir(), "session-"));
  const runtime = join(directory, "run");
  for (const name of ["home", "run", "data", "config", "cache"]) {
    mkdirSync(join(directory, name), { mode: 0o700 });
  }
  const socket = join(runtime, "bus");
  const address = `unix:path=${socket}`;
  const env: Session["env"] = {
    HOME: join(directory, "home"),
    XDG_RUNTIME_DIR: runtime,
    XDG_DATA_HOME: join(directory, "data"),
    XDG_CONFIG_HOME: join(directory, "config"),
    XDG_CACHE_HOME: join(directory, "cache"),
    DBUS_SESSION_BUS_ADDRESS: state === "no-bus" ? undefined : address,
    DISPLAY: undefined,
    WAYLAND_DISPLAY: undefined,
    GNOME_KEYRING_CONTROL: undefined,
  };

  const peers: Peer[] = [];
  const closers: (() => unknown)[] = [];
  let bus: Subprocess | undefined;
  let daemon: Subprocess | undefined;

  async function connect(): Promise<Peer> {
    const peer = await connectPeer(address);
    peers.push(peer);
    return peer;
  }

  async function startBus(): Promise<void> {
    const config = join(directory, "bus.conf");
    writeFileSync(
      config,
      busConfig(address, {
        services: activates ? directory : undefined,
        denied: state === "denied" ? "org.freedesktop.secrets" : undefined,
      }),
    );
    if (activates) {
      // Such a daemon ends with its bus.
      const command = [Bun.which(DAEMON[0]), ...DAEMON.slice(1)];
      writeFileSync(
        join(directory, "org.freedesktop.secrets.service"),
        `[D-BUS Service]\nName=org.freedesktop.secrets\nExec=${command.join(" ")}\n`,
      );
    }
    bus = start(busCommand({ directory, config, socket }), env);
    const { done } = await (bus.stdout as ReadableStream).getReader().read();
    if (done) throw new Error(`the bus ended with ${await bus.exited}`);
  }

  async function startDaemon(unlock: boolean): Promise<void> {
    daemon = start([...DAEMON, ...(unlock ? ["--unlock"] : [])], env, unlock ? PASSWORD : "");
    const peer = await connect();
    while (!(await hasOwner(peer))) await Bun.sleep(5);
  }

  async function killDaemon(): Promise<void> {
    await end(daemon);
    daemon = undefined;
  }

  const service = (member: string): Target => ({
    destination: "org.freedesktop.secrets",
    path: "/org/freedesktop/secrets",
    interface: "org.freedesktop.Secret.Service",
    member,
  });

  const session: Session = {
    env,
    directory,
    connect,
    async lock() {
      const peer = await connect();
      await ping(peer, service("Ping"));
      await peer.call(service("Lock"), "ao", [[LOGIN]]);
    },
    async unlock() {
      const peer = await connect();
      await ping(peer, service("Ping"));
      const [, own] = await peer.call(service("OpenSession"), "sv", ["plain", ["s", ""]]);
      const unlock = {
        ...service("UnlockWithMasterPassword"),
        interface: "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface",
      };
      const password = [String(own), [], [...Buffer.from(PASSWORD)], "text/plain"];
      await peer.call(unlock, "o(oayays)", [LOGIN, password]);
    },
    stop: () => (daemon ?? bus)?.kill("SIGSTOP"),
    cont: () => (daemon ?? bus)?.kill("SIGCONT"),
    killDaemon,
    killBus: () => end(bus),
    async close() {
      for (const peer of peers) peer.close();
      for (const close of closers) close();
      await Promise.all([end(daemon), end(bus)]);
      rmSync(directory, { recursive: true, force: true });
    },
  };

  if (state === "silent-bus" || state === "garbage-bus") {
    const greeting = state === "garbage-bus" ? "SSH-2.0-garbage\r\n\0\xff\r\n".repeat(9) : "";
    const listener = Bun.listen({
      unix: socket,
      socket: { open: (opened) => void opened.write(greeting), data() {} },
    });
    closers.push(() => listener.stop(true));
  } else if (state !== "stale-bus" && state !== "no-bus") {
    await startBus();
  }
  if (state === "never-unlocked") {
    await startDaemon(true);
    await killDaemon();
    await startDaemon(false);
  } else if (state === "no-collection") {
    await startDaemon(false);
  } else if (["unlocked", "locked", "hung", "denied"].includes(state)) {
    await startDaemon(true);
  }
  if (state === "locked") await session.lock();
  if (state === "hung" || state === "hung-bus") session.stop();
  return session;
}

const dbusDaemon = ({ config }: BusFiles) => [
  ...["dbus-daemon", `--config-file=${config}`, "--nofork", "--print-address"],
];

interface BusPolicy {
  /** The folder of those services that the bus may start: those of this machine must not answer for ours. */
  services: string | undefined;
  /** A name that nobody may talk to. */
  denied: string | undefined;
}

function busConfig(address: string, { services, denied }: BusPolicy): string {
  return `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>${address}</listen>
  <auth>EXTERNAL</auth>${services ? `\n  <servicedir>${services}</servicedir>` : ""}
  <policy context="default">
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
    <allow own="*"/>${denied ? `\n    <deny send_destination="${denied}"/>` : ""}
  </policy>
</busconfig>
`;
}

function start(command: string[], env: Session["env"], input = ""): Subprocess {
  return Bun.spawn([...DIE_WITH_US, ...command], {
    env: { ...process.env, ...env },
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "ignore",
  });
}

async function end(child: Subprocess | undefined): Promise<void> {
  child?.kill("SIGKILL");
  await child?.exited;
}

async function hasOwner(peer: Peer): Promise<boolean> {
  const names: Target = {
    destination: "org.freedesktop.DBus",
    path: "/org/freedesktop/DBus",
    interface: "org.freedesktop.DBus",
    member: "GetNameOwner",
  };
  try {
    await peer.call(names, "s", ["org.freedesktop.secrets"]);
    return true;
  } catch (error) {
    if (error instanceof DBusError) return false;
    throw error;
  }
}

async function main([state, ...command]: string[]): Promise<number> {
  const known = STATES.find((name) => name === state);
  if (!known || command.length === 0) {
    console.error(`usage: secret-service.ts ${STATES.join("|")} COMMAND…`);
    return 2;
  }
  const session = await startSession(known);
  try {
    const child = Bun.spawn([...DIE_WITH_US, ...command], {
      env: { ...process.env, ...session.env },
      stdio: ["inherit", "inherit", "inherit"],
    });
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.on(signal, () => child.kill(signal));
    }
    return await child.exited;
  } finally {
    await session.close();
  }
}

if (import.meta.main) process.exit(await main(process.argv.slice(2)));
