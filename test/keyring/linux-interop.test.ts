/** Entries shared with `secret-tool`, a program of libsecret's own. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type BackendCall, runCall } from "../support/backend-call.ts";
import { missingTools, type Session, startSession } from "../support/secret-service.ts";
import { attributes, secretTool } from "../support/secret-tool.ts";

const missing = missingTools("secret-tool");
const skipped = missing.length > 0 ? ` (skipped: no ${missing.join(", ")})` : "";

let session: Session;

async function call(request: BackendCall): Promise<unknown> {
  const { answer } = await runCall(request, session);
  return answer.code ?? answer.value;
}

const store = (account: string, secret: string | Uint8Array) =>
  secretTool(session, ["store", "--label=another program's", ...attributes(account)], secret);
/** Everything of the entries of an account but their times, and the schema that gnome-keyring gives to those without. */
const search = async (account: string) =>
  (await secretTool(session, ["search", "--all", ...attributes(account)]))
    .split("\n")
    .filter((line) => !/^(created|modified) = |^schema = .*Generic$/.test(line))
    .sort()
    .join("\n")
    .trim();

describe.skipIf(missing.length > 0)(`secret-tool${skipped}`, () => {
  beforeEach(async () => {
    session = await startSession("unlocked");
  });
  afterEach(() => session.close());

  test("finds what was stored, with these attributes and no others", async () => {
    await call({ operation: "set", account: "work / größe", secret: '{"token":{}}' });
    expect(await secretTool(session, ["lookup", ...attributes("work / größe")])).toBe(
      '{"token":{}}',
    );
    expect(await search("work / größe")).toBe(
      [
        "[/1]",
        "attribute.service = databricks-cli",
        "attribute.username = work / größe",
        "label = Password for 'work / größe' on 'databricks-cli'",
        'secret = {"token":{}}',
      ]
        .sort()
        .join("\n"),
    );
  });

  test("its entries are read, replaced and deleted", async () => {
    await store("a", "from secret-tool");
    expect(await call({ operation: "get", account: "a" })).toBe("from secret-tool");
    await call({ operation: "set", account: "a", secret: "secret-2" });
    expect(await search("a")).toContain("secret = secret-2");
    expect((await search("a")).match(/secret = /g)).toHaveLength(1);
    expect(await call({ operation: "delete", account: "a" })).toBe(true);
    expect(await search("a")).toBe("");
  });

  test("what it clears is gone", async () => {
    await call({ operation: "set", account: "a", secret: "secret-1" });
    await secretTool(session, ["clear", ...attributes("a")]);
    expect(await call({ operation: "get", account: "a" })).toBeNull();
  });

  test("an entry that is not UTF-8 is invalid, and can be replaced", async () => {
    await store("a", Uint8Array.of(0x61, 0xff, 0xfe));
    expect(await call({ operation: "get", account: "a" })).toBe("invalid");
    await call({ operation: "set", account: "a", secret: "secret-1" });
    expect(await call({ operation: "get", account: "a" })).toBe("secret-1");
  });
});
