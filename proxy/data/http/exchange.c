#include "data/http/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "data/http/http_answer.h"
#include "data/http/http_head.h"
#include "data/http/http_pool.h"
#include "data/router.h"
#include "topology/http_route.h"

#define NO_REPLICA        "no replica can be used now"
#define SWALLOW_MAX_BYTES (64u * 1024u) /* of an unwanted body, so that the connection is kept */

/* ---- the end ----------------------------------------------------------------------------- */

static void set_load(struct exchange *exchange, int change)
{
    struct plane_pool *pool;

    if (exchange->shard == REQUEST_NO_SHARD || exchange->is_loaded == (change > 0)) {
        return;
    }
    exchange->is_loaded = change > 0;
    pool = &exchange->session->plane->pools[exchange->shard_pool];
    if (pool->load != NULL) {
        pool->load[exchange->shard] += (uint32_t)change;
        pool->total_load += (uint32_t)change;
    }
}

/* Count the exchange and free it; the session is between two requests. */
static void end(struct exchange *exchange, enum feedback_http_result result, bool is_own)
{
    struct session *session = exchange->session;
    struct plane *plane = session->plane;

    if (exchange->route != NULL) {
        struct feedback_http *http = &plane->feedback->pools[exchange->route->pool].http;

        counter_add(&http->requests[exchange->method][result], 1);
        if (exchange->state != EXCHANGE_TUNNEL) { /* its length says nothing about us */
            histogram_record(&http->latency, plane_now(plane) - exchange->start_us);
        }
    }
    if (plane->access != NULL) {
        exchange_log(exchange, result, is_own);
    }
    if (exchange->state == EXCHANGE_TUNNEL) {
        gauge_add(&plane->feedback->http_upgrades, -1);
    }
    set_load(exchange, -1);
    gauge_add(&plane->feedback->requests_open, -1);
    plane->n_exchanges--;
    if (exchange->head.data != exchange->room) {
        free(exchange->head.data);
    }
    session->exchange = NULL;
    freelist_put(&plane->exchanges, exchange);
}

/* How the shard that was asked last did. */
static void count_on_shard(struct exchange *exchange, enum feedback_http_result result)
{
    if (exchange->shard != REQUEST_NO_SHARD) {
        struct feedback *feedback = exchange->session->plane->feedback;
        struct feedback_shard *shard =
            &feedback->pools[exchange->shard_pool].shards[exchange->shard];

        counter_add(&shard->http.requests[exchange->method][result], 1);
    }
}

static void give_conn_up(struct exchange *exchange, bool reusable)
{
    struct http_conn *conn = exchange->conn;

    exchange->conn = NULL;
    if (conn != NULL) {
        http_conn_release(conn, reusable);
    }
}

void exchange_finish(struct exchange *exchange)
{
    struct session *session = exchange->session;
    bool keeps = exchange->keep_alive && exchange->request.done;
    enum feedback_http_result result = feedback_http_result_of(exchange->status);

    give_conn_up(exchange, exchange->response_keeps && exchange->request.done &&
                               !exchange->output_lost && exchange->state != EXCHANGE_TUNNEL);
    count_on_shard(exchange, result);
    end(exchange, result, false);
    session_touch(session);
    if (!keeps) {
        session_end(session);
    }
}

/* A client that is told the end of a body by the end of the connection must see a reset. */
static void reset_client(struct session *session)
{
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    uv_os_fd_t fd;

    if (uv_fileno(&session->io.handle, &fd) == 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    }
    session_close(session);
}

void exchange_cut(struct exchange *exchange)
{
    struct session *session = exchange->session;
    bool is_framed = exchange->chunked_out || exchange->response.kind == HTTP1_BODY_LENGTH;

    counter_add(&session->plane->feedback->clients_cut, 1);
    give_conn_up(exchange, false);
    count_on_shard(exchange, FEEDBACK_HTTP_CUT);
    end(exchange, FEEDBACK_HTTP_CUT, false);
    if (is_framed) {
        session_end(session);   /* with what has come: that it is incomplete shows */
        session_touch(session); /* it may have been ending already: a client that half-closed */
    } else {
        reset_client(session);
    }
}

void exchange_cancel(struct exchange *exchange)
{
    give_conn_up(exchange, false);
    count_on_shard(exchange, FEEDBACK_HTTP_CANCELLED);
    end(exchange,
        exchange->state == EXCHANGE_TUNNEL ? FEEDBACK_HTTP_INFORMATIONAL : FEEDBACK_HTTP_CANCELLED,
        false);
}

