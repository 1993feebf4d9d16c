/**
 * CoreFoundation of macOS: CFString, CFData, CFDictionary.
 *
 * References are `u64`, not `ptr`: on arm64 a short ASCII CFString is a tagged pointer,
 * a value with bit 63 set that a JavaScript number cannot hold.
 */
import type { FFIFunction } from "bun:ffi";
import { openLibrary, readPointer } from "./libc.ts";

/** A `CFTypeRef`; 0n is NULL. */
export type CFRef = bigint;

/** CFString.h: kCFStringEncodingUTF8 */
export const kCFStringEncodingUTF8 = 0x08000100;

const declarations = {
  CFRelease: { args: ["u64"], returns: "void" },
  CFStringCreateWithBytes: { args: ["u64", "ptr", "i64", "u32", "u8"], returns: "u64" },
  CFStringCreateExternalRepresentation: { args: ["u64", "u64", "u32", "u8"], returns: "u64" },
  CFDataCreate: { args: ["u64", "ptr", "i64"], returns: "u64" },
  CFDataGetLength: { args: ["u64"], returns: "i64" },
  CFDataGetBytePtr: { args: ["u64"], returns: "ptr" },
  CFDictionaryCreateMutable: { args: ["u64", "i64", "ptr", "ptr"], returns: "u64" },
  CFDictionarySetValue: { args: ["u64", "u64", "u64"], returns: "void" },
} as const satisfies Record<string, FFIFunction>;

/** Binds the framework at an absolute path. Throws LibraryMissing. */
export function openCoreFoundation(path: string) {
  const { functions, data } = openLibrary([path], declarations, [
    "kCFBooleanFalse",
    "kCFBooleanTrue",
    "kCFTypeDictionaryKeyCallBacks",
    "kCFTypeDictionaryValueCallBacks",
  ]);
  return {
    ...functions,
    kCFBooleanFalse: readPointer(data.kCFBooleanFalse),
    kCFBooleanTrue: readPointer(data.kCFBooleanTrue),
    /** These two are structs, taken by address. */
    kCFTypeDictionaryKeyCallBacks: data.kCFTypeDictionaryKeyCallBacks,
    kCFTypeDictionaryValueCallBacks: data.kCFTypeDictionaryValueCallBacks,
  };
}
