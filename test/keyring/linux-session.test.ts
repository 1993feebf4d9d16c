/** In which kind of session secrets cross the bus. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type BackendCall, runCall } from "../support/backend-call.ts";
import type { Reply } from "../support/dbus.ts";
import { LOGIN, missingTools, type Session, startSession } from "../support/secret-service.ts";

const missing = missingTools();
const skipped = missing.length > 0 ? ` (skipped: no ${missing.join(", ")})` : "";

const PLAIN = "plain";
const ENCRYPTED = "dh-ietf1024-sha256-aes128-cbc-pkcs7";
const ITEM = `${LOGIN}/1`;
const SESSION_PATH = "/org/freedesktop/secrets/session/s1";

let session: Session;
afterEach(() => session.close());

/** A bus that could be another machine's, as far as its address tells. */
const ELSEWHERE = ";tcp:host=127.0.0.1,port=1";
const addressed = (suffix: string) => ({
  env: {
    ...session.env,
    DBUS_SESSION_BUS_ADDRESS: `${session.env["DBUS_SESSION_BUS_ADDRESS"]}${suffix}`,
  },
});

async function call(request: BackendCall, suffix = ""): Promise<unknown> {
  const { answer } = await runCall(request, addressed(suffix));
  return answer.code ?? answer.value;
}

describe.skipIf(missing.length > 0)(`sessions that are asked for${skipped}`, () => {
  /** The kinds of session that a lookup asks a service for that knows only `known`, and what it gives. */
  async function lookUp(known: string | null, suffix = "") {
    const asked: unknown[] = [];
    session = await startSession("no-service");
    const answers: Record<string, (args: unknown[]) => Reply> = {
      SearchItems: () => ({ signature: "aoao", args: [[ITEM], []] }),
      OpenSession: ([algorithm]) => {
        asked.push(algorithm);
        return algorithm === known
          ? { signature: "vo", args: [["s", ""], SESSION_PATH] }
          : { error: "org.freedesktop.DBus.Error.NotSupported" };
      },
      GetSecrets: () => {
        const secret = [SESSION_PATH, [], [...Buffer.from("hush")], "text/plain"];
        return { signature: "a{o(oayays)}", args: [[[ITEM, secret]]] };
      },
      GetAll: () => ({ signature: "a{sv}", args: [[]] }),
    };
    const peer = await session.connect();
    await peer.own("org.freedesktop.secrets", ({ member, args }) => {
      const answer = answers[member];
      return answer ? answer(args) : { error: "org.freedesktop.DBus.Error.NotSupported" };
    });
    const answer = await call({ operation: "get", account: "a" }, suffix);
    return { asked, answer, called: peer.called };
  }

  test("a plain one, on a socket of this machine", async () => {
    expect(await lookUp(PLAIN)).toMatchObject({ asked: [PLAIN], answer: "hush" });
  });

  // gnome-keyring may die of one that comes sooner.
  test.each(["", ELSEWHERE])("only after a search%s", async (suffix) => {
    const { called } = await lookUp(PLAIN, suffix);
    const search = called.indexOf("SearchItems");
    expect(search).toBeGreaterThanOrEqual(0);
    expect(called.indexOf("OpenSession")).toBeGreaterThan(search);
  });

  test("an encrypted one, where the service has no plain ones", async () => {
    const { asked } = await lookUp(null);
    expect(asked[0]).toBe(PLAIN);
    expect(asked).toContain(ENCRYPTED);
  });

  test("an encrypted one first, where the bus may be elsewhere", async () => {
    const { asked } = await lookUp(null, ELSEWHERE);
    expect(asked[0]).toBe(ENCRYPTED);
  });
});

describe.skipIf(missing.length > 0)(`an encrypted session${skipped}`, () => {
  beforeEach(async () => {
    session = await startSession("unlocked");
  });

  test("is as good as a plain one", async () => {
    const get = { operation: "get", account: "a" } as const;
    const set = { operation: "set", account: "a" } as const;
    await call({ ...set, secret: "größe\n1" });
    expect(await call(get, ELSEWHERE)).toBe("größe\n1");
    await call({ ...set, secret: "größe\n2" }, ELSEWHERE);
    expect(await call(get)).toBe("größe\n2");
    expect(await call({ operation: "delete", account: "a" }, ELSEWHERE)).toBe(true);
    expect(await call(get)).toBeNull();
  });
});
