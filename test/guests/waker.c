/* waker sleep PERIOD_MS ROUNDS: prints by how many microseconds each sleep was too long.
   waker at EPOCH_MS: the same of one sleep until then.
   waker yield ROUNDS: gives way so often, and says nothing. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long long now_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void sleep_rounds(long long period_ms, int rounds) {
    struct timespec period = {period_ms / 1000, period_ms % 1000 * 1000000};
    int *late_us = malloc(rounds * sizeof(int));
    for (int round = 0; round < rounds; round++) {
        long long begin = now_ns(CLOCK_MONOTONIC);
        nanosleep(&period, NULL);
        late_us[round] = (int)((now_ns(CLOCK_MONOTONIC) - begin) / 1000 - period_ms * 1000);
    }
    for (int round = 0; round < rounds; round++) printf("%d ", late_us[round]);
    printf("\n");
}

static void sleep_until(long long epoch_ms) {
    struct timespec until = {epoch_ms / 1000, epoch_ms % 1000 * 1000000};
    clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL);
    printf("%d\n", (int)(now_ns(CLOCK_REALTIME) / 1000 - epoch_ms * 1000));
}

int main(int argc, char **argv) {
    if (strcmp(argv[1], "sleep") == 0) sleep_rounds(atoll(argv[2]), atoi(argv[3]));
    else if (strcmp(argv[1], "at") == 0) sleep_until(atoll(argv[2]));
    else for (int round = atoi(argv[2]); round > 0; round--) sched_yield();
    return 0;
}
