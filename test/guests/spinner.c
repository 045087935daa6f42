/* An empty loop that the compiler must keep. */
int main(void) {
    volatile unsigned turns = 0;
    for (;;) turns++;
}
