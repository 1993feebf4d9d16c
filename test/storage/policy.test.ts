import { describe, expect, test } from "bun:test";
import { UserError } from "../../src/errors.ts";
import { KeyringError, type KeyringErrorCode } from "../../src/keyring/backend.ts";
import { notFoundHint, notFoundMessage } from "../../src/storage/hint.ts";
import type { StorageChoice, StorageSource } from "../../src/storage/mode.ts";
import { openForLogin, openForReading, type Stores } from "../../src/storage/open.ts";
import { decideLogin, decideRead, loginFailure, readFailure } from "../../src/storage/policy.ts";
import type { Token, TokenStore } from "../../src/storage/store.ts";

const SOURCES: StorageSource[] = ["override", "env", "config", "default"];
const FAILURES: KeyringErrorCode[] = [
  "unreachable",
  "locked",
  "denied",
  "timed-out",
  "invalid",
  "failed",
];
const token: Token = { access_token: "access-1", token_type: "Bearer" };

describe("the read matrix", () => {
  test.each(SOURCES)("from %s", (source) => {
    expect(decideRead(source, "found")).toBe("use");
    expect(decideRead(source, "none")).toBe("not-found");
    for (const code of FAILURES) {
      const silent = code === "unreachable" && source === "default";
      expect([code, decideRead(source, code)]).toEqual([code, silent ? "read-file" : "fail"]);
    }
  });
});

describe("the login table", () => {
  test.each(SOURCES)("from %s", (source) => {
    const pin = source === "default" ? "secure" : null;
    expect(decideLogin(source, "ok")).toEqual({ store: "keyring", pin });
    expect(decideLogin(source, "timed-out")).toEqual({ store: "keyring", pin });
    expect(decideLogin(source, "unreachable")).toEqual(
      source === "default" ? { store: "file", pin: "plaintext" } : { store: "none", pin: null },
    );
    for (const code of ["locked", "denied", "invalid", "failed"] as const) {
      expect(decideLogin(source, code)).toEqual({ store: "none", pin: null });
    }
  });
});

test("every failure names the way out and its cause, and none looks like a missing login", () => {
  for (const platform of ["linux", "darwin", "win32"] as const) {
    for (const code of FAILURES) {
      for (const render of [readFailure, loginFailure]) {
        const { message } = render(new KeyringError(code, "the cause"), platform);
        expect(message).toContain("the cause");
        expect(message).toContain("DATABRICKS_AUTH_STORAGE=plaintext");
        expect(message).not.toContain("databricks OAuth is not");
      }
    }
  }
  expect(readFailure(new KeyringError("unreachable", "no bus"), "linux").message).toBe(
    "OS keyring unreachable: no bus (set DATABRICKS_AUTH_STORAGE=plaintext or run `databricks auth login` to use file-based token storage)",
  );
  expect(loginFailure(new KeyringError("unreachable", "no bus"), "linux").message).toStartWith(
    "secure storage was requested but the OS keyring is not reachable: no bus",
  );
});

describe("hints", () => {
  const signIn = "no cached credentials; run `databricks auth login` to sign in";
  test("only a keyring that was read beside a filled file cache speaks of older versions", () => {
    expect(notFoundHint("keyring", true)).toBe(
      "stored credentials from older CLI versions are no longer used; run `databricks auth login` to sign in again, or set DATABRICKS_AUTH_STORAGE=plaintext to keep using the file cache",
    );
    expect(notFoundHint("keyring", false)).toBe(signIn);
    expect(notFoundHint("file", true)).toBe(signIn);
    expect(notFoundHint("file", false)).toBe(signIn);
    expect(notFoundMessage(signIn)).toBe(
      `cache: databricks OAuth is not configured for this host. ${signIn}`,
    );
  });
});

/** A store that answers from a script of results, one a call, and remembers who was asked. */
function scripted(
  location: "keyring" | "file",
  script: (Token | null | KeyringError)[],
  asked: string[],
): TokenStore {
  const next = (call: string) => {
    asked.push(`${location}.${call}`);
    const result = script.shift() ?? null;
    if (result instanceof KeyringError) throw result;
    return result;
  };
  return {
    location,
    lookup: async (key) => next(`lookup ${key}`),
    put: async (keys) => {
      next(`put ${keys.join("+")}`);
    },
    remove: async (key) => next(`remove ${key}`) !== null,
  };
}

