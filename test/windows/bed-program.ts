/**
 * What the Windows bed runs beside the program itself: parts of it, held to their tests
 * where they live. `bed.exe COMMAND ARGUMENT…`; an error ends it with exit code 1.
 */
import { closeSync, openSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeAtomic } from "../../src/files/atomic-write.ts";
import { acquireLock, LockTimeout, withLock } from "../../src/files/lock.ts";
import { type CallOptions, SERVICE } from "../../src/keyring/backend.ts";
import { windowsCredentials } from "../../src/keyring/credentials.ts";
import { openWindowsBackend } from "../../src/keyring/windows.ts";
import { contractCases, printContract } from "../contract/backend-contract.ts";
import { visitAsAsked } from "../workspace/browser.ts";
import { secretOf, watched } from "./stopping.ts";

const soon = (): CallOptions => ({ deadline: performance.now() + 10_000, interactive: false });
const within = (milliseconds: number) => ({ deadline: performance.now() + milliseconds });
const sizeOf = (text: string) => (text === "none" ? null : Number(text));

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

function hang(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

const commands: Record<string, (...args: string[]) => Promise<void>> = {
  async contract() {
    process.exitCode = Math.min(1, await printContract(openWindowsBackend(), contractCases()));
  },

  /** Goes from one secret to another, and stops after so many changes to be killed there. */
  async change(account = "", from = "", to = "", stopAfter = "") {
    const backend = openWindowsBackend();
    const [old, wanted] = [sizeOf(from), sizeOf(to)];
    if (old !== null) await backend.set(account, secretOf(old), soon());
    const stopping = openWindowsBackend(
      watched(windowsCredentials, (changes) => {
        if (changes !== Number(stopAfter)) return;
        say("stopped");
        hang();
      }),
    );
    if (wanted === null) await stopping.delete(account, soon());
    else await stopping.set(account, secretOf(wanted), soon());
    say("changed");
  },

  /** Prints the size of a secret of `secretOf`, and removes all that is left of it. */
  async take(account = "") {
    const backend = openWindowsBackend();
    const secret = await backend.get(account, soon());
    await backend.delete(account, soon());
    if (secret === null) return say("none");
    if (secret !== secretOf(secret.length)) throw new Error("not whole");
    say(`${secret.length}`);
  },

  /** Prints a credential as another program would see it, as JSON. */
  async credential(target = "") {
    const found = windowsCredentials.read(target);
    say(JSON.stringify(found && { ...found, blob: Buffer.from(found.blob).toString() }));
  },

  /** Prints the targets of all that is stored for an account, as JSON. */
  async credentials(account = "") {
    const all = windowsCredentials.list(SERVICE).filter(({ user }) => user === account);
    say(JSON.stringify(all.map(({ target }) => target)));
  },

  async "hold-lock"(path = "") {
    const lock = await acquireLock(path, within(5_000));
    lock.write("written by the holder");
    say("held");
    hang();
  },

  async "try-lock"(path = "", milliseconds = "") {
    try {
      const lock = await acquireLock(path, within(Number(milliseconds)));
      say(`held: ${lock.read()}`);
      lock.release();
    } catch (error) {
      if (!(error instanceof LockTimeout)) throw error;
      say("timed out");
    }
  },

  /** Adds to the number in a file, one at a time. */
  async count(path = "", times = "") {
    for (let time = 0; time < Number(times); time++) {
      await withLock(`${path}.lock`, within(30_000), () => {
        const before = Number(readFileSync(path, "utf8"));
        writeAtomic(path, `${before + 1}`, { mode: 0o600 });
      });
    }
  },

  /** Runs the program for a person whose home folder is PERSON, a path of Linux: Wine itself sets USERPROFILE. */
  async program(...args) {
    const { PERSON = "", ...env } = process.env;
    const home = `Z:${PERSON.replaceAll("/", "\\")}`;
    const program = join(dirname(process.execPath), "databricks.exe");
    const child = Bun.spawn([program, ...args], {
      env: { ...env, USERPROFILE: home },
      stdio: ["inherit", "inherit", "inherit"],
    });
    process.exitCode = await child.exited;
  },

  async visit(link = "") {
    process.exitCode = await visitAsAsked(link);
  },

  async replace(path = "", text = "") {
    writeAtomic(path, text, { mode: 0o600 });
  },

  async "keep-open"(path = "", milliseconds = "") {
    const file = openSync(path, "r");
    say("open");
    await Bun.sleep(Number(milliseconds));
    closeSync(file);
  },
};

const [command = "", ...args] = process.argv.slice(2);
const run = commands[command];
if (!run) throw new Error(`no such command: ${command}`);
run(...args).catch((error: unknown) => {
  console.error(String(error));
  process.exitCode = 1;
});
