/*
 * The client's side of an exchange: what comes after the head of its request.
 */
#include "data/http/exchange.h"

/* The shard is behind: the client's body has to wait. */
static bool is_congested(const struct exchange *exchange)
{
    return exchange->conn->out.queue.bytes >=
           exchange->session->plane->config->stream_buffer_bytes / 2;
}

bool exchange_takes_input(const struct exchange *exchange)
{
    return exchange->conn != NULL && exchange->conn->state == HTTP_CONN_BUSY &&
           !exchange->output_lost && !is_congested(exchange) &&
           (exchange->state == EXCHANGE_TUNNEL || !exchange->request.done);
}

static bool is_too_large(const struct exchange *exchange)
{
    uint64_t most = exchange->session->plane->config->request_body_bytes;

    return most > 0 && exchange->request.n_bytes + exchange->request.chunks.left > most;
}

static size_t take_length(struct exchange *exchange, struct slice in, bool stable)
{
    struct exchange_body *body = &exchange->request;
    size_t n = body->left < in.len ? (size_t)body->left : in.len;

    http_conn_write(exchange->conn, slice_make(in.data, n), stable);
    body->left -= n;
    body->n_bytes += n;
    body->done = body->left == 0;
    return n;
}

static void write_shard(struct exchange *exchange, struct slice bytes, bool stable)
{
    http_conn_write(exchange->conn, bytes, stable);
}

static void write_data(struct exchange *exchange, struct slice data, bool stable)
{
    exchange_write_chunk(exchange, data, stable, write_shard);
    exchange->request.n_bytes += data.len;
}

/* Returns the bytes consumed; 0: more are needed. */
static size_t take_trailers(struct exchange *exchange, struct slice in)
{
    const char *error;
    ssize_t used = exchange_take_trailers(exchange, &exchange->request, in,
                                          &exchange->conn->out.queue, &error);

    if (used < 0) {
        exchange_fail(exchange, 400, error);
        return in.len;
    }
    if (used > 0) {
        http_conn_touch(exchange->conn);
        exchange->request.done = true;
    }
    return (size_t)used;
}

static size_t take_chunks(struct exchange *exchange, struct slice in, bool stable)
{
    ssize_t used = exchange_take_chunks(exchange, &exchange->request, in, stable, write_data);

    if (used < 0) {
        exchange_fail(exchange, 400, "malformed chunk in the request's body");
        return in.len;
    }
    return (size_t)used;
}

static size_t take(struct exchange *exchange, struct slice in, bool stable)
{
    struct session *session = exchange->session;
    size_t used;

    if (exchange->state == EXCHANGE_TUNNEL) {
        http_conn_write(exchange->conn, in, stable);
        exchange->request.n_bytes += in.len;
        return in.len;
    }
    if (exchange->request.kind == HTTP1_BODY_LENGTH) {
        return take_length(exchange, in, stable);
    }
    if (exchange->request.in_trailers) {
        return take_trailers(exchange, in);
    }
    used = take_chunks(exchange, in, stable);
    if (session->exchange == exchange && is_too_large(exchange)) {
        exchange_fail(exchange, 413, "the request body is larger than limits.max_request_body");
        return in.len;
    }
    return used;
}

/* What is much is sent at once, and no more is read if the shard does not take it: a turn may read
 * many times. */
size_t exchange_on_input(struct exchange *exchange, struct slice in, bool stable)
{
    struct session *session = exchange->session;
    size_t used;

    exchange->expects_continue = false; /* it does not wait for it any more */
    used = take(exchange, in, stable);
    if (session->exchange != exchange) {
        return used;
    }
    if (exchange->request.done || session->phase == SESSION_PHASE_WAIT) {
        exchange_set_phase(exchange); /* it is another's turn */
    }
    if (!is_congested(exchange)) {
        return used;
    }
    http_conn_flush(exchange->conn);
    if (session->exchange == exchange && exchange->conn != NULL && is_congested(exchange)) {
        session->paused = true;
        exchange_set_phase(exchange);
    }
    return used;
}

void exchange_on_input_end(struct exchange *exchange)
{
    struct session *session = exchange->session;

    if (exchange->state == EXCHANGE_TUNNEL) {
        if (exchange->conn != NULL) {
            exchange->conn->ends_output = true;
            http_conn_touch(exchange->conn);
        }
    } else if (exchange->request.done) {
        session_end(session); /* once it has been answered */
    } else {
        session_close(session); /* an incomplete request is never completed on its behalf */
    }
}

void exchange_on_request_flushed(struct exchange *exchange)
{
    if (exchange->session->paused) {
        session_touch(exchange->session);
    }
}

void exchange_on_output_lost(struct exchange *exchange)
{
    exchange->output_lost = true; /* reading goes on: to the end of the connection */
}