/* Can the rest of an unwanted body be dropped, so that the next request is found behind it? */
static bool swallow_body(struct exchange *exchange)
{
    if (exchange->request.done) {
        return true;
    }
    if (exchange->request.kind != HTTP1_BODY_LENGTH || exchange->expects_continue ||
        exchange->request.left > SWALLOW_MAX_BYTES) {
        return false;
    }
    exchange->session->swallow = exchange->request.left;
    return true;
}

void exchange_fail(struct exchange *exchange, int status, const char *why)
{
    struct session *session = exchange->session;
    struct http_answer answer = {.status = status, .why = why};

    if (exchange->status != 0) {
        exchange_cut(exchange);
        return;
    }
    give_conn_up(exchange, false);
    answer.is_head = exchange->method == HTTP1_HEAD;
    answer.close = !exchange->keep_alive || session->plane->draining || status == 408 ||
                   status == 413 || exchange->client_minor == 0 || !swallow_body(exchange);
    exchange->status = status;
    count_on_shard(exchange, feedback_http_result_of(status));
    end(exchange, feedback_http_result_of(status), true);
    http_answer_send(session, &answer);
}

/* ---- dispatch ---------------------------------------------------------------------------- */

static void fail_for_shard(struct exchange *exchange, int status, const char *what)
{
    const struct topology_pool *pool =
        &exchange->session->plane->options.topology->pools[exchange->shard_pool];
    char why[HASHRING_MAX_NAME_BYTES + 256];

    snprintf(why, sizeof(why), "shard %s: %s", pool->shards[exchange->shard].config->name, what);
    exchange_fail(exchange, status, why);
}

static void attach(struct exchange *exchange, const struct route *route, bool fresh)
{
    exchange->shard_pool = route->pool;
    exchange->shard = route->shard;
    exchange->upstream = route->upstream;
    if (route->upstream == NULL) {
        fail_for_shard(exchange, 503, NO_REPLICA);
        return;
    }
    set_load(exchange, +1);
    if (route->upstream->pool->request_us > 0) {
        plane_wake_at(exchange->session->plane,
                      exchange->start_us + route->upstream->pool->request_us);
    }
    switch (http_pool_attach(route->upstream, exchange, fresh)) {
    case FEEDBACK_OK:
        return;
    case FEEDBACK_BUSY:
        fail_for_shard(exchange, 503, "busy: all connections are in use");
        return;
    default:
        fail_for_shard(exchange, 503, "unavailable");
        return;
    }
}

/* Where the ring and the pool's rules send it, the replica that was tried left aside. */
static struct route find_route(const struct exchange *exchange)
{
    struct router_query query = {.pool = exchange->route->pool,
                                 .hash = exchange->hash,
                                 .key = exchange_key(exchange),
                                 .has_key = exchange->has_key,
                                 .avoid = exchange->upstream};

    return router_route_query(exchange->session->plane, &query);
}

static void dispatch(struct exchange *exchange)
{
    struct route route = find_route(exchange);

    attach(exchange, &route, false);
}

static bool may_retry(const struct exchange *exchange, enum http_conn_loss loss)
{
    const struct exchange_body *body = &exchange->request;
    bool is_body_unsent = body->kind == HTTP1_BODY_NONE || (body->n_bytes == 0 && !body->done);
    bool is_unsent = loss == HTTP_CONN_REFUSED || loss == HTTP_CONN_STARVED;
    bool is_replayable = loss == HTTP_CONN_LOST && exchange_is_idempotent(exchange) &&
                         is_body_unsent && !exchange->has_answer;

    return exchange->retries == 0 && (is_unsent || is_replayable) &&
           !exchange->session->plane->stopping;
}

/* Once more: another replica of the shard; else, when only a connection was lost that had been kept
 * for too long, the same one; else what the pool says for a shard that is down. The same one, too,
 * when it was we who had no descriptor. */
static bool retry(struct exchange *exchange, enum http_conn_loss loss)
{
    struct plane *plane = exchange->session->plane;
    struct route route = {.pool = exchange->shard_pool, .shard = exchange->shard};

    if (loss == HTTP_CONN_STARVED) {
        route.upstream = exchange->upstream;
    } else {
        route.upstream = router_other_replica(plane, route.pool, route.shard, exchange->upstream);
    }
    if (route.upstream == NULL && loss == HTTP_CONN_LOST) {
        if (!exchange->on_kept_conn) {
            return false;
        }
        route.upstream = exchange->upstream;
    }
    set_load(exchange, -1);
    if (route.upstream == NULL) {
        route = find_route(exchange);
    }
    if (route.upstream == NULL) {
        fail_for_shard(exchange, 503, NO_REPLICA);
        return true;
    }
    exchange->retries++;
    counter_add(&plane->feedback->pools[exchange->route->pool].retries, 1);
    if (loss != HTTP_CONN_STARVED) {
        count_on_shard(exchange, FEEDBACK_HTTP_SERVER_ERROR);
    }
    attach(exchange, &route, true);
    return true;
}

