/* Writes to its log as fast as it can. */
#include <stdio.h>

int main(void) {
    for (unsigned line = 0;; line++) printf("line %u of a flood that fills the disk if nobody bounds it\n", line);
}
