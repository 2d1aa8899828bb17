/*
 * A stream of memcached requests as a session reads it: whatever arrives, what the parser returns is
 * safe to forward, and does not depend on where the stream was cut.
 */
#include "../support/memcache_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = {data, size};
    char *whole = stream_run(in, size, size, stream_requests);
    char *pieces = stream_run(in, 1 + size % 5, 1 + size % 11, stream_requests);
    MUST(strcmp(whole, pieces) == 0);
    free(whole);
    free(pieces);

    /* The input itself ends where its memory ends: nothing is read beyond. */
    struct memcache_request request;
    size_t scanned = 0;
    memcache_request_parse(in, &scanned, STREAM_LINE_MAX, &request);
    return 0;
}
