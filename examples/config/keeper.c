/* A lighthouse keeper who looks at the orders once a second: what the file says, and the variable it was started with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(void) {
    const char *started_with = getenv("COLOUR");
    char before[64] = "", colour[64];
    for (;; sleep(1)) {
        FILE *orders = fopen("/orders/colour", "r");
        if (!orders) continue;
        if (!fgets(colour, sizeof colour, orders)) strcpy(colour, "");
        fclose(orders);
        colour[strcspn(colour, "\n")] = 0;
        if (strcmp(before, colour) == 0) continue;
        strcpy(before, colour);
        printf("the light is %s now", colour);
        if (started_with) printf(", I was started with %s", started_with);
        printf("\n");
        fflush(stdout);
    }
}
