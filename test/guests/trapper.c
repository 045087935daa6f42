/* Traps at once, in a function with a name. */
__attribute__((noinline)) void sink_the_boat(void) { __builtin_trap(); }

int main(void) {
    sink_the_boat();
    return 0;
}
