#include "data/http/http_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "data/http/exchange.h"
#include "data/http/http_pool.h"

/* ---- state ------------------------------------------------------------------------------- */

void http_conn_touch(struct http_conn *conn)
{
    if (conn->state != HTTP_CONN_CLOSING && list_empty(&conn->dirty)) {
        list_append(&conn->upstream->plane->dirty_http_conns, &conn->dirty);
    }
}

/* ---- the end of a connection ------------------------------------------------------------- */

static void destroy(struct http_conn *conn)
{
    struct plane *plane = conn->upstream->plane;

    outq_clear(&conn->out.queue, &plane->segments);
    free(inbuf_take(&conn->in));
    freelist_put(&plane->http_conns, conn);
}

static void on_closed(uv_handle_t *handle)
{
    destroy(handle->data);
}

void http_conn_close(struct http_conn *conn)
{
    if (dial_has_handle(&conn->dial)) {
        dial_cancel(&conn->dial);
        uv_close(&conn->io.handle, on_closed);
    } else {
        dial_cancel(&conn->dial);
        destroy(conn);
    }
}

void http_conn_discard(struct http_conn *conn)
{
    struct upstream *upstream = conn->upstream;

    if (conn->state == HTTP_CONN_CLOSING) {
        return;
    }
    if (conn->state == HTTP_CONN_OPENING) {
        upstream->http->probing = upstream->http->probing && conn->exchange != NULL;
    } else {
        counter_add(&upstream->feedback->disconnects, 1);
    }
    conn->state = HTTP_CONN_CLOSING;
    http_pool_remove_idle(upstream->http, conn);
    list_remove(&conn->all);
    list_remove(&conn->dirty);
    upstream->http->n_open--;
    list_append(&upstream->plane->broken_http_conns, &conn->dirty);
}

static void detach(struct http_conn *conn)
{
    if (conn->exchange != NULL) {
        conn->exchange = NULL;
        gauge_add(&conn->upstream->feedback->in_flight, -1);
    }
}

void http_conn_break(struct http_conn *conn, enum http_conn_loss loss, const char *why,
                     bool is_failure)
{
    struct upstream *upstream = conn->upstream;
    struct exchange *exchange = conn->exchange;

    if (conn->state == HTTP_CONN_CLOSING) {
        return;
    }
    if (conn->state == HTTP_CONN_OPENING && (is_failure || loss == HTTP_CONN_STARVED)) {
        counter_add(&upstream->feedback->connect_failures, 1);
    }
    if (loss == HTTP_CONN_PROTOCOL) {
        counter_add(&upstream->feedback->protocol_errors, 1);
    }
    http_conn_discard(conn);
    detach(conn);
    if (is_failure) {
        http_pool_note_failure(upstream, why);
    }
    if (exchange != NULL) {
        exchange_on_lost(exchange, loss, why);
    }
}

void http_conn_release(struct http_conn *conn, bool reusable)
{
    struct http_pool *pool = conn->upstream->http;
    const struct config_pool *config = conn->upstream->pool;

    detach(conn);
    if (conn->state == HTTP_CONN_CLOSING) {
        return;
    }
    if (!reusable || conn->state != HTTP_CONN_BUSY || pool->n_idle >= config->connections ||
        config->keep_alive_us == 0 || conn->upstream->ejected || pool->stopping ||
        conn->out.queue.bytes > 0 || conn->ends_output) {
        http_conn_discard(conn);
        return;
    }
    conn->state = HTTP_CONN_IDLE;
    conn->reused = true;
    conn->sent = false;
    conn->since_us = plane_now(conn->upstream->plane);
    http_pool_add_idle(pool, conn);
    http_conn_set_reading(conn, true);
    plane_wake_at(conn->upstream->plane, conn->since_us + config->keep_alive_us);
}

/* ---- reading ----------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct http_conn *conn = handle->data;
    uint64_t most = conn->upstream->plane->config->stream_buffer_bytes;

    (void)suggested;
    *buf = inbuf_read_buffer(&conn->in);
    if (buf->base == NULL) {
        *buf = plane_read_buffer(conn->upstream->plane);
    }
    buf->len = buf->len > most ? most : buf->len;
}

static ssize_t on_bytes(void *owner, struct slice in, bool stable)
{
    struct http_conn *conn = owner;
    size_t done = 0;

    while (done < in.len && conn->state == HTTP_CONN_BUSY) {
        ssize_t used = exchange_on_response(conn->exchange, slice_skip(in, done), stable);

        if (used < 0) {
            return -1;
        }
        if (used == 0) {
            return (ssize_t)done;
        }
        done += (size_t)used;
    }
    if (done < in.len && conn->state == HTTP_CONN_IDLE) {
        return -1; /* bytes after a response */
    }
    return (ssize_t)in.len;
}

