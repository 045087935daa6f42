/* waker sleep PERIOD_MS ROUNDS: prints by how many microseconds each sleep was too long.
   waker yield ROUNDS: gives way so often, and says nothing. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static long long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void sleep_rounds(long long period_ms, int rounds) {
    struct timespec period = {period_ms / 1000, period_ms % 1000 * 1000000};
    int *late_us = malloc(rounds * sizeof(int));
    for (int round = 0; round < rounds; round++) {
        long long begin = now_ns();
        nanosleep(&period, NULL);
        late_us[round] = (int)((now_ns() - begin) / 1000 - period_ms * 1000);
    }
    for (int round = 0; round < rounds; round++) printf("%d ", late_us[round]);
    printf("\n");
}

int main(int argc, char **argv) {
    if (argc == 4) sleep_rounds(atoll(argv[2]), atoi(argv[3]));
    else for (int round = atoi(argv[2]); round > 0; round--) sched_yield();
    return 0;
}
