/*
 * Answers HTTP requests slowly: half of the answer at once, the rest DAWDLE_MS later. As a WAGI program, or as a server with one
 * connection at a time where it has a listener.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void dawdle(void) {
    const char *ms = getenv("DAWDLE_MS");
    long left = ms ? atol(ms) : 300;
    struct timespec time = {left / 1000, left % 1000 * 1000000};
    nanosleep(&time, NULL);
}

static void say(int client, const char *text) {
    for (size_t sent = 0, length = strlen(text); sent < length;) {
        ssize_t part = send(client, text + sent, length - sent, 0);
        if (part < 0) return;
        sent += part;
    }
}

static void serve(int client) {
    char head[4096];
    size_t length = 0;
    do {
        ssize_t got = recv(client, head + length, sizeof head - 1 - length, 0);
        if (got <= 0) return;
        length += got;
        head[length] = 0;
    } while (!strstr(head, "\r\n\r\n") && length < sizeof head - 1);
    say(client, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 11\r\nConnection: close\r\n\r\nbegun\n");
    dawdle();
    say(client, "done\n");
    shutdown(client, SHUT_WR);
}

int main(void) {
    const char *first = getenv("LISTEN_FDS_START");
    if (!first) {
        printf("Content-Type: text/plain\n\nbegun\n");
        fflush(stdout);
        dawdle();
        printf("done\n");
        return 0;
    }
    for (;;) {
        int client = accept(atoi(first), NULL, NULL);
        if (client < 0) return perror("accept"), 1;
        serve(client);
        close(client);
    }
}
