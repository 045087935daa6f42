// SHA-256 of a message of many blocks, in one loop of one function that is entered once.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t rotate(uint32_t x, int by) { return (x >> by) | (x << (32 - by)); }

// The first 32 bits of the fraction of a prime's square or cube root: whence the standard takes its constants.
static uint32_t fraction(unsigned prime, int cube) {
  uint64_t low = 0, high = 1ULL << 36;
  while (high - low > 1) {
    unsigned __int128 middle = (low + high) / 2, power = middle * middle, whole = prime;
    if (cube) power *= middle;
    if (power <= whole << (cube ? 96 : 64)) low = (uint64_t)middle;
    else high = (uint64_t)middle;
  }
  return (uint32_t)low;
}

int main(int argc, char **argv) {
  long blocks = argc > 1 ? atol(argv[1]) : 2000000;
  uint32_t constants[64], state[8], word[64];
  int found = 0;
  for (unsigned prime = 2; found < 64; prime++) {
    int divisible = 0;
    for (unsigned by = 2; by * by <= prime; by++) divisible |= prime % by == 0;
    if (divisible) continue;
    constants[found] = fraction(prime, 1);
    if (found < 8) state[found] = fraction(prime, 0);
    found++;
  }
  for (long block = 0; block < blocks; block++) {
    for (int i = 0; i < 16; i++) word[i] = (uint32_t)block * 2654435761u + (uint32_t)i;
    for (int i = 16; i < 64; i++) {
      uint32_t s0 = rotate(word[i - 15], 7) ^ rotate(word[i - 15], 18) ^ (word[i - 15] >> 3);
      uint32_t s1 = rotate(word[i - 2], 17) ^ rotate(word[i - 2], 19) ^ (word[i - 2] >> 10);
      word[i] = word[i - 16] + s0 + word[i - 7] + s1;
    }
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
      uint32_t s1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
      uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + constants[i] + word[i];
      uint32_t s0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
      uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g, g = f, f = e, e = d + t1, d = c, c = b, b = a, a = t1 + t2;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
  }
  for (int i = 0; i < 8; i++) printf("%08x", state[i]);
  printf("\n");
  return 0;
}
