#include "data/outlet.h"

#define OUTLET_BUFS 128u

/* libuv keeps the bytes' addresses, so they stay queued until they are written. */
struct outlet_write {
    uv_write_t request;
    struct outlet *outlet;
    size_t bytes;
};

static void on_write(uv_write_t *request, int status)
{
    struct outlet_write *write = request->data;
    struct outlet *outlet = write->outlet;

    if (status == 0) {
        outq_consume(&outlet->queue, outlet->pool, write->bytes);
        outlet->n_sent += write->bytes;
    }
    outlet->write = NULL;
    freelist_put(&outlet->pool->writes, write);
    outlet->on_written(outlet, status);
}

static int write_rest(struct outlet *outlet)
{
    uv_buf_t bufs[OUTLET_BUFS];
    struct outlet_write *write = freelist_get(&outlet->pool->writes);
    unsigned n;
    int err;

    outq_keep(&outlet->queue, outlet->pool);
    n = outq_peek(&outlet->queue, bufs, OUTLET_BUFS, &write->bytes);
    write->outlet = outlet;
    write->request.data = write;
    err = uv_write(&write->request, outlet->stream, bufs, n, on_write);
    if (err < 0) {
        freelist_put(&outlet->pool->writes, write);
        return err;
    }
    outlet->write = write;
    return 1;
}

int outlet_flush(struct outlet *outlet)
{
    if (outlet->write != NULL) {
        outq_keep(&outlet->queue, outlet->pool);
        return 1;
    }
    while (outlet->queue.bytes > 0) {
        uv_buf_t bufs[OUTLET_BUFS];
        size_t bytes;
        unsigned n = outq_peek(&outlet->queue, bufs, OUTLET_BUFS, &bytes);
        int sent = uv_try_write(outlet->stream, bufs, n);

        if (sent < 0 && sent != UV_EAGAIN) {
            return sent;
        }
        sent = sent < 0 ? 0 : sent;
        outq_consume(&outlet->queue, outlet->pool, (size_t)sent);
        outlet->n_sent += (size_t)sent;
        if ((size_t)sent < bytes) {
            return write_rest(outlet);
        }
    }
    return 0;
}

size_t outlet_write_size(void)
{
    return sizeof(struct outlet_write);
}
