// Looks for what belongs to others, and says all that it finds. What it knows itself is in its arguments, its environment
// and the files of its mount; it leaves copies of that behind in its memory.
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static const char mark[] = "SECRET-";

static void say_number(const char *where, const unsigned char *at, const unsigned char *end) {
  char text[16];
  int length = 0;
  while (at < end && length < 15 && *at >= '0' && *at <= '9') text[length++] = (char)*at++;
  text[length] = 0;
  if (length > 0) printf("found %s %s\n", where, text);
}

static void search(const char *where, const unsigned char *from, size_t size) {
  const size_t length = sizeof mark - 1;
  for (size_t i = 0; i + length < size; i++) {
    if (from[i] == mark[0] && memcmp(from + i, mark, length) == 0) say_number(where, from + i + length, from + size);
  }
}

static void try_file(const char *path) {
  char text[4096];
  int fd = open(path, O_RDONLY);
  if (fd < 0) return;
  ssize_t size = read(fd, text, sizeof text);
  printf("opened %s\n", path);
  if (size > 0) search(path, (unsigned char *)text, (size_t)size);
  close(fd);
}

static void try_folder(const char *path) {
  DIR *folder = opendir(path);
  if (!folder) return;
  struct dirent *entry;
  while ((entry = readdir(folder))) {
    if (entry->d_name[0] != '.') printf("listed %s %s\n", path, entry->d_name);
  }
  closedir(folder);
}

int main(int argc, char **argv) {
  // First of all: memory as it was given.
  size_t before = __builtin_wasm_memory_size(0);
  size_t grown = 0;
  while (grown < 32 && __builtin_wasm_memory_grow(0, 1) != (size_t)-1) grown++;
  const unsigned char *fresh = (const unsigned char *)(before * 65536);
  size_t dirty = 0;
  for (size_t i = 0; i < grown * 65536; i++) dirty += fresh[i] != 0;
  printf("pages %zu dirty %zu\n", grown, dirty);
  search("memory", (const unsigned char *)1024, before * 65536 - 1024);
  search("fresh", fresh, grown * 65536);

  for (int i = 0; i < argc; i++) printf("argument %s\n", argv[i]);
  for (char **variable = environ; *variable; variable++) printf("variable %s\n", *variable);
  for (int fd = 0; fd < 400; fd++) {
    struct stat stat;
    if (fstat(fd, &stat) == 0) printf("descriptor %d\n", fd);
  }
  unsigned char random[16];
  getentropy(random, sizeof random);
  printf("random ");
  for (size_t i = 0; i < sizeof random; i++) printf("%02x", random[i]);
  printf("\n");
  try_folder("/");
  try_folder("/data");
  try_folder("/proc/self/fd");
  const char *paths[] = {"/data/secret",         "/secret",           "/data/../secret",    "/proc/self/environ",
                         "/proc/self/cmdline",   "/proc/self/mem",    "/etc/hostname",      "/data/link",
                         "/data/folder",         "/dev/stdin",        "/proc/1/environ"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) try_file(paths[i]);

  // For whoever gets these pages next.
  for (size_t page = 0; page < grown; page++) {
    for (size_t i = 0; i + 64 < 65536; i += 64) memcpy((char *)fresh + page * 65536 + i, argv[1], strlen(argv[1]));
  }
  fflush(stdout);
  // Many of us are to be alive at a time.
  usleep(argc > 2 ? atoi(argv[2]) * 1000 : 0);
  return 0;
}
