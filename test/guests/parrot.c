/*
 * Speaks WebSocket (RFC 6455) at its first listener: says back each frame as it comes, also those that close, and answers requests that
 * ask for no upgrade with a line. Serves several connections at once. With NOTICE it says goodbye (1001) when its input ends, and
 * exits when all have answered that.
 */
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { most = 32, head_max = 4096 };

struct connection {
    int fd;
    int upgraded;
    /* Of the request, then of the header of a frame. */
    size_t length;
    char head[head_max];
    /* Of the payload. */
    uint64_t left, done;
    unsigned char mask[4];
    int closes, told;
};

static struct connection connections[most];
static unsigned char buffer[16384];

static uint32_t turned(uint32_t word, int by) { return word << by | word >> (32 - by); }

/* FIPS 180-4, of what fits into two blocks. */
static void sha1(const char *text, unsigned char digest[20]) {
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    unsigned char padded[128] = {0};
    size_t length = strlen(text), size = length + 9 > 64 ? 128 : 64;
    memcpy(padded, text, length);
    padded[length] = 0x80;
    padded[size - 2] = length * 8 >> 8;
    padded[size - 1] = length * 8;
    for (size_t at = 0; at < size; at += 64) {
        uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
        for (int i = 0; i < 16; i++) {
            const unsigned char *p = padded + at + 4 * i;
            w[i] = (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
        }
        for (int i = 16; i < 80; i++) w[i] = turned(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        for (int i = 0; i < 80; i++) {
            uint32_t f = i < 20 ? (b & c) | (~b & d) : i < 40 || i >= 60 ? b ^ c ^ d : (b & c) | (b & d) | (c & d);
            uint32_t k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
            uint32_t next = turned(a, 5) + f + e + k + w[i];
            e = d, d = c, c = turned(b, 30), b = a, a = next;
        }
        state[0] += a, state[1] += b, state[2] += c, state[3] += d, state[4] += e;
    }
    for (int i = 0; i < 20; i++) digest[i] = state[i / 4] >> (24 - 8 * (i % 4));
}

static void base64(const unsigned char digest[20], char text[29]) {
    const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (int i = 0, at = 0; i < 20; i += 3) {
        uint32_t three = digest[i] << 16 | digest[i + 1] << 8 | (i + 2 < 20 ? digest[i + 2] : 0);
        for (int shift = 18; shift >= 0; shift -= 6) text[at++] = letters[three >> shift & 63];
    }
    text[27] = '=';
    text[28] = 0;
}

static int say(int fd, const void *bytes, size_t length) {
    for (size_t sent = 0; sent < length;) {
        ssize_t part = send(fd, (const char *)bytes + sent, length - sent, 0);
        if (part < 0) return 0;
        sent += part;
    }
    return 1;
}

/* The value of a header; names are compared as they are in ASCII. */
static int header(const char *head, const char *name, char *value, size_t size) {
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
        size_t length = strlen(name);
        if (strncasecmp(line + 2, name, length) != 0 || line[2 + length] != ':') continue;
        const char *from = line + 3 + length;
        while (*from == ' ') from++;
        size_t count = strcspn(from, "\r");
        if (count >= size) return 0;
        memcpy(value, from, count);
        value[count] = 0;
        return 1;
    }
    return 0;
}

static int answer(struct connection *one) {
    char value[128], key[128], text[512], accept[29];
    unsigned char digest[20];
    if (!header(one->head, "Upgrade", value, sizeof value) || !header(one->head, "Sec-WebSocket-Key", key, 64)) {
        const char *plain = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nparrot\n";
        say(one->fd, plain, strlen(plain));
        return 0;
    }
    strcat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    sha1(key, digest);
    base64(digest, accept);
    int chosen = header(one->head, "Sec-WebSocket-Protocol", value, sizeof value) && strcmp(value, "parrot") == 0;
    int length = snprintf(text, sizeof text,
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Accept: %s\r\n%s\r\n",
                          accept, chosen ? "Sec-WebSocket-Protocol: parrot\r\n" : "");
    one->upgraded = 1;
    one->length = 0;
    return say(one->fd, text, length);
}

/* Up to the blank line, and no further: what follows are frames. */
static int take_request(struct connection *one) {
    if (one->length + 1 >= head_max || recv(one->fd, one->head + one->length, 1, 0) != 1) return 0;
    one->head[++one->length] = 0;
    return one->length < 4 || strcmp(one->head + one->length - 4, "\r\n\r\n") != 0 || answer(one);
}

/* Its header with the mask; the same without it is said back. */
static int take_header(struct connection *one) {
    unsigned char *head = (unsigned char *)one->head;
    if (recv(one->fd, head + one->length, 1, 0) != 1) return 0;
    one->length++;
    if (one->length < 2) return 1;
    int code = head[1] & 127, extra = code == 126 ? 2 : code == 127 ? 8 : 0;
    if (one->length < (size_t)(2 + extra + 4)) return 1;
    one->left = extra == 0 ? code : 0;
    for (int i = 0; i < extra; i++) one->left = one->left << 8 | head[2 + i];
    memcpy(one->mask, head + 2 + extra, 4);
    one->done = 0;
    one->length = 0;
    one->closes = (head[0] & 15) == 8;
    head[1] &= 127;
    if (one->told && one->closes) return 0;
    return say(one->fd, head, 2 + extra) && !(one->closes && one->left == 0);
}

static int take_payload(struct connection *one) {
    ssize_t got = recv(one->fd, buffer, one->left < sizeof buffer ? one->left : sizeof buffer, 0);
    if (got <= 0) return 0;
    for (ssize_t i = 0; i < got; i++) buffer[i] ^= one->mask[one->done++ % 4];
    one->left -= got;
    return say(one->fd, buffer, got) && !(one->closes && one->left == 0);
}

static int take(struct connection *one) {
    if (!one->upgraded) return take_request(one);
    return one->left > 0 ? take_payload(one) : take_header(one);
}

static void say_goodbye(struct connection *one) {
    static const unsigned char going_away[] = {0x88, 2, 1001 >> 8, 1001 & 255};
    one->told = one->upgraded && say(one->fd, going_away, sizeof going_away);
}

int main(void) {
    int listener = atoi(getenv("LISTEN_FDS_START")), count = 0, waits = getenv("NOTICE") != NULL, ends = 0;
    struct pollfd polled[most + 2];
    while (!ends || count > 0) {
        polled[0] = (struct pollfd){listener, POLLIN, 0};
        for (int i = 0; i < count; i++) polled[i + 1] = (struct pollfd){connections[i].fd, POLLIN, 0};
        polled[count + 1] = (struct pollfd){STDIN_FILENO, POLLIN, 0};
        int first = count < most && !ends ? 0 : 1;
        if (poll(polled + first, count + 1 - first + (waits && !ends), -1) < 0) return perror("poll"), 1;
        if (waits && !ends && polled[count + 1].revents != 0 && read(STDIN_FILENO, buffer, sizeof buffer) <= 0) {
            ends = 1;
            for (int i = 0; i < count; i++) say_goodbye(&connections[i]);
        }
        for (int i = count - 1; i >= 0; i--) {
            if (polled[i + 1].revents == 0 || take(&connections[i])) continue;
            shutdown(connections[i].fd, SHUT_WR);
            close(connections[i].fd);
            connections[i] = connections[--count];
        }
        if (first > 0 || polled[0].revents == 0) continue;
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) return perror("accept"), 1;
        connections[count++] = (struct connection){.fd = fd};
    }
    return 0;
}
