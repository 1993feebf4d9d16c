/**
 * The stand-in for macOS's frameworks and for `/usr/bin/security`, built from C: a keychain
 * of its own in a folder of its own.
 */
import type { FFIFunction } from "bun:ffi";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openLibrary } from "../../native/libc.ts";
import { cString, ptr, readCString } from "../../native/memory.ts";
import { cachedFolder } from "../../scripts/build-cache.ts";
import { SERVICE } from "../../src/keyring/backend.ts";
import { openMacosBackend } from "../../src/keyring/macos.ts";

const SOURCES = join(import.meta.dir, "stand-in");
const FLAGS = ["-std=gnu17", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-fPIC", "-pthread"];

/** It needs a C compiler, and the loader of Linux. */
export const standInRuns = process.platform === "linux" && Bun.which("cc") !== null;

/** How the keychain is, and how the person answers its prompts. */
export interface KeychainState {
  absent?: boolean;
  locked?: boolean;
  /** Which build of the program this is: an item lets in the build that made it. */
  build?: number;
  /** The OSStatus that a prompt ends with; 0 when the person agrees. */
  promptStatus?: number;
  /** Milliseconds until the person answers. */
  promptDelay?: number;
}

/** What a function of Security does instead of its work. */
export interface Rule {
  function: string;
  /** OSStatus. */
  status: number;
  /** How often; once when absent. */
  times?: number;
  /** Milliseconds that it blocks first. */
  delay?: number;
}

const controls = {
  stand_in_rule: { args: ["ptr", "i32", "i32", "i32"], returns: "void" },
  stand_in_state: { args: ["i32", "i32", "i32", "i32", "i32"], returns: "void" },
  stand_in_prompts: { args: [], returns: "i32" },
  stand_in_serial: { args: ["ptr", "ptr"], returns: "i32" },
  stand_in_value: { args: ["ptr", "ptr"], returns: "ptr" },
} as const satisfies Record<string, FFIFunction>;

const counters = {
  stand_in_owners: { args: [], returns: "i64" },
} as const satisfies Record<string, FFIFunction>;

/** A copy of it in a new folder. The result is what `openMacosBackend` takes, and more. */
export async function copyStandIn() {
  const folder = mkdtempSync(join(tmpdir(), "keychain-stand-in-"));
  cpSync(await buildStandIn(), folder, { recursive: true });
  return {
    folder,
    frameworks: {
      coreFoundation: join(folder, "CoreFoundation"),
      security: join(folder, "Security"),
    },
    securityTool: join(folder, "security"),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

export type StandIn = Awaited<ReturnType<typeof openStandIn>>;

/** Loads a copy of it into this process, for tests that watch and steer it. */
export async function openStandIn() {
  const copy = await copyStandIn();
  const { frameworks, securityTool } = copy;
  const cf = openLibrary([frameworks.coreFoundation], counters).functions;
  const sec = openLibrary([frameworks.security], controls).functions;
  const service = cString(SERVICE);

  return {
    ...copy,
    backend: openMacosBackend({ frameworks, securityTool }),

    /** Sets the state (what is absent is as on a fresh Mac) and forgets the rules. */
    setState(state: KeychainState): void {
      const {
        absent = false,
        locked = false,
        build = 0,
        promptStatus = 0,
        promptDelay = 0,
      } = state;
      sec.stand_in_state(Number(absent), Number(locked), build, promptStatus, promptDelay);
    },

    addRule({ function: name, status, times = 1, delay = 0 }: Rule): void {
      const text = cString(name);
      sec.stand_in_rule(ptr(text), status, times, delay);
    },

    /** How many prompts there were since the state was set. */
    prompts: () => sec.stand_in_prompts(),

    /** How many references are held; 0 between calls. */
    owners: () => Number(cf.stand_in_owners()),

    /** The how manieth item of the keychain this is, or 0: an update in place keeps it. */
    serial(account: string): number {
      const text = cString(account);
      return sec.stand_in_serial(ptr(service), ptr(text));
    },

    /** The bytes of an item's value, as text. */
    value(account: string): string | null {
      const text = cString(account);
      return readCString(sec.stand_in_value(ptr(service), ptr(text)));
    },

    /** Writes an item as the Go CLI does: through the tool, which alone may then read it. */
    addByTool(account: string, value: string): void {
      run([securityTool, "add-generic-password", "-U", "-s", SERVICE, "-a", account, "-w", value]);
    },
  };
}

async function buildStandIn(): Promise<string> {
  const sources = readdirSync(SOURCES).sort();
  const inputs = sources.map((file) => readFileSync(join(SOURCES, file)));
  return cachedFolder("keychain-stand-in", [...FLAGS, ...inputs], (folder) => {
    const compile = (output: string, ...args: string[]) =>
      run(["cc", ...FLAGS, "-o", join(folder, output), ...args], SOURCES);
    // By this name inside it, a second copy in the same process finds its own neighbour.
    compile("CoreFoundation", "-shared", "-Wl,-soname,$ORIGIN/CoreFoundation", "corefoundation.c");
    compile("Security", "-shared", "security.c", "keychain.c", join(folder, "CoreFoundation"));
    compile("security", "security-tool.c", "keychain.c");
  });
}

function run(command: readonly string[], cwd = "/"): void {
  const { success, stderr } = Bun.spawnSync([...command], { cwd });
  if (!success) throw new Error(`${command[0]}: ${stderr.toString()}`);
}
