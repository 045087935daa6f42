/* Greets once a second until it is stopped. Built by `npm run guests` into hello.wasm. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(void) {
    const char *name = getenv("INSTANCE");
    const char *greeting = getenv("GREETING");
    for (int tick = 1;; tick++) {
        printf("%s from %s, tick %d\n", greeting ? greeting : "hello", name ? name : "nobody", tick);
        fflush(stdout);
        sleep(1);
    }
}
