/** A D-Bus session bus at its socket, with nothing between. */
import type { Socket } from "bun";
import {
  decodeMessage,
  encodeCall,
  METHOD_RETURN,
  type Message,
  type MethodCall,
  messageLength,
  type Reader,
} from "./dbus-message.ts";

/** There is no bus at the socket, or the answer to a call is not what it should be, or late. */
export class NoAnswer extends Error {
  override name = "NoAnswer";
}

export interface Call<T> extends Omit<MethodCall, "serial"> {
  /** D-Bus's signature of the answer that `read` reads. */
  answer: string;
  read(body: Reader): T;
}

/** In bytes. What is longer is no answer of a keyring's. */
const LONGEST_MESSAGE = 1 << 20;
const LONGEST_LINE = 1 << 10;

const hello: Call<void> = {
  destination: "org.freedesktop.DBus",
  path: "/org/freedesktop/DBus",
  interfaceName: "org.freedesktop.DBus",
  member: "Hello",
  signature: "",
  write() {},
  answer: "s",
  read() {},
};

/** Where a bus listens if its address is one socket of this machine: a path, or NUL and an abstract name. Else null. */
export function socketOf(address: string): string | null {
  const [, kind, name] = /^unix:(path|abstract)=([^,;]+)(?:,guid=\w+)?$/.exec(address) ?? [];
  if (name === undefined) return null;
  try {
    return (kind === "abstract" ? "\0" : "") + decodeURIComponent(name);
  } catch {
    return null;
  }
}

/**
 * Joins the bus at a socket. Calls may be made at once: all that there is to say before the bus has
 * answered goes out together.
 *
 * @param deadline point in time of `performance.now()`
 */
export function joinBusAt(socketPath: string, deadline: number) {
  const waiting = new Map<number, (reply: Message) => void>();
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => {}); // when no call is waiting
  const giveUp = () => broken.reject(new NoAnswer());
  const timer = setTimeout(giveUp, Math.ceil(deadline - performance.now()));
  const user = Buffer.from(String(process.geteuid?.())).toString("hex");
  const unsent: Uint8Array[] = [Buffer.from(`\0AUTH EXTERNAL ${user}\r\nBEGIN\r\n`)];
  let unread = Buffer.alloc(0);
  let accepted = false;
  let lastSerial = 0;
  let socket: Socket | null = null;

  const joining = Bun.connect({
    unix: socketPath,
    socket: {
      open(opened) {
        socket = opened;
        send();
      },
      data(_socket, chunk) {
        try {
          receive(chunk);
        } catch (error) {
          broken.reject(error);
        }
      },
      close: giveUp,
    },
  });
  joining.catch(giveUp);
  call(hello).catch(() => {}); // a bus that refuses it does not answer the others

  function send(): void {
    const bytes = Buffer.concat(unsent.splice(0));
    // A socket takes more at once than these calls are, unless nobody reads.
    if (socket && socket.write(bytes) < bytes.length) giveUp();
  }

  function receive(chunk: Uint8Array): void {
    unread = Buffer.concat([unread, chunk]);
    if (!accepted) {
      const lineEnd = unread.indexOf("\n");
      if (lineEnd < 0 && unread.length < LONGEST_LINE) return;
      if (!unread.toString("latin1", 0, lineEnd).startsWith("OK ")) throw new NoAnswer();
      unread = unread.subarray(lineEnd + 1);
      accepted = true;
    }
    for (;;) {
      const length = messageLength(unread);
      if (length === null) return;
      if (length > LONGEST_MESSAGE) throw new NoAnswer();
      if (length > unread.length) return;
      const message = decodeMessage(unread.subarray(0, length));
      unread = unread.subarray(length);
      waiting.get(message.replySerial)?.(message);
    }
  }

  /** Throws NoAnswer, MalformedMessage. */
  async function call<T>(method: Call<T>): Promise<T> {
    const serial = ++lastSerial;
    const reply = new Promise<Message>((resolve) => waiting.set(serial, resolve));
    unsent.push(encodeCall({ ...method, serial }));
    if (socket) send();
    const { type, signature, body } = await Promise.race([reply, broken.promise]);
    if (type !== METHOD_RETURN || signature !== method.answer) throw new NoAnswer();
    return method.read(body);
  }

  function leave(): void {
    clearTimeout(timer);
    joining.then(
      (opened) => opened.end(),
      () => {},
    );
  }

  return { call, leave };
}
