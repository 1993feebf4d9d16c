/**
 * Generic passwords in macOS's file-based keychain. Every call blocks its thread, for as
 * long as the system asks the person: `macos.ts` makes them in a Worker.
 *
 * Memory: what a Create or Copy function returns is owned and released once, at the end of
 * its `scope`; constants and what CFDataGetBytePtr points to are borrowed.
 */
import {
  type CFRef,
  kCFStringEncodingUTF8,
  openCoreFoundation,
} from "../../native/corefoundation.ts";
import { copyBytes, outPointer, toPointer } from "../../native/memory.ts";
import * as security from "../../native/security.ts";
import { KeyringError, type KeyringErrorCode, SERVICE } from "./backend.ts";

/** Where the two frameworks lie: absolute paths. */
export interface Frameworks {
  coreFoundation: string;
  security: string;
}

/** The "kind" of the items that this program creates: tells them from those of the Go CLI. */
const KIND = "Databricks login";

/** An item that is there, but lets only the program read it that made it, which was not this one. */
export const OTHER_PROGRAMS_ITEM = "other-programs-item";

const NULL: CFRef = 0n;

type Own = (created: CFRef) => CFRef;
type Entry = readonly [key: CFRef, value: CFRef];
export type Keychain = ReturnType<typeof openKeychain>;

