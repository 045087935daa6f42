/* Sleeps in WASI until it is stopped. */
#include <unistd.h>

int main(void) {
    for (;;) sleep(3600);
}
