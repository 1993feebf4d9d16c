// A strict stand-in for CoreFoundation: what Apple's forgives or answers with a crash some day,
// this one answers at once with a sentence and abort().
//
// - A reference points into memory that nobody may touch, so it cannot be read behind the API's
//   back. It is never given out twice: use after free and over-release are always found.
// - An ASCII string of up to 7 characters is a tagged reference with bit 63 set, as on arm64,
//   and is counted all the same.
// - A dictionary must be made with the kCFType callbacks: without them it would retain nothing.
#include "corefoundation.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum type { NONE, STRING, DATA, BOOLEAN, DICTIONARY };
enum { SLOTS = 1 << 20, SLOT_SIZE = 16, TAGGED_STRINGS = 4096, TAGGED_LENGTH = 7, CONSTANT = -1 };
static const char *const type_names[] = {"nothing", "string", "data", "boolean", "dictionary"};
static const uint64_t TAG = 1ull << 63;

struct pair {
  CFTypeRef key, value;
};

struct object {
  enum type type;
  long count; // owners; 0 once freed
  CFIndex size; // bytes, or pairs
  union {
    UInt8 *bytes;
    struct pair *pairs;
  };
};

// A tagged string and how many owners think that they have it.
struct tagged {
  uint64_t reference;
  long count;
};

static struct object objects[SLOTS];
static size_t used = 3; // the first slot stays empty, the next two are the booleans
static UInt8 unreadable[SLOTS * SLOT_SIZE] __attribute__((aligned(4096)));
static struct tagged tagged_strings[TAGGED_STRINGS];
static size_t tagged_used;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

