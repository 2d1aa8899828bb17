/*
 * The happy path: READING collects bytes until a request is whole; answer() makes the response and
 * writes it, reading nothing meanwhile (WRITING); then the request's bytes are dropped and the
 * next one, if it has come already, is served from the buffer. Responses therefore leave in the
 * order of the requests, one at a time.
 *
 * Failures: after a request that cannot be framed, or that asks for it, the answer is the last
 * one: our side is shut down and input is thrown away until the client closes (LINGERING), because
 * closing with unread input would reset the connection and could lose the answer. One timer bounds
 * every state. End of input, an error or the timer closes.
 */
#include "control/admin_conn.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static void serve(struct admin_conn *conn);

static void on_handle_closed(uv_handle_t *handle)
{
    struct admin_conn *conn = handle->data;
    void (*closed)(void *arg) = conn->closed;
    void *arg = conn->arg;

    if (--conn->n_handles > 0) {
        return;
    }
    body_deinit(&conn->response.body);
    free(conn);
    closed(arg);
}

void admin_conn_close(struct admin_conn *conn)
{
    if (conn->state == ADMIN_CONN_CLOSING) {
        return;
    }
    conn->state = ADMIN_CONN_CLOSING;
    list_remove(&conn->link);
    uv_close(&conn->peer.handle, on_handle_closed);
    uv_close((uv_handle_t *)&conn->timer, on_handle_closed);
}

static void on_timeout(uv_timer_t *timer)
{
    admin_conn_close(timer->data);
}

static void set_timeout(struct admin_conn *conn, uint64_t ms)
{
    (void)uv_timer_start(&conn->timer, on_timeout, ms, 0);
}

/* --- Reading --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct admin_conn *conn = handle->data;

    (void)suggested;
    if (conn->state == ADMIN_CONN_LINGERING) { /* to be thrown away */
        conn->in_len = 0;
    }
    *buf = uv_buf_init((char *)conn->in + conn->in_len, (unsigned)(sizeof conn->in - conn->in_len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct admin_conn *conn = stream->data;

    (void)buf;
    if (n < 0) {
        admin_conn_close(conn);
        return;
    }
    if (conn->state == ADMIN_CONN_READING && n > 0) {
        conn->in_len += (size_t)n;
        serve(conn);
    }
}

static void start_reading(struct admin_conn *conn)
{
    int result = uv_read_start(&conn->peer.stream, on_alloc, on_read);

    if (result < 0 && result != UV_EALREADY) {
        admin_conn_close(conn);
    }
}

/* --- Writing --- */

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct admin_conn *conn = request->data;

    if (status < 0) {
        admin_conn_close(conn);
    }
}

static void linger(struct admin_conn *conn)
{
    conn->state = ADMIN_CONN_LINGERING;
    conn->shutdown.data = conn;
    set_timeout(conn, ADMIN_LINGER_MS);
    if (uv_shutdown(&conn->shutdown, &conn->peer.stream, on_shutdown) < 0) {
        admin_conn_close(conn);
        return;
    }
    start_reading(conn);
}

static void on_written(uv_write_t *request, int status)
{
    struct admin_conn *conn = request->data;

    if (conn->state == ADMIN_CONN_CLOSING) {
        return;
    }
    body_deinit(&conn->response.body);
    if (status < 0) {
        admin_conn_close(conn);
    } else if (!conn->keep_alive) {
        linger(conn);
    } else {
        conn->state = ADMIN_CONN_READING;
        set_timeout(conn, ADMIN_TIMEOUT_MS);
        serve(conn);
    }
}

