// The sun and the large planets as points that attract each other: floating point, and few branches.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { bodies = 5 };

static double position[bodies][3], velocity[bodies][3], mass[bodies];

static void step(double dt) {
  for (int i = 0; i < bodies; i++) {
    for (int j = i + 1; j < bodies; j++) {
      double apart[3], square = 0;
      for (int k = 0; k < 3; k++) {
        apart[k] = position[i][k] - position[j][k];
        square += apart[k] * apart[k];
      }
      double pull = dt / (square * sqrt(square));
      for (int k = 0; k < 3; k++) {
        velocity[i][k] -= apart[k] * mass[j] * pull;
        velocity[j][k] += apart[k] * mass[i] * pull;
      }
    }
  }
  for (int i = 0; i < bodies; i++)
    for (int k = 0; k < 3; k++) position[i][k] += dt * velocity[i][k];
}

static double energy(void) {
  double sum = 0;
  for (int i = 0; i < bodies; i++) {
    double square = 0;
    for (int k = 0; k < 3; k++) square += velocity[i][k] * velocity[i][k];
    sum += mass[i] * square / 2;
    for (int j = i + 1; j < bodies; j++) {
      double apart = 0;
      for (int k = 0; k < 3; k++) apart += pow(position[i][k] - position[j][k], 2);
      sum -= mass[i] * mass[j] / sqrt(apart);
    }
  }
  return sum;
}

int main(int argc, char **argv) {
  long steps = argc > 1 ? atol(argv[1]) : 5000000;
  // Circular orbits at the planets' distances, a little tilted.
  const double distance[bodies] = {0, 5.2, 9.5, 19.2, 30.1};
  const double share[bodies] = {1, 9.5e-4, 2.9e-4, 4.4e-5, 5.2e-5};
  const double gravity = 39.47841760435743;
  for (int i = 0; i < bodies; i++) {
    mass[i] = gravity * share[i];
    if (i == 0) continue;
    double speed = sqrt(gravity / distance[i]);
    position[i][0] = distance[i] * cos(i);
    position[i][1] = distance[i] * sin(i);
    position[i][2] = 0.01 * i;
    velocity[i][0] = -speed * sin(i);
    velocity[i][1] = speed * cos(i);
  }
  double before = energy();
  for (long i = 0; i < steps; i++) step(0.001);
  printf("%.9f %.9f\n", before, energy());
  return 0;
}
