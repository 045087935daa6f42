// Tries everything that can be done to files with the paths in its arguments, and says what it read and what it saw.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char path_of[16][8192];

static const char *with(int slot, const char *path, const char *suffix) {
  snprintf(path_of[slot], sizeof path_of[slot], "%s%s", path, suffix);
  return path_of[slot];
}

static void say(const char *what, int failed) {
  if (failed) printf("%s: %s\n", what, strerror(errno));
  else printf("%s: done\n", what);
}

static void look(const char *what, int fd) {
  if (fd < 0) {
    say(what, 1);
    return;
  }
  struct stat stat;
  if (fstat(fd, &stat) == 0) printf("%s: inode %llu\n", what, (unsigned long long)stat.st_ino);
  char text[256];
  ssize_t size = read(fd, text, sizeof text - 1);
  if (size > 0) printf("%s: read %.*s\n", what, (int)size, text);
  close(fd);
}

static void change(const char *what, int fd) {
  if (fd < 0) {
    say(what, 1);
    return;
  }
  const struct timespec times[2] = {{1, 0}, {1, 0}};
  say(what, write(fd, "burgled", 7) < 0);
  ftruncate(fd, 3);
  futimens(fd, times);
  fsync(fd);
  close(fd);
}

static void list(const char *what, const char *path) {
  DIR *folder = opendir(path);
  if (!folder) {
    say(what, 1);
    return;
  }
  struct dirent *entry;
  while ((entry = readdir(folder))) printf("%s: entry %s\n", what, entry->d_name);
  closedir(folder);
}

static void see(const char *what, const char *path, int flags) {
  struct stat stat;
  if (fstatat(AT_FDCWD, path, &stat, flags) != 0) say(what, 1);
  else printf("%s: inode %llu\n", what, (unsigned long long)stat.st_ino);
}

static void burgle(const char *path) {
  const struct timespec times[2] = {{1, 0}, {1, 0}};
  char target[256];
  look("read", open(path, O_RDONLY));
  look("read, no link", open(path, O_RDONLY | O_NOFOLLOW));
  look("folder", open(path, O_RDONLY | O_DIRECTORY));
  list("list", path);
  list("list around", with(0, path, "/.."));
  see("stat", path, 0);
  see("lstat", path, AT_SYMLINK_NOFOLLOW);
  see("lstat with a slash", with(1, path, "/"), AT_SYMLINK_NOFOLLOW);
  change("write", open(path, O_WRONLY));
  change("append", open(path, O_RDWR | O_APPEND));
  change("truncate", open(path, O_WRONLY | O_TRUNC));
  change("create", open(path, O_WRONLY | O_CREAT, 0666));
  change("create beside", open(with(2, path, "-new"), O_WRONLY | O_CREAT | O_EXCL, 0666));
  change("create below", open(with(3, path, "/new"), O_WRONLY | O_CREAT, 0666));
  say("times", utimensat(AT_FDCWD, path, times, 0));
  say("times of a link", utimensat(AT_FDCWD, with(4, path, "/."), times, AT_SYMLINK_NOFOLLOW));
  say("mkdir", mkdir(with(5, path, "/folder-new"), 0777));
  say("mkdir beside", mkdir(with(6, path, "-folder"), 0777));
  say("symlink", symlink("file", with(7, path, "/link-new")));
  say("link to", link("/dir/file", with(8, path, "/hard-new")));
  say("link from", linkat(AT_FDCWD, path, AT_FDCWD, "/taken", 0));
  say("link from, following", linkat(AT_FDCWD, path, AT_FDCWD, "/taken", AT_SYMLINK_FOLLOW));
  look("taken", open("/taken", O_RDONLY));
  say("readlink", readlink(with(9, path, "/."), target, sizeof target) < 0);
  say("rename to", rename("/dir/file", with(10, path, "/moved-new")));
  say("rename beside", rename("/dir/sub", with(11, path, "-moved")));
  say("symlink to it", symlink(path, "/dir/way"));
  look("way", open("/dir/way", O_RDONLY));
  change("way", open("/dir/way", O_WRONLY | O_CREAT | O_TRUNC, 0666));
  say("rmdir", rmdir(with(12, path, "/..")));
  say("rmdir", rmdir(path));
  say("unlink", unlink(with(13, path, "/../secret")));
  say("rename from", rename(path, "/stolen"));
  look("stolen", open("/stolen", O_RDONLY));
  say("unlink", unlink(path));
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) burgle(argv[i]);
  fflush(stdout);
  return 0;
}
