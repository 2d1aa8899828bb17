/*
 * Bytes on their way out: a queue of segments for writev. A segment either borrows bytes (the read
 * arena until the end of the loop turn, a string literal for ever) or owns them. Whatever is still
 * unsent at the end of the turn is made to own its bytes by outq_keep().
 *
 * Not here: sockets (outlet.h).
 */
#ifndef RINGWAY_DATA_OUTQ_H
#define RINGWAY_DATA_OUTQ_H

#include <uv.h>

#include "base/slice.h"
#include "data/freelist.h"

#define SEGMENT_SMALL_BYTES 448u
#define SEGMENT_LARGE_BYTES (16u * 1024u)

enum segment_kind { SEGMENT_BORROWED, SEGMENT_SMALL, SEGMENT_LARGE, SEGMENT_HEAP };

struct segment {
    struct segment *next;
    const uint8_t *data; /* first unsent byte */
    size_t len;
    size_t room; /* writable bytes behind data + len */
    void *heap;  /* SEGMENT_HEAP: to free */
    enum segment_kind kind;
};

/* Where a worker's segments come from, and what outlets need to write them. */
struct segment_pool {
    struct freelist borrowed, small, large;
    struct freelist writes; /* of outlet_write_size() bytes, for outlets */
};

struct outq {
    struct segment *head, *tail;
    size_t bytes;
    bool bulk; /* many small pieces are expected: copy into large segments from the start */
};

void segment_pool_init(struct segment_pool *pool);
void segment_pool_deinit(struct segment_pool *pool);

/** Append [bytes] by copying them. Cost: the copy; a new segment when the last one is full. */
void outq_copy(struct outq *q, struct segment_pool *pool, struct slice bytes);

/**
 * Room for [max] bytes at the end of the queue, to be written and then counted with outq_commit().
 * Nothing else may be done with the queue in between.
 */
uint8_t *outq_reserve(struct outq *q, struct segment_pool *pool, size_t max);

/** The first [n] bytes of what outq_reserve() gave are to be sent. */
void outq_commit(struct outq *q, size_t n);

/** Append [bytes] by reference: valid until the end of the loop turn, or for ever. */
void outq_borrow(struct outq *q, struct segment_pool *pool, struct slice bytes);

/** Append [bytes], by reference if they are [stable] and more than this, else by copying them: fewer
 * pieces to send. */
#define OUTQ_COPY_MAX_BYTES 1024u
void outq_add(struct outq *q, struct segment_pool *pool, struct slice bytes, bool stable);

/** Append [bytes], which lie in [heap], a malloc()ed block that the queue now owns. */
void outq_give(struct outq *q, struct segment_pool *pool, void *heap, struct slice bytes);

/** Move everything from [from] behind what [q] holds. */
void outq_move(struct outq *q, struct outq *from);

/** Copy every borrowed segment, because the turn ends. */
void outq_keep(struct outq *q, struct segment_pool *pool);

/** Drop the first [n] bytes, at most q->bytes. */
void outq_consume(struct outq *q, struct segment_pool *pool, size_t n);

void outq_clear(struct outq *q, struct segment_pool *pool);

/** Fill [bufs] with the first at most [max] segments; returns how many, and their bytes. */
unsigned outq_peek(const struct outq *q, uv_buf_t *bufs, unsigned max, size_t *bytes);

#endif
