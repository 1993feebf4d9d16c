// A strict stand-in for Security.framework over a keychain of its own: generic passwords by
// SecItem*, access by creator, a prompt that is answered as told. A query that Apple's would
// take for something else than meant (a wildcard, another keychain) ends in abort().
//
// It uses CoreFoundation by its public functions only, so it runs on Apple's as well.
#include "corefoundation.h"
#include "keychain.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int32_t OSStatus;

enum {
  errSecSuccess = 0,
  errSecUserCanceled = -128,
  errSecNoDefaultKeychain = -25307,
  errSecInteractionNotAllowed = -25308,
  errSecDuplicateItem = -25299,
  errSecItemNotFound = -25300,
  kSecUnlockStateStatus = 1,
};

CFStringRef kSecClass, kSecClassGenericPassword, kSecAttrService, kSecAttrAccount, kSecAttrLabel,
    kSecAttrDescription, kSecValueData, kSecReturnData, kSecReturnAttributes,
    kSecUseDataProtectionKeychain;

// The constants, with the values that Apple's have.
static const struct constant {
  CFStringRef *symbol;
  const char *text;
} constants[] = {
    {&kSecClass, "class"},
    {&kSecClassGenericPassword, "genp"},
    {&kSecAttrService, "svce"},
    {&kSecAttrAccount, "acct"},
    {&kSecAttrLabel, "labl"},
    {&kSecAttrDescription, "desc"},
    {&kSecValueData, "v_Data"},
    {&kSecReturnData, "r_Data"},
    {&kSecReturnAttributes, "r_Attributes"},
    {&kSecUseDataProtectionKeychain, "nleg"},
};

enum { UNSET = -1, UNKNOWN_STATUS = -1 };
static int interaction = UNSET;
static int calls; // under way

// Of the stand-in for CoreFoundation; Apple's has neither.
__attribute__((weak)) void stand_in_make_constant(CFTypeRef);
__attribute__((weak)) long stand_in_owners(void);

