/*
 * Chunked bodies with their trailers: the data does not depend on where the stream was cut, and is
 * the same again when it is decoded from chunks that are written anew.
 */
#include "../support/http1_stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The stream of [size] bytes at [data], as the body of a message whose head is accepted already. */
static struct http1_stream body_of(const uint8_t *data, size_t size)
{
    return (struct http1_stream){
        .data = slice_make(data, size),
        .phase = HTTP1_STREAM_CHUNKS,
        .n_messages = 1,
    };
}

/* [data] as one chunk for each five bytes, and no trailers; to be freed. */
static uint8_t *write_chunks(struct slice data, size_t *len)
{
    size_t max = data.len * 6 + 16;
    struct http1_writer writer = {.data = malloc(max), .max = max};

    HTTP1_MUST(writer.data != NULL);
    while (data.len > 0) {
        size_t n = data.len < 5 ? data.len : 5;

        http1_put_hex(&writer, n);
        http1_put_text(&writer, "\r\n");
        http1_put(&writer, slice_make(data.data, n));
        http1_put_text(&writer, "\r\n");
        data = slice_skip(data, n);
    }
    http1_put_text(&writer, "0\r\n\r\n");
    HTTP1_MUST(!writer.overflowed);
    *len = writer.len;
    return writer.data;
}

static void check_written(struct slice data)
{
    size_t len;
    uint8_t *chunks = write_chunks(data, &len);
    struct http1_stream again = body_of(chunks, len), expected = {0};

    http1_stream_run(&again, len, len);
    http1_stream_add_body(&expected, data);
    HTTP1_MUST(again.now.end == len && again.now.body_hash == expected.now.body_hash);
    free(chunks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http1_stream s = body_of(data, size);

    if (size == 0) {
        return 0;
    }
    http1_stream_check_cuts(s);
    check_written(s.data);
    return 0;
}
