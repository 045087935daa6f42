/* Touches 64 KiB of memory, goes 60 calls deep with a frame of 128 bytes each, and sleeps there until it is stopped. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *block;

__attribute__((noinline)) static int descend(int depth, volatile char *above) {
    volatile char frame[128];
    frame[depth & 127] = above[0];
    if (depth == 0) {
        for (;;) sleep(3600);
    }
    return descend(depth - 1, frame) + frame[depth & 127];
}

int main(void) {
    block = malloc(65536);
    memset(block, 1, 65536);
    volatile char top[1] = {1};
    return descend(60, top);
}
