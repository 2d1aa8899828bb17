#include "data/outq.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

#define KEEP_BORROWED 4096u
#define KEEP_SMALL    2048u
#define KEEP_LARGE    64u

/* Segments with storage hold it right behind the struct. */
static uint8_t *storage(struct segment *segment)
{
    return (uint8_t *)(segment + 1);
}

void segment_pool_init(struct segment_pool *pool)
{
    freelist_init(&pool->borrowed, sizeof(struct segment), KEEP_BORROWED);
    freelist_init(&pool->small, sizeof(struct segment) + SEGMENT_SMALL_BYTES, KEEP_SMALL);
    freelist_init(&pool->large, sizeof(struct segment) + SEGMENT_LARGE_BYTES, KEEP_LARGE);
}

void segment_pool_deinit(struct segment_pool *pool)
{
    freelist_deinit(&pool->borrowed);
    freelist_deinit(&pool->small);
    freelist_deinit(&pool->large);
}

static struct freelist *list_of(struct segment_pool *pool, enum segment_kind kind)
{
    switch (kind) {
    case SEGMENT_SMALL:
        return &pool->small;
    case SEGMENT_LARGE:
        return &pool->large;
    case SEGMENT_BORROWED:
    case SEGMENT_HEAP:
        break;
    }
    return &pool->borrowed;
}

static void segment_destroy(struct segment *segment, struct segment_pool *pool)
{
    if (segment->kind == SEGMENT_HEAP) {
        free(segment->heap);
    }
    freelist_put(list_of(pool, segment->kind), segment);
}

static struct segment *segment_create(struct segment_pool *pool, enum segment_kind kind)
{
    struct segment *segment = freelist_get(list_of(pool, kind));

    segment->next = NULL;
    segment->kind = kind;
    segment->len = 0;
    segment->room = 0;
    segment->heap = NULL;
    return segment;
}

/* A segment with room for at least [len] bytes of its own. */
static struct segment *segment_with_room(struct segment_pool *pool, size_t len, bool bulk)
{
    struct segment *segment;

    if (len > SEGMENT_LARGE_BYTES) {
        segment = segment_create(pool, SEGMENT_HEAP);
        segment->heap = xmalloc(len);
        segment->data = segment->heap;
        segment->room = len;
        return segment;
    }
    bulk = bulk || len > SEGMENT_SMALL_BYTES;
    segment = segment_create(pool, bulk ? SEGMENT_LARGE : SEGMENT_SMALL);
    segment->data = storage(segment);
    segment->room = bulk ? SEGMENT_LARGE_BYTES : SEGMENT_SMALL_BYTES;
    return segment;
}

static void link_last(struct outq *q, struct segment *segment)
{
    if (q->tail == NULL) {
        q->head = segment;
    } else {
        q->tail->next = segment;
    }
    q->tail = segment;
}

static void segment_fill(struct segment *segment, struct slice bytes)
{
    /* The storage is ours and writable; data is const because borrowed bytes are not. */
    memcpy((uint8_t *)(uintptr_t)(segment->data + segment->len), bytes.data, bytes.len);
    segment->len += bytes.len;
    segment->room -= bytes.len;
}

void outq_copy(struct outq *q, struct segment_pool *pool, struct slice bytes)
{
    struct segment *tail = q->tail;

    if (bytes.len == 0) {
        return;
    }
    if (tail == NULL || tail->room < bytes.len) {
        bool grows = q->bulk || (tail != NULL && tail->kind != SEGMENT_BORROWED);

        tail = segment_with_room(pool, bytes.len, grows);
        link_last(q, tail);
    }
    segment_fill(tail, bytes);
    q->bytes += bytes.len;
}

uint8_t *outq_reserve(struct outq *q, struct segment_pool *pool, size_t max)
{
    if (q->tail == NULL || q->tail->room < max) {
        link_last(q, segment_with_room(pool, max, true));
    }
    return (uint8_t *)(uintptr_t)(q->tail->data + q->tail->len);
}

void outq_commit(struct outq *q, size_t n)
{
    q->tail->len += n;
    q->tail->room -= n;
    q->bytes += n;
}

void outq_borrow(struct outq *q, struct segment_pool *pool, struct slice bytes)
{
    struct segment *tail = q->tail;

    if (bytes.len == 0) {
        return;
    }
    if (tail == NULL || tail->kind != SEGMENT_BORROWED || tail->data + tail->len != bytes.data) {
        tail = segment_create(pool, SEGMENT_BORROWED);
        tail->data = bytes.data;
        link_last(q, tail);
    }
    tail->len += bytes.len;
    q->bytes += bytes.len;
}

void outq_add(struct outq *q, struct segment_pool *pool, struct slice bytes, bool stable)
{
    if (stable && bytes.len > OUTQ_COPY_MAX_BYTES) {
        outq_borrow(q, pool, bytes);
    } else {
        outq_copy(q, pool, bytes);
    }
}

void outq_give(struct outq *q, struct segment_pool *pool, void *heap, struct slice bytes)
{
    struct segment *segment = segment_create(pool, SEGMENT_HEAP);

    segment->heap = heap;
    segment->data = bytes.data;
    segment->len = bytes.len;
    link_last(q, segment);
    q->bytes += bytes.len;
}

void outq_move(struct outq *q, struct outq *from)
{
    if (from->head == NULL) {
        return;
    }
    if (q->tail == NULL) {
        q->head = from->head;
    } else {
        q->tail->next = from->head;
    }
    q->tail = from->tail;
    q->bytes += from->bytes;
    from->head = from->tail = NULL;
    from->bytes = 0;
}

void outq_keep(struct outq *q, struct segment_pool *pool)
{
    struct outq kept = {.bulk = true};
    struct segment *segment = q->head, *next;

    for (; segment != NULL; segment = next) {
        next = segment->next;
        if (segment->kind == SEGMENT_BORROWED) {
            outq_copy(&kept, pool, slice_make(segment->data, segment->len));
            segment_destroy(segment, pool);
            continue;
        }
        segment->next = NULL;
        link_last(&kept, segment);
        kept.bytes += segment->len;
    }
    kept.bulk = q->bulk;
    *q = kept;
}

void outq_consume(struct outq *q, struct segment_pool *pool, size_t n)
{
    q->bytes -= n;
    while (n > 0 || (q->head != NULL && q->head->len == 0)) {
        struct segment *segment = q->head;

        assert(segment != NULL); /* the caller sent no more than there was */
        if (segment->len > n) {
            segment->data += n;
            segment->len -= n;
            return;
        }
        n -= segment->len;
        q->head = segment->next;
        if (q->head == NULL) {
            q->tail = NULL;
        }
        segment_destroy(segment, pool);
    }
}

void outq_clear(struct outq *q, struct segment_pool *pool)
{
    while (q->head != NULL) {
        struct segment *segment = q->head;

        q->head = segment->next;
        segment_destroy(segment, pool);
    }
    q->tail = NULL;
    q->bytes = 0;
}

unsigned outq_peek(const struct outq *q, uv_buf_t *bufs, unsigned max, size_t *bytes)
{
    const struct segment *segment = q->head;
    unsigned n = 0;

    *bytes = 0;
    for (; segment != NULL && n < max; segment = segment->next) {
        bufs[n].base = (char *)(uintptr_t)segment->data;
        bufs[n].len = segment->len;
        *bytes += segment->len;
        n++;
    }
    return n;
}
