/*
 * A stream of requests from anybody: what the parser returns lies within the input, is as strict as
 * it promises, and does not depend on where the stream was cut.
 */
#include "../support/http1_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_target(struct slice target)
{
    uint8_t *out = malloc(target.len + 1), *again = malloc(target.len + 1);
    struct slice value;
    ptrdiff_t decoded;

    HTTP1_MUST(out != NULL && again != NULL);
    decoded = http1_percent_decode(target, out);
    HTTP1_MUST(decoded <= (ptrdiff_t)target.len);
    if (http1_query_find(target, slice_of("key"), &value)) {
        http1_stream_check_inside(value, target);
    }
    if (http1_cookie_find(target, slice_of("key"), &value)) {
        http1_stream_check_inside(value, target);
    }
    if (target.len > 0 && target.data[0] == '/') {
        size_t len = http1_path_normalize(target, out);

        HTTP1_MUST(len >= 1 && len <= target.len && out[0] == '/');
        if (decoded >= 0) { /* a malformed escape may become another one */
            HTTP1_MUST(http1_path_normalize(slice_make(out, len), again) == len);
            HTTP1_MUST(memcmp(out, again, len) == 0);
        }
    }
    free(out);
    free(again);
}

/* The input itself ends where its memory ends: nothing is read beyond. */
static void check_alone(struct slice in)
{
    const struct http1_limits limits = {512, true};
    struct http1_scan scan = {0};
    struct http1_request request;

    if (http1_request_parse(in, &scan, &limits, &request) == HTTP1_PARSE_DONE) {
        check_target(request.path);
        check_target(request.query);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http1_stream s = {.data = slice_make(data, size), .allow_fragment = size % 2 == 0};

    if (size == 0) {
        return 0;
    }
    http1_stream_check_cuts(s);
    check_alone(s.data);
    return 0;
}
