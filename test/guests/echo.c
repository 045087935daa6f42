/*
 * Echoes on its first listener. One client after the other is read until it ends, then told how many bytes it sent. A line
 * "stop" ends the program; its last answer is as long as ECHO_TAIL says.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[65536];

static int serve(int client) {
    long total = 0;
    int stop = 0;
    for (;;) {
        struct pollfd one = {client, POLLIN, 0};
        if (poll(&one, 1, -1) != 1) return -1;
        ssize_t got = recv(client, buffer, sizeof buffer, 0);
        if (got < 0) {
            fprintf(stderr, "recv: %s\n", strerror(errno));
            return 0;
        }
        if (got == 0) break;
        if (got >= 4 && memcmp(buffer, "stop", 4) == 0) stop = 1;
        total += got;
        if (send(client, buffer, got, 0) != got) return -1;
    }
    int length = snprintf(buffer, sizeof buffer, "%ld bytes\n", total);
    if (write(client, buffer, length) != length) return -1;
    return stop;
}

int main(void) {
    int listener = atoi(getenv("LISTEN_FDS_START"));
    printf("%s listeners from %d: %s\n", getenv("LISTEN_FDS"), listener, getenv("LISTEN_FDNAMES"));
    fflush(stdout);
    for (int stop = 0; !stop;) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) {
            fprintf(stderr, "accept: %s\n", strerror(errno));
            return 1;
        }
        stop = serve(client);
        if (stop < 0) {
            fprintf(stderr, "serve: %s\n", strerror(errno));
            return 2;
        }
        if (stop) {
            const char *tail = getenv("ECHO_TAIL");
            long left = tail ? atol(tail) : 0;
            memset(buffer, 'x', sizeof buffer);
            while (left > 0) {
                ssize_t sent = send(client, buffer, left < (long)sizeof buffer ? left : (long)sizeof buffer, 0);
                if (sent < 0) return 3;
                left -= sent;
            }
        }
        shutdown(client, SHUT_WR);
        close(client);
    }
    return 0;
}
