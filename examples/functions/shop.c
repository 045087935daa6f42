/*
 * Functions of a component: shop.wit says what goes in and comes out, and whoever has a generator (wit-bindgen) need not know what is
 * written here by hand, how the canonical ABI has it. `npm run guests` makes shop.wasm of both.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT(name) __attribute__((export_name(name)))

/* list<u8> and string */
struct bytes {
  const char *at;
  size_t length;
};

/* result<string, string> */
struct text_or_error {
  uint8_t is_error;
  struct bytes text;
};

/* Where inputs are put; what is empty may be anywhere. */
EXPORT("cabi_realloc") void *cabi_realloc(void *old, size_t old_size, size_t align, size_t new_size) {
  return realloc(old, new_size);
}

static struct text_or_error *answer(uint8_t is_error, const char *text) {
  static struct text_or_error result;
  result = (struct text_or_error){is_error, {text, strlen(text)}};
  return &result;
}

static char *decimal(unsigned long long number) {
  static char digits[24];
  char *at = digits + sizeof digits - 1;
  do *--at = '0' + number % 10;
  while (number /= 10);
  return at;
}

EXPORT("examples:shop/pricing#total") struct text_or_error *total(char *order, size_t length) {
  char copy[64] = {0}, *rest, *end;
  if (length < sizeof copy) memcpy(copy, order, length);
  if (length) free(order);
  if (length >= sizeof copy) return answer(1, "an order has fewer than 64 letters");
  long items = strtol(copy, &rest, 10), cents = strtol(rest, &end, 10);
  if (rest == copy || end == rest || *end || items < 0 || cents < 0) {
    return answer(1, "that is no order: it is ITEMS CENTS, as in 12 250");
  }
  unsigned long long sum = (unsigned long long)items * cents;
  return answer(0, decimal(items >= 100 ? sum - sum / 10 : sum));
}

EXPORT("echo") struct bytes *echo(char *input, size_t length) {
  static struct bytes output;
  output = (struct bytes){input, length};
  return &output;
}

/* Called once the caller has the result of echo. The others' are of this file. */
EXPORT("cabi_post_echo") void after_echo(struct bytes *output) {
  if (output->length) free((void *)output->at);
}
