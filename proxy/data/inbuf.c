#include "data/inbuf.h"

#include <stdlib.h>

#include "base/memory.h"

#define INBUF_MIN_BYTES    256u
#define INBUF_DIRECT_BYTES 4096u /* below this a copy is cheaper than a read of its own */

static void grow(struct inbuf *in, size_t room)
{
    size_t doubled = in->room * 2;

    room = room < in->need ? in->need : room;
    room = room < doubled && in->need == 0 ? doubled : room;
    room = room < INBUF_MIN_BYTES ? INBUF_MIN_BYTES : room;
    in->data = xrealloc(in->data, room);
    in->room = room;
}

void inbuf_append(struct inbuf *in, struct slice bytes)
{
    if (bytes.len == 0) {
        return;
    }
    if (in->len + bytes.len > in->room) {
        grow(in, in->len + bytes.len);
    }
    memcpy(in->data + in->len, bytes.data, bytes.len);
    in->len += bytes.len;
}

void inbuf_drop(struct inbuf *in, size_t n)
{
    if (n < in->len) {
        if (n > 0) {
            memmove(in->data, in->data + n, in->len - n);
        }
        in->len -= n;
        return;
    }
    free(inbuf_take(in));
}

uv_buf_t inbuf_read_buffer(struct inbuf *in)
{
    uv_buf_t none = {.base = NULL, .len = 0};

    if (in->need < in->len + INBUF_DIRECT_BYTES) {
        return none;
    }
    if (in->room < in->need) {
        grow(in, in->need);
    }
    return uv_buf_init((char *)in->data + in->len, (unsigned)(in->need - in->len));
}

void inbuf_read_used(struct inbuf *in, size_t n)
{
    in->len += n;
}

void *inbuf_take(struct inbuf *in)
{
    void *data = in->data;

    *in = (struct inbuf){0};
    return data;
}

bool inbuf_is_in_place(const struct inbuf *in, const uv_buf_t *buf)
{
    return in->data != NULL && (const uint8_t *)buf->base == in->data + in->len;
}

/* Nothing waits: the bytes are parsed where they are, and only their unfinished end is copied. */
static int feed_new(struct inbuf *in, struct slice bytes, inbuf_parse_fn parse, void *owner)
{
    ssize_t used;

    in->need = 0;
    used = parse(owner, bytes, true);
    if (used < 0) {
        return -1;
    }
    inbuf_append(in, slice_skip(bytes, (size_t)used));
    return 0;
}

static int feed_waiting(struct inbuf *in, inbuf_parse_fn parse, void *owner)
{
    ssize_t used;
    size_t need;

    if (in->len == 0 || !inbuf_is_ready(in)) {
        return 0;
    }
    in->need = 0;
    used = parse(owner, inbuf_slice(in), false);
    if (used < 0) {
        return -1;
    }
    need = in->need;
    inbuf_drop(in, (size_t)used); /* harmless when the parser has taken the memory */
    in->need = need;
    return 0;
}

int inbuf_feed(struct inbuf *in, struct slice bytes, bool in_place, inbuf_parse_fn parse,
               void *owner)
{
    if (!in_place && in->len == 0) {
        return feed_new(in, bytes, parse, owner);
    }
    if (!in_place) {
        inbuf_append(in, bytes);
    }
    return feed_waiting(in, parse, owner);
}
