/*
 * Input that could not be parsed yet: the unfinished end of what was read. Owns no memory while
 * empty, so that an idle connection owns none.
 */
#ifndef RINGWAY_DATA_INBUF_H
#define RINGWAY_DATA_INBUF_H

#include <uv.h>

#include "base/slice.h"

struct inbuf {
    uint8_t *data; /* NULL while empty */
    size_t len, room;
    size_t need; /* the parser wants this many bytes before it looks again; 0 = any more */
};

/** Append a copy of [bytes]. */
void inbuf_append(struct inbuf *in, struct slice bytes);

/** Drop the first [n] bytes; frees the memory when nothing is left. */
void inbuf_drop(struct inbuf *in, size_t n);

/**
 * Where the kernel should put the next bytes, so that a long message is not copied twice: room for
 * exactly what [need] still wants. base is NULL when reading elsewhere and copying is as good.
 */
uv_buf_t inbuf_read_buffer(struct inbuf *in);

/** The kernel put [n] bytes into inbuf_read_buffer(). */
void inbuf_read_used(struct inbuf *in, size_t n);

/** Give the memory away, to be freed by the caller with free(). */
void *inbuf_take(struct inbuf *in);

static inline struct slice inbuf_slice(const struct inbuf *in)
{
    return slice_make(in->data, in->len);
}

static inline bool inbuf_is_ready(const struct inbuf *in)
{
    return in->len >= in->need;
}

#endif
