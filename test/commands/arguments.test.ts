import { describe, expect, test } from "bun:test";
import { nearest, parseArguments } from "../../src/commands/arguments.ts";
import { authArgs, parseDuration, profileArgument } from "../../src/commands/command.ts";

const parse = (...argv: string[]) =>
  parseArguments(
    { ...profileArgument, ...authArgs, force: { type: "boolean", description: "" } },
    argv,
    "auth token",
  );

describe("parseArguments", () => {
  test("takes long, short, inline and spaced forms", () => {
    expect<object>(parse("work", "-p", "a", "--output=json", "--force", "--host", "h")).toEqual({
      PROFILE: "work",
      profile: "a",
      output: "json",
      force: true,
      host: "h",
      _: ["work"],
    });
    expect(parse("-pwork", "-o", "text").profile).toBe("work");
    expect(parse("--force=false").force).toBe(false);
    expect(parse("--profile=-odd").profile).toBe("-odd");
    expect(parse("--profile=").profile).toBe("");
    expect(parse("--", "--force").PROFILE).toBe("--force");
    expect(parse("-p", "a", "-p", "b").profile).toBe("b");
  });

  test.each([
    [["--fource"], "unknown flag: --fource; did you mean --force?"],
    [["--zzzzzz"], "unknown flag: --zzzzzz\nSee `databricks auth token --help`."],
    [["-x"], "unknown flag: -x"],
    [["--no-force"], "unknown flag: --no-force"],
    [["--accountId", "1"], "unknown flag: --accountId; did you mean --account-id?"],
    [["--profile"], "--profile needs a value"],
    [["--profile", "--force"], "--profile needs a value"],
    [["--force=maybe"], "--force takes no value"],
    [["a", "b"], 'unexpected argument "b"\nSee `databricks auth token --help`.'],
    [["a", "force"], 'unexpected argument "force"; did you mean --force?'],
    [["a", "acount-id"], 'unexpected argument "acount-id"; did you mean --account-id?'],
  ] as [string[], string][])("refuses %j", (argv, message) => {
    expect(() => parse(...argv)).toThrow(message);
  });
});

test("nearest suggests slips, not other words", () => {
  const known = ["login", "logout", "token", "profiles"];
  expect(nearest("lgoin", known)).toBe("login");
  expect(nearest("tokens", known)).toBe("token");
  expect(nearest("profile", known)).toBe("profiles");
  expect(nearest("describe", known)).toBeUndefined();
  expect(nearest("x", [])).toBeUndefined();
});

test("durations", () => {
  expect(parseDuration("300s", "--timeout")).toBe(300_000);
  expect(parseDuration("1h30m", "--timeout")).toBe(5_400_000);
  expect(parseDuration("1.5s", "--timeout")).toBe(1500);
  expect(parseDuration("1000h", "--timeout")).toBe(2 ** 31 - 1);
  for (const bad of ["", "0s", "5", "5 m", "m", "-5m", "5x", "1h,30m"]) {
    expect(() => parseDuration(bad, "--timeout")).toThrow("--timeout: ");
  }
});
