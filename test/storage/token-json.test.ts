import { describe, expect, test } from "bun:test";
import type { Token } from "../../src/storage/store.ts";
import { decodeToken, encodeToken, parseLossless } from "../../src/storage/token-json.ts";

const plain = { access_token: "access-1", token_type: "Bearer" };

describe("a stored token", () => {
  test("comes back as it was, with the fields of Go's oauth2.Token", () => {
    const token: Token = {
      ...plain,
      refresh_token: "refresh-1",
      expiry: Date.UTC(2026, 10, 24, 0, 33, 53, 955),
      expires_in: 3600,
      scope: "all-apis offline_access",
      unknown: { session: "s" },
    };
    const stored = encodeToken(token);
    expect(stored).toEqual({
      ...plain,
      refresh_token: "refresh-1",
      expiry: "2026-11-24T00:33:53.955Z",
      expires_in: 3600,
      scope: "all-apis offline_access",
      session: "s",
    });
    expect(decodeToken(JSON.parse(JSON.stringify(stored)))).toEqual(token);
  });

  test("without an end has none, in every form that Go writes it", () => {
    expect(encodeToken(plain)).toEqual(plain);
    for (const expiry of ["0001-01-01T00:00:00Z", "", null, undefined]) {
      expect(decodeToken({ ...plain, expiry })).toEqual(plain);
    }
  });

  test("is of type Bearer unless it says otherwise, and has no empty fields", () => {
    const fields = { access_token: "access-1", refresh_token: "", expires_in: 0, scope: null };
    expect(decodeToken(fields)).toEqual(plain);
    expect(decodeToken({ ...plain, token_type: "MAC" })?.token_type).toBe("MAC");
  });

  test("of a refresh token alone is one that has ended", () => {
    const ended = { access_token: "", token_type: "Bearer", refresh_token: "refresh-1", expiry: 0 };
    expect(decodeToken({ refresh_token: "refresh-1" })).toEqual(ended);
    expect(
      decodeToken({ access_token: "", refresh_token: "refresh-1", expiry: "2999-01-01T00:00:00Z" }),
    ).toEqual(ended);
  });

  test.each([
    ["2026-11-24T01:33:53Z", "2026-11-24T01:33:53.000Z"],
    ["2026-11-24T01:33:53.9Z", "2026-11-24T01:33:53.900Z"],
    ["2026-11-24T01:33:53.955123456Z", "2026-11-24T01:33:53.955Z"],
    ["2026-11-24T01:33:53.955000000+01:00", "2026-11-24T00:33:53.955Z"],
    ["2026-11-23T21:03:53.1-03:30", "2026-11-24T00:33:53.100Z"],
    ["2026-11-24T14:18:53+13:45", "2026-11-24T00:33:53.000Z"],
  ])("that ends at %p ends at %p", (expiry, utc) => {
    expect(decodeToken({ ...plain, expiry })?.expiry).toBe(Date.parse(utc));
  });

  test.each([
    ["null", null],
    ["text", "access-1"],
    ["a list", [plain]],
    ["empty", {}],
    ["without any token", { token_type: "Bearer", expiry: "2026-11-24T01:33:53Z" }],
    ["with a number for a token", { access_token: 1 }],
    ["with a list for a refresh token", { ...plain, refresh_token: ["refresh-1"] }],
    ["with a number for an expiry", { ...plain, expiry: 1795480433 }],
    ["with text for a lifetime", { ...plain, expires_in: "3600" }],
    ["with half a date", { ...plain, expiry: "2026-11-24" }],
    ["with a date without zone", { ...plain, expiry: "2026-11-24T01:33:53" }],
    ["with a month too many", { ...plain, expiry: "2026-13-24T01:33:53Z" }],
    ["with a Unix time in text", { ...plain, expiry: "1795480433" }],
  ])("that is %s is no token", (_what, stored) => {
    expect(decodeToken(stored)).toBeNull();
  });
});

describe("parseLossless", () => {
  test("writes every number back as it was read, where JSON.parse would not", () => {
    const text =
      '{"id":12345678901234567890,"huge":1e400,"fine":0.1000000000000000055511,"small":7,"half":0.5}';
    expect(JSON.stringify(parseLossless(text))).toBe(text);
    expect(JSON.stringify(JSON.parse(text))).not.toBe(text);
  });

  test("gives ordinary numbers as numbers", () => {
    expect(parseLossless('{"expires_in":3600,"half":0.5,"negative":-1}')).toEqual({
      expires_in: 3600,
      half: 0.5,
      negative: -1,
    });
  });

  test("keeps a member called __proto__ one", () => {
    const text = '{"__proto__":{"id":12345678901234567890}}';
    expect(JSON.stringify(parseLossless(text))).toBe(text);
  });

  test("carries unknown fields of a token through", () => {
    const text =
      '{"access_token":"access-1","token_type":"Bearer","id":12345678901234567890,"__proto__":{"a":1}}';
    const token = decodeToken(parseLossless(text));
    expect(token && JSON.stringify(encodeToken(token))).toBe(text);
  });
});
