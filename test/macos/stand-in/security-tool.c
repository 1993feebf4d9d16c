// Stands in for /usr/bin/security, for the two commands that matter here. It is the program
// that the items of the Go CLI let in; where it would have to ask the person, nobody answers.
#include "keychain.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// The low bytes of -25300 and -25308.
enum { NOT_FOUND = 44, INTERACTION_NOT_ALLOWED = 36, USAGE = 2 };

// The value as it is, or in hex when a byte is not printable, and a newline.
static void print_value(const struct item *item) {
  int printable = 1;
  for (size_t i = 0; i < item->size; i++) printable &= isprint(item->value[i]) != 0;
  for (size_t i = 0; i < item->size; i++) printf(printable ? "%c" : "%02x", item->value[i]);
  putchar('\n');
}

static int find(struct keychain *keychain, const char *service, const char *account) {
  struct item *item = keychain_find(keychain, service, account);
  if (!item) return NOT_FOUND;
  if (keychain->locked || item->creator != SECURITY_TOOL) return INTERACTION_NOT_ALLOWED;
  print_value(item);
  return 0;
}

static int add(struct keychain *keychain, const char *service, const char *account, const char *value) {
  struct item *item = keychain_find(keychain, service, account);
  if (!item) item = keychain_create(keychain, SECURITY_TOOL, service, account);
  strcpy(item->label, service);
  item->size = strlen(value);
  memcpy(item->value, value, item->size + 1);
  return 0;
}

int main(int count, char **arguments) {
  const char *service = "", *account = "", *value = "";
  int finds = count > 1 && !strcmp(arguments[1], "find-generic-password");
  int adds = count > 1 && !strcmp(arguments[1], "add-generic-password");
  if (!finds && !adds) return USAGE;
  optind = 2;
  for (int option; (option = getopt(count, arguments, finds ? "s:wa:" : "Us:a:w:")) != -1;) {
    if (option == 's') service = optarg;
    else if (option == 'a') account = optarg;
    else if (option == 'w' && adds) value = optarg;
    else if (option == '?') return USAGE;
  }
  if (!*service || !*account || optind != count) return USAGE;
  struct keychain *keychain = keychain_enter();
  int status = finds ? find(keychain, service, account) : add(keychain, service, account, value);
  keychain_leave();
  return status;
}
