/*
 * Sends a request's body back while it still arrives, and its trailers after it; a GET is told its path and headers
 * instead. `npm run guests` makes the component of it, echo.wasm.
 */
#include <stdio.h>
#include <string.h>
#include "wasi-http.h"

enum { GET = 0, HEAD = 1, ARENA_SIZE = 65536, PIECE_SIZE = 4096 };

/* What the host returns is put here, and is overwritten after forget(). */
static _Alignas(8) char arena[ARENA_SIZE];
static size_t used;

static void forget(void) { used = 0; }

void *cabi_realloc(void *old, size_t old_size, size_t align, size_t new_size) {
    size_t start = (used + align - 1) & -align;
    if (new_size > ARENA_SIZE - start) __builtin_trap();
    used = start + new_size;
    if (old) memcpy(arena + start, old, old_size);
    return arena + start;
}

static int write_all(handle stream, const char *start, size_t length) {
    while (length > 0) {
        size_t piece = length < PIECE_SIZE ? length : PIECE_SIZE;
        write_result written;
        stream_write(stream, start, piece, &written);
        if (written.failed) return 0;
        start += piece;
        length -= piece;
    }
    return 1;
}

/* Returns the body of an answer whose head is on its way. */
static handle respond(handle outparam) {
    static const field headers[] = {{{"content-type", 12}, {"text/plain", 10}}};
    handle_result fields, body;
    fields_from_list(headers, 1, &fields);
    handle response = response_new(fields.value);
    response_body(response, &body);
    outparam_set(outparam, 0, response, 0, 0, 0, 0, 0, 0);
    return body.value;
}

/* Their handle, or 0 where none came: handles start at 1. */
static handle trailers_of(handle incoming_body) {
    handle future = incoming_body_finish(incoming_body);
    handle ready = future_trailers_subscribe(future);
    pollable_block(ready);
    pollable_drop(ready);
    trailers_result trailers;
    future_trailers_get(future, &trailers);
    future_trailers_drop(future);
    return trailers.failed || !trailers.has_trailers ? 0 : trailers.trailers;
}

/* Nothing is kept, so the body may be of any length. Returns the trailers. */
static handle echo(handle request, handle output) {
    handle_result body, input;
    request_consume(request, &body);
    incoming_body_stream(body.value, &input);
    read_result piece;
    do {
        forget();
        stream_read(input.value, PIECE_SIZE, &piece);
    } while (!piece.failed && write_all(output, piece.bytes.start, piece.bytes.length));
    input_stream_drop(input.value);
    return trailers_of(body.value);
}

static void tell(handle request, handle output) {
    optional_text path;
    field_list list;
    handle headers = request_headers(request);
    request_path(request, &path);
    fields_entries(headers, &list);
    fields_drop(headers);
    write_all(output, path.value.start, path.present ? path.value.length : 0);
    write_all(output, "\n", 1);
    for (size_t i = 0; i < list.count; i++) {
        write_all(output, list.start[i].name.start, list.start[i].name.length);
        write_all(output, ": ", 2);
        write_all(output, list.start[i].value.start, list.start[i].value.length);
        write_all(output, "\n", 1);
    }
}

void handle_request(handle request, handle outparam) {
    method method;
    handle_result output;
    finish_result finished;
    handle trailers = 0;

    forget();
    request_method(request, &method);
    handle body = respond(outparam);
    outgoing_body_write(body, &output);
    if (method.number == GET || method.number == HEAD) tell(request, output.value);
    else trailers = echo(request, output.value);
    output_stream_drop(output.value);
    outgoing_body_finish(body, trailers != 0, trailers, &finished);
    request_drop(request);
}
