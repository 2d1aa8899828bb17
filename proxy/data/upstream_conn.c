#include <stdlib.h>

#include "data/http/http_pool.h"
#include "data/upstream.h"

#define BACKOFF_FIRST_US 10000u   /* the wait after the second failure to open */
#define STEADY_US        1000000u /* open for this long: the next loss starts afresh */

/* ---- state ------------------------------------------------------------------------------- */

static enum feedback_state feedback_state_of(const struct upstream_conn *conn)
{
    if (conn->upstream->ejected) {
        return FEEDBACK_STATE_EJECTED;
    }
    switch (conn->state) {
    case UPSTREAM_CONN_CONNECTING:
        return FEEDBACK_STATE_CONNECTING;
    case UPSTREAM_CONN_PROBING:
    case UPSTREAM_CONN_UP:
        return FEEDBACK_STATE_UP;
    case UPSTREAM_CONN_WAITING:
    case UPSTREAM_CONN_CLOSING:
    case UPSTREAM_CONN_STOPPED:
        break;
    }
    return FEEDBACK_STATE_BACKOFF;
}

void upstream_conn_report(const struct upstream_conn *conn)
{
    if (conn == &conn->upstream->conns[0]) {
        gauge_set(&conn->upstream->feedback->state, feedback_state_of(conn));
    }
}

static void set_state(struct upstream_conn *conn, enum upstream_conn_state state)
{
    conn->state = state;
    upstream_conn_report(conn);
}

static void touch(struct upstream_conn *conn)
{
    if (list_empty(&conn->dirty)) {
        list_append(&conn->upstream->plane->dirty_conns, &conn->dirty);
    }
}

static void on_written(struct outlet *outlet, int status)
{
    struct upstream_conn *conn = LIST_ENTRY(outlet, struct upstream_conn, out);

    if (status == UV_ECANCELED) {
        return; /* being closed */
    }
    if (status < 0) {
        upstream_conn_break(conn, "connection lost", conn->first != NULL);
    } else {
        touch(conn);
    }
}

void upstream_conn_init(struct upstream_conn *conn, struct upstream *upstream)
{
    struct plane *plane = upstream->plane;

    conn->upstream = upstream;
    list_init(&conn->dirty);
    list_init(&conn->broken);
    conn->out = (struct outlet){
        .stream = &conn->io.stream, .pool = &plane->segments, .on_written = on_written};
    conn->out.queue.bulk = true;
    set_state(conn, UPSTREAM_CONN_WAITING);
}

void upstream_conn_deinit(struct upstream_conn *conn)
{
    outq_clear(&conn->out.queue, &conn->upstream->plane->segments);
    free(inbuf_take(&conn->in));
}

/* ---- requests ---------------------------------------------------------------------------- */

static bool takes_requests(const struct upstream_conn *conn)
{
    bool usable = conn->state == UPSTREAM_CONN_UP || conn->state == UPSTREAM_CONN_CONNECTING;

    return usable && !conn->upstream->ejected && list_empty(&conn->broken);
}

bool upstream_is_ready(const struct upstream *upstream)
{
    if (upstream->http != NULL) {
        return http_pool_is_ready(upstream);
    }
    return takes_requests(&upstream->conns[0]);
}

enum feedback_outcome upstream_conn_check(const struct upstream_conn *conn)
{
    if (!takes_requests(conn)) {
        return FEEDBACK_UNAVAILABLE;
    }
    if (conn->n_pending >= conn->upstream->pool->max_pending ||
        conn->out.queue.bytes >= conn->upstream->pool->max_queue_bytes) {
        return FEEDBACK_BUSY;
    }
    return FEEDBACK_OK;
}

void upstream_conn_push(struct upstream_conn *conn, struct request *request)
{
    struct upstream *upstream = conn->upstream;

    if (conn->last == NULL) {
        conn->first = request;
    } else {
        conn->last->next_in_conn = request;
    }
    conn->last = request;
    plane_wake_at(upstream->plane, request->start_us + upstream->pool->request_us);
    conn->n_pending++;
    request->conn = conn;
    request->in_conn = true;
    request->shard_pool = upstream->pool_index;
    request->shard = upstream->shard_index;
    gauge_add(&upstream->feedback->in_flight, 1);
    touch(conn);
}

void upstream_conn_write(struct upstream_conn *conn, struct slice bytes, bool stable)
{
    outq_add(&conn->out.queue, conn->out.pool, bytes, stable);
}

void upstream_conn_give(struct upstream_conn *conn, void *heap, struct slice bytes)
{
    outq_give(&conn->out.queue, conn->out.pool, heap, bytes);
}

static struct request *take_first(struct upstream_conn *conn)
{
    struct request *request = conn->first;

    conn->first = request->next_in_conn;
    if (conn->first == NULL) {
        conn->last = NULL;
    }
    conn->n_pending--;
    request->in_conn = false;
    request->conn = NULL;
    gauge_add(&conn->upstream->feedback->in_flight, -1);
    return request;
}

struct request *upstream_conn_pop(struct upstream_conn *conn, enum feedback_outcome outcome)
{
    struct upstream *upstream = conn->upstream;
    struct request *request = take_first(conn);

