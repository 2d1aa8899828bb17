/*
 * What bodies of requests and of responses have in common: chunks.
 */
#include "data/http/exchange.h"

void exchange_write_chunk(struct exchange *exchange, struct slice data, bool stable,
                          exchange_write_fn *write)
{
    uint8_t room[24];
    struct http1_writer line = {.data = room, .max = sizeof(room)};

    http1_put_hex(&line, data.len);
    http1_put_text(&line, "\r\n");
    write(exchange, slice_make(room, line.len), false);
    write(exchange, data, stable);
    write(exchange, slice_of("\r\n"), false);
}

ssize_t exchange_take_chunks(struct exchange *exchange, struct exchange_body *body, struct slice in,
                             bool stable, exchange_write_fn *take)
{
    size_t done = 0;

    while (done < in.len) {
        struct slice data;
        size_t used;

        switch (http1_chunks_next(&body->chunks, slice_skip(in, done), &used, &data)) {
        case HTTP1_CHUNK_MORE:
            return (ssize_t)in.len;
        case HTTP1_CHUNK_DATA:
            take(exchange, data, stable);
            break;
        case HTTP1_CHUNK_LAST:
            body->in_trailers = true;
            return (ssize_t)(done + used);
        case HTTP1_CHUNK_ERROR:
            return -1;
        }
        done += used;
    }
    return (ssize_t)done;
}
