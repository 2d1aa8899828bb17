/*
 * A stream of responses from a shard: what the parser returns lies within the input, and does not
 * depend on where the stream was cut.
 */
#include "../support/http1_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http1_stream s = {
        .data = slice_make(data, size), .is_response = true, .to_head = size % 7 == 0};
    struct http1_scan scan = {0};
    struct http1_response response;

    if (size == 0) {
        return 0;
    }
    http1_stream_check_cuts(s);

    /* The input itself ends where its memory ends: nothing is read beyond. */
    (void)http1_response_parse(s.data, &scan, 512, &response);
    return 0;
}
