/* Blinks and ends. An ordinary C program; `npm run guests` makes a WASI 0.2 component of it, lighthouse.wasm. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(void) {
    const char *text = getenv("FLASHES");
    int flashes = text ? atoi(text) : 3;
    for (int flash = 1; flash <= flashes; flash++) {
        time_t now = time(NULL);
        printf("flash %d at %.8s UTC\n", flash, asctime(gmtime(&now)) + 11);
        fflush(stdout);
        nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
    }
    printf("%s was lit\n", getenv("NAME"));
    return 0;
}
