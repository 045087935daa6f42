/*
 * Lives until it is stopped, with a folder /data that its probes look into. Each run leaves a line in /data/runs, and
 * is well again: it removes /data/sick. With arguments it is one of its own probes or its preStop:
 *   has FILE      succeeds if the file is there
 *   lacks FILE    succeeds if it is not
 *   hang          never ends, and never waits
 *   flood         says a lot before it fails
 *   leave FILE    leaves a file
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int leave(const char *path, const char *text) {
    FILE *file = fopen(path, "a");
    return !file || fputs(text, file) < 0 || fclose(file) != 0;
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "", *file = argc > 2 ? argv[2] : "";
    if (!strcmp(what, "has") || !strcmp(what, "lacks")) {
        int there = access(file, F_OK) == 0;
        printf("%s is %s\n", file, there ? "there" : "not there");
        return there != !strcmp(what, "has");
    }
    if (!strcmp(what, "hang"))
        for (volatile int i = 0;; i++) {}
    if (!strcmp(what, "flood")) {
        for (int i = 0; i < 100000; i++) printf("line %d of a great many that nobody will read\n", i);
        return 1;
    }
    if (!strcmp(what, "leave")) return leave(file, "bye\n");
    unlink("/data/sick");
    if (leave("/data/runs", "run\n")) return 1;
    printf("it lives\n");
    fflush(stdout);
    for (;;) sleep(3600);
}
