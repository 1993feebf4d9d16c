/**
 * Uses CoreFoundation and Security wrongly, in one way: `misuse.ts KIND CORE_FOUNDATION SECURITY`.
 * The stand-in ends this process.
 */
import { kCFStringEncodingUTF8, openCoreFoundation } from "../../native/corefoundation.ts";
import { openLibrary } from "../../native/libc.ts";
import { openSecurity } from "../../native/security.ts";

const [kind = "", coreFoundation = "", security = ""] = process.argv.slice(2);
const cf = openCoreFoundation(coreFoundation);
const sec = openSecurity(security);
const addresses = openLibrary([security], { SecItemDelete: { args: ["u64"], returns: "i32" } }, [
  "kSecClass",
]).data;

const NULL = 0n;

function string(text: string): bigint {
  const bytes = Buffer.from(text);
  return cf.CFStringCreateWithBytes(NULL, bytes, bytes.length, kCFStringEncodingUTF8, 0);
}

function data(text: string): bigint {
  return cf.CFDataCreate(NULL, Buffer.from(text), text.length);
}

function dictionary(...entries: [key: bigint, value: bigint][]): bigint {
  const { kCFTypeDictionaryKeyCallBacks: keys, kCFTypeDictionaryValueCallBacks: values } = cf;
  const created = cf.CFDictionaryCreateMutable(NULL, 0, keys, values);
  for (const [key, value] of entries) cf.CFDictionarySetValue(created, key, value);
  return created;
}

const item = (account: bigint): [bigint, bigint][] => [
  [sec.kSecClass, sec.kSecClassGenericPassword],
  [sec.kSecUseDataProtectionKeychain, cf.kCFBooleanFalse],
  [sec.kSecAttrService, string("databricks-cli")],
  [sec.kSecAttrAccount, account],
];

function releaseTwice(reference: bigint): void {
  cf.CFRelease(reference);
  cf.CFRelease(reference);
}

const kinds: Record<string, () => unknown> = {
  "over-release": () => releaseTwice(string("a longer string")),
  "over-release of a tagged reference": () => releaseTwice(string("short")),
  "release of NULL": () => cf.CFRelease(NULL),
  "use after free": () => {
    const reference = data("bytes");
    cf.CFRelease(reference);
    cf.CFDataGetLength(reference);
  },
  "use after free of what a dictionary held": () => {
    const value = data("bytes");
    const holder = dictionary([sec.kSecValueData, value]);
    cf.CFRelease(value);
    cf.CFDataGetLength(value);
    cf.CFRelease(holder);
    cf.CFDataGetLength(value);
  },
  "wrong type": () => cf.CFDataGetLength(string("a longer string")),
  "the address of a constant instead of the constant": () =>
    dictionary([BigInt(addresses.kSecClass), sec.kSecClassGenericPassword]),
  "no callbacks": () => cf.CFDictionaryCreateMutable(NULL, 0, null, null),
  "a leak": () => string("a longer string"),
  "a leak of a tagged reference": () => string("short"),
  "no word about prompts": () => sec.SecItemDelete(dictionary(...item(string("account")))),
  "an empty account": () => sec.SecItemDelete(dictionary(...item(string("")))),
  "no account": () => sec.SecItemDelete(dictionary(...item(string("account")).slice(0, 3))),
  "a query with a value": () => {
    const query = dictionary(...item(string("account")), [sec.kSecValueData, data("bytes")]);
    sec.SecItemUpdate(query, dictionary([sec.kSecValueData, data("bytes")]));
  },
};

kinds[kind]?.();
