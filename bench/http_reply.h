/*
 * Checks one HTTP response after another against what was asked: status 200, a Content-Length of
 * the expected size, the end of the path at the start of the body, the body's bytes as
 * http_body_matches() compares them, and no "Connection: close" unless it was asked for.
 *
 * This is not an HTTP parser: the origin is ours and a proxy has no reason to send anything else,
 * so a chunked response, an interim one, or one without a length is an error. Nothing is allocated.
 */
#ifndef RINGWAY_BENCH_HTTP_REPLY_H
#define RINGWAY_BENCH_HTTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http_body.h"

enum {
    HTTP_REPLY_MAX_HEAD = 2048,
};

/** What all requests of a run wait for. */
struct http_reply_rules {
    const char *body; /* borrowed: [size] bytes from http_body_fill() */
    uint64_t size;
    bool closes; /* the server is asked to close */
};

enum http_reply_result {
    HTTP_REPLY_MORE,   /* all input used, the response is not complete */
    HTTP_REPLY_DONE,   /* complete and right */
    HTTP_REPLY_BROKEN, /* not what was asked for; head[] says what */
};

struct http_reply {
    bool in_body;
    uint64_t body_at;
    size_t n_head; /* bytes of an unfinished head in head[] */
    char head[HTTP_REPLY_MAX_HEAD + 1];
};

/** Wait for the next response. */
void http_reply_init(struct http_reply *reply);

/**
 * Check the bytes from *[at] to [end] as part of the response whose body starts with [tag],
 * HTTP_BODY_TAG_BYTES long. Stops after one response, with *[at] behind it.
 */
enum http_reply_result http_reply_feed(struct http_reply *reply,
                                       const struct http_reply_rules *rules, const char *tag,
                                       const char **at, const char *end);

#endif
