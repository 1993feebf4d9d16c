/** A Secret Service that answers, and answers wrongly. */
import { type Call, type Reply, reply, type Value } from "../support/dbus.ts";
import type { KeyringEntries } from "./keyring-entries.ts";
import type { Random } from "./random.ts";

const COLLECTION = "/org/freedesktop/secrets/collection/login";
const SESSION = "/org/freedesktop/secrets/session/s1";
const NO_PROMPT = "/";

const pathOf = (account: string) => `${COLLECTION}/${Buffer.from(account).toString("hex")}`;
const accountAt = (path: string) =>
  Buffer.from(path.slice(COLLECTION.length + 1), "hex").toString();
const ITEM = pathOf("work");

export interface SoundService extends KeyringEntries {
  answer: (call: Call) => Reply;
}

/** A Secret Service that is unlocked and does not encrypt: the least that a client can work with. */
export function openSoundService(): SoundService {
  let entries = new Map<string, string>();

  function answer(call: Call): Reply {
    const [first, second] = call.args;
    switch (call.member) {
      case "GetAll":
        return reply("a{sv}", [["Collections", ["ao", [COLLECTION]]]]);
      case "Get":
        return reply("v", second === "Locked" ? ["b", false] : ["ao", [COLLECTION]]);
      case "ReadAlias":
        return reply("o", COLLECTION);
      case "SearchItems": {
        const account = textOf(first, "username");
        return reply("aoao", entries.has(account) ? [pathOf(account)] : [], []);
      }
      case "Unlock":
        return reply("aoo", first ?? [], NO_PROMPT);
      case "OpenSession":
        // Clients ask for encryption first.
        return first === "plain"
          ? reply("vo", ["s", ""], SESSION)
          : { error: "org.freedesktop.DBus.Error.NotSupported" };
      case "GetSecrets": {
        const paths = first as string[];
        const secrets = paths.map((path): Value => {
          const secret = Buffer.from(entries.get(accountAt(path)) ?? "");
          return [path, [SESSION, [], [...secret], "text/plain"]];
        });
        return reply("a{o(oayays)}", secrets);
      }
      case "CreateItem": {
        const [, attributes = []] = propertyOf(first, "org.freedesktop.Secret.Item.Attributes");
        const account = textOf(attributes, "username");
        const [, , secret] = second as [string, number[], number[]];
        entries.set(account, Buffer.from(secret).toString());
        return reply("oo", pathOf(account), NO_PROMPT);
      }
      case "Delete":
        entries.delete(accountAt(call.path));
        return reply("o", NO_PROMPT);
      default:
        return { error: "org.freedesktop.DBus.Error.UnknownMethod" };
    }
  }

  return {
    answer,
    list: async () => new Map(entries),
    async replaceAll(others) {
      entries = new Map(others);
    },
  };
}

/** The value of a name in an `a{ss}`. */
function textOf(pairs: Value | undefined, name: string): string {
  return (pairs as [string, string][]).find(([key]) => key === name)?.[1] ?? "";
}

/** The variant of a name in an `a{sv}`. */
function propertyOf(pairs: Value | undefined, name: string): [string?, Value?] {
  return (pairs as [string, [string, Value]][]).find(([key]) => key === name)?.[1] ?? [];
}

/** The methods that a read, a write and a removal call. */
export const METHODS = [
  ...["Get", "ReadAlias", "SearchItems", "Unlock", "OpenSession", "GetSecrets"],
  ...["CreateItem", "Delete"],
];

const ERRORS = [
  ...["org.example.Nonsense", "org.freedesktop.DBus.Error.Failed"],
  ...["org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.AccessDenied"],
  ...["org.freedesktop.DBus.Error.UnknownMethod", "org.freedesktop.DBus.Error.InvalidArgs"],
  ...["org.freedesktop.DBus.Error.LimitsExceeded", "org.freedesktop.DBus.Error.NoMemory"],
  ...["org.freedesktop.Secret.Error.IsLocked", "org.freedesktop.Secret.Error.NoSession"],
  ...["org.freedesktop.Secret.Error.NoSuchObject"],
];

/** Answers of every type but, nearly always, the right one. */
function oddAnswers(random: Random): readonly Reply[] {
  const bytes = Array.from({ length: random.below(64) }, () => random.below(256));
  const long = "x".repeat(random.below(60_000));
  const secret = (session: string, parameters: number[], value: number[], type: string): Reply =>
    reply("a{o(oayays)}", [[ITEM, [session, parameters, value, type]]]);
  return [
    reply(""),
    reply("s", "nonsense"),
    reply("s", long),
    reply("u", 0xffffffff),
    reply("o", "/"),
    reply("ao", []),
    reply("aoao", [], []),
    reply("aoao", [ITEM, "/", "/somewhere/else"], [ITEM]),
    reply("aoao", [], [ITEM]),
    reply("aoo", [], "/org/freedesktop/secrets/prompt/p1"),
    reply("oo", "/", "/org/freedesktop/secrets/prompt/p1"),
    reply("v", ["s", "nonsense"]),
    reply("v", ["b", true]),
    reply("v", ["ao", []]),
    reply("v", ["v", ["v", ["u", 7]]]),
    reply("vo", ["ay", bytes], SESSION),
    reply("vo", ["s", ""], "/"),
    reply("a{sv}", []),
    reply("a{o(oayays)}", []),
    secret(SESSION, [], bytes, "text/plain"),
    secret("/another", bytes, bytes, "text/plain"),
    secret(SESSION, bytes, [...Buffer.from("{}")], ""),
    secret(SESSION, [], [...Buffer.from('{"token":{"access_token":7}}')], "text/plain"),
    secret(SESSION, [], [...Buffer.from(long)], "application/octet-stream"),
  ];
}

/** An answer that is not what was asked for: of another kind, an error, or none. */
export function oddAnswer(random: Random): Reply {
  if (random.below(8) === 0) return "silence";
  if (random.below(3) === 0) return { error: random.pick(ERRORS) };
  return random.pick(oddAnswers(random));
}
