// What starting a program costs wherever it runs: it is taken off the figures of the others.
int main(void) { return 0; }