    conn->answered = true;
    upstream_succeeded(upstream);
    if (request->done && request->outcome == FEEDBACK_TIMEOUT) {
        counter_add(&upstream->plane->feedback->pools[upstream->pool_index].late_replies, 1);
        return request;
    }
    counter_add(&upstream->shard_feedback->requests[request->command][outcome], 1);
    histogram_record(&upstream->shard_feedback->latency,
                     plane_now(upstream->plane) - request->start_us);
    return request;
}

static void fail_requests(struct upstream_conn *conn)
{
    struct upstream *upstream = conn->upstream;

    while (conn->first != NULL) {
        struct request *request = take_first(conn);

        if (!request->done) {
            counter_add(&upstream->shard_feedback->requests[request->command][FEEDBACK_UNAVAILABLE],
                        1);
        }
        request_fail(upstream->plane, request, FEEDBACK_UNAVAILABLE);
    }
}

/* ---- closing ----------------------------------------------------------------------------- */

void upstream_conn_break(struct upstream_conn *conn, const char *why, bool is_failure)
{
    bool is_open = conn->state == UPSTREAM_CONN_CONNECTING ||
                   conn->state == UPSTREAM_CONN_PROBING || conn->state == UPSTREAM_CONN_UP;

    if (!is_open || !list_empty(&conn->broken)) {
        return;
    }
    list_append(&conn->upstream->plane->broken_conns, &conn->broken);
    if (conn->state == UPSTREAM_CONN_UP) {
        counter_add(&conn->upstream->feedback->disconnects, 1);
    } else if (is_failure) {
        counter_add(&conn->upstream->feedback->connect_failures, 1);
    }
    if (is_failure) {
        upstream_failed(conn->upstream, why);
    }
}

/* The next wait: none at first, then doubled up to retry_after, with a quarter of jitter. */
static uint64_t next_wait(struct upstream_conn *conn)
{
    struct upstream *upstream = conn->upstream;
    uint64_t most_us = upstream->pool->retry_after_us, wait_us = conn->backoff_us;

    most_us = most_us > BACKOFF_FIRST_US ? most_us : BACKOFF_FIRST_US;

    if (upstream->ejected) {
        wait_us = most_us;
    }
    conn->backoff_us = conn->backoff_us == 0 ? BACKOFF_FIRST_US : conn->backoff_us * 2;
    conn->backoff_us = conn->backoff_us > most_us ? most_us : conn->backoff_us;
    return wait_us - wait_us / 4 * plane_random(upstream->plane) / UINT32_MAX;
}

static void conn_closed(struct upstream_conn *conn)
{
    struct plane *plane = conn->upstream->plane;

    outq_clear(&conn->out.queue, conn->out.pool);
    free(inbuf_take(&conn->in));
    conn->in_value = false;
    conn->skip_left = 0;
    if (conn->stopping) {
        set_state(conn, UPSTREAM_CONN_STOPPED);
        return;
    }
    set_state(conn, UPSTREAM_CONN_WAITING);
    conn->retry_us = plane_now(plane) + next_wait(conn);
    plane_wake_at(plane, conn->retry_us);
}

static void on_closed(uv_handle_t *handle)
{
    conn_closed(handle->data);
}

void upstream_conn_close(struct upstream_conn *conn)
{
    struct plane *plane = conn->upstream->plane;

    list_remove(&conn->dirty);
    list_remove(&conn->broken);
    if (conn->state == UPSTREAM_CONN_UP && plane_now(plane) - conn->opened_us > STEADY_US) {
        conn->backoff_us = 0;
    }
    set_state(conn, UPSTREAM_CONN_CLOSING);
    fail_requests(conn);
    dial_cancel(&conn->dial);
    if (dial_has_handle(&conn->dial)) {
        uv_close(&conn->io.handle, on_closed);
    } else {
        conn_closed(conn);
    }
}

void upstream_conn_stop(struct upstream_conn *conn)
{
    conn->stopping = true;
    if (conn->state == UPSTREAM_CONN_WAITING) {
        set_state(conn, UPSTREAM_CONN_STOPPED);
    } else if (conn->state != UPSTREAM_CONN_CLOSING && conn->state != UPSTREAM_CONN_STOPPED) {
        upstream_conn_close(conn);
    }
}