/* Write conn->response; [with_body]: not for HEAD. */
static void respond(struct admin_conn *conn, bool with_body)
{
    const struct endpoints_response *answer = &conn->response;
    char fields[128];
    struct http1_answer head = {
        .status = answer->status,
        .content_type = answer->content_type,
        .content_length = answer->body.len,
        .keep_alive = conn->keep_alive,
        .fields = fields,
    };
    uv_buf_t bufs[2];

    (void)snprintf(fields, sizeof fields, "Cache-Control: no-store\r\n%s",
                   answer->fields == NULL ? "" : answer->fields);
    bufs[0] =
        uv_buf_init(conn->head, (unsigned)http1_answer_write(&head, conn->head, sizeof conn->head));
    bufs[1] = uv_buf_init(answer->body.data, with_body ? (unsigned)answer->body.len : 0);
    conn->state = ADMIN_CONN_WRITING;
    conn->write.data = conn;
    (void)uv_read_stop(&conn->peer.stream);
    set_timeout(conn, ADMIN_TIMEOUT_MS);
    if (uv_write(&conn->write, &conn->peer.stream, bufs, 2, on_written) < 0) {
        admin_conn_close(conn);
    }
}

/* Answer with one line and hang up. */
static void refuse(struct admin_conn *conn, int status, const char *line)
{
    conn->keep_alive = false;
    endpoints_answer_line(&conn->response, status, line);
    respond(conn, true);
}

/* --- Requests --- */

static void answer(struct admin_conn *conn, const struct http1_request *request)
{
    struct endpoints_request question = {request->method, request->path, request->query};
    size_t used = request->head_len + (size_t)request->content_length;
    bool is_head = request->method_id == HTTP1_HEAD;

    conn->keep_alive = request->keep_alive;
    endpoints_answer(conn->source, &question, &conn->response);
    conn->in_len -= used;
    memmove(conn->in, conn->in + used, conn->in_len);
    respond(conn, !is_head);
}

/* Serve the request at the start of the buffer, if it is whole; else read on. */
static void serve(struct admin_conn *conn)
{
    static const struct http1_limits limits = {.head_max = ADMIN_HEAD_MAX};
    struct http1_request request;
    struct http1_scan scan = conn->scan;

    switch (http1_request_parse(slice_make(conn->in, conn->in_len), &scan, &limits, &request)) {
    case HTTP1_PARSE_MORE:
        conn->scan = scan;
        start_reading(conn);
        return;
    case HTTP1_PARSE_ERROR:
        refuse(conn, request.status, request.error);
        return;
    case HTTP1_PARSE_DONE:
        break;
    }
    conn->scan = (struct http1_scan){0};
    if (request.body == HTTP1_BODY_CHUNKED) {
        refuse(conn, 501, "Transfer-Encoding is not supported here");
    } else if (request.content_length > ADMIN_BODY_MAX) {
        refuse(conn, 413, "request body too large");
    } else if (request.head_len + request.content_length <= conn->in_len) {
        answer(conn, &request);
    } else if (request.expect_continue) {
        refuse(conn, 417, "send the body without waiting");
    } else { /* the head is parsed again when the body is whole */
        start_reading(conn);
    }
}

/* --- Opening --- */

static void open_peer(struct admin_conn *conn, uv_stream_t *listener)
{
    if (listener->type == UV_TCP) {
        (void)uv_tcp_init(listener->loop, &conn->peer.tcp);
    } else {
        (void)uv_pipe_init(listener->loop, &conn->peer.pipe, 0);
    }
    (void)uv_timer_init(listener->loop, &conn->timer);
    conn->peer.handle.data = conn->timer.data = conn;
    conn->n_handles = 2;
}

void admin_conn_open(const struct admin_conn_options *options, struct list *list)
{
    struct admin_conn *conn = xcalloc(1, sizeof *conn);

    conn->source = options->source;
    conn->arg = options->arg;
    conn->closed = options->closed;
    list_init(&conn->link);
    open_peer(conn, options->listener);
    if (uv_accept(options->listener, &conn->peer.stream) < 0 || options->is_refused) {
        admin_conn_close(conn);
        return;
    }
    list_append(list, &conn->link);
    set_timeout(conn, ADMIN_TIMEOUT_MS);
    start_reading(conn);
}
