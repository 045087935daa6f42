/* Works for WORK_MS, then leaves a file in /out named by its index and its instance, and says so. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

int main(void) {
    const char *index = getenv("JOB_COMPLETION_INDEX");
    const char *name = getenv("INSTANCE");
    long ms = atol(getenv("WORK_MS"));
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
    char path[512];
    snprintf(path, sizeof path, "/out/%s.%s", index, name);
    FILE *file = fopen(path, "w");
    if (!file || fprintf(file, "%s\n", index) < 0 || fclose(file) != 0) return 1;
    printf("index %s done\n", index);
    return 0;
}