/* ---- reading ----------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct upstream_conn *conn = handle->data;

    (void)suggested;
    *buf = inbuf_read_buffer(&conn->in);
    if (buf->base == NULL) {
        *buf = plane_read_buffer(conn->upstream->plane);
    }
}

static ssize_t parse_replies(void *owner, struct slice in, bool stable)
{
    struct upstream_conn *conn = owner;

    return conn->upstream->codec->pipeline->on_reply(conn, in, stable);
}

static void on_bytes(struct upstream_conn *conn, struct slice bytes, bool in_place)
{
    if (inbuf_feed(&conn->in, bytes, in_place, parse_replies, conn) != 0) {
        counter_add(&conn->upstream->feedback->protocol_errors, 1);
        upstream_conn_break(conn, "malformed or unexpected reply", true);
    }
}

static void on_probe_bytes(struct upstream_conn *conn, struct slice bytes)
{
    struct upstream *upstream = conn->upstream;

    inbuf_append(&conn->in, bytes);
    switch (upstream->codec->pipeline->on_probe_reply(inbuf_slice(&conn->in))) {
    case CODEC_PROBE_MORE:
        return;
    case CODEC_PROBE_BAD:
        upstream_conn_break(conn, "bad answer to the probe", true);
        return;
    case CODEC_PROBE_GOOD:
        break;
    }
    free(inbuf_take(&conn->in));
    upstream_succeeded(upstream);
    conn->backoff_us = 0;
    conn->opened_us = plane_now(upstream->plane);
    set_state(conn, UPSTREAM_CONN_UP);
}

/* Closed so soon and without a word: as bad as a connection that is refused. */
static bool is_fresh(const struct upstream_conn *conn)
{
    return !conn->answered && plane_now(conn->upstream->plane) - conn->opened_us < STEADY_US;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct upstream_conn *conn = stream->data;
    struct plane *plane = conn->upstream->plane;
    bool in_place = inbuf_is_in_place(&conn->in, buf);

    if (n == 0 || !list_empty(&conn->broken)) {
        return;
    }
    if (n < 0) {
        upstream_conn_break(conn, n == UV_EOF ? "closed the connection" : "connection lost",
                            conn->first != NULL || is_fresh(conn));
        return;
    }
    if (in_place) {
        inbuf_read_used(&conn->in, (size_t)n);
    } else {
        plane_read_used(plane, (size_t)n);
    }
    counter_add(&conn->upstream->shard_feedback->bytes_received, (uint64_t)n);
    conn->received_us = plane_now(plane);
    if (conn->state == UPSTREAM_CONN_PROBING) {
        on_probe_bytes(conn, slice_make(buf->base, (size_t)n));
    } else {
        on_bytes(conn, slice_make(buf->base, (size_t)n), in_place);
    }
}

/* ---- writing ----------------------------------------------------------------------------- */

void upstream_conn_flush(struct upstream_conn *conn)
{
    int err;

    list_remove(&conn->dirty);
    if (conn->state != UPSTREAM_CONN_UP && conn->state != UPSTREAM_CONN_PROBING) {
        outq_keep(&conn->out.queue, conn->out.pool);
        return;
    }
    err = outlet_flush(&conn->out);
    counter_add(&conn->upstream->shard_feedback->bytes_sent, conn->out.n_sent);
    conn->out.n_sent = 0;
    if (err < 0) {
        upstream_conn_break(conn, "connection lost", conn->first != NULL);
    }
}

/* ---- opening ----------------------------------------------------------------------------- */

static void begin_probe(struct upstream_conn *conn)
{
    struct upstream *upstream = conn->upstream;

    set_state(conn, UPSTREAM_CONN_PROBING);
    conn->deadline_us = conn->opened_us + upstream->pool->request_us;
    plane_wake_at(upstream->plane, conn->deadline_us);
    upstream_conn_write(conn, slice_of(upstream->codec->pipeline->probe), false);
}

static void on_connected(struct upstream_conn *conn)
{
    struct upstream *upstream = conn->upstream;

    counter_add(&upstream->feedback->connects, 1);
    conn->opened_us = conn->received_us = plane_now(upstream->plane);
    conn->answered = false;
    if (upstream->ejected) {
        begin_probe(conn);
    } else {
        set_state(conn, UPSTREAM_CONN_UP);
    }
    touch(conn);
}

static const char *failure_text(const struct upstream_conn *conn, int status)
{
    if (!dial_has_handle(&conn->dial)) {
        return "host name not found";
    }
    return status == UV_ECONNREFUSED ? "connection refused" : uv_strerror(status);
}

static void on_failure(struct upstream_conn *conn, const char *why)
{
    if (endpoint_has_more(&conn->upstream->endpoint)) {
        conn->backoff_us = 0; /* the next attempt goes to another address, at once */
    }
    upstream_conn_break(conn, why, true);
}

static void on_dialled(struct dial *dial, int status)
{
    struct upstream_conn *conn = LIST_ENTRY(dial, struct upstream_conn, dial);

    if (!list_empty(&conn->broken)) {
        return;
    }
    if (status == 0) {
        status = uv_read_start(&conn->io.stream, on_alloc, on_read);
    }
    if (status == 0) {
        on_connected(conn);
    } else {
        on_failure(conn, failure_text(conn, status));
    }
}

void upstream_conn_open(struct upstream_conn *conn)
{
    struct upstream *upstream = conn->upstream;
    int err;

    if (upstream->plane->stopping) {
        return;
    }
    conn->deadline_us = plane_now(upstream->plane) + upstream->pool->connect_us;
    plane_wake_at(upstream->plane, conn->deadline_us);
    set_state(conn, UPSTREAM_CONN_CONNECTING);
    err = dial_start(&conn->dial, &upstream->endpoint, &conn->io, conn, on_dialled);
    if (err != 0) {
        on_failure(conn, uv_strerror(err));
    }
}
