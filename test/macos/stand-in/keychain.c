#define _GNU_SOURCE
#include "keychain.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

static struct keychain *mapped;
static int descriptor;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void map(void) {
  char own[PATH_MAX], path[PATH_MAX + 16];
  Dl_info info;
  if (!dladdr(&mutex, &info) || !realpath(info.dli_fname, own)) abort();
  snprintf(path, sizeof path, "%s/keychain", dirname(own));
  descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0 || ftruncate(descriptor, sizeof *mapped)) abort();
  mapped = mmap(NULL, sizeof *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  if (mapped == MAP_FAILED) abort();
}

struct keychain *keychain_enter(void) {
  pthread_mutex_lock(&mutex);
  if (!mapped) map();
  flock(descriptor, LOCK_EX);
  return mapped;
}

void keychain_leave(void) {
  flock(descriptor, LOCK_UN);
  pthread_mutex_unlock(&mutex);
}

struct item *keychain_find(struct keychain *keychain, const char *service, const char *account) {
  for (struct item *item = keychain->items; item < keychain->items + ITEMS; item++)
    if (item->exists && !strcmp(item->service, service) && !strcmp(item->account, account)) return item;
  return NULL;
}

struct item *keychain_create(struct keychain *keychain, int creator, const char *service,
                             const char *account) {
  struct item *item = keychain->items;
  while (item->exists)
    if (++item == keychain->items + ITEMS) abort();
  *item = (struct item){.exists = 1, .creator = creator, .serial = ++keychain->created};
  strncpy(item->service, service, TEXT_SIZE - 1);
  strncpy(item->account, account, TEXT_SIZE - 1);
  return item;
}
