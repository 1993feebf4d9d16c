/**
 * How the Go CLI (github.com/zalando/go-keyring) writes a secret into a keychain item:
 * `go-keyring-base64:` and base64. Older versions wrote `go-keyring-encoded:` and hex,
 * or the secret as it is.
 */
import { KeyringError } from "./backend.ts";

const BASE64 = "go-keyring-base64:";
const HEX = "go-keyring-encoded:";

/** The bytes to store for a secret. */
export function encodeValue(secret: string): Uint8Array {
  return Buffer.from(BASE64 + Buffer.from(secret).toString("base64"));
}

/** The secret in an item's bytes, prefixed or not. Throws `invalid` for bytes that hold no text. */
export function decodeValue(value: Uint8Array): string {
  try {
    const text = utf8(value);
    if (text.startsWith(BASE64)) return utf8(Uint8Array.fromBase64(text.slice(BASE64.length)));
    if (text.startsWith(HEX)) return utf8(Uint8Array.fromHex(text.slice(HEX.length)));
    return text;
  } catch {
    throw new KeyringError("invalid", "the keychain item cannot be decoded");
  }
}

/**
 * The item's bytes from what `security find-generic-password -w` printed: the value and a
 * newline, or its hex digits when a byte is not printable ASCII.
 */
export function parseToolOutput(output: Uint8Array): Uint8Array {
  const line = Buffer.from(output.at(-1) === 0x0a ? output.subarray(0, -1) : output);
  const digits = line.toString("latin1");
  if (!/^([0-9a-f]{2})+$/.test(digits)) return line;
  const bytes = Uint8Array.fromHex(digits);
  return bytes.every((byte) => byte >= 0x20 && byte < 0x7f) ? line : bytes;
}

function utf8(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}
