import { expect, test } from "bun:test";
import { join, resolve } from "node:path";
import { cachePath, configPath, homeFolder, isInteractive } from "../src/context.ts";
import { contextOf } from "./support/context.ts";

test.each<[given: string | undefined, platform: NodeJS.Platform, expected: string]>([
  [undefined, "linux", "/home/me/.databrickscfg"],
  ["", "linux", "/home/me/.databrickscfg"],
  [undefined, "win32", join("/home/me", ".databrickscfg")],
  ["/etc/cfg", "linux", "/etc/cfg"],
  ["~/cfg", "linux", "/home/me/cfg"],
  ["~\\cfg", "linux", resolve("~\\cfg")],
  ["cfg", "linux", resolve("cfg")],
  ["../cfg", "linux", resolve("../cfg")],
  ["~\\cfg", "win32", join("/home/me", "cfg")],
  ["~/cfg", "win32", join("/home/me", "cfg")],
  ["~other/cfg", "win32", resolve("~other/cfg")],
])("DATABRICKS_CONFIG_FILE=%j on %s", (given, platform, expected) => {
  const env = { DATABRICKS_CONFIG_FILE: given };
  expect(configPath(contextOf({ env, platform }))).toBe(expected);
});

test.each([
  ["/home/me/", "/home/me/.databricks/token-cache.json"],
  ["//home/me//", "//home/me/.databricks/token-cache.json"],
  ["/", "/.databricks/token-cache.json"],
])("the file cache of the home folder %s", (home, expected) => {
  expect(cachePath(contextOf({ home, platform: "linux" }))).toBe(expected);
});

test("a person can be asked where stdin and stderr are terminals, and outside of CI", () => {
  const closed = { ...contextOf({}).stdin, ...contextOf({}).stderr, isTTY: false };
  expect(isInteractive(contextOf({}))).toBe(true);
  expect(isInteractive(contextOf({ stdout: closed }))).toBe(true);
  expect(isInteractive(contextOf({ stdin: closed }))).toBe(false);
  expect(isInteractive(contextOf({ stderr: closed }))).toBe(false);
  expect(isInteractive(contextOf({ env: { CI: "true" } }))).toBe(false);
  expect(isInteractive(contextOf({ env: { CI: "" } }))).toBe(true);
});

test("the home folder is what the system's variable says, else what the system knows", () => {
  expect(homeFolder({ HOME: "/h", USERPROFILE: "/u" }, "linux")).toBe("/h");
  expect(homeFolder({ HOME: "/h", USERPROFILE: "/u" }, "win32")).toBe("/u");
  expect(homeFolder({ HOME: "" }, "linux")).not.toBe("");
});
