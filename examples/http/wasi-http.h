/*
 * The functions of wasi:http and wasi:io that the examples here use, as the canonical ABI has them: resources are numbered
 * handles, strings and lists are a pointer and a length, and what does not fit into one value is written to `out`. A
 * generator (wit-bindgen) writes such a file for larger programs.
 */
#include <stddef.h>
#include <stdint.h>

#define HTTP(name) __attribute__((import_module("wasi:http/types@0.2.12"), import_name(name)))
#define STREAMS(name) __attribute__((import_module("wasi:io/streams@0.2.12"), import_name(name)))
#define POLL(name) __attribute__((import_module("wasi:io/poll@0.2.12"), import_name(name)))

typedef int32_t handle;

typedef struct {
    const char *start;
    size_t length;
} text;

typedef struct {
    text name, value;
} field;

typedef struct {
    const field *start;
    size_t count;
} field_list;

/* result<handle> */
typedef struct {
    uint8_t failed;
    handle value;
} handle_result;

/* stream-error: the handle is there unless the stream has only ended, and can be asked for a message. */
typedef struct {
    uint8_t closed;
    handle error;
} stream_error;

/* result<list<u8>, stream-error> */
typedef struct {
    uint8_t failed;
    union {
        text bytes;
        stream_error error;
    };
} read_result;

/* result<_, stream-error> */
typedef struct {
    uint8_t failed;
    stream_error error;
} write_result;

typedef struct {
    uint8_t number;
    text other;
} method;

typedef struct {
    uint8_t present;
    text value;
} optional_text;

/* option<result<result<option<trailers>, error-code>>>; what an error says is left out. */
typedef struct {
    _Alignas(8) uint8_t present;
    _Alignas(8) uint8_t taken;
    _Alignas(8) uint8_t failed;
    _Alignas(8) uint8_t has_trailers;
    handle trailers;
    uint8_t error[40];
} trailers_result;

/* result<_, error-code> */
typedef struct {
    _Alignas(8) uint8_t failed;
    uint8_t error[56];
} finish_result;

HTTP("[method]incoming-request.method") void request_method(handle request, method *out);
HTTP("[method]incoming-request.path-with-query") void request_path(handle request, optional_text *out);
HTTP("[method]incoming-request.headers") handle request_headers(handle request);
HTTP("[method]incoming-request.consume") void request_consume(handle request, handle_result *out);
HTTP("[resource-drop]incoming-request") void request_drop(handle request);

HTTP("[method]incoming-body.stream") void incoming_body_stream(handle body, handle_result *out);
HTTP("[static]incoming-body.finish") handle incoming_body_finish(handle body);
HTTP("[method]future-trailers.subscribe") handle future_trailers_subscribe(handle trailers);
HTTP("[method]future-trailers.get") void future_trailers_get(handle trailers, trailers_result *out);
HTTP("[resource-drop]future-trailers") void future_trailers_drop(handle trailers);

HTTP("[constructor]fields") handle fields_new(void);
HTTP("[static]fields.from-list") void fields_from_list(const field *fields, size_t count, handle_result *out);
HTTP("[method]fields.entries") void fields_entries(handle fields, field_list *out);
HTTP("[method]fields.append")
void fields_append(handle fields, const char *name, size_t name_length, const char *value, size_t value_length, uint8_t out[2]);
HTTP("[resource-drop]fields") void fields_drop(handle fields);

HTTP("[constructor]outgoing-response") handle response_new(handle headers);
HTTP("[method]outgoing-response.set-status-code") int32_t response_set_status(handle response, int32_t status);
HTTP("[method]outgoing-response.body") void response_body(handle response, handle_result *out);
HTTP("[method]outgoing-body.write") void outgoing_body_write(handle body, handle_result *out);
HTTP("[static]outgoing-body.finish")
void outgoing_body_finish(handle body, int32_t has_trailers, handle trailers, finish_result *out);
/* A response when `failed` is 0; otherwise the error's number is `value`, and the rest is what it says. */
HTTP("[static]response-outparam.set")
void outparam_set(handle outparam, int32_t failed, int32_t value, int32_t, int64_t, int32_t, int32_t, int32_t, int32_t);

STREAMS("[method]input-stream.blocking-read") void stream_read(handle stream, int64_t length_max, read_result *out);
STREAMS("[resource-drop]input-stream") void input_stream_drop(handle stream);
/* At most 4,096 bytes at a time. */
STREAMS("[method]output-stream.blocking-write-and-flush")
void stream_write(handle stream, const char *start, size_t length, write_result *out);
STREAMS("[resource-drop]output-stream") void output_stream_drop(handle stream);

POLL("[method]pollable.block") void pollable_block(handle pollable);
POLL("[resource-drop]pollable") void pollable_drop(handle pollable);

/* What the component exports: this function, and where the host puts strings and lists that it returns. */
__attribute__((export_name("wasi:http/incoming-handler@0.2.12#handle"))) void handle_request(handle request, handle outparam);
__attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t old_size, size_t align, size_t new_size);