static int status_of(enum http_conn_loss loss, const char *why)
{
    switch (loss) {
    case HTTP_CONN_STARVED:
        return 503;
    case HTTP_CONN_REFUSED:
        return strcmp(why, HTTP_CONN_LATE) == 0 ? 504 : 502;
    case HTTP_CONN_TIMEOUT:
        return 504;
    case HTTP_CONN_LOST:
    case HTTP_CONN_PROTOCOL:
        break;
    }
    return 502;
}

void exchange_on_lost(struct exchange *exchange, enum http_conn_loss loss, const char *why)
{
    exchange->conn = NULL;
    if (exchange->state == EXCHANGE_TUNNEL) {
        exchange_finish(exchange);
    } else if (exchange->status != 0) {
        exchange_cut(exchange);
    } else if (!may_retry(exchange, loss) || !retry(exchange, loss)) {
        fail_for_shard(exchange, status_of(loss, why), why);
    }
}

void exchange_on_open(struct exchange *exchange)
{
    struct http_conn *conn = exchange->conn;
    struct plane *plane = exchange->session->plane;
    const struct config_pool *pool = exchange->upstream->pool;
    struct slice head = exchange_head_part(exchange, 0, exchange->head_len);

    exchange->on_kept_conn = conn->reused;
    exchange->sent_us = plane_now(plane);
    if (exchange->route->host_sent == CONFIG_HOST_REPLICA) {
        http_conn_write(conn, exchange_head_part(exchange, 0, exchange->host_at), true);
        http_conn_write(conn, slice_of("Host: "), true);
        http_conn_write(conn, slice_of(exchange->upstream->host), true);
        http_conn_write(conn, slice_of("\r\n"), true);
        head = slice_skip(head, exchange->host_at + exchange->host_len);
    }
    outq_borrow(&conn->out.queue, &plane->segments, head); /* the exchange keeps it till the end */
    http_conn_touch(conn);
    if (pool->response_us > 0) {
        plane_wake_at(plane, plane_now(plane) + pool->response_us);
    }
    if (exchange->session->paused) {
        session_touch(exchange->session); /* a body waits */
    }
}

/* ---- the beginning ----------------------------------------------------------------------- */

static struct exchange *create(struct session *session, const struct http1_request *request)
{
    struct plane *plane = session->plane;
    struct exchange *exchange = freelist_get(&plane->exchanges);

    memset(exchange, 0, offsetof(struct exchange, room));
    exchange->session = session;
    exchange->start_us = plane_now(plane);
    exchange->shard = REQUEST_NO_SHARD;
    exchange->method = request->method_id;
    exchange->client_minor = request->minor;
    exchange->keep_alive = request->keep_alive;
    session->closes_plainly = !request->keep_alive && request->body == HTTP1_BODY_NONE;
    exchange->expects_continue = request->expect_continue;
    exchange->request.kind = request->body;
    exchange->request.left = request->content_length;
    exchange->request.done = request->body == HTTP1_BODY_NONE;
    session->exchange = exchange;
    plane->n_exchanges++;
    gauge_add(&plane->feedback->requests_open, 1);
    return exchange;
}

static void reserve_head(struct exchange *exchange, size_t bytes)
{
    bool fits = bytes <= sizeof(exchange->room);

    exchange->head.data = fits ? exchange->room : xmalloc(bytes);
    exchange->head.max = fits ? sizeof(exchange->room) : bytes;
}

/* Find the route and the key, and write the head that is sent on, with the key behind it. */
static void prepare(struct exchange *exchange, const struct http1_request *request)
{
    struct session *session = exchange->session;
    struct plane *plane = session->plane;
    const struct config_listener *listener = session->listener->config;
    char room[SESSION_IP_BYTES];
    struct slice ip = session_ip(session, room), client, key = {NULL, 0};

    session->trusted = http_route_is_trusted(listener, ip);
    exchange->route = http_route_match(listener, request);
    if (exchange->route != NULL) {
        client = http_route_client_ip(listener, ip, request);
        exchange->has_key =
            http_route_key(exchange->route, request, client, plane->key_room, &key, NULL);
        exchange->shard_pool = exchange->route->pool;
    }
    reserve_head(exchange, request->head_len + HTTP_HEAD_EXTRA_BYTES + key.len);
    http_head_write_request(exchange, request, ip);
    exchange->head_len = exchange->head.len;
    if (exchange->has_key) {
        http1_put(&exchange->head, key);
        exchange->key_len = key.len;
    }
}

