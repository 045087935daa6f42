// Words are made, sorted through pointers and counted: bytes, unpredictable branches, calls through a pointer.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { words = 200000, room = 16 };

typedef int (*comparison)(const char *, const char *);

static char text[words][room];
static const char *order[words], *merged[words];

static int forwards(const char *a, const char *b) {
  for (; *a != 0 && *a == *b; a++) b++;
  return (unsigned char)*a - (unsigned char)*b;
}

static int backwards(const char *a, const char *b) { return forwards(b, a); }

// The library's own would be another algorithm in each library.
static void sort(int from, int to, comparison compare) {
  if (to - from < 2) return;
  int middle = from + (to - from) / 2;
  sort(from, middle, compare);
  sort(middle, to, compare);
  int left = from, right = middle;
  for (int i = from; i < to; i++) {
    int takes_left = left < middle && (right >= to || compare(order[left], order[right]) <= 0);
    merged[i] = takes_left ? order[left++] : order[right++];
  }
  for (int i = from; i < to; i++) order[i] = merged[i];
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 8;
  uint32_t seed = 42;
  long distinct = 0;
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < words; i++) {
      int length = 3 + (int)((seed = seed * 1664525u + 1013904223u) >> 29);
      for (int j = 0; j < length; j++)
        text[i][j] = (char)('a' + ((seed = seed * 1664525u + 1013904223u) >> 24) % 16);
      text[i][length] = 0;
      order[i] = text[i];
    }
    sort(0, words, round % 2 == 0 ? forwards : backwards);
    for (int i = 0; i < words; i++) distinct += i == 0 || forwards(order[i - 1], order[i]) != 0;
  }
  printf("%ld %s %s\n", distinct, order[0], order[words - 1]);
  return 0;
}
