/* Prints a growing number every 100 ms. */
#include <stdio.h>
#include <time.h>

int main(void) {
    struct timespec pause = {0, 100000000};
    for (int tick = 0;; tick++) {
        printf("tick %d\n", tick);
        fflush(stdout);
        nanosleep(&pause, NULL);
    }
}
