/*
 * HTTP/1.1: a client's requests, one after the other.
 */
#include "data/access_log.h"
#include "data/codec.h"
#include "data/http/exchange.h"
#include "data/http/http_answer.h"

/* A head that is none has no route and no key, but a line in the log. */
static void log_bad_head(struct session *session, const struct http_answer *answer)
{
    struct access_log *log = session->plane->access;
    const struct access_http entry = {.client = session_peer(session),
                                      .pool = UINT32_MAX,
                                      .shard = REQUEST_NO_SHARD,
                                      .status = answer->status,
                                      .result = feedback_http_result_of(answer->status)};

    if (log != NULL && access_log_wants(log, true)) {
        access_log_http(log, &entry);
    }
}

static void on_bad_head(struct session *session, struct slice in,
                        const struct http1_request *request)
{
    const struct http_answer answer = {.status = request->status,
                                       .why = request->error,
                                       .is_head = slice_starts_with(in, slice_of("HEAD ")),
                                       .close = true};

    counter_add(&session->plane->feedback->bad_requests, 1);
    log_bad_head(session, &answer);
    http_answer_send(session, &answer);
}

static void wait_for_head(struct session *session)
{
    if (session->phase != SESSION_PHASE_HEAD) {
        session_enter(session, SESSION_PHASE_HEAD);
    }
}

static size_t on_head(struct session *session, struct slice in)
{
    const struct http1_limits limits = {
        .head_max = session->plane->config->request_head_bytes,
        .allow_fragment = session->listener->config->uses_fragment,
    };
    struct http1_request request;

    switch (http1_request_parse(in, &session->scan, &limits, &request)) {
    case HTTP1_PARSE_MORE:
        wait_for_head(session);
        return 0;
    case HTTP1_PARSE_ERROR:
        on_bad_head(session, in, &request);
        return in.len;
    case HTTP1_PARSE_DONE:
        break;
    }
    session->scan = (struct http1_scan){0};
    exchange_begin(session, &request);
    if (session->exchange != NULL) {
        exchange_set_phase(session->exchange);
    }
    return request.head_len;
}

static size_t on_input(struct session *session, struct slice in, bool stable)
{
    if (session->exchange != NULL) {
        return exchange_on_input(session->exchange, in, stable);
    }
    return on_head(session, in);
}

static bool is_busy(const struct session *session)
{
    if (session->exchange != NULL) {
        return !exchange_takes_input(session->exchange);
    }
    return session->out.queue.bytes >= session->plane->config->stream_buffer_bytes / 2;
}

static bool may_resume(const struct session *session)
{
    if (session->exchange != NULL) {
        return exchange_takes_input(session->exchange);
    }
    return session->out.queue.bytes < session->plane->config->stream_buffer_bytes / 4;
}

static bool is_open(const struct session *session)
{
    return session->exchange != NULL;
}

static void on_input_end(struct session *session)
{
    if (session->exchange != NULL) {
        exchange_on_input_end(session->exchange);
    } else {
        session_end(session);
    }
}

static void on_flushed(struct session *session)
{
    enum session_phase phase = SESSION_PHASE_IDLE;

    if (session->exchange != NULL) {
        exchange_on_flushed(session->exchange);
        exchange_set_phase(session->exchange);
        return;
    }
    if (session->out.queue.bytes > 0) {
        phase = SESSION_PHASE_BODY; /* the client has to read */
    } else if (session->scan.scanned > 0) {
        phase = SESSION_PHASE_HEAD;
    }
    if (phase != (enum session_phase)session->phase) {
        session_enter(session, phase);
    }
}

static void on_expired(struct session *session)
{
    if (session->exchange != NULL) {
        exchange_on_client_late(session->exchange);
    } else if (session->phase == SESSION_PHASE_HEAD && session->state == SESSION_OPEN) {
        session_enter(session, SESSION_PHASE_BODY);
        http_answer_send(session, &(struct http_answer){.status = 408,
                                                        .why = "the request's head does not come",
                                                        .close = true});
    } else {
        counter_add(&session->plane->feedback->clients_idle_closed, 1);
        session_close(session);
    }
}

static void cancel(struct session *session)
{
    if (session->exchange != NULL) {
        exchange_cancel(session->exchange);
    }
}

const struct codec codec_http = {
    .name = "http",
    .first_phase = SESSION_PHASE_IDLE,
    .streams = true,
    .on_input = on_input,
    .is_busy = is_busy,
    .may_resume = may_resume,
    .is_open = is_open,
    .on_input_end = on_input_end,
    .on_flushed = on_flushed,
    .on_expired = on_expired,
    .cancel = cancel,
    .refusal = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
               "Content-Length: 21\r\nRetry-After: 1\r\nConnection: close\r\n\r\n"
               "too many connections\n",
};
