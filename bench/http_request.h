/*
 * What the HTTP stub needs to know of a request's head. Enough for what a proxy in a measurement
 * sends to an origin; it is no HTTP parser.
 */
#ifndef RINGWAY_BENCH_HTTP_REQUEST_H
#define RINGWAY_BENCH_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http_body.h"

struct http_request {
    bool closes;          /* the answer is the connection's last */
    bool is_known;        /* the path is "/SIZE/..." and the framing one that is understood */
    bool has_tag;         /* the path is long enough to have one */
    uint64_t answer_size; /* SIZE, at most HTTP_BODY_MAX_BYTES */
    uint64_t body_size;   /* Content-Length, 0 if there is none */
    char tag[HTTP_BODY_TAG_BYTES]; /* the last bytes of the path */
};

/** Read the [len] bytes of a head, its last empty line included. */
void http_request_parse(struct http_request *request, const char *head, size_t len);

#endif
