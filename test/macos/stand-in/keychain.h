// The stand-in keychain: a file mapped into every process that uses it, the library and the
// stand-in of /usr/bin/security alike. It lies beside them.
#pragma once
#include <stddef.h>

enum { ITEMS = 64, TEXT_SIZE = 1024, VALUE_SIZE = 128 << 10, RULES = 8 };

// What may read an item without a prompt.
enum { NOBODY, SECURITY_TOOL, FIRST_BUILD };

struct item {
  int exists;
  int creator; // SECURITY_TOOL, or a build of the program under test
  int serial; // the how manieth item this is: an update in place keeps it
  char service[TEXT_SIZE], account[TEXT_SIZE], label[TEXT_SIZE], kind[TEXT_SIZE];
  size_t size;
  unsigned char value[VALUE_SIZE]; // and a NUL after it
};

// What a function is told to do instead of its work.
struct rule {
  char function[64];
  int status; // the OSStatus to return
  int times;  // how often yet
  int delay;  // milliseconds to wait first
};

struct keychain {
  int absent, locked;
  int build; // the build of the program under test: another build is another program
  int prompt_status, prompt_delay; // how the person answers a prompt, and after how many milliseconds
  int prompts; // how many there were
  int created; // items, ever
  struct rule rules[RULES];
  struct item items[ITEMS];
};

// Keeps other processes and threads out until keychain_leave().
struct keychain *keychain_enter(void);
void keychain_leave(void);
struct item *keychain_find(struct keychain *, const char *service, const char *account);
// An unused place, filled in but for the value.
struct item *keychain_create(struct keychain *, int creator, const char *service, const char *account);
