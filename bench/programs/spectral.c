// The largest eigenvalue of a matrix whose elements are computed when they are needed: divisions, small functions.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double element(int i, int j) { return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1); }

static void times(int n, const double *vector, double *result, int transposed) {
  for (int i = 0; i < n; i++) {
    double sum = 0;
    for (int j = 0; j < n; j++) sum += (transposed ? element(j, i) : element(i, j)) * vector[j];
    result[i] = sum;
  }
}

int main(int argc, char **argv) {
  int n = argc > 1 ? atoi(argv[1]) : 2500;
  double *u = malloc(3 * (size_t)n * sizeof *u), *v = u + n, *between = v + n;
  if (u == NULL) return 1;
  for (int i = 0; i < n; i++) u[i] = 1;
  for (int round = 0; round < 10; round++) {
    times(n, u, between, 0);
    times(n, between, v, 1);
    times(n, v, between, 0);
    times(n, between, u, 1);
  }
  double uv = 0, vv = 0;
  for (int i = 0; i < n; i++) uv += u[i] * v[i], vv += v[i] * v[i];
  printf("%.9f\n", sqrt(uv / vv));
  free(u);
  return 0;
}
