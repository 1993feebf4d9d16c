/**
 * The Secret Service of a Linux desktop (gnome-keyring, KWallet, KeePassXC, oo7): through libsecret
 * what may open a prompt, on the bus itself what opens none; on the bus's bare socket what is usual.
 *
 * An entry is identified by its attributes `service` and `username` and by nothing else: no
 * `xdg:schema`. It lies in the collection `login` if there is one, else in the default one, and
 * is shared with github.com/zalando/go-keyring (the official CLI) and `secret-tool`. Secrets
 * have no limit of size that a token could reach.
 *
 * A locked keyring answers a lookup exactly as one without the entry does, so every miss
 * asks whether the collection is locked. No process is ever started to find a bus.
 */
import { SECRET_COLLECTION_DEFAULT } from "../../native/libsecret.ts";
import {
  type Backend,
  type CallOptions,
  checkAccount,
  checkSecret,
  KeyringError,
} from "./backend.ts";
import { openGio, type Patience } from "./gio.ts";
import { type LibsecretClient, openLibsecretClient } from "./libsecret-client.ts";
import { isImpatience, translated } from "./linux-errors.ts";
import { findQuickly } from "./quick-read.ts";
import { joinBus, openSecretService, type SecretService } from "./secret-service.ts";
import { sessionBusAddress } from "./session-bus.ts";

/** What is open once the bus is joined. */
interface Connection {
  service: SecretService;
  client: LibsecretClient;
}

/** Nothing is opened yet: the first call finds the bus and the service, and later ones share them. */
export function openLinuxBackend(): Backend {
  let opened: Promise<Connection> | undefined;

  function connected(patience: Patience): Promise<Connection> {
    opened ??= connect(patience).catch((error: unknown) => {
      opened = undefined;
      throw error;
    });
    return opened;
  }

  /** Checks the account, then runs `body` on the service; whatever fails is a KeyringError. */
  async function onService<T>(
    account: string,
    options: CallOptions,
    body: (connection: Connection, waits: Waits) => Promise<T>,
  ): Promise<T> {
    checkAccount(account);
    const waits = waitsOf(options);
    return translated("call", async () => {
      for (;;) {
        try {
          return await body(await connected(waits.patience), waits);
        } catch (error) {
          if (!isImpatience(error) || performance.now() >= options.deadline) throw error;
        }
      }
    });
  }

  let quick = true;

  return {
    name: "Secret Service",

    async get(account, options) {
      if (quick) {
        quick = false; // most commands look once; the others share the connection
        checkAccount(account);
        const secret = await findQuickly(account, options.deadline);
        if (secret) return decode(secret);
      }
      return onService(account, options, async (connection, waits) => {
        const { service, client } = connection;
        const { patience } = waits;
        const path = await findEntry(connection, account, waits);
        if (path !== null) {
          const session = await service.plainSession(patience);
          const secret = session
            ? await session.read(path, patience)
            : await client.lookup(account, patience);
          if (secret) return decode(secret);
        }
        await requireUnlocked(service, await service.findCollection(patience), waits);
        // Listed before and after, and yet not given: what was sent could not be decrypted.
        if (path !== null && (await findEntry(connection, account, waits)) !== null) {
          throw new KeyringError("invalid", "the keyring's entry cannot be read");
        }
        return null;
      });
    },

    set: (account, secret, options) =>
      onService(account, options, async ({ service, client }, waits) => {
        checkSecret(secret);
        const { patience, prompting } = waits;
        const { unlocked } = await service.search(account, patience);
        const session = unlocked.length > 0 ? await service.plainSession(patience) : null;
        if (session) {
          // KeePassXC asks the person about storing over an entry, but not about setting its secret.
          await Promise.all(unlocked.map((path) => session.replace(path, secret, patience)));
          return;
        }
        const collection = await service.findCollection(patience);
        if (!prompting) await requireUnlocked(service, collection, waits);
        // Storing under the alias of a default collection that is missing asks for a new one.
        const target = collection ?? SECRET_COLLECTION_DEFAULT;
        const store = () => client.store(account, secret, target, prompting ?? patience);
        await (collection === null ? store() : translated("store", store));
      }),

    delete: (account, options) =>
      onService(account, options, async (connection, waits) => {
        const { service, client } = connection;
        if ((await findEntry(connection, account, waits)) !== null) {
          return client.clear(account, waits.patience);
        }
        await requireUnlocked(service, await service.findCollection(waits.patience), waits);
        return false;
      }),
  };
}

async function connect(patience: Patience): Promise<Connection> {
  const address = sessionBusAddress(process.env);
  if (address === null) throw new KeyringError("unreachable", "there is no D-Bus session bus");
  const gio = openGio();
  const joining = translated("connect", () => joinBus(gio, address, patience));
  joining.catch(() => {}); // in case that libsecret, which is loaded meanwhile, is missing
  const client = openLibsecretClient(gio);
  const service = openSecretService(gio, await joining, isLocal(address));
  await service.makeKnown(patience);
  return { service, client };
}

/** Whether all addresses of a bus are sockets of this machine. */
function isLocal(addresses: string): boolean {
  return addresses.split(";").every((address) => address.startsWith("unix:"));
}

interface Waits {
  /** For calls that open no prompt. */
  patience: Patience;
  /** For those that may; null when they must not be made. */
  prompting: Patience | null;
}

/**
 * A prompt may be opened without a terminal only for a login, where the person sits in front
 * of a browser.
 *
 * A call that may have opened one is not cancelled at its deadline, with or without
 * `leavePromptOpen`: libsecret would dismiss the prompt, and gnome-keyring (42.1) aborts when
 * a prompt on the screen is dismissed by a program.
 */
function waitsOf({ deadline, interactive, leavePromptOpen = false }: CallOptions): Waits {
  return {
    patience: { deadline, leaveRunning: false },
    prompting: interactive || leavePromptOpen ? { deadline, leaveRunning: true } : null,
  };
}

/** The path of the account's entry, null for none; a locked one is first unlocked by the person, or fails with `locked` or `denied`. */
async function findEntry(
  { service, client }: Connection,
  account: string,
  { patience, prompting }: Waits,
): Promise<string | null> {
  const before = await service.search(account, patience);
  const [path] = before.unlocked;
  if (path !== undefined) return path;
  const [lockedPath] = before.locked;
  if (lockedPath === undefined) return null;
  // The lookup asks the person; deleting would just pass over what is locked.
  if (prompting && (await client.lookup(account, prompting))) {
    const [unlocked] = (await service.search(account, patience)).unlocked;
    if (unlocked !== undefined) return unlocked;
  }
  const collection = lockedPath.slice(0, lockedPath.lastIndexOf("/"));
  if (await service.isLocked(collection, patience)) {
    throw new KeyringError("locked", "the entry is locked");
  }
  // As KeePassXC does, unless told otherwise: it asks about every program that is started.
  throw new KeyringError("denied", "the keyring asks the person before it gives out an entry");
}

/** Fails with `locked` for a locked collection, with `unreachable` for none. */
async function requireUnlocked(
  service: SecretService,
  collection: string | null,
  { patience }: Waits,
): Promise<void> {
  if (collection === null) {
    throw new KeyringError("unreachable", "the Secret Service has no default collection");
  }
  if (await service.isLocked(collection, patience)) {
    throw new KeyringError("locked", `the collection ${collection.split("/").at(-1)} is locked`);
  }
}

function decode(secret: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(secret);
  } catch {
    throw new KeyringError("invalid", "the keyring's entry is not UTF-8 text");
  }
}
