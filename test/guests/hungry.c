/* Takes memory until malloc says no, then says how much it got. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    size_t megabytes = 0;
    for (void *block; (block = malloc(1 << 20)); megabytes++) memset(block, 1, 1 << 20);
    printf("got %zu MiB\n", megabytes);
    return 3;
}
