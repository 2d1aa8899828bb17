#include "data/http/http_pool.h"

#include <stdlib.h>

#include "base/memory.h"
#include "data/http/exchange.h"

/* ---- health ------------------------------------------------------------------------------ */

static void report(struct upstream *upstream)
{
    const struct http_pool *pool = upstream->http;
    enum feedback_state state = FEEDBACK_STATE_UP;

    if (upstream->ejected) {
        state = FEEDBACK_STATE_EJECTED;
    } else if (pool->retry_us != 0) {
        state = FEEDBACK_STATE_BACKOFF;
    }
    gauge_set(&upstream->feedback->state, state);
}

static void close_idle(struct http_pool *pool)
{
    while (!list_empty(&pool->idle)) {
        http_conn_discard(LIST_ENTRY(pool->idle.next, struct http_conn, idle));
    }
}

void http_pool_give_way(struct plane *plane)
{
    for (uint32_t p = 0; p < plane->options.topology->n_pools; p++) {
        for (uint32_t u = 0; u < plane->pools[p].n_upstreams; u++) {
            struct upstream *upstream = plane->pools[p].upstreams[u];

            if (upstream != NULL && upstream->http != NULL) { /* NULL: at the start */
                close_idle(upstream->http);
            }
        }
    }
}

void http_pool_note_failure(struct upstream *upstream, const char *why)
{
    struct plane *plane = upstream->plane;

    upstream->http->retry_us = plane_now(plane) + upstream->pool->retry_after_us;
    plane_wake_at(plane, upstream->http->retry_us);
    upstream_failed(upstream, why);
    if (upstream->ejected) {
        close_idle(upstream->http);
    }
    report(upstream);
}

void http_pool_note_success(struct upstream *upstream)
{
    if (upstream->http->retry_us != 0 || upstream->failures > 0 || upstream->reported) {
        upstream->http->retry_us = 0;
        upstream_succeeded(upstream);
        report(upstream);
    }
}

void http_pool_note_open(struct upstream *upstream)
{
    if (upstream->http->retry_us != 0 && !upstream->ejected) {
        upstream->http->retry_us = 0;
        report(upstream);
    }
}

static void probe(struct upstream *upstream)
{
    if (!upstream->http->probing && !upstream->http->stopping) {
        upstream->http->probing = true;
        http_conn_open(upstream, NULL);
    }
}

/* ---- idle connections -------------------------------------------------------------------- */

void http_pool_add_idle(struct http_pool *pool, struct http_conn *conn)
{
    list_prepend(&pool->idle, &conn->idle);
    pool->n_idle++;
}

void http_pool_remove_idle(struct http_pool *pool, struct http_conn *conn)
{
    if (!list_empty(&conn->idle)) {
        list_remove(&conn->idle);
        pool->n_idle--;
    }
}

static struct http_conn *take_idle(struct http_pool *pool)
{
    struct http_conn *conn;

    if (list_empty(&pool->idle)) {
        return NULL;
    }
    conn = LIST_ENTRY(pool->idle.next, struct http_conn, idle);
    http_pool_remove_idle(pool, conn);
    return conn;
}

/* What cannot be sent twice does not go where nobody listens any more. */
static struct http_conn *take_live(struct http_pool *pool, const struct exchange *exchange)
{
    bool is_repeatable =
        exchange_is_idempotent(exchange) && exchange->request.kind == HTTP1_BODY_NONE;
    struct http_conn *conn = take_idle(pool);

    while (conn != NULL && !is_repeatable && http_conn_is_stale(conn)) {
        http_conn_discard(conn);
        conn = take_idle(pool);
    }
    return conn;
}

enum feedback_outcome http_pool_attach(struct upstream *upstream, struct exchange *exchange,
                                       bool fresh)
{
    struct http_pool *pool = upstream->http;
    struct http_conn *conn = fresh ? NULL : take_live(pool, exchange);

    if (pool->stopping) {
        return FEEDBACK_UNAVAILABLE;
    }
    if (conn == NULL && pool->n_open >= upstream->pool->max_connections) {
        conn = take_live(pool, exchange); /* fresh was asked for, and there is no room */
        if (conn == NULL) {
            return FEEDBACK_BUSY;
        }
    }
    if (conn == NULL) {
        http_conn_open(upstream, exchange);
    } else {
        http_conn_serve(conn, exchange);
    }
    return FEEDBACK_OK;
}

/* ---- the pool ---------------------------------------------------------------------------- */

struct http_pool *http_pool_create(struct upstream *upstream)
{
    struct http_pool *pool = xcalloc(1, sizeof(*pool));

    list_init(&pool->all);
    list_init(&pool->idle);
    upstream->http = pool;
    probe(upstream);
    return pool;
}

bool http_pool_is_ready(const struct upstream *upstream)
{
    return !upstream->ejected && upstream->http->retry_us == 0;
}

void http_pool_stop(struct upstream *upstream)
{
    struct list *link;

    upstream->http->stopping = true;
    while ((link = upstream->http->all.next) != &upstream->http->all) {
        http_conn_break(LIST_ENTRY(link, struct http_conn, all), HTTP_CONN_LOST, "stopping", false);
    }
}

void http_pool_destroy(struct http_pool **pool)
{
    free(*pool);
    *pool = NULL;
}

uint64_t http_pool_check_deadlines(struct upstream *upstream, uint64_t now_us)
{
    struct http_pool *pool = upstream->http;
    uint64_t next_us = 0;
    struct list *link, unchecked;

    /* One may take others with it, and come back as a new one: each that is there now, once. */
    list_init(&unchecked);
    while ((link = list_pop(&pool->all)) != NULL) {
        list_append(&unchecked, link);
    }
    while ((link = list_pop(&unchecked)) != NULL) {
        list_append(&pool->all, link);
        next_us = plane_earlier(
            next_us, http_conn_check_deadline(LIST_ENTRY(link, struct http_conn, all), now_us));
    }
    if (pool->retry_us != 0 && now_us >= pool->retry_us) {
        pool->retry_us = now_us + upstream->pool->retry_after_us;
        probe(upstream);
    }
    return plane_earlier(next_us, pool->retry_us);
}
