/** The messages on the bus's socket, against a second reading of the specification (`test/support/dbus.ts`). */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  decodeMessage,
  encodeCall,
  MalformedMessage,
  METHOD_RETURN,
  messageLength,
  type Reader,
  STRUCT,
  TEXT,
} from "../../src/keyring/dbus-message.ts";
import {
  encodeMessage as encodeReply,
  decodeMessage as readCall,
  type Value,
} from "../support/dbus.ts";

const REPLY_SERIAL = 5;
const SENDER = 7;
const reply = (signature: string, ...args: Value[]) =>
  encodeReply(
    METHOD_RETURN,
    9,
    [
      [REPLY_SERIAL, ["u", 7]],
      [SENDER, ["s", ":1.5"]],
    ],
    signature,
    args,
  );

/** `a{s(oays)}`, so that every alignment comes before every other. */
const readEntries = (body: Reader) =>
  body.array(STRUCT, () => {
    body.align(STRUCT);
    const key = body.text();
    body.align(STRUCT);
    return [key, [body.text(), [...body.byteArray()], body.text()]];
  });

const entries = fc.array(
  fc.tuple(
    fc.string({ unit: "grapheme" }),
    fc.tuple(
      fc.constantFrom("/", "/a", "/org/freedesktop/secrets"),
      fc.array(fc.nat(255)),
      fc.string({ unit: "grapheme" }),
    ),
  ),
);

describe("a call", () => {
  test("is read by others as it was meant", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.array(fc.string()), (text, texts) => {
        const bytes = encodeCall({
          serial: 3,
          destination: "org.example.Service",
          path: "/org/example",
          interfaceName: "org.example.Interface",
          member: "Do",
          signature: "sva{ss}as",
          write(body) {
            body.text(text);
            body.signature("s");
            body.text("boxed");
            body.array(STRUCT, () => {
              for (const key of texts) {
                body.align(STRUCT);
                body.text(key);
                body.text(text);
              }
            });
            body.array(TEXT, () => {
              for (const element of texts) body.text(element);
            });
          },
        });
        expect(messageLength(bytes)).toBe(bytes.length);
        const { serial, fields, args } = readCall(Buffer.from(bytes));
        expect(args).toEqual([text, ["s", "boxed"], texts.map((key) => [key, text]), texts]);
        expect([serial, ...[1, 2, 3, 6, 8].map((code) => fields.get(code))]).toEqual([
          3,
          "/org/example",
          "org.example.Interface",
          "Do",
          "org.example.Service",
          "sva{ss}as",
        ]);
      }),
    );
  });
});

describe("a reply", () => {
  test("says what others wrote", () => {
    fc.assert(
      fc.property(entries, fc.string(), (written, text) => {
        const bytes = reply("sa{s(oays)}", text, written as Value);
        expect(messageLength(bytes)).toBe(bytes.length);
        const { type, replySerial, signature, body } = decodeMessage(bytes);
        expect([type, replySerial, signature]).toEqual([METHOD_RETURN, 7, "sa{s(oays)}"]);
        expect([body.text(), readEntries(body)]).toEqual([text, written]);
      }),
    );
  });

  const ENTRIES: Value = [["key", ["/path", [1, 2, 3], "text"]]];
  const whole = reply("a{s(oays)}", ENTRIES);

  test("that is not all there yet has no length, or a greater one", () => {
    for (let length = 0; length < whole.length; length++) {
      const known = messageLength(whole.subarray(0, length));
      expect(known).toBe(length < 16 ? null : whole.length);
    }
  });

  /** Nothing, or why it cannot be read; whatever else is thrown is thrown. */
  function problem(bytes: Uint8Array): string | null {
    try {
      messageLength(bytes);
      readEntries(decodeMessage(bytes).body);
      return null;
    } catch (error) {
      if (error instanceof MalformedMessage) return error.message;
      throw error;
    }
  }

  test("that is cut off is refused, wherever that is", () => {
    expect(problem(whole)).toBeNull();
    for (let length = 0; length < whole.length; length++) {
      expect(problem(whole.subarray(0, length))).not.toBeNull();
    }
  });

  test("with any bytes changed is read or refused", () => {
    const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1 });
    fc.assert(
      fc.property(changes, (changed) => {
        const bytes = Uint8Array.from(whole);
        for (const [at, byte] of changed) bytes[at] = byte;
        problem(bytes);
      }),
      { numRuns: 2000 },
    );
  });

  test.each([
    ["big-endian", 0, "B".charCodeAt(0)],
    ["of another version of the protocol", 3, 2],
  ])("that is %s is refused", (_title, at, byte) => {
    const bytes = Uint8Array.from(whole);
    bytes[at] = byte;
    expect(() => messageLength(bytes)).toThrow(MalformedMessage);
  });

  test("with a text that is not UTF-8 is refused", () => {
    const bytes = reply("s", "abc");
    bytes[bytes.indexOf("abc") + 1] = 0xff;
    expect(() => decodeMessage(bytes).body.text()).toThrow(MalformedMessage);
  });

  test("with an array that ends within an element is refused", () => {
    const { body } = decodeMessage(reply("uu", 6, 1));
    expect(() => body.array(4, () => body.uint32())).toThrow(MalformedMessage);
  });
});