function stores(choice: StorageChoice, keyring: (Token | null | KeyringError)[]) {
  const asked: string[] = [];
  const file = scripted("file", [token], asked);
  const opened: Stores = {
    choice,
    platform: "linux",
    keyring: async () => scripted("keyring", keyring, asked),
    file: () => file,
  };
  return { opened, asked };
}

describe("openForReading", () => {
  const secure = { mode: "secure", source: "default" } as const;

  test("plaintext never touches the keyring", async () => {
    const { opened, asked } = stores({ mode: "plaintext", source: "env" }, []);
    const store = openForReading(opened);
    expect(await store.lookup("p")).toEqual(token);
    expect(store.location).toBe("file");
    expect(store.fallback).toBeNull();
    expect(asked).toEqual(["file.lookup p"]);
  });

  test("a write after a fallback goes to the file", async () => {
    const { opened, asked } = stores(secure, [new KeyringError("unreachable", "no bus")]);
    const store = openForReading(opened);
    expect(await store.lookup("p")).toEqual(token);
    await store.put(["p", "https://h"], token);
    expect(store.fallback).toEqual({ location: "file", reason: "no bus" });
    expect(asked).toEqual(["keyring.lookup p", "file.lookup p", "file.put p+https://h"]);
  });

  test("a keyring that answered once is never left", async () => {
    const { opened, asked } = stores(secure, [null, new KeyringError("unreachable", "bus died")]);
    const store = openForReading(opened);
    expect(await store.lookup("p")).toBeNull();
    await expect(store.lookup("p")).rejects.toThrow("OS keyring unreachable: bus died");
    expect(asked).toEqual(["keyring.lookup p", "keyring.lookup p"]);
  });

  test.each(FAILURES)("%s with an explicit mode fails without touching the file", async (code) => {
    const { opened, asked } = stores({ mode: "secure", source: "config" }, [
      new KeyringError(code, "cause"),
    ]);
    await expect(openForReading(opened).lookup("p")).rejects.toThrow("cause");
    expect(asked).toEqual(["keyring.lookup p"]);
  });

  test("a keyring that cannot even be opened counts as its failure", async () => {
    const { opened } = stores(secure, []);
    const broken = {
      ...opened,
      keyring: () => Promise.reject(new KeyringError("unreachable", "no library")),
    };
    expect(await openForReading(broken).lookup("p")).toEqual(token);
  });
});

describe("openForLogin", () => {
  const probes = (outcome: KeyringErrorCode | "ok") => ({
    keyring: async () => {
      if (outcome !== "ok") throw new KeyringError(outcome, "cause");
    },
    file: async () => {},
  });

  test("plaintext asks no keyring and pins nothing", async () => {
    const { opened } = stores({ mode: "plaintext", source: "default" }, []);
    const login = await openForLogin(opened, probes("failed"));
    expect([login.store.location, login.pin]).toEqual(["file", null]);
  });

  test.each(["plaintext", "secure"] as const)(
    "%s ends where the file cannot be written",
    async (mode) => {
      const { opened } = stores({ mode, source: "default" }, []);
      const file = () => Promise.reject(new UserError("the file is corrupt"));
      const opening = openForLogin(opened, { ...probes("unreachable"), file });
      await expect(opening).rejects.toThrow("the file is corrupt");
    },
  );

  test("a file that cannot be written is nothing to a login in the keyring", async () => {
    const { opened } = stores({ mode: "secure", source: "default" }, []);
    const file = () => Promise.reject(new UserError("the file is corrupt"));
    const login = await openForLogin(opened, { ...probes("ok"), file });
    expect(login.store.location).toBe("keyring");
  });

  test.each(SOURCES)("from %s", async (source) => {
    for (const outcome of ["ok", ...FAILURES] as const) {
      const { opened } = stores({ mode: "secure", source }, []);
      const decision = decideLogin(source, outcome);
      const opening = openForLogin(opened, probes(outcome));
      if (decision.store === "none") await expect(opening).rejects.toThrow("cause");
      else {
        const login = await opening;
        expect([login.store.location, login.pin]).toEqual([decision.store, decision.pin]);
        expect(login.unreachable).toBe(decision.store === "file" ? "cause" : null);
      }
    }
  });

  test("an error that is not the keyring's is passed on as it is", async () => {
    const { opened } = stores({ mode: "secure", source: "default" }, []);
    const keyring = () => Promise.reject(new TypeError("a bug"));
    const opening = openForLogin(opened, { ...probes("ok"), keyring });
    await expect(opening).rejects.toThrow(TypeError);
  });
});
