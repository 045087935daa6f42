/* A page that takes a megabyte first, as programs of most languages do. */
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  volatile char *volatile bytes = malloc(1 << 20);
  if (bytes == NULL) return 1;
  for (int i = 0; i < 1 << 20; i += 4096) bytes[i] = 1;
  puts("Content-Type: text/plain\n\nhello, world");
  return 0;
}
