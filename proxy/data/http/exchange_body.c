/*
 * What bodies of requests and of responses have in common: chunks and trailers.
 */
#include "data/http/exchange.h"
#include "data/http/http_head.h"

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

ssize_t exchange_take_trailers(struct exchange *exchange, struct exchange_body *body,
                               struct slice in, struct outq *to, const char **error)
{
    struct plane *plane = exchange->session->plane;
    struct http1_fields fields;
    struct http1_writer out = {0};
    size_t len;

    switch (http1_trailers_parse(in, &body->scan, plane->config->response_head_bytes, &fields, &len,
                                 error)) {
    case HTTP1_PARSE_MORE:
        return 0;
    case HTTP1_PARSE_ERROR:
        return -1;
    case HTTP1_PARSE_DONE:
        break;
    }
    if (to != NULL) {
        out.max = len + HTTP_HEAD_EXTRA_BYTES;
        out.data = outq_reserve(to, &plane->segments, out.max);
        http1_put_text(&out, "0\r\n");
        http_head_write_trailers(&out, &fields);
        outq_commit(to, out.len);
    }
    return (ssize_t)len;
}
