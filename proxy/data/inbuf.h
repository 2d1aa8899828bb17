/*
 * Input that could not be parsed yet: the unfinished end of what was read. Owns no memory while
 * empty, so that an idle connection owns none.
 */
#ifndef RINGWAY_DATA_INBUF_H
#define RINGWAY_DATA_INBUF_H

#include <stdbool.h>
#include <sys/types.h>
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

/** Did the bytes in [buf] come into inbuf_read_buffer()? Asked before inbuf_read_used(). */
bool inbuf_is_in_place(const struct inbuf *in, const uv_buf_t *buf);

/** Give the memory away, to be freed by the caller with free(). */
void *inbuf_take(struct inbuf *in);

/**
 * Consume what is whole of [in]. May set need, and may inbuf_take() the memory that [in] lies in, all
 * of which then counts as consumed.
 *
 * [stable] The bytes stay where they are until the end of the turn. False for bytes in the inbuf.
 *
 * Returns the bytes consumed, or -1: the input is beyond repair.
 */
typedef ssize_t (*inbuf_parse_fn)(void *owner, struct slice in, bool stable);

/**
 * Pass bytes that were just read to [parse], behind those that wait; what it leaves is kept. It is
 * called once at most, and not before need is met. need is 0 when it is called.
 *
 * [bytes]    Copied when they must wait. With [in_place] they are in the inbuf already and only their
 *            being new matters; an empty slice then parses again what waits.
 * [in_place] From inbuf_is_in_place(); inbuf_read_used() has been called.
 * [owner]    Passed to [parse].
 *
 * Returns 0, or -1 when [parse] did: it has consumed nothing.
 */
int inbuf_feed(struct inbuf *in, struct slice bytes, bool in_place, inbuf_parse_fn parse,
               void *owner);

static inline struct slice inbuf_slice(const struct inbuf *in)
{
    return slice_make(in->data, in->len);
}

static inline bool inbuf_is_ready(const struct inbuf *in)
{
    return in->len >= in->need;
}

#endif
