/*
 * The shard's side of an exchange: interim and final heads, the body, and the tunnel after 101.
 */
#include "data/http/exchange.h"
#include "data/http/http_head.h"
#include "data/http/http_pool.h"

#define INTERIM_MAX 32u /* 1xx responses before the final one */

/* ---- the body ---------------------------------------------------------------------------- */

static void write_client(struct exchange *exchange, struct slice bytes, bool stable)
{
    struct session *session = exchange->session;

    outq_add(&session->out.queue, &session->plane->segments, bytes, stable);
    session_touch(session);
}

static void write_data(struct exchange *exchange, struct slice data, bool stable)
{
    exchange->response.n_bytes += data.len;
    if (exchange->chunked_out) {
        exchange_write_chunk(exchange, data, stable, write_client);
    } else {
        write_client(exchange, data, stable);
    }
}

static ssize_t take_length(struct exchange *exchange, struct slice in, bool stable)
{
    struct exchange_body *body = &exchange->response;
    size_t n = body->left < in.len ? (size_t)body->left : in.len;

    write_data(exchange, slice_make(in.data, n), stable);
    body->left -= n;
    if (body->left == 0) {
        exchange_finish(exchange);
    }
    return (ssize_t)n;
}

static ssize_t take_trailers(struct exchange *exchange, struct slice in)
{
    struct session *session = exchange->session;
    struct outq *out = exchange->chunked_out ? &session->out.queue : NULL;
    const char *error;
    ssize_t used = exchange_take_trailers(exchange, &exchange->response, in, out, &error);

    if (used > 0) {
        session_touch(session);
        exchange_finish(exchange);
    }
    return used;
}

static ssize_t take_body(struct exchange *exchange, struct slice in, bool stable)
{
    switch (exchange->response.kind) {
    case HTTP1_BODY_LENGTH:
        return take_length(exchange, in, stable);
    case HTTP1_BODY_CHUNKED:
        return exchange->response.in_trailers
                   ? take_trailers(exchange, in)
                   : exchange_take_chunks(exchange, &exchange->response, in, stable, write_data);
    case HTTP1_BODY_CLOSE:
        write_data(exchange, in, stable);
        return (ssize_t)in.len;
    case HTTP1_BODY_NONE:
        break;
    }
    return -1;
}

bool exchange_on_response_end(struct exchange *exchange)
{
    if (exchange->state == EXCHANGE_TUNNEL) {
        exchange_finish(exchange);
        return true;
    }
    if (exchange->state != EXCHANGE_RESPONDING || exchange->response.kind != HTTP1_BODY_CLOSE) {
        return false;
    }
    if (exchange->chunked_out) {
        write_client(exchange, slice_of("0\r\n\r\n"), false);
    }
    exchange_finish(exchange);
    return true;
}

/* ---- heads ------------------------------------------------------------------------------- */

static void begin_tunnel(struct exchange *exchange)
{
    struct session *session = exchange->session;

    exchange->state = EXCHANGE_TUNNEL;
    exchange->keep_alive = false;
    exchange->response_keeps = false;
    gauge_add(&session->plane->feedback->http_upgrades, 1);
    if (session->address.family != 0) { /* a tunnel has no time limit */
        uv_tcp_keepalive(&session->io.tcp, 1, LISTENER_KEEPALIVE_S);
    }
    if (session->eof) {
        exchange_on_input_end(exchange);
    }
}

/* 1xx. Returns false if the shard may not send it now. */
static bool take_interim(struct exchange *exchange, const struct http1_response *response)
{
    bool is_switch = response->status == 101;

    if (++exchange->n_interim > INTERIM_MAX ||
        (is_switch && (!exchange->upgrades || !exchange->request.done))) {
        return false;
    }
    exchange->expects_continue = exchange->expects_continue && response->status != 100;
    if (is_switch) {
        exchange->status = response->status;
    }
    if (exchange->client_minor > 0) {
        http_head_write_response(exchange, response);
        session_touch(exchange->session);
    }
    if (is_switch) {
        begin_tunnel(exchange);
    }
    return true;
}

/* An answer before the end of the request's body: a refusal of the rest, or both at once? A client
 * that waits for 100 (Continue) may send its body now or not. */
static bool is_early_refusal(const struct exchange *exchange)
{
    return !exchange->request.done && (exchange->status >= 300 || exchange->expects_continue);
}

static void take_final(struct exchange *exchange, const struct http1_response *response)
{
    struct plane *plane = exchange->session->plane;
    struct exchange_body *body = &exchange->response;
    bool until_close;

    body->kind = http1_response_body(response, exchange->method);
    body->left = response->content_length;
    exchange->state = EXCHANGE_RESPONDING;
    exchange->status = response->status;
    exchange->upstream_us = plane_now(plane) - exchange->sent_us;
    histogram_record(&exchange->upstream->shard_feedback->latency, exchange->upstream_us);
    http_pool_note_success(exchange->upstream);
    exchange->response_keeps = response->keep_alive && body->kind != HTTP1_BODY_CLOSE;
    until_close = body->kind == HTTP1_BODY_CHUNKED || body->kind == HTTP1_BODY_CLOSE;
    exchange->chunked_out = until_close && exchange->client_minor > 0;
    exchange->keep_alive = exchange->keep_alive && !is_early_refusal(exchange) &&
                           !plane->draining && (!until_close || exchange->chunked_out);
    http_head_write_response(exchange, response);
    session_touch(exchange->session);
    if (body->kind == HTTP1_BODY_NONE) {
        exchange_finish(exchange);
    }
}

static ssize_t take_head(struct exchange *exchange, struct slice in)
{
    struct http_conn *conn = exchange->conn;
    struct http1_response response;

    switch (http1_response_parse(
        in, &conn->scan, exchange->session->plane->config->response_head_bytes, &response)) {
    case HTTP1_PARSE_MORE:
        return 0;
    case HTTP1_PARSE_ERROR:
        return -1;
    case HTTP1_PARSE_DONE:
        conn->scan = (struct http1_scan){0};
        break;
    }
    if (response.status >= 200) {
        take_final(exchange, &response);
    } else if (!take_interim(exchange, &response)) {
        return -1;
    }
    return (ssize_t)response.head_len;
}

void exchange_pass_on(struct exchange *exchange)
{
    struct session *session = exchange->session;

    if (session->out.queue.bytes >= session->plane->config->stream_buffer_bytes / 2) {
        session_flush(session);
    }
}

ssize_t exchange_on_response(struct exchange *exchange, struct slice in, bool stable)
{
    exchange->has_answer = true;
    switch (exchange->state) {
    case EXCHANGE_WAITING:
        return take_head(exchange, in);
    case EXCHANGE_RESPONDING:
        return take_body(exchange, in, stable);
    case EXCHANGE_TUNNEL:
        exchange->response.n_bytes += in.len;
        write_client(exchange, in, stable);
        break;
    }
    return (ssize_t)in.len;
}
