/*
 * A program that is asked how it is. Without arguments it keeps a shop: it opens after a while, notes the time once a
 * second, and gets stuck in the end, as programs do. With an argument it is one of its own probes, run by the node in a
 * fresh instance beside it; the two share /data and nothing else. Built by `npm run guests` into shop.wasm.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *open_sign = "/data/open", *clock_file = "/data/clock", *message = "/data/message";

static int leave(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    return !file || fputs(text, file) < 0 || fclose(file) != 0;
}

static int is_ready(void) {
    int open = access(open_sign, F_OK) == 0;
    puts(open ? "open" : "still unpacking");
    return !open;
}

static int is_alive(void) {
    long noted = 0;
    FILE *file = fopen(clock_file, "r");
    if (!file || fscanf(file, "%ld", &noted) != 1) return puts("nobody has noted the time"), 1;
    long ago = time(NULL) - noted;
    printf("the time was noted %ld s ago\n", ago);
    return ago > 3;
}

static int drain(void) {
    unlink(open_sign);
    sleep(1);
    return leave(message, "closed in good order\n");
}

int main(int argc, char **argv) {
    if (argc > 1) {
        if (!strcmp(argv[1], "ready")) return is_ready();
        if (!strcmp(argv[1], "alive")) return is_alive();
        if (!strcmp(argv[1], "drain")) return drain();
        return fprintf(stderr, "unknown: %s\n", argv[1]), 2;
    }
    unlink(open_sign);
    for (int second = 0; second < 20; second++) {
        char now[32];
        snprintf(now, sizeof now, "%ld\n", (long)time(NULL));
        if (leave(clock_file, now)) return perror(clock_file), 1;
        if (second == 3 && leave(open_sign, "")) return perror(open_sign), 1;
        printf("second %d\n", second);
        fflush(stdout);
        sleep(1);
    }
    leave(message, "the till is jammed\n");
    for (;;) sleep(3600);
}
