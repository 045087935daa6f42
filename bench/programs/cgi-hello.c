/* The shortest page: what is left is the cost of a fresh instance, and of the request around it. */
#include <stdio.h>

int main(void) {
  puts("Content-Type: text/plain\n\nhello, world");
  return 0;
}
