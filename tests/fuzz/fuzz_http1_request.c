/*
 * Request heads from anybody: what the parser returns lies within the input and does not depend on
 * where the stream was cut, and what it accepts is as strict as it promises.
 */
#include <stdlib.h>

#include "wire/http1.h"

#define HEAD_MAX 512u

static const struct http1_limits limits = {.head_max = HEAD_MAX};

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct slice part, struct slice whole)
{
    MUST(part.len == 0 ||
         (part.data >= whole.data && part.data + part.len <= whole.data + whole.len));
}

static void check_no_line_ends(struct slice part)
{
    MUST(part.len == 0 || memchr(part.data, '\r', part.len) == NULL);
    MUST(part.len == 0 || memchr(part.data, '\n', part.len) == NULL);
    MUST(part.len == 0 || memchr(part.data, '\0', part.len) == NULL);
}

static void check_query(struct slice query)
{
    uint8_t *out = malloc(query.len + 1);
    struct slice value;

    MUST(out != NULL);
    MUST(http1_percent_decode(query, out) <= (ptrdiff_t)query.len);
    if (http1_query_find(query, slice_of("key"), &value)) {
        check_within(value, query);
    }
    free(out);
}

static void check_request(const struct http1_request *request, struct slice in)
{
    struct slice head = slice_make(in.data, request->head_len);
    size_t i;

    MUST(request->head_len <= in.len && request->head_len <= HEAD_MAX);
    MUST(memcmp(in.data + request->head_len - 4, "\r\n\r\n", 4) == 0);
    MUST(request->method.len > 0 && request->target.len > 0);
    MUST(request->has_host || request->minor == 0);
    MUST(!request->has_content_length || request->body != HTTP1_BODY_CHUNKED);
    MUST(request->fields.n <= HTTP1_FIELDS_MAX);
    check_within(request->method, head);
    check_within(request->target, head);
    check_within(request->authority, request->target);
    check_within(request->path, request->target);
    check_within(request->query, request->target);
    check_within(request->host, head);
    check_no_line_ends(request->target);
    for (i = 0; i < request->fields.n; i++) {
        check_within(request->fields.list[i].name, head);
        check_within(request->fields.list[i].value, head);
        check_no_line_ends(request->fields.list[i].name);
        check_no_line_ends(request->fields.list[i].value);
    }
    check_query(request->query);
}

/* Parse [in] as it grows by [step] bytes, each time in memory of exactly its size. */
static enum http1_parse parse_in_pieces(struct slice in, size_t step, struct http1_request *out)
{
    struct http1_scan scan = {0};
    size_t n = 0;

    for (;;) {
        enum http1_parse result;
        uint8_t *copy;

        n = in.len - n < step ? in.len : n + step;
        copy = malloc(n + 1);
        MUST(copy != NULL);
        memcpy(copy + 1, in.data, n);
        result = http1_request_parse(slice_make(copy + 1, n), &scan, &limits, out);
        free(copy);
        if (result != HTTP1_PARSE_MORE || n == in.len) {
            return result;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_make(data, size);
    struct http1_request whole, pieces;
    struct http1_scan scan = {0};
    enum http1_parse result;

    if (size == 0) {
        return 0;
    }
    result = http1_request_parse(in, &scan, &limits, &whole);
    MUST(parse_in_pieces(in, 1 + size % 7, &pieces) == result);
    switch (result) {
    case HTTP1_PARSE_MORE:
        MUST(size < HEAD_MAX);
        break;
    case HTTP1_PARSE_DONE:
        MUST(pieces.head_len == whole.head_len && pieces.fields.n == whole.fields.n);
        check_request(&whole, in);
        break;
    case HTTP1_PARSE_ERROR:
        MUST(pieces.status == whole.status);
        MUST(whole.status == 400 || whole.status == 414 || whole.status == 431 ||
             whole.status == 501 || whole.status == 505);
        MUST(whole.error != NULL);
        break;
    }
    return 0;
}
