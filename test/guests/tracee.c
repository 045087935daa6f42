/* A handler that answers with the trace that its request is part of. */
#include <stdio.h>
#include <stdlib.h>

int main(void) {
    const char *trace = getenv("HTTP_TRACEPARENT");
    printf("content-type: text/plain\n\n%s", trace ? trace : "none");
    return 0;
}
