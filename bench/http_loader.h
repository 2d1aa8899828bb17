/*
 * One thread's closed loop of HTTP requests: every connection sends a request in one write, waits
 * for its response, checks it, and sends the next. With [closes], each request asks the server to
 * close and the next one opens a connection of its own, once the server has closed: so the side
 * that waits out old connections (TIME_WAIT) is the server, and no client port is held back.
 *
 * A latency is the time from just before the write of the request, or before the connect, to the
 * read that completed the response.
 */
#ifndef RINGWAY_BENCH_HTTP_LOADER_H
#define RINGWAY_BENCH_HTTP_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "figures.h"
#include "keys.h"
#include "pace.h"
#include "util.h"

struct http_loader_options {
    struct util_addr addr;
    const struct keys *keys; /* borrowed; a path ends in one */
    uint32_t n_connections;
    bool posts;              /* POST with a body instead of GET */
    bool closes;             /* a connection for each request */
    uint64_t request_bytes;  /* of a POST's body */
    uint64_t response_bytes; /* of a response's body; the path says so to the origin */
    uint64_t seed;           /* of the choice of keys; not 0 */
    struct pace_options pace;
};

/** Connect, warm up, measure. Dies if it cannot connect; anything later is counted in [figures]. */
void http_loader_run(const struct http_loader_options *options, struct figures *figures);

/**
 * Open [n] connections that are only held, each after one request, and store their descriptors in
 * [fds]. Dies if one cannot be opened or is not answered right.
 */
void http_loader_hold(const struct http_loader_options *options, uint32_t n, int *fds);

#endif
