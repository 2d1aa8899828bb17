#include "data/plane.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "data/access_log.h"
#include "data/http/exchange.h"
#include "data/http/http_conn.h"
#include "data/listener.h"
#include "data/session.h"
#include "data/upstream.h"
#include "topology/http_route.h"

#define ARENA_BYTES    (512u * 1024u)
#define READ_MIN_BYTES (64u * 1024u)  /* less left in the arena: flush and rewind first */
#define READ_MAX_BYTES (256u * 1024u) /* one read, so that one connection cannot use it all */
#define BUSY_REQUESTS  16u            /* under way: then batches are worth waiting for */
#define FEW_READS_PART 2u             /* reads of a turn below half of the requests are few */
#define KEEP_REQUESTS  8192u
#define KEEP_SESSIONS  256u
#define KEEP_EXCHANGES 256u
#define KEEP_WRITES    64u

/* ---- time and chance --------------------------------------------------------------------- */

uint64_t plane_now(struct plane *plane)
{
    if (!plane->turn_open) {
        plane->turn_open = true;
        plane->now_us = uv_hrtime() / 1000;
    }
    return plane->now_us;
}

uint32_t plane_random(struct plane *plane)
{
    plane->random ^= plane->random << 13; /* xorshift64 (Marsaglia 2003) */
    plane->random ^= plane->random >> 7;
    plane->random ^= plane->random << 17;
    return (uint32_t)(plane->random >> 32);
}

static void on_timer(uv_timer_t *timer)
{
    struct plane *plane = timer->data;
    uint64_t now_us = plane_now(plane), next_us = 0;

    plane->timer_due_us = 0; /* an attempt that ends may begin another, with a time of its own */
    for (uint32_t p = 0; p < plane->options.topology->n_pools; p++) {
        for (uint32_t u = 0; u < plane->pools[p].n_upstreams; u++) {
            uint64_t due_us = upstream_check_deadlines(plane->pools[p].upstreams[u], now_us);

            if (due_us != 0 && (next_us == 0 || due_us < next_us)) {
                next_us = due_us;
            }
        }
    }
    if (next_us != 0) {
        plane_wake_at(plane, next_us);
    }
    plane_flush(plane);
}

void plane_wake_at(struct plane *plane, uint64_t at_us)
{
    uint64_t now_us;

    if (plane->stopping || (plane->timer_due_us != 0 && plane->timer_due_us <= at_us)) {
        return;
    }
    now_us = plane_now(plane);
    plane->timer_due_us = at_us;
    uv_update_time(&plane->loop);
    uv_timer_start(&plane->timer, on_timer, at_us > now_us ? (at_us - now_us) / 1000 + 1 : 0, 0);
}

/* ---- a turn ------------------------------------------------------------------------------ */

static void send_all(struct plane *plane)
{
    struct list *link;

    while ((link = list_pop(&plane->dirty_conns)) != NULL) {
        upstream_conn_flush(LIST_ENTRY(link, struct upstream_conn, dirty));
    }
    while ((link = list_pop(&plane->dirty_http_conns)) != NULL) {
        http_conn_flush(LIST_ENTRY(link, struct http_conn, dirty));
    }
    while ((link = list_pop(&plane->dirty_sessions)) != NULL) {
        session_flush(LIST_ENTRY(link, struct session, dirty));
    }
}

static void resume_some(struct plane *plane)
{
    struct list *link, waiting;

    list_init(&waiting);
    while ((link = list_pop(&plane->waiting_sessions)) != NULL) { /* each once a turn */
        list_append(&waiting, link);
    }
    while ((link = list_pop(&waiting)) != NULL) {
        session_resume(LIST_ENTRY(link, struct session, waiting));
    }
}

static bool close_broken(struct plane *plane)
{
    struct list *link;
    bool any = false;

    while ((link = list_pop(&plane->broken_conns)) != NULL) {
        upstream_conn_close(LIST_ENTRY(link, struct upstream_conn, broken));
        any = true;
    }
    while ((link = list_pop(&plane->broken_http_conns)) != NULL) {
        http_conn_close(LIST_ENTRY(link, struct http_conn, dirty));
        any = true;
    }
    return any;
}

/* Send, and close what broke, until nothing comes of it. */
static void settle(struct plane *plane)
{
    do {
        send_all(plane);
    } while (close_broken(plane));
}

static void on_again(uv_idle_t *again)
{
    (void)again; /* that it is active is all: the next poll does not sleep */
}

void plane_flush(struct plane *plane)
{
    plane->polled_again = false;
    plane->n_reads = 0;
    uv_idle_stop(&plane->again);
    settle(plane);
    if (!list_empty(&plane->waiting_sessions)) {
        resume_some(plane);
        settle(plane);
    }
    if (!list_empty(&plane->waiting_sessions) && !plane->stopping) {
        uv_idle_start(&plane->again, on_again); /* after everybody else has had a turn */
    }
    session_bury(plane);
    if (plane->access != NULL) {
        access_log_flush(plane->access);
    }
    plane->arena_used = 0;
    plane->turn_open = false;
}

