/** The entries of a session's keyring, put there and read back over D-Bus by none of the program's own code. */
import { SERVICE } from "../../src/keyring/backend.ts";
import { type Peer, ping, type Target, type Value } from "../support/dbus.ts";

const BUS_NAME = "org.freedesktop.secrets";
const SERVICE_PATH = "/org/freedesktop/secrets";
const COLLECTION = `${SERVICE_PATH}/collection/login`;
const ATTRIBUTES = "org.freedesktop.Secret.Item.Attributes";

export interface KeyringEntries {
  /** Secrets by account, the write probes among them. */
  list: () => Promise<Map<string, string>>;
  /** Makes these the only entries. */
  replaceAll: (entries: ReadonlyMap<string, string>) => Promise<void>;
}

export async function openEntries(peer: Peer): Promise<KeyringEntries> {
  const target = (path: string, kind: string, member: string): Target => ({
    destination: BUS_NAME,
    path,
    interface: kind.includes(".DBus.") ? kind : `org.freedesktop.Secret.${kind}`,
    member,
  });
  await ping(peer, target(SERVICE_PATH, "Service", "Ping"));
  const [, session] = await peer.call(target(SERVICE_PATH, "Service", "OpenSession"), "sv", [
    "plain",
    ["s", ""],
  ]);
  const own = String(session);

  async function items(): Promise<string[]> {
    const [unlocked] = await peer.call(target(SERVICE_PATH, "Service", "SearchItems"), "a{ss}", [
      [["service", SERVICE]],
    ]);
    return unlocked as string[];
  }

  async function accountOf(item: string): Promise<string> {
    const get = target(item, "org.freedesktop.DBus.Properties", "Get");
    const [boxed] = await peer.call(get, "ss", ["org.freedesktop.Secret.Item", "Attributes"]);
    const [, attributes] = boxed as [string, [string, string][]];
    return attributes.find(([name]) => name === "username")?.[1] ?? "";
  }

  async function secretOf(item: string): Promise<string> {
    const [secret] = await peer.call(target(item, "Item", "GetSecret"), "o", [own]);
    const [, , value] = secret as [string, number[], number[], string];
    return Buffer.from(value).toString();
  }

  async function create(account: string, secret: string): Promise<void> {
    const attributes = [
      ["service", SERVICE],
      ["username", account],
    ];
    const properties: Value = [
      ["org.freedesktop.Secret.Item.Label", ["s", `Password for '${account}' on '${SERVICE}'`]],
      [ATTRIBUTES, ["a{ss}", attributes]],
    ];
    const value = [own, [], [...Buffer.from(secret)], "text/plain"];
    const member = target(COLLECTION, "Collection", "CreateItem");
    await peer.call(member, "a{sv}(oayays)b", [properties, value, true]);
  }

  return {
    async list() {
      const entries = new Map<string, string>();
      for (const item of await items()) entries.set(await accountOf(item), await secretOf(item));
      return entries;
    },
    async replaceAll(entries) {
      for (const item of await items()) await peer.call(target(item, "Item", "Delete"));
      for (const [account, secret] of entries) await create(account, secret);
    },
  };
}
