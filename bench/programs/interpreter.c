// A stack machine that counts primes: one loop around one switch, entered once.
#include <stdio.h>
#include <stdlib.h>

enum opcode { push, load, store, add, multiply, modulo, less, jump, jump_if_zero, halt };

struct instruction {
  enum opcode opcode;
  int value;
};

// number = 2; count = 0
// while number < limit: divisor = 2; prime = 1
//   while divisor * divisor < number + 1: if number % divisor == 0 then prime = 0; divisor += 1
//   count += prime; number += 1
static const struct instruction program[] = {
  {push, 2},   {store, 0},          {push, 0},      {store, 1},                                     //
  {load, 0},   {load, 4},           {less, 0},      {jump_if_zero, 41},                             // 4
  {push, 2},   {store, 2},          {push, 1},      {store, 3},                                     // 8
  {load, 2},   {load, 2},           {multiply, 0},  {load, 0},  {push, 1}, {add, 0},  {less, 0},    // 12
  {jump_if_zero, 32},                                                                               // 19
  {load, 0},   {load, 2},           {modulo, 0},    {jump_if_zero, 25},                             // 20
  {jump, 27},                                                                                       // 24
  {push, 0},   {store, 3},                                                                          // 25
  {load, 2},   {push, 1},           {add, 0},       {store, 2}, {jump, 12},                         // 27
  {load, 1},   {load, 3},           {add, 0},       {store, 1},                                     // 32
  {load, 0},   {push, 1},           {add, 0},       {store, 0}, {jump, 4},                          // 36
  {halt, 0},                                                                                        // 41
};

int main(int argc, char **argv) {
  int stack[16], variables[8] = {0};
  variables[4] = argc > 1 ? atoi(argv[1]) : 60000;
  int top = 0, at = 0;
  for (;;) {
    const struct instruction *next = &program[at++];
    switch (next->opcode) {
      case push: stack[top++] = next->value; break;
      case load: stack[top++] = variables[next->value]; break;
      case store: variables[next->value] = stack[--top]; break;
      case add: top--, stack[top - 1] += stack[top]; break;
      case multiply: top--, stack[top - 1] *= stack[top]; break;
      case modulo: top--, stack[top - 1] %= stack[top]; break;
      case less: top--, stack[top - 1] = stack[top - 1] < stack[top]; break;
      case jump: at = next->value; break;
      case jump_if_zero: if (stack[--top] == 0) at = next->value; break;
      case halt: printf("%d\n", variables[1]); return 0;
    }
  }
}