__attribute__((format(printf, 1, 2), noreturn)) static void misuse(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("CoreFoundation stand-in: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  abort();
}

static int is_tagged(CFTypeRef reference) { return ((uint64_t)reference & TAG) != 0; }

static struct tagged *find_tagged(const char *function, CFTypeRef reference) {
  for (size_t i = 0; i < tagged_used; i++)
    if (tagged_strings[i].reference == (uint64_t)reference) return &tagged_strings[i];
  misuse("%s: %p is no reference", function, reference);
}

static struct object *find_object(const char *function, CFTypeRef reference) {
  uintptr_t offset = (uintptr_t)reference - (uintptr_t)unreadable;
  if (!reference) misuse("%s: NULL", function);
  if (offset % SLOT_SIZE || offset / SLOT_SIZE >= used)
    misuse("%s: %p is no reference", function, reference);
  struct object *object = &objects[offset / SLOT_SIZE];
  if (object->count == 0) misuse("%s: use after free of a %s", function, type_names[object->type]);
  return object;
}

static long *count_of(const char *function, CFTypeRef reference) {
  return is_tagged(reference) ? &find_tagged(function, reference)->count
                              : &find_object(function, reference)->count;
}

static enum type type_of(const char *function, CFTypeRef reference) {
  if (!is_tagged(reference)) return find_object(function, reference)->type;
  if (find_tagged(function, reference)->count == 0) misuse("%s: use after free of a string", function);
  return STRING;
}

static struct object *expect(const char *function, CFTypeRef reference, enum type type) {
  enum type actual = type_of(function, reference);
  if (actual != type)
    misuse("%s: a %s where a %s is wanted", function, type_names[actual], type_names[type]);
  return is_tagged(reference) ? NULL : find_object(function, reference);
}

static CFTypeRef create(enum type type, CFIndex size, const UInt8 *bytes) {
  if (used == SLOTS) misuse("out of references");
  struct object *object = &objects[used];
  *object = (struct object){.type = type, .count = 1, .size = size};
  if (size > 0) object->bytes = memcpy(malloc(size), bytes, size);
  return unreadable + used++ * SLOT_SIZE;
}

// Bits 0-55 hold the characters, bits 56-58 their number.
static CFTypeRef create_tagged(const UInt8 *bytes, CFIndex length) {
  uint64_t reference = TAG | (uint64_t)length << 56;
  memcpy(&reference, bytes, length);
  for (size_t i = 0; i < tagged_used; i++) {
    if (tagged_strings[i].reference != reference) continue;
    if (tagged_strings[i].count != CONSTANT) tagged_strings[i].count++;
    return (CFTypeRef)reference;
  }
  if (tagged_used == TAGGED_STRINGS) misuse("out of tagged strings");
  tagged_strings[tagged_used++] = (struct tagged){reference, 1};
  return (CFTypeRef)reference;
}

// The text of a string; `room` takes that of a tagged one.
static const UInt8 *text_of(const char *function, CFTypeRef string, CFIndex *length, uint64_t *room) {
  struct object *object = expect(function, string, STRING);
  if (object) {
    *length = object->size;
    return object->bytes;
  }
  *room = (uint64_t)string;
  *length = *room >> 56 & TAGGED_LENGTH;
  return (const UInt8 *)room;
}

static int equal(CFTypeRef left, CFTypeRef right) {
  enum type type = type_of("CFEqual", left);
  if (left == right) return 1;
  if (type != type_of("CFEqual", right)) return 0;
  if (type != STRING) return 0;
  CFIndex left_length, right_length;
  uint64_t left_room, right_room;
  const UInt8 *left_text = text_of("CFEqual", left, &left_length, &left_room);
  const UInt8 *right_text = text_of("CFEqual", right, &right_length, &right_room);
  return left_length == right_length && memcmp(left_text, right_text, left_length) == 0;
}

static void retain(CFTypeRef reference) {
  type_of("CFRetain", reference);
  long *count = count_of("CFRetain", reference);
  if (*count != CONSTANT) ++*count;
}

static void release(CFTypeRef reference) {
  long *count = count_of("CFRelease", reference);
  if (*count == 0) misuse("CFRelease: over-release of a string");
  if (*count == CONSTANT) return;
  if (--*count > 0 || is_tagged(reference)) return;
  struct object *object = &objects[((const UInt8 *)reference - unreadable) / SLOT_SIZE];
  if (object->type == DICTIONARY) {
    for (CFIndex i = 0; i < object->size; i++) {
      release(object->pairs[i].key);
      release(object->pairs[i].value);
    }
  } else if (object->size > 0) {
    // Kept, so that a stale pointer reads poison rather than the next object's bytes.
    memset(object->bytes, 0xdb, object->size);
  }
}

static void check_allocator(const char *function, CFAllocatorRef allocator) {
  if (allocator) misuse("%s: an allocator other than NULL", function);
}

static void check_encoding(const char *function, uint32_t encoding) {
  if (encoding != kCFStringEncodingUTF8) misuse("%s: encoding %#x", function, encoding);
}

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
static int is_utf8(const UInt8 *bytes, CFIndex length) {
  for (CFIndex i = 0; i < length;) {
    UInt8 lead = bytes[i++];
    if (lead < 0x80) continue;
    int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
    if (lead < 0xc2 || lead > 0xf4 || i + more > length) return 0;
    UInt8 low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    UInt8 high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (bytes[i] < low || bytes[i] > high) return 0;
    for (int k = 1; k < more; k++)
      if ((bytes[i + k] & 0xc0) != 0x80) return 0;
    i += more;
  }
  return 1;
}

static int is_ascii(const UInt8 *bytes, CFIndex length) {
  for (CFIndex i = 0; i < length; i++)
    if (bytes[i] == 0 || bytes[i] >= 0x80) return 0;
  return 1;
}

static int lock(void) { return pthread_mutex_lock(&mutex); }
static void unlock(int *unused) { (void)unused, pthread_mutex_unlock(&mutex); }

// Keeps other threads out until the function returns.
#define EXCLUSIVE __attribute__((cleanup(unlock), unused)) int exclusive = lock()

CFTypeRef CFRetain(CFTypeRef reference) {
  EXCLUSIVE;
  retain(reference);
  return reference;
}

void CFRelease(CFTypeRef reference) {
  EXCLUSIVE;
  release(reference);
}

Boolean CFEqual(CFTypeRef left, CFTypeRef right) {
  EXCLUSIVE;
  return equal(left, right);
}

CFTypeID CFGetTypeID(CFTypeRef reference) {
  EXCLUSIVE;
  return type_of("CFGetTypeID", reference);
}

CFTypeID CFStringGetTypeID(void) { return STRING; }
CFTypeID CFDataGetTypeID(void) { return DATA; }
CFTypeID CFBooleanGetTypeID(void) { return BOOLEAN; }
CFTypeID CFDictionaryGetTypeID(void) { return DICTIONARY; }

CFStringRef CFStringCreateWithBytes(CFAllocatorRef allocator, const UInt8 *bytes, CFIndex length,
                                    uint32_t encoding, Boolean external) {
  EXCLUSIVE;
  check_allocator("CFStringCreateWithBytes", allocator);
  check_encoding("CFStringCreateWithBytes", encoding);
  if (external) misuse("CFStringCreateWithBytes: a byte order mark is expected");
  if (length < 0 || (length > 0 && !bytes)) misuse("CFStringCreateWithBytes: no bytes");
  if (!is_utf8(bytes, length)) return NULL;
  if (length <= TAGGED_LENGTH && is_ascii(bytes, length)) return create_tagged(bytes, length);
  return create(STRING, length, bytes);
}

CFDataRef CFStringCreateExternalRepresentation(CFAllocatorRef allocator, CFStringRef string,
                                               uint32_t encoding, UInt8 loss_byte) {
  EXCLUSIVE;
  check_allocator("CFStringCreateExternalRepresentation", allocator);
  check_encoding("CFStringCreateExternalRepresentation", encoding);
  if (loss_byte) misuse("CFStringCreateExternalRepresentation: UTF-8 loses nothing");
  CFIndex length;
  uint64_t room;
  const UInt8 *text = text_of("CFStringCreateExternalRepresentation", string, &length, &room);
  return create(DATA, length, text);
}

CFDataRef CFDataCreate(CFAllocatorRef allocator, const UInt8 *bytes, CFIndex length) {
  EXCLUSIVE;
  check_allocator("CFDataCreate", allocator);
  if (length < 0 || (length > 0 && !bytes)) misuse("CFDataCreate: no bytes");
  return create(DATA, length, bytes);
}

CFIndex CFDataGetLength(CFDataRef data) {
  EXCLUSIVE;
  return expect("CFDataGetLength", data, DATA)->size;
}

const UInt8 *CFDataGetBytePtr(CFDataRef data) {
  EXCLUSIVE;
  return expect("CFDataGetBytePtr", data, DATA)->bytes;
}

CFMutableDictionaryRef CFDictionaryCreateMutable(CFAllocatorRef allocator, CFIndex capacity,
                                                 const CFDictionaryKeyCallBacks *keys,
                                                 const CFDictionaryValueCallBacks *values) {
  EXCLUSIVE;
  check_allocator("CFDictionaryCreateMutable", allocator);
  if (capacity != 0) misuse("CFDictionaryCreateMutable: a capacity of %ld", capacity);
  if (keys != &kCFTypeDictionaryKeyCallBacks || values != &kCFTypeDictionaryValueCallBacks)
    misuse("CFDictionaryCreateMutable: without the kCFType callbacks nothing is retained");
  return (CFMutableDictionaryRef)create(DICTIONARY, 0, NULL);
}

void CFDictionarySetValue(CFMutableDictionaryRef dictionary, const void *key, const void *value) {
  EXCLUSIVE;
  struct object *object = expect("CFDictionarySetValue", dictionary, DICTIONARY);
  expect("CFDictionarySetValue", key, STRING);
  for (CFIndex i = 0; i < object->size; i++)
    if (equal(object->pairs[i].key, key)) misuse("CFDictionarySetValue: a key twice");
  retain(key);
  retain(value);
  object->pairs = realloc(object->pairs, (object->size + 1) * sizeof(struct pair));
  object->pairs[object->size++] = (struct pair){key, value};
}

const void *CFDictionaryGetValue(CFDictionaryRef dictionary, const void *key) {
  EXCLUSIVE;
  struct object *object = expect("CFDictionaryGetValue", dictionary, DICTIONARY);
  for (CFIndex i = 0; i < object->size; i++)
    if (equal(object->pairs[i].key, key)) return object->pairs[i].value;
  return NULL;
}

CFIndex CFDictionaryGetCount(CFDictionaryRef dictionary) {
  EXCLUSIVE;
  return expect("CFDictionaryGetCount", dictionary, DICTIONARY)->size;
}

void CFDictionaryGetKeysAndValues(CFDictionaryRef dictionary, const void **keys, const void **values) {
  EXCLUSIVE;
  struct object *object = expect("CFDictionaryGetKeysAndValues", dictionary, DICTIONARY);
  for (CFIndex i = 0; i < object->size; i++) {
    keys[i] = object->pairs[i].key;
    values[i] = object->pairs[i].value;
  }
}

const CFDictionaryKeyCallBacks kCFTypeDictionaryKeyCallBacks = {0};
const CFDictionaryValueCallBacks kCFTypeDictionaryValueCallBacks = {0};
const CFBooleanRef kCFBooleanFalse = unreadable + 1 * SLOT_SIZE;
const CFBooleanRef kCFBooleanTrue = unreadable + 2 * SLOT_SIZE;

// For the stand-in of Security: its constants are never freed.
void stand_in_make_constant(CFTypeRef reference) {
  EXCLUSIVE;
  *count_of("stand_in_make_constant", reference) = CONSTANT;
}

// For the tests: how many owners all objects have together.
long stand_in_owners(void) {
  EXCLUSIVE;
  long owners = 0;
  for (size_t i = 1; i < used; i++)
    if (objects[i].count != CONSTANT) owners += objects[i].count;
  for (size_t i = 0; i < tagged_used; i++)
    if (tagged_strings[i].count != CONSTANT) owners += tagged_strings[i].count;
  return owners;
}

__attribute__((constructor)) static void start(void) {
  objects[1] = objects[2] = (struct object){.type = BOOLEAN, .count = CONSTANT};
  if (mprotect(unreadable, sizeof unreadable, PROT_NONE)) misuse("mprotect failed");
}
