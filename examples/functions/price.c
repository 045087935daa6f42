/*
 * Functions that are called from outside, bytes in and bytes out; malloc is where inputs come from. Built as a library:
 *   clang --target=wasm32-wasip1 -mexec-model=reactor -Wl,--export=malloc -Os price.c -o price.wasm
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct bytes {
  const void *at;
  uint32_t length;
};

static char text[256];

static int32_t answer(struct bytes *output, int32_t code) {
  output->at = text;
  output->length = strlen(text);
  return code;
}

/* "ITEMS CENTS": what so many cost, with ten percent off from a hundred on. */
__attribute__((export_name("total"))) int32_t total(const char *input, uint32_t length, struct bytes *output) {
  char copy[64];
  long items, cents;
  if (length >= sizeof copy) {
    snprintf(text, sizeof text, "an order has fewer than %zu letters", sizeof copy);
    return answer(output, 1);
  }
  memcpy(copy, input, length);
  copy[length] = 0;
  if (sscanf(copy, "%ld %ld", &items, &cents) != 2 || items < 0 || cents < 0) {
    snprintf(text, sizeof text, "\"%s\" is no order: it is ITEMS CENTS, as in 12 250", copy);
    return answer(output, 2);
  }
  long long sum = (long long)items * cents;
  if (items >= 100) sum -= sum / 10;
  snprintf(text, sizeof text, "%lld", sum);
  return answer(output, 0);
}

/* What comes in goes out. */
__attribute__((export_name("echo"))) int32_t echo(const char *input, uint32_t length, struct bytes *output) {
  output->at = input;
  output->length = length;
  return 0;
}

/* A number that nobody could know, unless the caller gives a seed. */
__attribute__((export_name("lottery"))) int32_t lottery(const char *input, uint32_t length, struct bytes *output) {
  unsigned drawn;
  arc4random_buf(&drawn, sizeof drawn);
  snprintf(text, sizeof text, "%u", drawn % 49 + 1);
  return answer(output, 0);
}

/* How often this instance was asked. */
__attribute__((export_name("count"))) int32_t count(const char *input, uint32_t length, struct bytes *output) {
  static int calls;
  snprintf(text, sizeof text, "%d", ++calls);
  return answer(output, 0);
}

/* Never comes back by itself. */
__attribute__((export_name("spin"))) int32_t spin(const char *input, uint32_t length, struct bytes *output) {
  for (volatile int turns = 0;; turns++) {}
}

__attribute__((export_name("fall"))) int32_t fall(const char *input, uint32_t length, struct bytes *output) {
  __builtin_trap();
}
