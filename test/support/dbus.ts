/**
 * A D-Bus peer for tests: it calls methods, owns names and answers calls, so that a test can
 * lock a keyring, play a prompter, or be a Secret Service that misbehaves.
 *
 * Values by D-Bus type: numbers, strings and booleans as they are; arrays and structs as
 * arrays; dictionaries as arrays of [key, value]; a variant as [signature, value].
 */
import type { Socket } from "bun";

export type Value = number | bigint | string | boolean | Value[];

export interface Call {
  sender: string;
  path: string;
  member: string;
  args: Value[];
}

/** What a peer answers to a call: values with their signature, an error's name, or nothing at all. */
export type Reply = { signature: string; args: Value[] } | { error: string } | "silence";

export const reply = (signature: string, ...args: Value[]): Reply => ({ signature, args });

export interface Peer {
  call(target: Target, signature?: string, args?: Value[]): Promise<Value[]>;
  /** Takes a name on the bus; calls to it go to `answer`. */
  own(name: string, answer: (call: Call) => Reply): Promise<void>;
  /** The methods that others have called, in their order. */
  readonly called: readonly string[];
  close(): void;
}

export interface Target {
  destination: string;
  path: string;
  interface: string;
  member: string;
}

/** An error reply; `name` is D-Bus's name of it. */
export class DBusError extends Error {
  constructor(override readonly name: string) {
    super(name);
  }
}

const CALL = 1;
const RETURN = 2;
const ERROR = 3;
const HEADER = { path: 1, interface: 2, member: 3, errorName: 4, replySerial: 5 } as const;
const MORE = { destination: 6, sender: 7, signature: 8 } as const;

const PEER = "org.freedesktop.DBus.Peer";

/**
 * Makes a peer known to a service before it calls it. gnome-keyring (42.1) may die of the first call
 * of a caller that it has not noted yet.
 */
export async function ping(peer: Peer, target: Target): Promise<void> {
  await peer.call({ ...target, interface: PEER, member: "Ping" });
}

