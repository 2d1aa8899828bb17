/*
 * What the access log says about an exchange.
 */
#include "data/access_log.h"
#include "data/http/exchange.h"

/* The value of the Host line: `Host: VALUE` CRLF. */
static struct slice host_of(const struct exchange *exchange)
{
    size_t around = sizeof("Host: \r\n") - 1;

    if (exchange->host_len < around) {
        return slice_make(NULL, 0);
    }
    return exchange_head_part(exchange, exchange->host_at + around - 2,
                              exchange->host_len - around);
}

void exchange_log(const struct exchange *exchange, enum feedback_http_result result, bool is_own)
{
    struct session *session = exchange->session;
    struct plane *plane = session->plane;
    bool is_routed = exchange->shard != REQUEST_NO_SHARD;
    bool is_error =
        result >= FEEDBACK_HTTP_SERVER_ERROR || (is_own && result == FEEDBACK_HTTP_CLIENT_ERROR);
    struct access_http entry;

    if (!access_log_wants(plane->access, is_error)) {
        return;
    }
    entry = (struct access_http){
        .client = session_peer(session),
        .method = exchange_head_part(exchange, 0, exchange->method_len),
        .target = exchange_head_part(exchange, exchange->method_len + 1, exchange->target_len),
        .host = host_of(exchange),
        .key = exchange_key(exchange),
        .pool = exchange->route == NULL ? UINT32_MAX : exchange->shard_pool,
        .shard = exchange->shard,
        .replica =
            is_routed && exchange->upstream != NULL ? exchange->upstream->address->text : NULL,
        .status = exchange->status,
        .result = result,
        .bytes_received = exchange->request.n_bytes,
        .bytes_sent = exchange->response.n_bytes,
        .upstream_us = exchange->upstream_us,
        .duration_us = plane_now(plane) - exchange->start_us,
        .retries = exchange->retries,
    };
    access_log_http(plane->access, &entry);
}
