/* Takes memory until malloc says no, then says how much it got. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Keeps the compiler from leaving out blocks that nobody reads. */
static char *volatile last;

int main(void) {
    size_t megabytes = 0;
    while ((last = malloc(1 << 20))) {
        memset(last, 1, 1 << 20);
        megabytes++;
    }
    printf("got %zu MiB\n", megabytes);
    return 3;
}