/** Connects to a bus at `unix:path=…`. */
export async function connectPeer(address: string): Promise<Peer> {
  const path = address.match(/^unix:path=([^,;]+)/)?.[1];
  if (!path) throw new Error(`not a unix:path address: ${address}`);
  const waiting = new Map<number, { resolve(values: Value[]): void; reject(error: Error): void }>();
  let answer: (call: Call) => Reply = () => ({
    error: "org.freedesktop.DBus.Error.UnknownMethod",
  });
  const called: string[] = [];
  let serial = 0;
  let received = Buffer.alloc(0);
  const { promise: authenticated, resolve: begin } = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<never>();
  closed.promise.catch(() => {}); // when no call is waiting
  let talking = false;

  const socket = await Bun.connect({
    unix: decodeURIComponent(path),
    socket: {
      data(_socket: Socket, chunk: Buffer) {
        received = Buffer.concat([received, chunk]);
        if (!talking) {
          const end = received.indexOf("\r\n");
          if (end < 0) return;
          received = received.subarray(end + 2);
          talking = true;
          begin();
        }
        for (let size = messageSize(received); size; size = messageSize(received)) {
          receive(received.subarray(0, size));
          received = received.subarray(size);
        }
      },
      close: () => closed.reject(new Error("the bus has closed the connection")),
    },
  });

  function send(type: number, fields: [number, Value][], signature: string, args: Value[]): number {
    socket.write(encodeMessage(type, ++serial, fields, signature, args));
    return serial;
  }

  function receive(bytes: Buffer): void {
    const { type, serial: from, fields, args } = decodeMessage(bytes);
    const text = (code: number) => String(fields.get(code) ?? "");
    if (type === CALL) {
      const sender = text(MORE.sender);
      called.push(text(HEADER.member));
      // Whatever the service is, its D-Bus library answers these.
      const answered =
        text(HEADER.interface) === PEER
          ? reply("")
          : answer({ sender, path: text(HEADER.path), member: text(HEADER.member), args });
      if (answered === "silence") return;
      const to: [number, Value][] = [
        [HEADER.replySerial, ["u", from]],
        [MORE.destination, ["s", sender]],
      ];
      if ("error" in answered)
        send(ERROR, [...to, [HEADER.errorName, ["s", answered.error]]], "", []);
      else send(RETURN, to, answered.signature, answered.args);
      return;
    }
    const call = waiting.get(Number(fields.get(HEADER.replySerial) ?? 0));
    if (type === RETURN) call?.resolve(args);
    if (type === ERROR) call?.reject(new DBusError(text(HEADER.errorName)));
  }

  function call(target: Target, signature = "", args: Value[] = []): Promise<Value[]> {
    const id = send(
      CALL,
      [
        [HEADER.path, ["o", target.path]],
        [HEADER.interface, ["s", target.interface]],
        [HEADER.member, ["s", target.member]],
        [MORE.destination, ["s", target.destination]],
      ],
      signature,
      args,
    );
    const { promise, resolve, reject } = Promise.withResolvers<Value[]>();
    waiting.set(id, { resolve, reject });
    return Promise.race([promise, closed.promise]).finally(() => waiting.delete(id));
  }

  const bus = (member: string): Target => ({
    destination: "org.freedesktop.DBus",
    path: "/org/freedesktop/DBus",
    interface: "org.freedesktop.DBus",
    member,
  });

  socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(process.geteuid?.())).toString("hex")}\r\n`);
  await Promise.race([authenticated, closed.promise]);
  socket.write("BEGIN\r\n");
  await call(bus("Hello"));

  return {
    call,
    async own(name, answerCall) {
      answer = answerCall;
      await call(bus("RequestName"), "su", [name, 0]);
    },
    called,
    close: () => socket.end(),
  };
}

function messageSize(bytes: Buffer): number | undefined {
  if (bytes.length < 16) return undefined;
  const size = align(16 + bytes.readUInt32LE(12), 8) + bytes.readUInt32LE(4);
  return bytes.length >= size ? size : undefined;
}

export function encodeMessage(
  type: number,
  serial: number,
  fields: [number, Value][],
  signature: string,
  args: Value[],
): Buffer {
  const body = encode(`(${signature})`, args);
  const all: Value[] = [...fields, [MORE.signature, ["g", signature]]];
  const header = encode("(yyyyuua(yv))", [0x6c, type, 0, 1, body.length, serial, all]);
  return Buffer.concat([header, Buffer.alloc(align(header.length, 8) - header.length), body]);
}

export function decodeMessage(bytes: Buffer) {
  const header = decode("(yyyyuua(yv))", bytes, 0);
  const [, type, , , , serial, list] = header.value as [0, number, 0, 0, 0, number, Value[]];
  const fields = new Map(
    (list as [number, [string, Value]][]).map(([code, [, value]]) => [code, value]),
  );
  const signature = String(fields.get(MORE.signature) ?? "");
  const body = bytes.subarray(align(header.end, 8));
  return { type, serial, fields, args: decode(`(${signature})`, body, 0).value as Value[] };
}

const align = (offset: number, to: number) => Math.ceil(offset / to) * to;

/** Splits a signature into its complete types. */
function typesOf(signature: string): string[] {
  const types: string[] = [];
  for (let at = 0; at < signature.length; ) {
    const start = at;
    while (signature[at] === "a") at++;
    let depth = 0;
    do {
      if ("({".includes(signature.charAt(at))) depth++;
      if (")}".includes(signature.charAt(at))) depth--;
      at++;
    } while (depth > 0);
    types.push(signature.slice(start, at));
  }
  return types;
}

function alignmentOf(type: string): number {
  if ("ygv".includes(type.charAt(0))) return 1;
  return "({xt".includes(type.charAt(0)) ? 8 : 4;
}

function encode(type: string, value: Value): Buffer {
  const out: number[] = [];
  const pad = (to: number) => {
    while (out.length % to !== 0) out.push(0);
  };
  const u32 = (number: number) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(number);
    out.push(...bytes);
  };

  function put(type: string, value: Value): void {
    pad(alignmentOf(type));
    const code = type.charAt(0);
    if (code === "y") out.push(Number(value));
    else if (code === "u" || code === "b") u32(Number(value));
    else if (code === "s" || code === "o") {
      const bytes = Buffer.from(String(value));
      u32(bytes.length);
      for (const byte of bytes) out.push(byte);
      out.push(0);
    } else if (code === "g") {
      out.push(String(value).length, ...Buffer.from(String(value)), 0);
    } else if (code === "v") {
      const [signature, inner] = value as [string, Value];
      put("g", signature);
      put(signature, inner);
    } else if (code === "a") {
      u32(0);
      const lengthAt = out.length - 4;
      pad(alignmentOf(type.slice(1)));
      const start = out.length;
      for (const element of value as Value[]) put(type.slice(1), element);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(out.length - start);
      out.splice(lengthAt, 4, ...length);
    } else {
      const fields = value as Value[];
      for (const [index, inner] of typesOf(type.slice(1, -1)).entries()) {
        put(inner, fields[index] ?? 0);
      }
    }
  }

  put(type, value);
  return Buffer.from(out);
}

function decode(type: string, bytes: Buffer, offset: number): { value: Value; end: number } {
  let at = offset;
  const u32 = () => {
    at += 4;
    return bytes.readUInt32LE(at - 4);
  };
  const text = (length: number) => {
    at += length + 1;
    return bytes.toString("utf8", at - length - 1, at - 1);
  };

  function take(type: string): Value {
    at = align(at, alignmentOf(type));
    const code = type.charAt(0);
    if (code === "y") return bytes.readUInt8(at++);
    if (code === "u" || code === "i") return u32();
    if (code === "b") return u32() !== 0;
    if (code === "s" || code === "o") return text(u32());
    if (code === "g") return text(bytes.readUInt8(at++));
    if (code === "v") {
      const signature = String(take("g"));
      return [signature, take(signature)];
    }
    if (code === "x" || code === "t") {
      at += 8;
      return bytes.readBigUInt64LE(at - 8);
    }
    if (code === "a") {
      const length = u32();
      at = align(at, alignmentOf(type.slice(1)));
      const end = at + length;
      const elements: Value[] = [];
      while (at < end) elements.push(take(type.slice(1)));
      return elements;
    }
    return typesOf(type.slice(1, -1)).map(take);
  }

  return { value: take(type), end: at };
}
