/*
 * Answers HTTP requests at a socket that the template asked for. Built by `npm run guests` into server.wasm.
 * One connection at a time, each closed after its answer: enough to show the calls. While it waits, the instance sleeps.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Reads up to the blank line that ends the head of a request; 0 when the client leaves earlier or says too much. */
static int read_head(int client, char *head, size_t size) {
    size_t length = 0;
    while (length < size - 1) {
        ssize_t got = recv(client, head + length, size - 1 - length, 0);
        if (got <= 0) return 0;
        length += got;
        head[length] = 0;
        if (strstr(head, "\r\n\r\n")) return 1;
    }
    return 0;
}

static void answer(int client, const char *path, int visit) {
    char body[512], response[1024];
    snprintf(body, sizeof body, "%s: visit %d, of %.200s\n", getenv("NAME"), visit, path);
    int length = snprintf(response, sizeof response,
                          "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
                          strlen(body), body);
    for (int sent = 0; sent < length;) {
        ssize_t part = send(client, response + sent, length - sent, 0);
        if (part < 0) return;
        sent += part;
    }
}

int main(void) {
    /* Listeners come as open descriptors, behind standard streams and mounts. */
    const char *first = getenv("LISTEN_FDS_START");
    if (!first) return fprintf(stderr, "no listeners; see spec.template.spec.listeners\n"), 1;
    for (int visit = 1;; visit++) {
        int client = accept(atoi(first), NULL, NULL);
        if (client < 0) return perror("accept"), 1;
        char head[4096], path[256];
        if (read_head(client, head, sizeof head) && sscanf(head, "GET %255s", path) == 1) {
            printf("GET %s\n", path);
            fflush(stdout);
            answer(client, path, visit);
            shutdown(client, SHUT_WR);
        }
        close(client);
    }
}