static void place(struct exchange *exchange)
{
    struct plane *plane = exchange->session->plane;
    const struct topology_pool *pool = &plane->options.topology->pools[exchange->route->pool];
    struct slice key = exchange_key(exchange);

    if (exchange->has_key) {
        exchange->hash = hashring_hash(pool->ring, key.data, key.len);
    } else {
        exchange->hash = (uint64_t)plane_random(plane) << 32 | plane_random(plane);
    }
}

void exchange_begin(struct session *session, const struct http1_request *request)
{
    struct exchange *exchange = create(session, request);
    const struct config *config = session->plane->config;

    prepare(exchange, request);
    if (exchange->head.overflowed) {
        exchange_fail(exchange, 431, "the request head is too long to be forwarded");
    } else if (exchange->method == HTTP1_CONNECT) {
        exchange_fail(exchange, 405, "CONNECT is not served: this is no forward proxy");
    } else if (http_head_is_loop(session->plane, request)) {
        exchange_fail(exchange, 508, "the request has been here before (see Via)");
    } else if (exchange->route == NULL) {
        exchange_fail(exchange, 404, "no route takes this request");
    } else if (config->request_body_bytes > 0 &&
               request->content_length > config->request_body_bytes) {
        exchange_fail(exchange, 413, "the request body is larger than limits.max_request_body");
    } else if (http_head_is_last(request)) {
        exchange_fail(exchange, exchange->method == HTTP1_TRACE ? 405 : 200, "Max-Forwards is 0");
    } else if (!exchange->has_key && exchange->route->key_missing == CONFIG_KEY_MISSING_ERROR) {
        exchange_fail(exchange, 400,
                      "the request has no key: what the route's key names is missing");
    } else {
        place(exchange);
        dispatch(exchange);
    }
}

bool exchange_needs_conn(const struct exchange *exchange)
{
    return exchange->state != EXCHANGE_TUNNEL;
}

bool exchange_is_idempotent(const struct exchange *exchange)
{
    return http1_method_is_idempotent(exchange->method);
}

/* ---- time -------------------------------------------------------------------------------- */

/* Is it the shard that everybody waits for? */
static bool is_shards_turn(const struct exchange *exchange)
{
    const struct http_conn *conn = exchange->conn;

    return conn->reading && (exchange->request.done || exchange->expects_continue ||
                             exchange->output_lost || conn->out.queue.bytes > 0);
}

uint64_t exchange_check_time(struct exchange *exchange, uint64_t now_us)
{
    const struct config_pool *pool = exchange->upstream->pool;
    struct http_conn *conn = exchange->conn;
    uint64_t total_us = pool->request_us > 0 ? exchange->start_us + pool->request_us : 0;
    uint64_t due_us = total_us;

    if (exchange->state == EXCHANGE_TUNNEL) {
        return 0;
    }
    if (total_us != 0 && now_us >= total_us) {
        http_conn_break(conn, HTTP_CONN_TIMEOUT, "the time for the whole request is over",
                        is_shards_turn(exchange));
        return 0;
    }
    if (conn->state == HTTP_CONN_BUSY && pool->response_us > 0) {
        bool is_turn = is_shards_turn(exchange);
        uint64_t silent_us = (is_turn ? conn->since_us : now_us) + pool->response_us;

        if (now_us >= silent_us) {
            http_conn_break(conn, HTTP_CONN_TIMEOUT, "no answer in time", true);
            return 0;
        }
        due_us = plane_earlier(due_us, silent_us);
    }
    return due_us;
}

void exchange_on_client_late(struct exchange *exchange)
{
    struct session *session = exchange->session;

    if (exchange->status == 0) {
        exchange_fail(exchange, 408, "the request's body does not come");
    } else {
        session_close(session);
    }
}

void exchange_set_phase(struct exchange *exchange)
{
    struct session *session = exchange->session;
    enum session_phase phase = SESSION_PHASE_WAIT;
    bool has_to_send = !exchange->request.done && !exchange->expects_continue && !session->paused;

    if (exchange->state != EXCHANGE_TUNNEL && (session->out.queue.bytes > 0 || has_to_send)) {
        phase = SESSION_PHASE_BODY;
    }
    if (phase != (enum session_phase)session->phase) {
        session_enter(session, phase);
    }
}

void exchange_on_flushed(struct exchange *exchange)
{
    struct session *session = exchange->session;
    size_t waiting = session->out.queue.bytes, most = session->plane->config->stream_buffer_bytes;

    if (exchange->conn != NULL) {
        if (waiting >= most / 2) {
            http_conn_set_reading(exchange->conn, false);
        } else if (waiting < most / 4) {
            http_conn_set_reading(exchange->conn, true);
        }
    }
}
