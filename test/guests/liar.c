/* A WAGI program that does what a path says, most of it wrong. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is(const char *wish) {
    const char *path = getenv("PATH_INFO");
    return path && strcmp(path, wish) == 0;
}

static volatile unsigned turns;

int main(void) {
    if (is("/nothing")) return 0;
    if (is("/exit")) return 3;
    if (is("/trap")) __builtin_trap();
    if (is("/spin")) for (;;) turns++;
    if (is("/no-head")) return puts("just some text, and more of it"), 0;
    if (is("/no-end")) return puts("Content-Type: text/plain"), 0;
    if (is("/split")) return fputs("Content-Type: text/plain\nX-A: b\rSet-Cookie: c=d\n\nx", stdout), 0;
    if (is("/nul")) return fwrite("X-A: b\0c\n\nx", 1, 11, stdout), 0;
    if (is("/name")) return puts("Content-Type: text/plain\nX A: b\n\nx"), 0;
    if (is("/hop")) return fputs("Content-Type: text/plain\nTransfer-Encoding: chunked\nConnection: close\n\n5\r\nhello", stdout), 0;
    if (is("/status")) return puts("Content-Type: text/plain\nStatus: 99999\n\nx"), 0;
    if (is("/early")) return puts("Content-Type: text/plain\nStatus: 101 Switching\n\nx"), 0;
    if (is("/less")) return fputs("Content-Type: text/plain\nContent-Length: 50\n\nless", stdout), 0;
    if (is("/more")) return fputs("Content-Type: text/plain\nContent-Length: 4\n\nmore than that\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", stdout), 0;
    if (is("/two-lengths")) return fputs("Content-Type: text/plain\nContent-Length: 4\nContent-Length: 5\n\nabcd", stdout), 0;
    if (is("/endless-head")) for (;;) puts("X-More: and more");
    if (is("/endless")) {
        puts("Content-Type: text/plain\n");
        for (;;) puts("and more");
    }
    if (is("/events")) {
        puts("Content-Type: text/event-stream\n");
        for (int i = 0; i < 12; i++) {
            printf("data: %d\n\n", i);
            fflush(stdout);
            usleep(300000);
        }
        return 0;
    }
    if (is("/stalls")) {
        puts("Content-Type: text/event-stream\n\ndata: once\n");
        fflush(stdout);
        sleep(3600);
    }
    if (is("/half")) {
        puts("Content-Type: text/plain\n\nhalf");
        fflush(stdout);
        __builtin_trap();
    }
    puts("Content-Type: text/plain\n\nfine");
    return is("/late") ? 3 : 0;
}