static bool has_work(const struct plane *plane)
{
    return plane->turn_open || !list_empty(&plane->dirty_sessions) ||
           !list_empty(&plane->dirty_conns) || !list_empty(&plane->broken_conns) ||
           !list_empty(&plane->dirty_http_conns) || !list_empty(&plane->broken_http_conns) ||
           !list_empty(&plane->dead_sessions) || !list_empty(&plane->waiting_sessions);
}

/* Requests that may share reads and writes with others. */
static uint64_t n_batchable(const struct plane *plane)
{
    return counter_get(&plane->feedback->requests_open) - plane->n_exchanges;
}

/* Few bytes came although many requests are under way: the peers are the ones that are busy. Give
 * them a moment, as a network card does that moderates its interrupts: what comes meanwhile costs one
 * wake-up here and one read there, not one each. */
static void pause_for_more(const struct plane *plane)
{
    struct timespec pause = {0, (long)plane->config->batch_delay_us * 1000};

    if (plane->n_reads * FEW_READS_PART < n_batchable(plane)) {
        (void)nanosleep(&pause, NULL);
    }
}

/* With many requests under way, look once more without waiting before sending: what has come can go
 * with the same writes. */
static bool polls_again(struct plane *plane)
{
    if (plane->polled_again || plane->stopping || plane->config->batch_delay_us == 0 ||
        n_batchable(plane) < BUSY_REQUESTS) {
        return false;
    }
    plane->polled_again = true;
    pause_for_more(plane);
    uv_idle_start(&plane->again, on_again);
    return true;
}

static void on_check(uv_check_t *check)
{
    struct plane *plane = check->data;

    if (has_work(plane) && !polls_again(plane)) {
        plane_flush(plane);
    }
}

/* Close callbacks and connect errors are called between two polls: the loop must not fall asleep on
 * what they leave, nor with a clock that they have read. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct plane *plane = prepare->data;

    if (!plane->polled_again && has_work(plane)) {
        plane_flush(plane);
    }
}

uv_buf_t plane_read_buffer(struct plane *plane)
{
    size_t left = ARENA_BYTES - plane->arena_used;

    plane->n_reads++;

    (void)plane_now(plane); /* opens the turn */
    if (left < READ_MIN_BYTES) {
        plane->sending_early = true; /* nothing may be closed now: libuv is about to read */
        send_all(plane);
        plane->sending_early = false;
        plane->arena_used = 0;
        left = ARENA_BYTES;
    }
    left = left < READ_MAX_BYTES ? left : READ_MAX_BYTES;
    return uv_buf_init((char *)plane->arena + plane->arena_used, (unsigned)left);
}

void plane_read_used(struct plane *plane, size_t n)
{
    plane->arena_used += n;
}

/* ---- life -------------------------------------------------------------------------------- */

static void init_lists(struct plane *plane)
{
    struct list *lists[] = {&plane->dirty_sessions,   &plane->waiting_sessions,
                            &plane->dead_sessions,    &plane->dirty_conns,
                            &plane->broken_conns,     &plane->dirty_http_conns,
                            &plane->broken_http_conns};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        list_init(lists[i]);
    }
    for (size_t i = 0; i < SESSION_N_PHASES; i++) {
        list_init(&plane->phases[i]);
    }
    segment_pool_init(&plane->segments);
    freelist_init(&plane->requests, sizeof(struct request), KEEP_REQUESTS);
    freelist_init(&plane->sessions, sizeof(struct session), KEEP_SESSIONS);
    freelist_init(&plane->http_sessions, SESSION_HTTP_BYTES, KEEP_SESSIONS);
    freelist_init(&plane->exchanges, sizeof(struct exchange), KEEP_EXCHANGES);
    freelist_init(&plane->http_conns, sizeof(struct http_conn), KEEP_EXCHANGES);
    freelist_init(&plane->segments.writes, outlet_write_size(), KEEP_WRITES);
}

static void init_handles(struct plane *plane)
{
    uv_check_init(&plane->loop, &plane->check);
    plane->check.data = plane;
    uv_check_start(&plane->check, on_check);
    uv_prepare_init(&plane->loop, &plane->prepare);
    plane->prepare.data = plane;
    uv_prepare_start(&plane->prepare, on_prepare);
    uv_idle_init(&plane->loop, &plane->again);
    uv_timer_init(&plane->loop, &plane->timer);
    plane->timer.data = plane;
    uv_timer_init(&plane->loop, &plane->phase_timer);
    plane->phase_timer.data = plane;
}

