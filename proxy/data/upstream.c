#include "data/upstream.h"

#include <assert.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "data/http/http_pool.h"

/* Connections that gave up while the name was being looked up need not wait any longer. */
static void open_waiting(struct upstream *upstream)
{
    for (uint32_t i = 0; i < upstream->n_conns; i++) {
        if (upstream->conns[i].state == UPSTREAM_CONN_WAITING) {
            upstream_conn_open(&upstream->conns[i]);
        }
    }
}

static void on_known(struct endpoint *endpoint)
{
    struct upstream *upstream = LIST_ENTRY(endpoint, struct upstream, endpoint);

    if (!upstream->ejected) {
        open_waiting(upstream);
    }
}

struct upstream *upstream_create(struct plane *plane, uint32_t pool, uint32_t shard,
                                 uint32_t replica)
{
    const struct topology_pool *place = &plane->options.topology->pools[pool];
    const struct config_shard *config = place->shards[shard].config;
    bool is_http = codec_of(place->config->protocol)->pipeline == NULL;
    uint32_t n_conns = is_http ? 0 : place->config->connections;
    struct upstream *upstream =
        xcalloc(1, sizeof(*upstream) + n_conns * sizeof(struct upstream_conn));

    upstream->plane = plane;
    upstream->codec = codec_of(place->config->protocol);
    upstream->pool = place->config;
    upstream->address = &config->replicas[replica];
    endpoint_init(&upstream->endpoint, &plane->loop, upstream->address);
    upstream->endpoint.on_known = on_known;
    upstream->shard_name = config->name;
    upstream->pool_index = (uint16_t)pool;
    upstream->shard_index = (uint16_t)shard;
    upstream->shard_feedback = &plane->feedback->pools[pool].shards[shard];
    upstream->feedback =
        &plane->feedback->pools[pool].replicas[place->shards[shard].first_replica + replica];
    upstream->host =
        upstream->address->kind == CONFIG_ADDRESS_TCP ? upstream->address->text : "localhost";
    if (is_http) {
        (void)http_pool_create(upstream);
    }
    upstream->n_conns = n_conns;
    for (uint32_t i = 0; i < n_conns; i++) {
        upstream_conn_init(&upstream->conns[i], upstream);
        upstream_conn_open(&upstream->conns[i]);
    }
    return upstream;
}

void upstream_stop(struct upstream *upstream)
{
    if (upstream->http != NULL) {
        http_pool_stop(upstream);
    }
    for (uint32_t i = 0; i < upstream->n_conns; i++) {
        upstream_conn_stop(&upstream->conns[i]);
    }
}

void upstream_destroy(struct upstream **upstream)
{
    assert(*upstream == NULL || !(*upstream)->endpoint.looking_up);
    for (uint32_t i = 0; *upstream != NULL && i < (*upstream)->n_conns; i++) {
        upstream_conn_deinit(&(*upstream)->conns[i]);
    }
    if (*upstream != NULL) {
        http_pool_destroy(&(*upstream)->http);
    }
    free(*upstream);
    *upstream = NULL;
}

struct upstream_conn *upstream_conn_for(struct upstream *upstream, uint64_t session_id)
{
    if (upstream->n_conns == 1) {
        return &upstream->conns[0];
    }
    return &upstream->conns[session_id % upstream->n_conns];
}

static void eject(struct upstream *upstream, const char *why)
{
    upstream->ejected = true;
    upstream->reported = true;
    counter_add(&upstream->feedback->ejections, 1);
    log_warn("pool %s: shard %s: replica %s ejected after %u failures in a row: %s",
             upstream->pool->name, upstream->shard_name, upstream->address->text,
             upstream->failures, why);
    for (uint32_t i = 0; i < upstream->n_conns; i++) {
        upstream_conn_break(&upstream->conns[i], "ejected", false);
        upstream_conn_report(&upstream->conns[i]);
    }
}

void upstream_failed(struct upstream *upstream, const char *why)
{
    upstream->failures++;
    gauge_set(&upstream->feedback->consecutive_failures, upstream->failures);
    if (!upstream->reported) {
        upstream->reported = true;
        log_warn("pool %s: shard %s: replica %s: %s", upstream->pool->name, upstream->shard_name,
                 upstream->address->text, why);
    }
    if (!upstream->ejected && upstream->pool->eject_after > 0 &&
        upstream->failures >= upstream->pool->eject_after) {
        eject(upstream, why);
    }
}