static void on_end(struct http_conn *conn, ssize_t status)
{
    if (conn->exchange == NULL) {
        http_conn_discard(conn);
    } else if (status != UV_EOF || !exchange_on_response_end(conn->exchange)) {
        http_conn_break(conn, HTTP_CONN_LOST, "closed the connection",
                        exchange_needs_conn(conn->exchange) && (!conn->reused || conn->answered));
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct http_conn *conn = stream->data;
    struct upstream *upstream = conn->upstream;
    bool in_place = inbuf_is_in_place(&conn->in, buf);

    if (n == 0 || conn->state == HTTP_CONN_CLOSING) {
        return;
    }
    if (n < 0) {
        on_end(conn, n);
        return;
    }
    if (in_place) {
        inbuf_read_used(&conn->in, (size_t)n);
    } else {
        plane_read_used(upstream->plane, (size_t)n);
    }
    counter_add(&upstream->shard_feedback->bytes_received, (uint64_t)n);
    if (!conn->sent) { /* an exchange that is to use it does not make them its answer */
        http_conn_break(conn, conn->exchange == NULL ? HTTP_CONN_PROTOCOL : HTTP_CONN_LOST,
                        "bytes without a request", false);
        return;
    }
    conn->since_us = plane_now(upstream->plane);
    conn->answered = true;
    if (inbuf_feed(&conn->in, slice_make(buf->base, (size_t)n), in_place, on_bytes, conn) < 0) {
        http_conn_break(conn, HTTP_CONN_PROTOCOL, "malformed or unexpected response",
                        conn->exchange != NULL);
    } else if (conn->exchange != NULL) {
        exchange_pass_on(conn->exchange);
    }
}

void http_conn_set_reading(struct http_conn *conn, bool wanted)
{
    if (conn->reading == wanted || conn->state == HTTP_CONN_CLOSING ||
        conn->state == HTTP_CONN_OPENING || (!wanted && conn->upstream->plane->sending_early)) {
        return;
    }
    conn->reading = wanted;
    if (!wanted) {
        uv_read_stop(&conn->io.stream);
    } else if (uv_read_start(&conn->io.stream, on_alloc, on_read) != 0) {
        http_conn_break(conn, HTTP_CONN_LOST, "cannot read", true);
    } else {
        conn->since_us = plane_now(conn->upstream->plane);
    }
}

bool http_conn_is_stale(const struct http_conn *conn)
{
    uv_os_fd_t fd;
    char byte;
    ssize_t n;

    if (uv_fileno(&conn->io.handle, &fd) != 0) {
        return true;
    }
    n = recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

/* ---- writing ----------------------------------------------------------------------------- */

void http_conn_write(struct http_conn *conn, struct slice bytes, bool stable)
{
    outq_add(&conn->out.queue, conn->out.pool, bytes, stable);
    http_conn_touch(conn);
}

static void end_output(struct http_conn *conn)
{
    uv_os_fd_t fd;

    if (uv_fileno(&conn->io.handle, &fd) == 0) {
        (void)shutdown(fd, SHUT_WR); /* if that fails the connection is lost anyway */
    }
}

void http_conn_flush(struct http_conn *conn)
{
    struct upstream *upstream = conn->upstream;
    int err;

    list_remove(&conn->dirty);
    if (conn->state != HTTP_CONN_BUSY) {
        return;
    }
    err = outlet_flush(&conn->out);
    conn->sent = conn->sent || err >= 0;
    if (conn->out.n_sent > 0) {
        counter_add(&upstream->shard_feedback->bytes_sent, conn->out.n_sent);
        conn->out.n_sent = 0;
        conn->since_us = plane_now(upstream->plane);
    }
    if (err < 0) {
        /* What the replica had to say before it closed is still to be read. */
        outq_clear(&conn->out.queue, conn->out.pool);
        exchange_on_output_lost(conn->exchange);
        return;
    }
    if (conn->out.queue.bytes == 0 && conn->ends_output) {
        end_output(conn);
    }
    exchange_on_request_flushed(conn->exchange);
}

static void on_written(struct outlet *outlet, int status)
{
    struct http_conn *conn = LIST_ENTRY(outlet, struct http_conn, out);

    if (status == UV_ECANCELED || conn->state != HTTP_CONN_BUSY) {
        return; /* being closed */
    }
    if (status < 0) {
        outq_clear(&conn->out.queue, conn->out.pool);
        exchange_on_output_lost(conn->exchange);
    } else {
        http_conn_touch(conn);
    }
}

/* ---- opening ----------------------------------------------------------------------------- */

static void on_open(struct dial *dial, int status)
{
    struct http_conn *conn = LIST_ENTRY(dial, struct http_conn, dial);
    struct upstream *upstream = conn->upstream;

    if (conn->state == HTTP_CONN_CLOSING) {
        return;
    }
    if (status != 0) {
        http_conn_break(conn, HTTP_CONN_REFUSED,
                        status == UV_ECONNREFUSED ? "connection refused" : uv_strerror(status),
                        true);
        return;
    }
    counter_add(&upstream->feedback->connects, 1);
    conn->state = HTTP_CONN_BUSY;
    http_conn_set_reading(conn, true);
    if (conn->state == HTTP_CONN_CLOSING) {
        return;
    }
    if (conn->exchange != NULL) {
        http_pool_note_open(upstream);
        exchange_on_open(conn->exchange);
        return;
    }
    upstream->http->probing = false;
    http_pool_note_success(upstream);
    http_conn_release(conn, true);
    conn->reused = false;
}

static struct http_conn *create(struct upstream *upstream)
{
    struct plane *plane = upstream->plane;
    struct http_conn *conn = freelist_get(&plane->http_conns);

    memset(conn, 0, sizeof(*conn));
    conn->upstream = upstream;
    conn->state = HTTP_CONN_OPENING;
    conn->since_us = plane_now(plane);
    conn->out = (struct outlet){
        .stream = &conn->io.stream, .pool = &plane->segments, .on_written = on_written};
    list_init(&conn->idle);
    list_init(&conn->dirty);
    list_append(&upstream->http->all, &conn->all);
    upstream->http->n_open++;
    plane_wake_at(plane, conn->since_us + upstream->pool->connect_us);
    return conn;
}

static void attach(struct http_conn *conn, struct exchange *exchange)
{
    conn->exchange = exchange;
    exchange->conn = conn;
    gauge_add(&conn->upstream->feedback->in_flight, 1);
}

static bool is_want(int err)
{
    return err == UV_EMFILE || err == UV_ENFILE || err == UV_ENOBUFS || err == UV_ENOMEM;
}

void http_conn_open(struct upstream *upstream, struct exchange *exchange)
{
    struct http_conn *conn = create(upstream);
    int err;

    if (exchange != NULL) {
        attach(conn, exchange);
    }
    err = dial_start(&conn->dial, &upstream->endpoint, &conn->io, conn, on_open);
    if (err != 0) {
        conn->since_us = 0; /* broken when the timer comes, not under the caller's feet */
        conn->starved = is_want(err);
        if (conn->starved) {
            http_pool_give_way(upstream->plane); /* there will be descriptors in the next turn */
        }
        plane_wake_at(upstream->plane, plane_now(upstream->plane));
    }
}

void http_conn_serve(struct http_conn *conn, struct exchange *exchange)
{
    conn->state = HTTP_CONN_BUSY;
    conn->answered = false;
    conn->since_us = plane_now(conn->upstream->plane);
    attach(conn, exchange);
    exchange_on_open(exchange);
}

/* ---- time -------------------------------------------------------------------------------- */

static uint64_t check_opening(struct http_conn *conn, uint64_t now_us)
{
    uint64_t due_us = conn->since_us + conn->upstream->pool->connect_us;

    if (conn->starved) {
        http_conn_break(conn, HTTP_CONN_STARVED, "no descriptor is left", false);
        return 0;
    }
    if (now_us >= due_us) {
        http_conn_break(conn, HTTP_CONN_REFUSED,
                        conn->since_us == 0 ? "cannot connect" : HTTP_CONN_LATE, true);
        return 0;
    }
    return conn->exchange == NULL
               ? due_us
               : plane_earlier(due_us, exchange_check_time(conn->exchange, now_us));
}

static uint64_t check_idle(struct http_conn *conn, uint64_t now_us)
{
    uint64_t due_us = conn->since_us + conn->upstream->pool->keep_alive_us;

    if (now_us >= due_us) {
        http_conn_discard(conn);
        return 0;
    }
    return due_us;
}

uint64_t http_conn_check_deadline(struct http_conn *conn, uint64_t now_us)
{
    switch (conn->state) {
    case HTTP_CONN_OPENING:
        return check_opening(conn, now_us);
    case HTTP_CONN_IDLE:
        return check_idle(conn, now_us);
    case HTTP_CONN_BUSY:
        return exchange_check_time(conn->exchange, now_us);
    case HTTP_CONN_CLOSING:
        break;
    }
    return 0;
}
