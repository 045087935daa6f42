// Points of the plane that do not escape: floating point in a loop whose end depends on it.
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  int side = argc > 1 ? atoi(argv[1]) : 700;
  long inside = 0, steps = 0;
  for (int row = 0; row < side; row++) {
    for (int column = 0; column < side; column++) {
      double x0 = 3.0 * column / side - 2.2, y0 = 2.4 * row / side - 1.2, x = 0, y = 0;
      int left = 400;
      while (left > 0 && x * x + y * y < 4) {
        double next = x * x - y * y + x0;
        y = 2 * x * y + y0;
        x = next;
        left--;
      }
      inside += left == 0;
      steps += 400 - left;
    }
  }
  printf("%ld %ld\n", inside, steps);
  return 0;
}
