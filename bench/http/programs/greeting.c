/* What the workers of workerd call: writes the answer and returns its length. No WASI, since workerd has none. */
static char answer[64];

__attribute__((export_name("answer"))) char *answer_at(void) { return answer; }

__attribute__((export_name("greet"))) int greet(void) {
    static const char text[] = "ahoy from C\n";
    for (int i = 0; i < (int)sizeof text - 1; i++) answer[i] = text[i];
    return sizeof text - 1;
}