void upstream_succeeded(struct upstream *upstream)
{
    if (upstream->failures == 0 && !upstream->reported) {
        return;
    }
    upstream->failures = 0;
    gauge_set(&upstream->feedback->consecutive_failures, 0);
    if (upstream->reported) {
        upstream->reported = false;
        log_info("pool %s: shard %s: replica %s answers again", upstream->pool->name,
                 upstream->shard_name, upstream->address->text);
    }
    if (!upstream->ejected) {
        return;
    }
    upstream->ejected = false;
    open_waiting(upstream);
}

/* ---- deadlines --------------------------------------------------------------------------- */

/* Many requests that expire together are one failure: the shard hung once. */
static void count_expiry(struct upstream_conn *conn, uint64_t now_us)
{
    if (now_us - conn->expired_us >= conn->upstream->pool->request_us / 2) {
        conn->expired_us = now_us;
        upstream_failed(conn->upstream, "request timed out");
    }
}

/* Requests whose time is up are answered; they stay queued, so that late replies are known. */
static uint64_t expire_requests(struct upstream_conn *conn, uint64_t now_us)
{
    struct upstream *upstream = conn->upstream;
    uint64_t timeout_us = upstream->pool->request_us;
    struct request *request, *next;

    for (request = conn->first; request != NULL; request = next) {
        next = request->next_in_conn;
        if (request->done) {
            continue;
        }
        if (now_us < request->start_us + timeout_us) {
            return request->start_us + timeout_us;
        }
        counter_add(&upstream->shard_feedback->requests[request->command][FEEDBACK_TIMEOUT], 1);
        request_fail(upstream->plane, request, FEEDBACK_TIMEOUT);
        count_expiry(conn, now_us);
        if (!list_empty(&conn->broken)) {
            return 0; /* ejected: the rest fails when the turn ends */
        }
    }
    return 0;
}

/* A connection that has been silent for two timeouts with requests on it is given up. */
static uint64_t check_silence(struct upstream_conn *conn, uint64_t now_us)
{
    uint64_t since_us, limit_us = 2 * conn->upstream->pool->request_us;

    if (conn->first == NULL) {
        return 0;
    }
    since_us =
        conn->first->start_us > conn->received_us ? conn->first->start_us : conn->received_us;
    if (now_us < since_us + limit_us) {
        return since_us + limit_us;
    }
    /* Requests that timed out have been counted one by one. */
    upstream_conn_break(conn, "no answer", conn->first->outcome != FEEDBACK_TIMEOUT);
    return 0;
}

static const char *late_text(const struct upstream_conn *conn)
{
    if (conn->dial.state == DIAL_LOOKING_UP) {
        return "host name look-up timed out";
    }
    return conn->state == UPSTREAM_CONN_PROBING ? "probe timed out" : "connect timed out";
}

static uint64_t check_conn(struct upstream_conn *conn, uint64_t now_us)
{
    switch (conn->state) {
    case UPSTREAM_CONN_WAITING:
        if (conn->upstream->ejected && conn != &conn->upstream->conns[0]) {
            return 0; /* the first connection probes */
        }
        if (now_us < conn->retry_us) {
            return conn->retry_us;
        }
        upstream_conn_open(conn);
        return conn->deadline_us;
    case UPSTREAM_CONN_CONNECTING:
    case UPSTREAM_CONN_PROBING:
        if (now_us < conn->deadline_us) {
            return plane_earlier(conn->deadline_us, expire_requests(conn, now_us));
        }
        upstream_conn_break(conn, late_text(conn), true);
        return 0;
    case UPSTREAM_CONN_UP:
        return plane_earlier(expire_requests(conn, now_us), check_silence(conn, now_us));
    case UPSTREAM_CONN_CLOSING:
    case UPSTREAM_CONN_STOPPED:
        break;
    }
    return 0;
}

uint64_t upstream_check_deadlines(struct upstream *upstream, uint64_t now_us)
{
    uint64_t next_us = upstream->http != NULL ? http_pool_check_deadlines(upstream, now_us) : 0;

    for (uint32_t i = 0; i < upstream->n_conns; i++) {
        if (list_empty(&upstream->conns[i].broken)) {
            next_us = plane_earlier(next_us, check_conn(&upstream->conns[i], now_us));
        }
    }
    return next_us;
}
