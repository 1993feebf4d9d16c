import { describe, expect, test } from "bun:test";
import { UserError } from "../../src/errors.ts";
import { resolveStorageMode } from "../../src/storage/mode.ts";

const none = { flag: undefined, env: undefined, config: undefined };

describe("storage mode and source", () => {
  test.each([
    [none, { mode: "secure", source: "default" }],
    [
      { ...none, flag: "plaintext", env: "secure", config: "secure" },
      { mode: "plaintext", source: "override" },
    ],
    [
      { ...none, env: "plaintext", config: "secure" },
      { mode: "plaintext", source: "env" },
    ],
    [
      { ...none, config: "plaintext" },
      { mode: "plaintext", source: "config" },
    ],
    [
      { ...none, env: "  Secure\t" },
      { mode: "secure", source: "env" },
    ],
    [
      { ...none, config: "PLAINTEXT" },
      { mode: "plaintext", source: "config" },
    ],
    [
      { flag: "", env: "", config: "plaintext" },
      { mode: "plaintext", source: "config" },
    ],
    [
      { flag: "", env: "", config: "" },
      { mode: "secure", source: "default" },
    ],
  ] as const)("%j", (settings, choice) => {
    expect(resolveStorageMode(settings)).toEqual(choice);
  });

  test.each([
    [
      { ...none, flag: "bogus", env: "secure" },
      '--storage: unknown storage mode "bogus" (want plaintext or secure)',
    ],
    [
      { ...none, env: "bogus" },
      'DATABRICKS_AUTH_STORAGE: unknown storage mode "bogus" (want plaintext or secure)',
    ],
    [
      { ...none, config: "bogus" },
      'auth_storage: unknown storage mode "bogus" (want plaintext or secure)',
    ],
    [
      { ...none, env: "  ", config: "secure" },
      'DATABRICKS_AUTH_STORAGE: unknown storage mode "  " (want plaintext or secure)',
    ],
  ])("%j is refused", (settings, message) => {
    expect(() => resolveStorageMode(settings)).toThrow(new UserError(message));
  });

  test("a bad setting below one that is in force does no harm", () => {
    expect(resolveStorageMode({ flag: "secure", env: "bogus", config: "bogus" }).source).toBe(
      "override",
    );
  });
});
