import { describe, expect, test } from "bun:test";
import {
  canonicalHost,
  checkId,
  hostKeys,
  isAccountHost,
  isLoopback,
  parseHost,
  withoutPassword,
} from "../../src/config/host.ts";
import { messageOf, UserError } from "../../src/errors.ts";

function refusalOf(input: string): string {
  try {
    return `accepted as ${canonicalHost(input)}`;
  } catch (error) {
    return messageOf(error);
  }
}

describe("canonicalHost", () => {
  test.each([
    ["example.cloud.databricks.com", "https://example.cloud.databricks.com"],
    ["https://example.com/", "https://example.com"],
    ["https://example.com///", "https://example.com"],
    ["  https://example.com  ", "https://example.com"],
    ["HTTPS://Example.COM", "https://example.com"],
    ["https://example.com.", "https://example.com"],
    ["https://example.com:443", "https://example.com"],
    ["example.com:8443", "https://example.com:8443"],
    ["https://example.com/browse/folders?o=1#notebook", "https://example.com"],
    ["bücher.example", "https://xn--bcher-kva.example"],
    ["localhost:8080", "https://localhost:8080"],
    ["http://localhost:8080/", "http://localhost:8080"],
    ["http://LOCALHOST.:8080", "http://localhost:8080"],
    ["http://accounts.localhost:1", "http://accounts.localhost:1"],
    ["http://127.0.0.1:80", "http://127.0.0.1"],
    ["http://127.255.0.3:81", "http://127.255.0.3:81"],
    ["http://[::1]:8080", "http://[::1]:8080"],
    ["https://[2001:DB8::1]/", "https://[2001:db8::1]"],
    ["https://adb-1.2.azuredatabricks.net", "https://adb-1.2.azuredatabricks.net"],
  ])("%p is %p", (input, host) => {
    expect(canonicalHost(input)).toBe(host);
    expect(canonicalHost(host)).toBe(host);
  });

  test.each([
    ["", "the host is empty"],
    ["   ", "the host is empty"],
    ["ftp://example.com", "a host begins with https://, not ftp://"],
    ["http://example.com", "example.com: only https"],
    ["http://10.0.0.1", "10.0.0.1: only https"],
    ["http://localhost.example.com", "localhost.example.com: only https"],
    ["http://127.0.0.1.example.com", "127.0.0.1.example.com: only https"],
    ["https://", "is not a host"],
    ["https://a b.com", "is not a host"],
    ["https://exam\nple.com", "is not a host"],
    ["https://example.com\\@evil.example", "is not a host"],
    ["https://a..b", "is not a host"],
    ["https://example.com..", "is not a host"],
    ["https://example.com:99999", "is not a host"],
    ["https://[::1", "is not a host"],
  ])("%p is refused", (input, message) => {
    expect(() => canonicalHost(input)).toThrow(UserError);
    expect(() => canonicalHost(input)).toThrow(message);
  });

  test.each(["https://ada:pass-1@example.com", "https://ada:pass-1@exa mple.com"])(
    "%p is refused without its password in the message",
    (input) => {
      const message = refusalOf(input);
      expect(message).toContain("host");
      expect(message).not.toContain("pass-1");
    },
  );
});

test.each([
  ["https://example.com/?o=123", { workspaceId: "123" }],
  ["example.com?o=123", { workspaceId: "123" }],
  ["https://example.com/?w=123", { workspaceId: "123" }],
  ["https://example.com/?workspace_id=6051921418418893123", { workspaceId: "6051921418418893123" }],
  ["https://example.com/?a=abc", { accountId: "abc" }],
  ["https://example.com/?account_id=abc&o=1", { accountId: "abc", workspaceId: "1" }],
  ["https://example.com/?o=&w=7&a=", { workspaceId: "7" }],
  ["https://example.com/?other=1", {}],
])("parseHost(%p) takes the ids out", (input, ids) => {
  expect(parseHost(input)).toEqual({ host: "https://example.com", ...ids });
});

test("loopback is localhost, what lies below it, and the loopback addresses", () => {
  expect(
    ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]"].filter(isLoopback),
  ).toHaveLength(5);
  expect(
    ["example.com", "notlocalhost", "127.0.0.1.nip.io", "[::2]", "1270.0.0.1", "0.0.0.0"].filter(
      isLoopback,
    ),
  ).toEqual([]);
});

test("account hosts are told by their first label", () => {
  expect(isAccountHost("https://accounts.cloud.databricks.com")).toBe(true);
  expect(isAccountHost("https://accounts-dod.cloud.databricks.us")).toBe(true);
  expect(isAccountHost("http://accounts.localhost:1")).toBe(true);
  expect(isAccountHost("https://accounts-other.example.com")).toBe(false);
  expect(isAccountHost("https://my.accounts.example.com")).toBe(false);
});

test("host keys: the account form first, where there is an account", () => {
  expect(hostKeys("https://example.com", undefined)).toEqual(["https://example.com"]);
  expect(hostKeys("https://example.com", "abc")).toEqual([
    "https://example.com/oidc/accounts/abc",
    "https://example.com",
  ]);
});

test("an id that would leave its place in a path is refused", () => {
  checkId("account id", "00000000-aaaa-4bbb-8ccc-000000000001");
  for (const id of ["", "..", "a/b", "a?b", "a%2fb", "a\nb"]) {
    expect(() => checkId("account id", id)).toThrow(UserError);
  }
});

test.each([
  ["https://me:pw@h.example/x", "https://***@h.example/x"],
  ["me:pw@h.example", "***@h.example"],
  ["https://h.example/?to=me@x", "https://h.example/?to=me@x"],
  ["h.example", "h.example"],
])("%s is shown as %s", (written, shown) => {
  expect(withoutPassword(written)).toBe(shown);
});
