/*
 * The writing half of a stream: a queue that is sent with one writev a loop turn. What the kernel
 * does not take is kept and sent when the socket has room again.
 *
 * Errors are reported to the owner, never handled here.
 */
#ifndef RINGWAY_DATA_OUTLET_H
#define RINGWAY_DATA_OUTLET_H

#include <uv.h>

#include "data/outq.h"

struct outlet;
struct outlet_write;

/* The kernel took what was pending, or the stream failed (status < 0, UV_ECANCELED on close). */
typedef void (*outlet_written_fn)(struct outlet *outlet, int status);

struct outlet {
    struct outq queue;
    uv_stream_t *stream;        /* borrowed */
    struct outlet_write *write; /* not NULL while libuv writes for us */
    struct segment_pool *pool;  /* borrowed */
    outlet_written_fn on_written;
    uint64_t n_sent; /* bytes that the kernel took; the owner reads and resets it */
};

/**
 * Send what is queued. Borrowed bytes are copied if they cannot be sent now.
 *
 * Returns 0 when the queue is empty, 1 when the rest will be sent later (on_written is then
 * called), or a negative libuv error after which the owner should close the stream.
 */
int outlet_flush(struct outlet *outlet);

/** Bytes of an object in the free list pool->writes. */
size_t outlet_write_size(void);

#endif
