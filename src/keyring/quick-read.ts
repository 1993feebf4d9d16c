/**
 * The usual lookup, of an entry in an unlocked keyring, on the bus's own socket: it takes a third of the
 * time in which GIO is loaded and does the same.
 *
 * It finds the secret or it does not. Why not (no entry, a lock, a refusal, no bus, an odd answer or none)
 * is for `linux.ts` to tell, which asks again.
 */
import { isInstalled } from "../../native/libc.ts";
import { LIBSECRET } from "../../native/libsecret.ts";
import { MalformedMessage, STRUCT, TEXT } from "./dbus-message.ts";
import { BUS_NAME } from "./dbus-objects.ts";
import { type Call, joinBusAt, NoAnswer, socketOf } from "./dbus-socket.ts";
import { attributesOf, SERVICE_INTERFACE, SERVICE_PATH } from "./secret-service.ts";
import { sessionBusAddress } from "./session-bus.ts";

/** How long it is tried, in milliseconds. Some bus may want to be spoken to more slowly, as GIO does. */
const PATIENCE = 1000;

/**
 * The bytes of an account's secret; null where it takes more to say.
 *
 * @param deadline point in time of `performance.now()`
 */
export async function findQuickly(account: string, deadline: number): Promise<Uint8Array | null> {
  const address = sessionBusAddress(process.env);
  // Without libsecret there is no keyring: it could be read, but nothing be stored in it.
  if (address === null || !isInstalled(LIBSECRET)) return null;
  return quickRead(account, address, deadline);
}

/** The same on the bus at an address. */
export async function quickRead(
  account: string,
  address: string,
  deadline: number,
): Promise<Uint8Array | null> {
  const socketPath = socketOf(address);
  if (socketPath === null) return null;
  const bus = joinBusAt(socketPath, Math.min(deadline, performance.now() + PATIENCE));
  try {
    // gnome-keyring (42.1) may carry out a program's first call before it has noted who calls. A search
    // is then refused, and may be made again; a session that is opened too soon kills it.
    const item = await bus.call(search(account)).catch(() => bus.call(search(account)));
    if (item === undefined) return null;
    const session = await bus.call(openSession);
    return await bus.call(getSecret(item, session));
  } catch (error) {
    if (error instanceof NoAnswer || error instanceof MalformedMessage) return null;
    throw error;
  } finally {
    bus.leave();
  }
}

const onService = {
  destination: BUS_NAME,
  path: SERVICE_PATH,
  interfaceName: SERVICE_INTERFACE,
};

/** Gives the session's path. */
const openSession: Call<string> = {
  ...onService,
  member: "OpenSession",
  signature: "sv",
  write(body) {
    body.text("plain");
    body.signature("s");
    body.text("");
  },
  answer: "vo",
  read(body) {
    if (body.signature() !== "s") throw new NoAnswer();
    body.text();
    return body.text();
  },
};

/** Gives the path of the first entry that can be read as it is. */
const search = (account: string): Call<string | undefined> => ({
  ...onService,
  member: "SearchItems",
  signature: "a{ss}",
  write(body) {
    body.array(STRUCT, () => {
      for (const [name, value] of Object.entries(attributesOf(account))) {
        body.align(STRUCT);
        body.text(name);
        body.text(value);
      }
    });
  },
  answer: "aoao",
  read: (body) => body.array(TEXT, () => body.text())[0],
});

/** Gives the secret's bytes; null where they are encrypted all the same, or the entry is gone. */
const getSecret = (item: string, session: string): Call<Uint8Array | null> => ({
  ...onService,
  member: "GetSecrets",
  signature: "aoo",
  write(body) {
    body.array(TEXT, () => body.text(item));
    body.text(session);
  },
  answer: "a{o(oayays)}",
  read(body) {
    const [secret = null] = body.array(STRUCT, () => {
      body.align(STRUCT);
      body.text();
      body.align(STRUCT);
      body.text();
      const encrypted = body.byteArray().length > 0;
      const content = body.byteArray();
      body.text();
      return encrypted ? null : content;
    });
    return secret;
  },
});