__attribute__((format(printf, 1, 2), noreturn)) static void misuse(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("Security stand-in: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  abort();
}

static CFStringRef string(const char *text) {
  return CFStringCreateWithBytes(NULL, (const UInt8 *)text, strlen(text), kCFStringEncodingUTF8, 0);
}

// What a dictionary says, checked.
struct query {
  char service[TEXT_SIZE], account[TEXT_SIZE], label[TEXT_SIZE], kind[TEXT_SIZE];
  CFDataRef value;
  int identified, wants_data, wants_attributes;
};

static void copy_text(const char *function, CFTypeRef text, char *target) {
  if (CFGetTypeID(text) != CFStringGetTypeID()) misuse("%s: an attribute that is no string", function);
  CFDataRef bytes = CFStringCreateExternalRepresentation(NULL, text, kCFStringEncodingUTF8, 0);
  CFIndex length = CFDataGetLength(bytes);
  if (length == 0) misuse("%s: an empty attribute is a wildcard", function);
  if (length >= TEXT_SIZE) misuse("%s: the keychain is made for shorter attributes", function);
  memcpy(target, CFDataGetBytePtr(bytes), length);
  target[length] = 0;
  CFRelease(bytes);
}

static int is_true(const char *function, CFTypeRef value) {
  if (CFGetTypeID(value) != CFBooleanGetTypeID()) misuse("%s: a flag that is no boolean", function);
  return CFEqual(value, kCFBooleanTrue);
}

static void parse_entry(const char *function, CFTypeRef key, CFTypeRef value, struct query *query) {
  if (CFEqual(key, kSecClass)) {
    if (!CFEqual(value, kSecClassGenericPassword)) misuse("%s: another class", function);
    query->identified++;
  } else if (CFEqual(key, kSecUseDataProtectionKeychain)) {
    if (is_true(function, value)) misuse("%s: the data protection keychain", function);
    query->identified++;
  } else if (CFEqual(key, kSecAttrService)) {
    copy_text(function, value, query->service);
    query->identified++;
  } else if (CFEqual(key, kSecAttrAccount)) {
    copy_text(function, value, query->account);
    query->identified++;
  } else if (CFEqual(key, kSecAttrLabel)) {
    copy_text(function, value, query->label);
  } else if (CFEqual(key, kSecAttrDescription)) {
    copy_text(function, value, query->kind);
  } else if (CFEqual(key, kSecValueData)) {
    if (CFGetTypeID(value) != CFDataGetTypeID()) misuse("%s: a value that is no data", function);
    if (CFDataGetLength(value) >= VALUE_SIZE) misuse("%s: the keychain is made for less", function);
    query->value = value;
  } else if (CFEqual(key, kSecReturnData)) {
    query->wants_data = is_true(function, value);
  } else if (CFEqual(key, kSecReturnAttributes)) {
    query->wants_attributes = is_true(function, value);
  } else {
    misuse("%s: an unknown key", function);
  }
}

static struct query parse(const char *function, CFDictionaryRef dictionary) {
  enum { KEYS = 16 };
  const void *keys[KEYS], *values[KEYS];
  struct query query = {0};
  if (CFGetTypeID(dictionary) != CFDictionaryGetTypeID()) misuse("%s: no dictionary", function);
  CFIndex count = CFDictionaryGetCount(dictionary);
  if (count > KEYS) misuse("%s: %ld keys", function, count);
  CFDictionaryGetKeysAndValues(dictionary, keys, values);
  for (CFIndex i = 0; i < count; i++) parse_entry(function, keys[i], values[i], &query);
  return query;
}

// One item, named by all of class, keychain, service and account.
static struct query parse_item(const char *function, CFDictionaryRef dictionary) {
  enum { IDENTIFYING_KEYS = 4 };
  struct query query = parse(function, dictionary);
  if (query.identified != IDENTIFYING_KEYS) misuse("%s: the query names no single item", function);
  return query;
}

static void wait(int milliseconds) { usleep(milliseconds * 1000); }

// Enters the keychain, unless the function was told to do something else.
static OSStatus begin(const char *function, struct keychain **keychain) {
  if (interaction == UNSET) misuse("%s: before SecKeychainSetUserInteractionAllowed", function);
  __atomic_add_fetch(&calls, 1, __ATOMIC_SEQ_CST);
  *keychain = keychain_enter();
  for (struct rule *rule = (*keychain)->rules; rule < (*keychain)->rules + RULES; rule++) {
    if (rule->times == 0 || strcmp(rule->function, function)) continue;
    struct rule found = *rule;
    rule->times--;
    keychain_leave();
    wait(found.delay);
    *keychain = keychain_enter();
    return found.status;
  }
  return errSecSuccess;
}

static OSStatus end(OSStatus status) {
  keychain_leave();
  __atomic_sub_fetch(&calls, 1, __ATOMIC_SEQ_CST);
  return status;
}

// Asks the person, who may take a while.
static OSStatus prompt(struct keychain *keychain) {
  if (!interaction) return errSecInteractionNotAllowed;
  keychain->prompts++;
  int status = keychain->prompt_status, delay = keychain->prompt_delay;
  keychain_leave();
  wait(delay);
  keychain_enter();
  return status;
}

static OSStatus unlock(struct keychain *keychain) {
  if (keychain->absent) return errSecNoDefaultKeychain;
  OSStatus status = keychain->locked ? prompt(keychain) : errSecSuccess;
  if (status == errSecSuccess) keychain->locked = 0;
  return status;
}

static void store(struct item *item, CFDataRef value) {
  item->size = CFDataGetLength(value);
  memcpy(item->value, CFDataGetBytePtr(value), item->size);
  item->value[item->size] = 0;
}

OSStatus SecItemAdd(CFDictionaryRef attributes, CFTypeRef *result) {
  struct query query = parse_item("SecItemAdd", attributes);
  if (!query.value || query.wants_data || query.wants_attributes || result)
    misuse("SecItemAdd: a value and nothing to return is wanted");
  struct keychain *keychain;
  OSStatus status = begin("SecItemAdd", &keychain);
  if (status == errSecSuccess) status = unlock(keychain);
  if (status != errSecSuccess) return end(status);
  if (keychain_find(keychain, query.service, query.account)) return end(errSecDuplicateItem);
  int creator = FIRST_BUILD + keychain->build;
  struct item *item = keychain_create(keychain, creator, query.service, query.account);
  strcpy(item->label, query.label);
  strcpy(item->kind, query.kind);
  store(item, query.value);
  return end(errSecSuccess);
}

OSStatus SecItemCopyMatching(CFDictionaryRef dictionary, CFTypeRef *result) {
  struct query query = parse_item("SecItemCopyMatching", dictionary);
  if (query.value || query.wants_data == query.wants_attributes || !result || *result)
    misuse("SecItemCopyMatching: one thing to return and an empty place for it are wanted");
  struct keychain *keychain;
  OSStatus status = begin("SecItemCopyMatching", &keychain);
  if (status != errSecSuccess) return end(status);
  // The attributes of a locked keychain can be read: a miss is one there, too.
  struct item *item = keychain_find(keychain, query.service, query.account);
  if (keychain->absent || !item) return end(errSecItemNotFound);
  if (*query.kind && strcmp(query.kind, item->kind)) return end(errSecItemNotFound);
  if (query.wants_attributes) {
    *result = CFDictionaryCreateMutable(NULL, 0, &kCFTypeDictionaryKeyCallBacks,
                                        &kCFTypeDictionaryValueCallBacks);
    return end(errSecSuccess);
  }
  status = unlock(keychain);
  if (status == errSecSuccess && item->creator != FIRST_BUILD + keychain->build) status = prompt(keychain);
  if (status == errSecSuccess) *result = CFDataCreate(NULL, item->value, item->size);
  return end(status);
}

OSStatus SecItemUpdate(CFDictionaryRef dictionary, CFDictionaryRef changes) {
  struct query query = parse_item("SecItemUpdate", dictionary);
  struct query change = parse("SecItemUpdate", changes);
  if (query.value || query.wants_data || query.wants_attributes)
    misuse("SecItemUpdate: the query names a value or a result");
  if (!change.value || change.identified) misuse("SecItemUpdate: a new value and no more is wanted");
  struct keychain *keychain;
  OSStatus status = begin("SecItemUpdate", &keychain);
  if (status != errSecSuccess) return end(status);
  struct item *item = keychain_find(keychain, query.service, query.account);
  if (keychain->absent || !item) return end(errSecItemNotFound);
  status = unlock(keychain);
  if (status == errSecSuccess) store(item, change.value);
  return end(status);
}

OSStatus SecItemDelete(CFDictionaryRef dictionary) {
  struct query query = parse_item("SecItemDelete", dictionary);
  if (query.value || query.wants_data || query.wants_attributes)
    misuse("SecItemDelete: the query names a value or a result");
  struct keychain *keychain;
  OSStatus status = begin("SecItemDelete", &keychain);
  if (status != errSecSuccess) return end(status);
  struct item *item = keychain_find(keychain, query.service, query.account);
  if (keychain->absent || !item) return end(errSecItemNotFound);
  item->exists = 0;
  return end(errSecSuccess);
}

CFStringRef SecCopyErrorMessageString(OSStatus status, void *reserved) {
  if (reserved) misuse("SecCopyErrorMessageString: reserved is to be NULL");
  if (status == UNKNOWN_STATUS) return NULL;
  char text[64];
  snprintf(text, sizeof text, "The stand-in’s words for %d.", status);
  return string(text);
}

OSStatus SecKeychainGetStatus(CFTypeRef reference, uint32_t *state) {
  if (reference || !state) misuse("SecKeychainGetStatus: the default keychain and a place are wanted");
  struct keychain *keychain = keychain_enter();
  OSStatus status = keychain->absent ? errSecNoDefaultKeychain : errSecSuccess;
  if (status == errSecSuccess) *state = keychain->locked ? 0 : kSecUnlockStateStatus;
  keychain_leave();
  return status;
}

OSStatus SecKeychainSetUserInteractionAllowed(Boolean state) {
  if (state > 1) misuse("SecKeychainSetUserInteractionAllowed: %d is no Boolean", state);
  interaction = state;
  return errSecSuccess;
}

// For the tests.

void stand_in_rule(const char *function, int status, int times, int delay) {
  struct keychain *keychain = keychain_enter();
  struct rule *rule = keychain->rules;
  while (rule->times > 0)
    if (++rule == keychain->rules + RULES) abort();
  *rule = (struct rule){.status = status, .times = times, .delay = delay};
  strncpy(rule->function, function, sizeof rule->function - 1);
  keychain_leave();
}

void stand_in_state(int absent, int locked, int build, int prompt_status, int prompt_delay) {
  struct keychain *keychain = keychain_enter();
  keychain->absent = absent;
  keychain->locked = locked;
  keychain->build = build;
  keychain->prompt_status = prompt_status;
  keychain->prompt_delay = prompt_delay;
  keychain->prompts = 0;
  memset(keychain->rules, 0, sizeof keychain->rules);
  keychain_leave();
}

int stand_in_prompts(void) {
  int prompts = keychain_enter()->prompts;
  keychain_leave();
  return prompts;
}

// Which item this is, counted from 1; 0 when there is none.
int stand_in_serial(const char *service, const char *account) {
  struct item *item = keychain_find(keychain_enter(), service, account);
  keychain_leave();
  return item ? item->serial : 0;
}

// The value of an item, which holds no NUL.
const unsigned char *stand_in_value(const char *service, const char *account) {
  struct item *item = keychain_find(keychain_enter(), service, account);
  keychain_leave();
  return item ? item->value : NULL;
}

// Not while a call is under way: the program may end before its prompt is answered.
static void finish(void) {
  if (!stand_in_owners || __atomic_load_n(&calls, __ATOMIC_SEQ_CST) > 0) return;
  if (stand_in_owners() > 0) misuse("at exit, %ld references were not released", stand_in_owners());
}

__attribute__((constructor)) static void start(void) {
  for (size_t i = 0; i < sizeof constants / sizeof *constants; i++) {
    *constants[i].symbol = string(constants[i].text);
    if (stand_in_make_constant) stand_in_make_constant(*constants[i].symbol);
  }
  at_quick_exit(finish); // the way that Bun ends
}