static void create_upstreams(struct plane *plane)
{
    const struct topology *topology = plane->options.topology;
    size_t most_shards = 1;

    plane->pools = xcalloc(topology->n_pools, sizeof(*plane->pools));
    for (uint32_t p = 0; p < topology->n_pools; p++) {
        const struct topology_pool *place = &topology->pools[p];
        struct plane_pool *pool = &plane->pools[p];

        most_shards = place->n_shards > most_shards ? place->n_shards : most_shards;
        pool->upstreams = xcalloc(place->n_replicas, sizeof(struct upstream *));
        if (place->config->balance_percent > 0) {
            pool->load = xcalloc(place->n_shards, sizeof(*pool->load));
        }
        for (uint32_t s = 0; s < place->n_shards; s++) {
            pool->total_weight += place->shards[s].config->weight;
            for (uint32_t r = 0; r < place->shards[s].config->n_replicas; r++) {
                pool->upstreams[pool->n_upstreams++] = upstream_create(plane, p, s, r);
            }
        }
    }
    plane->walk = xcalloc(most_shards, sizeof(*plane->walk));
    plane->key_room = xcalloc(1, http_route_key_max(plane->config));
    snprintf(plane->via, sizeof(plane->via), "ringway-%08x", (unsigned)plane->options.instance);
}

static int start_listeners(struct plane *plane)
{
    const struct config *config = plane->config;

    for (size_t i = 0; i < config->n_listeners; i++) {
        int err = listener_start(&plane->listeners[i], plane, &config->listeners[i],
                                 plane->options.listen_fds[i]);

        if (err != 0) {
            return err;
        }
    }
    return 0;
}

int plane_init(struct plane *plane, const struct plane_options *options)
{
    int err;

    memset(plane, 0, sizeof(*plane));
    plane->options = *options;
    plane->config = options->topology->config;
    plane->feedback = options->feedback[options->index];
    plane->random = uv_hrtime() ^ ((uint64_t)options->index << 32) ^ 0x9e3779b97f4a7c15u;
    err = uv_loop_init(&plane->loop);
    if (err != 0) {
        return err;
    }
    plane->is_open = true;
    plane->arena = xcalloc(1, ARENA_BYTES);
    plane->listeners = xcalloc(plane->config->n_listeners, sizeof(*plane->listeners));
    init_lists(plane);
    init_handles(plane);
    plane->access = access_log_create(plane);
    create_upstreams(plane);
    err = start_listeners(plane);
    plane_flush(plane); /* ends the turn that the clock was read in */
    return err;
}

void plane_drain(struct plane *plane)
{
    struct list *link, *sessions;

    plane->draining = true;
    for (size_t i = 0; i < plane->config->n_listeners; i++) {
        listener_stop(&plane->listeners[i]);
    }
    for (unsigned phase = 0; phase < SESSION_N_PHASES; phase++) {
        sessions = &plane->phases[phase];
        for (link = sessions->next; link != sessions; link = link->next) {
            session_touch(LIST_ENTRY(link, struct session, all));
        }
    }
    plane_flush(plane);
}

void plane_stop(struct plane *plane)
{
    struct list *link;

    if (!plane->is_open) {
        return;
    }
    plane->stopping = true;
    for (size_t i = 0; i < plane->config->n_listeners; i++) {
        listener_stop(&plane->listeners[i]);
    }
    for (unsigned phase = 0; phase < SESSION_N_PHASES; phase++) {
        while ((link = plane->phases[phase].next) != &plane->phases[phase]) {
            session_close(LIST_ENTRY(link, struct session, all));
        }
    }
    for (uint32_t p = 0; p < plane->options.topology->n_pools; p++) {
        for (uint32_t u = 0; u < plane->pools[p].n_upstreams; u++) {
            upstream_stop(plane->pools[p].upstreams[u]);
        }
    }
    plane_flush(plane);
    uv_close((uv_handle_t *)&plane->timer, NULL);
    uv_close((uv_handle_t *)&plane->phase_timer, NULL);
    uv_close((uv_handle_t *)&plane->check, NULL);
    uv_close((uv_handle_t *)&plane->prepare, NULL);
    uv_close((uv_handle_t *)&plane->again, NULL);
}

static void destroy_pools(struct plane *plane)
{
    for (uint32_t p = 0; plane->pools != NULL && p < plane->options.topology->n_pools; p++) {
        for (uint32_t u = 0; u < plane->pools[p].n_upstreams; u++) {
            upstream_destroy(&plane->pools[p].upstreams[u]);
        }
        free(plane->pools[p].upstreams);
        free(plane->pools[p].load);
    }
    free(plane->pools);
    free(plane->walk);
    free(plane->key_room);
}

void plane_deinit(struct plane *plane)
{
    if (!plane->is_open) {
        return;
    }
    destroy_pools(plane);
    access_log_destroy(&plane->access);
    free(plane->listeners);
    segment_pool_deinit(&plane->segments);
    freelist_deinit(&plane->requests);
    freelist_deinit(&plane->sessions);
    freelist_deinit(&plane->http_sessions);
    freelist_deinit(&plane->exchanges);
    freelist_deinit(&plane->http_conns);
    freelist_deinit(&plane->segments.writes);
    free(plane->arena);
    (void)uv_loop_close(&plane->loop);
}
