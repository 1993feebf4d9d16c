// The part of CoreFoundation that the stand-ins use, declared as Apple's headers do.
#pragma once
#include <stdint.h>

typedef const void *CFTypeRef, *CFStringRef, *CFDataRef, *CFBooleanRef, *CFAllocatorRef;
typedef const void *CFDictionaryRef;
typedef void *CFMutableDictionaryRef;
typedef long CFIndex;
typedef unsigned long CFTypeID;
typedef uint8_t Boolean, UInt8;

enum { kCFStringEncodingUTF8 = 0x08000100 };

typedef struct {
  CFIndex version;
  const void *(*retain)(CFAllocatorRef, const void *);
  void (*release)(CFAllocatorRef, const void *);
  CFStringRef (*copyDescription)(const void *);
  Boolean (*equal)(const void *, const void *);
  uintptr_t (*hash)(const void *);
} CFDictionaryKeyCallBacks;

typedef struct {
  CFIndex version;
  const void *(*retain)(CFAllocatorRef, const void *);
  void (*release)(CFAllocatorRef, const void *);
  CFStringRef (*copyDescription)(const void *);
  Boolean (*equal)(const void *, const void *);
} CFDictionaryValueCallBacks;

extern const CFBooleanRef kCFBooleanTrue, kCFBooleanFalse;
extern const CFDictionaryKeyCallBacks kCFTypeDictionaryKeyCallBacks;
extern const CFDictionaryValueCallBacks kCFTypeDictionaryValueCallBacks;

CFTypeRef CFRetain(CFTypeRef);
void CFRelease(CFTypeRef);
CFTypeID CFGetTypeID(CFTypeRef);
Boolean CFEqual(CFTypeRef, CFTypeRef);

CFTypeID CFStringGetTypeID(void);
CFStringRef CFStringCreateWithBytes(CFAllocatorRef, const UInt8 *, CFIndex, uint32_t encoding, Boolean external);
CFDataRef CFStringCreateExternalRepresentation(CFAllocatorRef, CFStringRef, uint32_t encoding, UInt8 lossByte);

CFTypeID CFDataGetTypeID(void);
CFDataRef CFDataCreate(CFAllocatorRef, const UInt8 *, CFIndex);
CFIndex CFDataGetLength(CFDataRef);
const UInt8 *CFDataGetBytePtr(CFDataRef);

CFTypeID CFBooleanGetTypeID(void);

CFTypeID CFDictionaryGetTypeID(void);
CFMutableDictionaryRef CFDictionaryCreateMutable(CFAllocatorRef, CFIndex capacity, const CFDictionaryKeyCallBacks *, const CFDictionaryValueCallBacks *);
void CFDictionarySetValue(CFMutableDictionaryRef, const void *key, const void *value);
const void *CFDictionaryGetValue(CFDictionaryRef, const void *key);
CFIndex CFDictionaryGetCount(CFDictionaryRef);
void CFDictionaryGetKeysAndValues(CFDictionaryRef, const void **keys, const void **values);
