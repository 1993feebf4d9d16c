/**
 * KeePassXC as the Secret Service of a session: a database of its own on a screen that is not
 * there, and nobody who could answer a window.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import { DBusError, type Peer, type Target } from "../support/dbus.ts";
import { missingTools, type Session, startSession } from "../support/secret-service.ts";
import { dieWithUs, runTool } from "./tools.ts";

/** How long it may take to open its database, or to lock it, in milliseconds. */
const LIMIT = 30_000;
const PASSWORD = "pw";
const UUID = "8c1d0e9e-6f0b-4f57-9a51-2f4f3c6d7e10";

/** What it asks a person, if it is told to; by default it asks all of this. */
export interface Questions {
  ConfirmAccessItem?: boolean;
  ConfirmDeleteItem?: boolean;
  UnlockBeforeSearch?: boolean;
}

/** Saving after every change, as it does by default, version 2.7.4 now and then crashes over the next one. */
const renderSettings = (questions: Questions) => `[General]
ConfigVersion=2
UpdateCheckMessageShown=true
AutoSaveAfterEveryChange=false
[FdoSecrets]
Enabled=true
ShowNotification=false
ConfirmAccessItem=${questions.ConfirmAccessItem ?? false}
ConfirmDeleteItem=${questions.ConfirmDeleteItem ?? false}
UnlockBeforeSearch=${questions.UnlockBeforeSearch ?? false}
[Security]
LockDatabaseIdle=false
`;

/** A database whose root group is what the Secret Service shows. */
const DATABASE = `<?xml version="1.0" encoding="utf-8"?>
<KeePassFile>
  <Meta>
    <RecycleBinEnabled>False</RecycleBinEnabled>
    <CustomData>
      <Item><Key>FDO_SECRETS_EXPOSED_GROUP</Key><Value>{${UUID}}</Value></Item>
    </CustomData>
  </Meta>
  <Root>
    <Group>
      <UUID>${Buffer.from(UUID.replaceAll("-", ""), "hex").toString("base64")}</UUID>
      <Name>Root</Name>
    </Group>
  </Root>
</KeePassFile>
`;

export function missingForKeePassXC(): string[] {
  return missingTools("keepassxc", "keepassxc-cli");
}

/** A session with it in place of gnome-keyring, its database open. */
export async function startKeePassXC(questions: Questions = {}): Promise<Session> {
  const session = await startSession("no-service");
  let app: Subprocess | undefined;
  async function close(): Promise<void> {
    app?.kill("SIGKILL");
    await app?.exited;
    await session.close();
  }
  try {
    app = await startProgram(session, questions);
    const collection = watchCollection(await session.connect(), app);
    await collection.until("unlocked");
    return { ...session, lock: collection.lock, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startProgram(session: Session, questions: Questions): Promise<Subprocess> {
  const folder = join(session.directory, "keepassxc");
  mkdirSync(folder);
  const file = (name: string) => join(folder, name);
  writeFileSync(file("passwords.xml"), DATABASE);
  writeFileSync(file("settings.ini"), renderSettings(questions));
  const env = {
    PATH: process.env["PATH"],
    ...session.env,
    TMPDIR: folder,
    QT_QPA_PLATFORM: "offscreen",
  };
  const making = ["import", "--quiet", "--decryption-time=100", "--set-password"];
  await runTool(["keepassxc-cli", ...making, file("passwords.xml"), file("passwords.kdbx")], {
    env,
    input: `${PASSWORD}\n`.repeat(2),
  });
  const settings = ["--config", file("settings.ini"), "--localconfig", file("local.ini")];
  return Bun.spawn(
    [...dieWithUs(), "keepassxc", ...settings, "--pw-stdin", file("passwords.kdbx")],
    { env, stdin: new Blob([`${PASSWORD}\n`]), stdout: "ignore", stderr: "ignore" },
  );
}

type State = "locked" | "unlocked" | "none";

/** The default collection, which is the open database. */
function watchCollection(peer: Peer, app: Subprocess) {
  const target = (path: string, interfaceName: string, member: string): Target => ({
    destination: "org.freedesktop.secrets",
    path,
    interface: interfaceName,
    member,
  });
  const service = (member: string) =>
    target("/org/freedesktop/secrets", "org.freedesktop.Secret.Service", member);

  async function findPath(): Promise<string> {
    const [path] = await peer.call(service("ReadAlias"), "s", ["default"]);
    return String(path);
  }

  async function look(): Promise<State> {
    try {
      const path = await findPath();
      if (path === "/") return "none";
      const get = target(path, "org.freedesktop.DBus.Properties", "Get");
      const property = ["org.freedesktop.Secret.Collection", "Locked"];
      const [value] = await peer.call(get, "ss", property);
      return Array.isArray(value) && value[1] === true ? "locked" : "unlocked";
    } catch (error) {
      // Its name is not there yet; or it makes the object anew, as whenever the database is locked.
      if (error instanceof DBusError) return "none";
      throw error;
    }
  }

  async function until(state: State): Promise<void> {
    const deadline = performance.now() + LIMIT;
    while ((await look()) !== state) {
      if (app.exitCode !== null) throw new Error(`keepassxc ended with ${app.exitCode}`);
      if (performance.now() > deadline) throw new Error(`keepassxc: never ${state}`);
      await Bun.sleep(20);
    }
  }

  async function lock(): Promise<void> {
    const [, prompt] = await peer.call(service("Lock"), "ao", [[await findPath()]]);
    await peer.call(target(String(prompt), "org.freedesktop.Secret.Prompt", "Prompt"), "s", [""]);
    await until("locked");
  }

  return { until, lock };
}
