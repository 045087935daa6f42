/*
 * The smallest handler of wasi:http: every request gets the same answer. `npm run guests` makes the component of it,
 * hello.wasm. An instance may answer many requests, one at a time, so every handle is given back.
 */
#include "wasi-http.h"

#define TEXT(literal) {literal, sizeof literal - 1}

void handle_request(handle request, handle outparam) {
    static const field headers[] = {{TEXT("content-type"), TEXT("text/plain")}};
    static const text body = TEXT("ahoy from C\n");
    handle_result fields, outgoing, stream;
    write_result written;
    finish_result finished;

    request_drop(request);
    fields_from_list(headers, 1, &fields);
    handle response = response_new(fields.value);
    response_body(response, &outgoing);
    outgoing_body_write(outgoing.value, &stream);
    outparam_set(outparam, 0, response, 0, 0, 0, 0, 0, 0);
    stream_write(stream.value, body.start, body.length, &written);
    output_stream_drop(stream.value);
    outgoing_body_finish(outgoing.value, 0, 0, &finished);
}

/* Nothing that it calls returns a string or a list. */
void *cabi_realloc(void *old, size_t old_size, size_t align, size_t new_size) {
    __builtin_trap();
}
