/*
 * A stream of replies from a shard: whatever arrives, what the parser returns is well formed, and
 * does not depend on where the stream was cut.
 */
#include "../support/memcache_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = {data, size};
    char *whole = stream_run(in, size, size, stream_replies);
    char *pieces = stream_run(in, 1 + size % 5, 1 + size % 11, stream_replies);
    MUST(strcmp(whole, pieces) == 0);
    free(whole);
    free(pieces);

    /* The input itself ends where its memory ends: nothing is read beyond. */
    struct memcache_reply reply;
    memcache_reply_parse(in, &reply);
    return 0;
}
