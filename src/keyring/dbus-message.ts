/**
 * Messages as they cross a D-Bus socket: D-Bus specification, "Type System", "Marshaling" and
 * "Message Protocol". Only little-endian ones, as every message between processes of one of the
 * machines that this program runs on is, and only the types that reading a secret takes.
 */

/** What came is no message, or one that the specification does not allow. */
export class MalformedMessage extends Error {
  override name = "MalformedMessage";
}

export interface MethodCall {
  /** Names the call in the reply; from 1. */
  serial: number;
  destination: string;
  path: string;
  interfaceName: string;
  member: string;
  /** D-Bus's signature of what `write` writes. */
  signature: string;
  write(body: Writer): void;
}

export interface Message {
  type: number;
  /** Of the call that it answers; 0 for none. */
  replySerial: number;
  /** Of `body`. */
  signature: string;
  body: Reader;
}

/** Message types. */
const METHOD_CALL = 1;
export const METHOD_RETURN = 2;

/** Header fields. */
const PATH = 1;
const INTERFACE = 2;
const MEMBER = 3;
const REPLY_SERIAL = 5;
const DESTINATION = 6;
const SIGNATURE = 8;

const LITTLE_ENDIAN = 0x6c;
const PROTOCOL_VERSION = 1;
/** Byte order, type, flags, version, length of the body, serial, length of the fields. */
const FIXED_HEADER = 16;
/** Alignment of structs and dictionary entries, and of the body. */
export const STRUCT = 8;
/** Alignment of texts and object paths. */
export const TEXT = 4;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const aligned = (offset: number, to: number) => Math.ceil(offset / to) * to;

/** Lays values out one behind the other, each on the boundary that its type wants. */
export class Writer {
  readonly bytes: number[] = [];

  align(to: number): void {
    while (this.bytes.length % to !== 0) this.bytes.push(0);
  }

  byte(value: number): void {
    this.bytes.push(value);
  }

  uint32(value: number): void {
    this.align(4);
    this.bytes.push(0, 0, 0, 0);
    this.#setUint32(this.bytes.length - 4, value);
  }

  /** Of a text or an object path. */
  text(value: string): void {
    const bytes = encoder.encode(value);
    this.uint32(bytes.length);
    for (const byte of bytes) this.bytes.push(byte);
    this.bytes.push(0);
  }

  signature(value: string): void {
    const bytes = encoder.encode(value);
    this.bytes.push(bytes.length, ...bytes, 0);
  }

  /** @param alignment that of the elements, which `elements` writes */
  array(alignment: number, elements: () => void): void {
    this.uint32(0);
    const lengthAt = this.bytes.length - 4;
    this.align(alignment);
    const start = this.bytes.length;
    elements();
    this.#setUint32(lengthAt, this.bytes.length - start);
  }

  #setUint32(at: number, value: number): void {
    for (let index = 0; index < 4; index++) this.bytes[at + index] = (value >>> (8 * index)) & 0xff;
  }
}

/** Takes values where `Writer` lays them. Throws MalformedMessage. */
export class Reader {
  #at: number;

  constructor(
    private readonly bytes: Uint8Array,
    start = 0,
  ) {
    this.#at = start;
  }

  align(to: number): void {
    this.#take(aligned(this.#at, to) - this.#at);
  }

  byte(): number {
    return this.#take(1)[0] ?? 0;
  }

  uint32(): number {
    this.align(4);
    const [a = 0, b = 0, c = 0, d = 0] = this.#take(4);
    return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
  }

  text(): string {
    return this.#terminated(this.uint32());
  }

  signature(): string {
    return this.#terminated(this.byte());
  }

  /** `ay` */
  byteArray(): Uint8Array {
    return this.#take(this.uint32());
  }

  /** @param alignment that of the elements, each of which `element` reads */
  array<T>(alignment: number, element: () => T): T[] {
    const length = this.uint32();
    this.align(alignment);
    const end = this.#at + length;
    const elements: T[] = [];
    while (this.#at < end) elements.push(element());
    if (this.#at !== end) throw new MalformedMessage("an array ends within an element");
    return elements;
  }

  #terminated(length: number): string {
    const bytes = this.#take(length);
    this.#take(1);
    try {
      return decoder.decode(bytes);
    } catch {
      throw new MalformedMessage("a text is not UTF-8");
    }
  }

  #take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.bytes.length) throw new MalformedMessage("a value goes past the message's end");
    const taken = this.bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}

export function encodeCall(call: MethodCall): Uint8Array {
  const body = new Writer();
  call.write(body);
  const message = new Writer();
  for (const byte of [LITTLE_ENDIAN, METHOD_CALL, 0, PROTOCOL_VERSION]) message.byte(byte);
  message.uint32(body.bytes.length);
  message.uint32(call.serial);
  message.array(STRUCT, () => {
    const field = (code: number, type: string, write: () => void) => {
      message.align(STRUCT);
      message.byte(code);
      message.signature(type);
      write();
    };
    field(PATH, "o", () => message.text(call.path));
    field(INTERFACE, "s", () => message.text(call.interfaceName));
    field(MEMBER, "s", () => message.text(call.member));
    field(DESTINATION, "s", () => message.text(call.destination));
    field(SIGNATURE, "g", () => message.signature(call.signature));
  });
  message.align(STRUCT);
  return new Uint8Array([...message.bytes, ...body.bytes]);
}

/**
 * How long the message is whose first bytes are given; null while too few of them are there to say.
 *
 * @throws MalformedMessage
 */
export function messageLength(bytes: Uint8Array): number | null {
  if (bytes.length < FIXED_HEADER) return null;
  if (bytes[0] !== LITTLE_ENDIAN || bytes[3] !== PROTOCOL_VERSION) {
    throw new MalformedMessage("not a D-Bus message");
  }
  const body = new Reader(bytes, 4).uint32();
  const fields = new Reader(bytes, 12).uint32();
  return aligned(FIXED_HEADER + fields, STRUCT) + body;
}

/**
 * @param bytes one message, whole
 * @throws MalformedMessage
 */
export function decodeMessage(bytes: Uint8Array): Message {
  const body = new Reader(bytes, 12);
  const message = { type: bytes[1] ?? 0, replySerial: 0, signature: "", body };
  body.array(STRUCT, () => {
    body.align(STRUCT);
    const code = body.byte();
    const type = body.signature();
    if (type === "u") {
      const value = body.uint32();
      if (code === REPLY_SERIAL) message.replySerial = value;
    } else if (type === "g") {
      const value = body.signature();
      if (code === SIGNATURE) message.signature = value;
    } else if (type === "s" || type === "o") {
      body.text();
    } else {
      throw new MalformedMessage("a header field of an unknown type");
    }
  });
  body.align(STRUCT);
  return message;
}