/** Binds the frameworks. Throws `LibraryMissing`; the functions it returns throw `KeyringError`. */
export function openKeychain(frameworks: Frameworks) {
  const cf = openCoreFoundation(frameworks.coreFoundation);
  const sec = security.openSecurity(frameworks.security);

  /** Runs `body` and releases what it `own`ed. */
  function scope<T>(body: (own: Own) => T): T {
    const owned: CFRef[] = [];
    const own: Own = (created) => {
      if (created === NULL) throw new KeyringError("failed", "CoreFoundation gave no object");
      owned.push(created);
      return created;
    };
    try {
      return body(own);
    } finally {
      for (const reference of owned) cf.CFRelease(reference);
    }
  }

  function string(own: Own, text: string): CFRef {
    const bytes = Buffer.from(text);
    return own(cf.CFStringCreateWithBytes(NULL, bytes, bytes.length, kCFStringEncodingUTF8, 0));
  }

  function dictionary(own: Own, entries: readonly Entry[]): CFRef {
    const created = own(
      cf.CFDictionaryCreateMutable(
        NULL,
        0,
        cf.kCFTypeDictionaryKeyCallBacks,
        cf.kCFTypeDictionaryValueCallBacks,
      ),
    );
    for (const [key, value] of entries) cf.CFDictionarySetValue(created, key, value);
    return created;
  }

  /**
   * What names one item. The data protection keychain is out: it wants an entitlement that
   * only a provisioned program has, and it does not hold the items of the Go CLI.
   */
  function item(own: Own, account: string): Entry[] {
    return [
      [sec.kSecClass, sec.kSecClassGenericPassword],
      [sec.kSecUseDataProtectionKeychain, cf.kCFBooleanFalse],
      [sec.kSecAttrService, string(own, SERVICE)],
      [sec.kSecAttrAccount, string(own, account)],
    ];
  }

  function bytesOf(data: CFRef): Uint8Array {
    const address = toPointer(cf.CFDataGetBytePtr(data));
    return address ? copyBytes(address, Number(cf.CFDataGetLength(data))) : new Uint8Array(0);
  }

  /** The state of the default keychain: an OSStatus, and whether it is unlocked. */
  function defaultKeychain(): { status: number; unlocked: boolean } {
    const state = new Uint32Array(1);
    const status = sec.SecKeychainGetStatus(NULL, state);
    return { status, unlocked: ((state[0] ?? 0) & security.kSecUnlockStateStatus) !== 0 };
  }

  /** The system's own words for a status, where it has some. */
  function describe(status: number): string {
    const message = sec.SecCopyErrorMessageString(status, null);
    if (message === NULL) return `OSStatus ${status}`;
    return scope((own) => {
      const text = own(message);
      const bytes = own(
        cf.CFStringCreateExternalRepresentation(NULL, text, kCFStringEncodingUTF8, 0),
      );
      const words = Buffer.from(bytesOf(bytes)).toString().replace(/\.$/, "");
      return `${words} (OSStatus ${status})`;
    });
  }

  function failure(status: number, { unlocked } = defaultKeychain()): KeyringError {
    return new KeyringError(codeOf(status, unlocked), describe(status));
  }

  /** A miss is one only where there is a keychain that could have held the item. */
  function checkKeychain(): void {
    const { status } = defaultKeychain();
    if (status !== security.errSecSuccess) throw failure(status);
  }

  /** Whether this program made the item. Attributes can be read without the person's leave. */
  function isOurs(account: string): boolean {
    return scope((own) => {
      const { cell, address } = outPointer();
      const query = dictionary(own, [
        ...item(own, account),
        [sec.kSecAttrDescription, string(own, KIND)],
        [sec.kSecReturnAttributes, cf.kCFBooleanTrue],
      ]);
      const status = sec.SecItemCopyMatching(query, address);
      if (status === security.errSecSuccess) own(cell[0] ?? NULL);
      return status === security.errSecSuccess;
    });
  }

  function read(account: string): { status: number; value: Uint8Array } {
    return scope((own) => {
      const { cell, address } = outPointer();
      const query = dictionary(own, [
        ...item(own, account),
        [sec.kSecReturnData, cf.kCFBooleanTrue],
      ]);
      const status = sec.SecItemCopyMatching(query, address);
      const found = status === security.errSecSuccess;
      return { status, value: found ? bytesOf(own(cell[0] ?? NULL)) : new Uint8Array(0) };
    });
  }

  /** In place, so that the item keeps its access list. */
  function update(account: string, value: Uint8Array): number {
    return scope((own) => {
      const data = own(cf.CFDataCreate(NULL, value, value.length));
      const changes = dictionary(own, [[sec.kSecValueData, data]]);
      return sec.SecItemUpdate(dictionary(own, item(own, account)), changes);
    });
  }

  function add(account: string, value: Uint8Array): number {
    return scope((own) => {
      const data = own(cf.CFDataCreate(NULL, value, value.length));
      const attributes = dictionary(own, [
        ...item(own, account),
        [sec.kSecAttrLabel, string(own, SERVICE)],
        [sec.kSecAttrDescription, string(own, KIND)],
        [sec.kSecValueData, data],
      ]);
      return sec.SecItemAdd(attributes, null);
    });
  }

  return {
    /** Whether the system may ask the person, from now on and in the whole process. */
    allowInteraction(allowed: boolean): void {
      const status = sec.SecKeychainSetUserInteractionAllowed(allowed ? 1 : 0);
      if (status !== security.errSecSuccess) throw failure(status);
    },

    /** The item's bytes, null when there is none, or OTHER_PROGRAMS_ITEM. */
    get(account: string): Uint8Array | null | typeof OTHER_PROGRAMS_ITEM {
      const { status, value } = read(account);
      if (status === security.errSecSuccess) return value;
      if (status === security.errSecItemNotFound) {
        checkKeychain();
        return null;
      }
      const chain = defaultKeychain();
      const error = failure(status, chain);
      const refused = error.code === "denied" && status !== security.errSecUserCanceled;
      // Locked, Apple's tool would ask for the password, whether or not somebody is there.
      if (refused && chain.unlocked && !isOurs(account)) return OTHER_PROGRAMS_ITEM;
      throw error;
    },

    /** Creates or replaces the item. */
    set(account: string, value: Uint8Array): void {
      let status = update(account, value);
      if (status === security.errSecItemNotFound) status = add(account, value);
      // Another process added it in between.
      if (status === security.errSecDuplicateItem) status = update(account, value);
      if (status !== security.errSecSuccess) throw failure(status);
    },

    /** Removes the item; false when there was none. */
    delete(account: string): boolean {
      const status = scope((own) => sec.SecItemDelete(dictionary(own, item(own, account))));
      if (status === security.errSecSuccess) return true;
      if (status !== security.errSecItemNotFound) throw failure(status);
      checkKeychain();
      return false;
    },
  };
}

/**
 * What an OSStatus means to the program.
 *
 * @param unlocked whether the default keychain is: the same status says that nobody was there
 *   to unlock it, or that nobody was there to let this program at the item
 */
export function codeOf(status: number, unlocked: boolean): KeyringErrorCode {
  switch (status) {
    case security.errSecUserCanceled:
    case security.errSecAuthFailed:
    // Another program's item may not be read, or not be changed.
    case security.errSecNoAccessForItem:
    case security.errSecInvalidOwnerEdit:
      return "denied";
    case security.errSecInteractionNotAllowed:
    case security.errSecInteractionRequired:
      return unlocked ? "denied" : "locked";
    case security.errSecNotAvailable:
    case security.errSecNoSuchKeychain:
    case security.errSecNoDefaultKeychain:
      return "unreachable";
    default:
      return "failed";
  }
}
