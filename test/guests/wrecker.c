/* A handler of wasi:http that does what a path says, most of it wrong. Compiled to a component. */
#include <stdlib.h>
#include <string.h>
#include "wasi-http.h"

enum { ARENA_SIZE = 65536 };

static _Alignas(8) char arena[ARENA_SIZE];
static size_t used;

void *cabi_realloc(void *old, size_t old_size, size_t align, size_t new_size) {
    size_t start = (used + align - 1) & -align;
    if (new_size > ARENA_SIZE - start) __builtin_trap();
    used = start + new_size;
    if (old) memcpy(arena + start, old, old_size);
    return arena + start;
}

static field line(const char *name, const char *value) {
    return (field){{name, strlen(name)}, {value, strlen(value)}};
}

/* Begins an answer and returns its body. */
static handle begin(handle outparam, const field *headers, size_t count) {
    handle_result fields, body;
    fields_from_list(headers, count, &fields);
    if (fields.failed) __builtin_trap();
    handle response = response_new(fields.value);
    response_body(response, &body);
    outparam_set(outparam, 0, response, 0, 0, 0, 0, 0, 0);
    return body.value;
}

static void write_text(handle body, const char *text) {
    handle_result stream;
    write_result written;
    outgoing_body_write(body, &stream);
    stream_write(stream.value, text, strlen(text), &written);
    output_stream_drop(stream.value);
}

static void answer(handle outparam, const char *text) {
    finish_result finished;
    handle body = begin(outparam, NULL, 0);
    write_text(body, text);
    outgoing_body_finish(body, 0, 0, &finished);
}

static void try_header(handle outparam, const char *name, const char *value) {
    field wanted = line(name, value);
    handle_result fields;
    fields_from_list(&wanted, 1, &fields);
    if (!fields.failed) fields_drop(fields.value);
    answer(outparam, fields.failed ? "refused" : "taken");
}

static void promise_too_much(handle outparam) {
    finish_result finished;
    field promised = line("content-length", "50");
    handle body = begin(outparam, &promised, 1);
    write_text(body, "less");
    outgoing_body_finish(body, 0, 0, &finished);
}

static void large_header(handle outparam) {
    enum { SIZE = 4 << 20 };
    char *value = malloc(SIZE);
    memset(value, 'x', SIZE);
    field large = {{"x-large", 7}, {value, SIZE}};
    handle_result fields;
    fields_from_list(&large, 1, &fields);
    free(value);
    if (fields.failed) return answer(outparam, "refused");
    outparam_set(outparam, 0, response_new(fields.value), 0, 0, 0, 0, 0, 0);
}

/* Seen from outside, so that the compiler leaves none of it out. */
static void *volatile last_block;

static void grow(handle outparam) {
    size_t blocks = 0;
    for (; (last_block = malloc(1 << 20)); blocks++) memset(last_block, 1, 1 << 20);
    answer(outparam, blocks < 64 ? "full" : "more than it may have");
}

static volatile unsigned turns;

void handle_request(handle request, handle outparam) {
    optional_text path;
    used = 0;
    request_path(request, &path);
    char wish[32] = "";
    if (path.present && path.value.length < sizeof wish) memcpy(wish, path.value.start, path.value.length);
    request_drop(request);
    if (strcmp(wish, "/trap") == 0) __builtin_trap();
    if (strcmp(wish, "/spin") == 0) for (;;) turns++;
    if (strcmp(wish, "/silent") == 0) return;
    if (strcmp(wish, "/half") == 0) {
        write_text(begin(outparam, NULL, 0), "half");
        __builtin_trap();
    }
    if (strcmp(wish, "/half-spin") == 0) {
        write_text(begin(outparam, NULL, 0), "half");
        for (;;) turns++;
    }
    if (strcmp(wish, "/split") == 0) return try_header(outparam, "x-a", "b\r\nset-cookie: c=d");
    if (strcmp(wish, "/name") == 0) return try_header(outparam, "x a", "b");
    if (strcmp(wish, "/hop") == 0) return try_header(outparam, "transfer-encoding", "chunked");
    if (strcmp(wish, "/promise") == 0) return promise_too_much(outparam);
    if (strcmp(wish, "/large") == 0) return large_header(outparam);
    if (strcmp(wish, "/grow") == 0) return grow(outparam);
    /* connection-refused, of a backend that it might have had. */
    if (strcmp(wish, "/error") == 0) return outparam_set(outparam, 1, 6, 0, 0, 0, 0, 0, 0);
    if (strcmp(wish, "/twice") == 0) answer(outparam, "once");
    answer(outparam, "fine");
}
