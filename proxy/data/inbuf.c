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
