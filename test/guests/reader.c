// Reads configuration that changes under it.
//   reader FOLDER        prints the files of FOLDER and their texts, and again whenever that changes
//   reader FOLDER race   reads FOLDER/text, where every line is the same number, as fast as it can: tells of every version, and
//                        of each that was torn or missing; of what it could write; and of the text behind a descriptor
//                        that it has kept open from the start. Ends its reading with the number 99999999.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char text[1 << 20];

static ssize_t read_file(const char *path) {
  int fd = open(path, O_RDONLY);
  if (fd < 0) return -1;
  ssize_t size = read(fd, text, sizeof text - 1);
  close(fd);
  if (size >= 0) text[size] = 0;
  return size;
}

static int by_name(const void *left, const void *right) {
  return strcmp(*(const char **)left, *(const char **)right);
}

static void describe(const char *folder, char *line, size_t size) {
  char *names[64];
  int count = 0;
  DIR *open_folder = opendir(folder);
  if (!open_folder) return;
  struct dirent *entry;
  while ((entry = readdir(open_folder)) && count < 64) {
    if (strncmp(entry->d_name, "..", 2) != 0 && strcmp(entry->d_name, ".") != 0) names[count++] = strdup(entry->d_name);
  }
  closedir(open_folder);
  qsort(names, (size_t)count, sizeof *names, by_name);
  size_t length = 0;
  line[0] = 0;
  for (int at = 0; at < count; at++) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, names[at]);
    if (read_file(path) >= 0)
      length += (size_t)snprintf(line + length, size - length, " %s=%s", names[at], text);
    free(names[at]);
  }
}

static void watch(const char *folder) {
  static char before[4096], now[4096];
  strcpy(before, "?");
  for (;;) {
    describe(folder, now, sizeof now);
    if (strcmp(before, now) != 0) {
      strcpy(before, now);
      printf("files:%s\n", now);
      fflush(stdout);
    }
    usleep(10000);
  }
}

static int could_write(const char *path) {
  int fd = open(path, O_WRONLY);
  return fd >= 0 && (write(fd, "x", 1) == 1 || ftruncate(fd, 0) == 0);
}

static void try_to_write(const char *folder) {
  char path[512], other[512];
  snprintf(path, sizeof path, "%s/text", folder);
  snprintf(other, sizeof other, "%s/new", folder);
  if (could_write(path)) printf("WROTE text\n");
  if (open(path, O_WRONLY | O_TRUNC) >= 0) printf("TRUNCATED text\n");
  if (open(other, O_WRONLY | O_CREAT, 0600) >= 0) printf("CREATED new\n");
  if (mkdir(other, 0700) == 0) printf("MADE new\n");
  if (symlink("text", other) == 0) printf("LINKED new\n");
  if (unlink(path) == 0) printf("REMOVED text\n");
  if (rename(path, other) == 0) printf("RENAMED text\n");
  snprintf(path, sizeof path, "%s/..data", folder);
  if (unlink(path) == 0) printf("REMOVED ..data\n");
  if (rename(path, other) == 0) printf("RENAMED ..data\n");
  snprintf(path, sizeof path, "%s/..data/text", folder);
  if (could_write(path)) printf("WROTE ..data/text\n");
}

static int is_whole(ssize_t size) {
  if (size < 9 || size % 9 != 0) return 0;
  for (ssize_t at = 9; at < size; at += 9)
    if (memcmp(text, text + at, 9) != 0) return 0;
  return 1;
}

static void race(const char *folder) {
  char path[512], before[16] = "", kept[16] = "", held[16] = "";
  long reads = 0, versions = 0, torn = 0, missing = 0;
  snprintf(path, sizeof path, "%s/text", folder);
  int fd = open(path, O_RDONLY);
  if (fd < 0 || read(fd, kept, 8) != 8) printf("NOTHING to keep\n");
  for (;; reads++) {
    ssize_t size = read_file(path);
    if (size < 0) {
      missing++;
      printf("MISSING %s\n", strerror(errno));
      continue;
    }
    if (!is_whole(size)) {
      torn++;
      printf("TORN %.8s\n", text);
      continue;
    }
    if (strncmp(before, text, 8) == 0) continue;
    memcpy(before, text, 8);
    versions++;
    printf("version %s\n", before);
    if (lseek(fd, 0, SEEK_SET) != 0 || read(fd, held, 8) != 8 || strcmp(held, kept) != 0) printf("LOST what was open\n");
    fflush(stdout);
    if (strcmp(before, "99999999") == 0) break;
  }
  printf("done reads=%ld versions=%ld torn=%ld missing=%ld kept=%s\n", reads, versions, torn, missing, held);
  fflush(stdout);
  for (;;) usleep(1000000);
}

int main(int argc, char **argv) {
  const char *variable = getenv("KEY");
  if (variable) printf("variable KEY=%s\n", variable);
  const char *folder = argc > 1 ? argv[1] : "/config";
  if (argc > 2) {
    try_to_write(folder);
    race(folder);
  }
  watch(folder);
}
