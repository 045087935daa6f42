// A product of two square matrices, again and again: nested loops over arrays.
#include <stdio.h>
#include <stdlib.h>

enum { side = 256 };

static double left[side][side], right[side][side], product[side][side];

int main(int argc, char **argv) {
  int rounds = argc > 1 ? atoi(argv[1]) : 30;
  for (int i = 0; i < side; i++)
    for (int j = 0; j < side; j++) left[i][j] = (i * 7 + j * 3) % 11 - 5, right[i][j] = (i + j * 5) % 13 - 6;
  for (int round = 0; round < rounds; round++) {
    for (int i = 0; i < side; i++) {
      for (int j = 0; j < side; j++) product[i][j] = round;
      for (int k = 0; k < side; k++)
        for (int j = 0; j < side; j++) product[i][j] += left[i][k] * right[k][j];
    }
    for (int i = 0; i < side; i++)
      for (int j = 0; j < side; j++) left[i][j] = (double)((long)product[i][j] % 17);
  }
  double trace = 0;
  for (int i = 0; i < side; i++) trace += product[i][i];
  printf("%.1f\n", trace);
  return 0;
}
