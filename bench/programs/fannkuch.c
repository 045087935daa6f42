// Flips of the front of every permutation until its first number is a one: small arrays, unpredictable branches.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { longest = 16 };

int main(int argc, char **argv) {
  int n = argc > 1 ? atoi(argv[1]) : 10;
  if (n < 1 || n > longest) return 1;
  unsigned char order[longest], turned[longest], flipped[longest];
  for (int i = 0; i < n; i++) order[i] = (unsigned char)i, turned[i] = 0;
  long sum = 0, sign = 1;
  int most = 0;
  for (;;) {
    if (order[0] != 0) {
      memcpy(flipped, order, sizeof flipped);
      int flips = 0;
      for (int first = flipped[0]; first != 0; first = flipped[0], flips++) {
        for (int low = 0, high = first; low < high; low++, high--) {
          unsigned char kept = flipped[low];
          flipped[low] = flipped[high];
          flipped[high] = kept;
        }
      }
      if (flips > most) most = flips;
      sum += sign * flips;
    }
    sign = -sign;
    // The next permutation: turn the shortest front that has not been turned all the way round.
    int front = 1;
    for (; front < n; front++) {
      unsigned char first = order[0];
      for (int i = 0; i < front; i++) order[i] = order[i + 1];
      order[front] = first;
      if (++turned[front] <= front) break;
      turned[front] = 0;
    }
    if (front >= n) break;
  }
  printf("%ld %d\n", sum, most);
  return 0;
}
