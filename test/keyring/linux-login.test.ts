/** A login's calls on a real gnome-keyring: the probe, a prompt that outlives it, Ctrl-C. */
import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { Value } from "../support/dbus.ts";
import { type Person, type Prompter, startPrompter } from "../support/prompter.ts";
import {
  LOGIN,
  missingTools,
  PASSWORD,
  type Session,
  type SessionState,
  startSession,
} from "../support/secret-service.ts";

const missing = missingTools();
const skipped = missing.length > 0 ? ` (skipped: no ${missing.join(", ")})` : "";

let session: Session;
let prompter: Prompter;

async function open(state: SessionState, person: Person = "absent"): Promise<void> {
  session = await startSession(state);
  if (state === "locked") prompter = await startPrompter(await session.connect(), person);
}

afterEach(() => session.close());

/** Starts the calls; `line` gives the next line of output. */
function startLogin(...flags: string[]) {
  const program = join(import.meta.dir, "../support/keyring-login.ts");
  const child = Bun.spawn([process.execPath, program, ...flags], {
    env: { ...process.env, ...session.env },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const output = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  async function line(): Promise<string> {
    while (!buffer.includes("\n")) {
      const { value, done } = await output.read();
      if (done) throw new Error(`ended after ${JSON.stringify(buffer)}`);
      buffer += value;
    }
    const end = buffer.indexOf("\n");
    const text = buffer.slice(0, end);
    buffer = buffer.slice(end + 1);
    return text;
  }
  const browserIsDone = () => {
    child.stdin.write("\n");
    child.stdin.flush();
  };
  return { child, line, browserIsDone };
}

/** The labels of all entries in the login keyring. */
async function labels(): Promise<string[]> {
  const peer = await session.connect();
  const get = async (path: string, name: string, property: string) => {
    const target = {
      destination: "org.freedesktop.secrets",
      path,
      interface: "org.freedesktop.DBus.Properties",
      member: "Get",
    };
    const [boxed] = await peer.call(target, "ss", [`org.freedesktop.Secret.${name}`, property]);
    return (boxed as [string, Value])[1];
  };
  const items = (await get(LOGIN, "Collection", "Items")) as string[];
  return Promise.all(items.map(async (item) => String(await get(item, "Item", "Label"))));
}

const TOKEN_ONLY = ["Password for 'a' on 'databricks-cli'"];

describe.skipIf(missing.length > 0)(`a login's calls${skipped}`, () => {
  test("unlocked: the probe leaves nothing behind", async () => {
    await open("unlocked");
    const { child, line, browserIsDone } = startLogin();
    expect(await line()).toBe("probe: ok");
    expect(await labels()).toEqual([]);
    browserIsDone();
    expect(await line()).toBe("store: ok");
    expect(await child.exited).toBe(0);
    expect(await labels()).toEqual(TOKEN_ONLY);
  });

  test("locked, and the person answers while the browser is open", async () => {
    await open("locked");
    const { child, line, browserIsDone } = startLogin();
    expect(await line()).toBe("probe: timed-out, waited 3 s for the Secret Service");
    expect(prompter.open()).toBe(1);
    prompter.become({ types: PASSWORD });
    while (prompter.open() > 0) await Bun.sleep(10);
    browserIsDone();
    expect(await line()).toBe("store: ok");
    expect(await child.exited).toBe(0);
    expect(await labels()).toEqual(TOKEN_ONLY);
  });

  test("locked, and the person never answers", async () => {
    await open("locked");
    const { child, line, browserIsDone } = startLogin();
    expect(await line()).toStartWith("probe: timed-out");
    browserIsDone();
    expect(await line()).toBe("store: locked, the collection login is locked");
    expect(await child.exited).toBe(0);
    expect(prompter.asked()).toBe(1);
  });

  test("locked, and the person cancels", async () => {
    await open("locked", "cancels");
    const { child, line } = startLogin();
    expect(await line()).toStartWith("probe: locked");
    child.kill();
  });

  test("hung during the probe, well again after it", async () => {
    await open("hung");
    const { child, line, browserIsDone } = startLogin();
    expect(await line()).toBe("probe: timed-out, waited 3 s for the Secret Service");
    session.cont();
    browserIsDone();
    expect(await line()).toBe("store: ok");
    expect(await child.exited).toBe(0);
    expect(await labels()).toEqual(TOKEN_ONLY);
  });

  test("hung, on a terminal: says what it waits for, and Ctrl-C ends it", async () => {
    await open("hung");
    const { child, line } = startLogin("--terminal");
    expect(await line()).toBe("waiting");
    const pressed = performance.now();
    child.kill("SIGINT");
    expect(await line()).toBe("interrupted");
    expect(await child.exited).toBe(130);
    expect(performance.now() - pressed).toBeLessThan(500);
  });
});
