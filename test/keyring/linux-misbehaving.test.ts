/** Something that owns the Secret Service's name and talks nonsense: never a miss, never a fallback. */
import { afterEach, describe, expect, test } from "bun:test";
import type { KeyringErrorCode } from "../../src/keyring/backend.ts";
import { type BackendCall, runCall, WITHIN } from "../support/backend-call.ts";
import { type Call, type Reply, reply, type Value } from "../support/dbus.ts";
import { LOGIN, missingTools, type Session, startSession } from "../support/secret-service.ts";

const missing = missingTools();
const skipped = missing.length > 0 ? ` (skipped: no ${missing.join(", ")})` : "";

let session: Session;
afterEach(() => session.close());

const COLLECTIONS: Value = ["ao", [LOGIN]];
const ITEM = `${LOGIN}/1`;
const SESSION_PATH = "/org/freedesktop/secrets/session/s1";

/** A service with one unlocked entry, whose answer to `member` is not what it should be. */
const allBut =
  (member: string, wrong: Reply) =>
  (call: Call): Reply => {
    if (call.member === member) return wrong;
    switch (call.member) {
      case "GetAll":
        return reply("a{sv}", [["Collections", COLLECTIONS]]);
      case "Get":
        return reply("v", call.args[1] === "Locked" ? ["b", false] : COLLECTIONS);
      case "SearchItems":
        return reply("aoao", [ITEM], []);
      case "OpenSession":
        return reply("vo", ["s", ""], SESSION_PATH);
      default:
        return { error: "org.freedesktop.DBus.Error.NotSupported" };
    }
  };

/** A service without the entry, with these collections, that stores what it is given. */
const storing =
  (collections: string[]) =>
  (call: Call): Reply => {
    switch (call.member) {
      case "Get":
        return reply("v", call.args[1] === "Locked" ? ["b", false] : ["ao", collections]);
      case "SearchItems":
        return reply("aoao", [], []);
      case "ReadAlias":
        return reply("o", "/");
      case "CreateItem":
        return reply("oo", ITEM, "/");
      default:
        return allBut("GetAll", reply("a{sv}", [["Collections", ["ao", collections]]]))(call);
    }
  };

const strangeSecret: Value = [SESSION_PATH, [1], [2], "text/plain"];

interface Nonsense {
  title: string;
  answer: (call: Call) => Reply;
  /** Undefined: it finds nothing, and says no more. */
  get: KeyringErrorCode | undefined;
  set: KeyringErrorCode;
}

const nonsense: Nonsense[] = [
  {
    title: "errors that nobody knows",
    answer: () => ({ error: "org.example.Error.Garbage" }),
    get: "failed",
    set: "failed",
  },
  { title: "empty answers", answer: () => reply(""), get: "failed", set: "failed" },
  {
    title: "answers of another type",
    answer: () => reply("s", "nonsense"),
    get: "failed",
    set: "failed",
  },
  { title: "no answers", answer: () => "silence", get: "timed-out", set: "timed-out" },
  {
    title: "a refusal",
    answer: () => ({ error: "org.freedesktop.DBus.Error.AccessDenied" }),
    get: "denied",
    set: "denied",
  },
  {
    title: "no such interface",
    answer: () => ({ error: "org.freedesktop.DBus.Error.UnknownMethod" }),
    get: "unreachable",
    set: "unreachable",
  },
  {
    title: "no list of items, ever",
    answer: allBut("SearchItems", "silence"),
    get: "timed-out",
    set: "timed-out",
  },
  {
    title: "a session that cannot be agreed on",
    answer: allBut("OpenSession", reply("vo", ["ay", [1, 2, 3]], SESSION_PATH)),
    get: "failed",
    set: "failed",
  },
  {
    title: "a secret that cannot be decrypted",
    answer: allBut("GetSecrets", reply("a{o(oayays)}", [[ITEM, strangeSecret]])),
    get: "invalid",
    set: "failed",
  },
  {
    // Not "unreachable": with a collection there, nobody's login may go to a file.
    title: "a prompt that is not there",
    answer: (call) =>
      call.member === "SearchItems"
        ? reply("aoao", [], [])
        : allBut("CreateItem", reply("oo", "/", "/org/freedesktop/secrets/prompt/p1"))(call),
    get: undefined,
    set: "failed",
  },
  {
    title: "a list of collections that is a text",
    answer: allBut("Get", reply("v", ["s", LOGIN])),
    get: "failed",
    set: "failed",
  },
];

describe.skipIf(missing.length > 0)(`a service that talks nonsense${skipped}`, () => {
  for (const { title, answer, get, set } of nonsense) {
    test(title, async () => {
      session = await startSession("no-service");
      const peer = await session.connect();
      await peer.own("org.freedesktop.secrets", answer);
      const secret = "hush-hush";
      const calls: BackendCall[] = [
        { operation: "get", account: "a" },
        { operation: "set", account: "a", secret },
      ];
      const ended = await Promise.all(calls.map((call) => runCall(call, session)));
      expect(ended.map((end) => end.answer.code)).toEqual([get, set]);
      for (const { answer, exitCode, noise } of ended) {
        expect([exitCode, noise]).toEqual([0, ""]);
        expect(answer.took).toBeLessThan(WITHIN + 300);
        expect(answer.message ?? "").not.toContain(secret);
      }
    });
  }

  // What GDBus makes of a call that took 25 seconds, sent right away.
  const IMPATIENCE = { error: "org.gtk.GDBus.UnmappedGError.Quark._g_2dio_2derror_2dquark.Code24" };

  test.each(["SearchItems", "Get"])(
    "that was too slow for libsecret in %s, but not for the deadline, is asked again",
    async (member) => {
      session = await startSession("no-service");
      const peer = await session.connect();
      let asked = 0;
      await peer.own("org.freedesktop.secrets", (call) => {
        if (call.member === member && asked++ === 0) return IMPATIENCE;
        return allBut("SearchItems", reply("aoao", [], []))(call);
      });
      const { answer } = await runCall({ operation: "get", account: "a" }, session);
      expect(answer.value).toBeNull();
      expect(asked).toBeGreaterThan(1);
    },
  );

  test.each([
    ["with a collection", [LOGIN]],
    ["without one, where it asks for a new one", []],
  ])("that was too slow to store, %s, is asked again", async (_name, collections) => {
    session = await startSession("no-service");
    const peer = await session.connect();
    let asked = 0;
    await peer.own("org.freedesktop.secrets", (call) => {
      if (call.member === "CreateItem" && asked++ === 0) return IMPATIENCE;
      return storing(collections)(call);
    });
    const set = { operation: "set", account: "a", secret: "hush-hush", interactive: true } as const;
    const { answer } = await runCall(set, session);
    expect(answer).toEqual({ value: null, took: expect.any(Number) });
    expect(asked).toBe(2);
  });

  test("that is always too slow is not asked for ever", async () => {
    session = await startSession("no-service");
    const peer = await session.connect();
    await peer.own("org.freedesktop.secrets", () => IMPATIENCE);
    const { answer } = await runCall({ operation: "get", account: "a" }, session);
    expect(answer.code).toBe("timed-out");
    expect(answer.took).toBeLessThan(WITHIN + 300);
  });
});
