/*
 * A whole data plane in the test's own process and thread: a configuration, a listener and shards
 * on Unix sockets in a folder of its own, clients on plain sockets. The test turns its event loop,
 * the shards and the clients one after another; waits are bounded.
 */
#ifndef RINGWAY_TESTS_SUPPORT_PLANE_RIG_H
#define RINGWAY_TESTS_SUPPORT_PLANE_RIG_H

#include <signal.h>

#include "base/log.h"
#include "data/http/http_conn.h"
#include "data/http/http_pool.h"
#include "data/plane.h"
#include "data/session.h"
#include "data/upstream.h"
#include "fake_shard.h"

#define RIG_SHARDS_MAX  8u
#define RIG_CLIENTS_MAX 8u
#define RIG_WAIT_MS     10000u /* what takes longer than this does not happen */
#define RIG_POLL_MS     5u

struct rig_client {
    int fd; /* -1: free */
    struct bytes received;
    bool eof;    /* the proxy closed the connection */
    bool blind;  /* nothing is read */
    short ready; /* what poll() said */
};

struct rig {
    char folder[40];
    struct config *config;
    struct topology *topology;
    struct feedback *feedback;
    struct stats_baseline *baseline;
    _Atomic uint32_t n_clients;
    struct plane plane;
    int listen_fds[1]; /* of the plane, once it has started */
    struct fake_shard shards[RIG_SHARDS_MAX];
    size_t n_shards;
    struct rig_client clients[RIG_CLIENTS_MAX];
    bool reversed; /* the last shard goes first */
};

static inline uint64_t rig_now_ms(void)
{
    return uv_hrtime() / 1000000;
}

/* ---- turns ------------------------------------------------------------------------------- */

static inline bool rig_client_turn(struct rig_client *client)
{
    static uint8_t room[1u << 18];
    ssize_t n;

    if (client->fd < 0 || client->eof || client->blind || client->ready == 0) {
        return false;
    }
    n = recv(client->fd, room, sizeof(room), 0);
    if (n > 0) {
        bytes_add(&client->received, room, (size_t)n);
        return true;
    }
    client->eof = n == 0 || (errno != EAGAIN && errno != EINTR);
    return client->eof;
}

/* Ask the kernel what shards and clients have to read, and the plane's loop if it is waited for. */
static inline void rig_poll(struct rig *rig, int timeout_ms)
{
    struct pollfd fds[1 + RIG_CLIENTS_MAX + RIG_SHARDS_MAX * (FAKE_CONNS_MAX + 1)];
    size_t n = 0;

    fds[n++] = (struct pollfd){.fd = timeout_ms > 0 ? uv_backend_fd(&rig->plane.loop) : -1,
                               .events = POLLIN};
    for (size_t i = 0; i < RIG_CLIENTS_MAX; i++) {
        const struct rig_client *client = &rig->clients[i];

        fds[n++] =
            (struct pollfd){.fd = client->eof || client->blind ? -1 : client->fd, .events = POLLIN};
    }
    for (size_t i = 0; i < rig->n_shards; i++) {
        n += fake_shard_ask(&rig->shards[i], fds + n);
    }
    (void)poll(fds, (nfds_t)n, timeout_ms);
    n = 1;
    for (size_t i = 0; i < RIG_CLIENTS_MAX; i++) {
        rig->clients[i].ready = fds[n++].revents;
    }
    for (size_t i = 0; i < rig->n_shards; i++) {
        n += fake_shard_hear(&rig->shards[i], fds + n);
    }
}

/** One turn of the plane's loop, then of every shard and client. Returns whether bytes moved. */
static inline bool rig_turn(struct rig *rig)
{
    bool any = false;

    (void)uv_run(&rig->plane.loop, UV_RUN_NOWAIT);
    rig_poll(rig, 0);
    for (size_t i = 0; i < rig->n_shards; i++) {
        any = fake_shard_turn(&rig->shards[rig->reversed ? rig->n_shards - 1 - i : i]) || any;
    }
    for (size_t i = 0; i < RIG_CLIENTS_MAX; i++) {
        any = rig_client_turn(&rig->clients[i]) || any;
    }
    return any;
}

/** Sleep until somebody has something to do, RIG_POLL_MS at most. */
static inline void rig_sleep(struct rig *rig)
{
    int timeout_ms = uv_backend_timeout(&rig->plane.loop);

    rig_poll(rig, timeout_ms < 0 || timeout_ms > (int)RIG_POLL_MS ? (int)RIG_POLL_MS : timeout_ms);
}

/** Turn until [condition]; a failure when that takes too long. */
#define RIG_UNTIL(rig, condition)                                                                  \
    do {                                                                                           \
        uint64_t rig_until_ms = rig_now_ms() + RIG_WAIT_MS;                                        \
        while (!(condition)) {                                                                     \
            if (rig_now_ms() > rig_until_ms) {                                                     \
                fprintf(stderr, "%s:%d: waited too long for: %s\n", __FILE__, __LINE__,            \
                        #condition);                                                               \
                abort();                                                                           \
            }                                                                                      \
            if (!rig_turn(rig) && !(condition)) {                                                  \
                rig_sleep(rig);                                                                    \
            }                                                                                      \
        }                                                                                          \
    } while (0)

/** Turn until nothing has moved for a few turns: there is nothing more to come but by time. */
static inline void rig_settle(struct rig *rig)
{
    for (unsigned still = 0; still < 3; still++) {
        if (rig_turn(rig)) {
            still = 0;
        }
    }
}

static inline void rig_run_ms(struct rig *rig, uint64_t ms)
{
    uint64_t end_ms = rig_now_ms() + ms;

    while (rig_now_ms() < end_ms) {
        if (!rig_turn(rig)) {
            rig_sleep(rig);
        }
    }
}

/* ---- clients ----------------------------------------------------------------------------- */

static inline struct rig_client *rig_connect(struct rig *rig)
{
    char path[64];
    struct sockaddr_un address;
    size_t i = 0;

    snprintf(path, sizeof(path), "%s/listener", rig->folder);
    address = fake_address(path);
    while (i < RIG_CLIENTS_MAX && rig->clients[i].fd >= 0) {
        i++;
    }
    MUST(i < RIG_CLIENTS_MAX);
    rig->clients[i] = (struct rig_client){.fd = fake_socket()};
    MUST(connect(rig->clients[i].fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    return &rig->clients[i];
}

static inline void rig_hang_up(struct rig_client *client)
{
    if (client->fd >= 0) {
        (void)close(client->fd);
    }
    bytes_free(&client->received);
    *client = (struct rig_client){.fd = -1};
}

/** Send all of [data], turning while the proxy does not read; stops if it closed the connection. */
static inline void rig_send(struct rig *rig, struct rig_client *client, struct slice data)
{
    uint64_t until_ms = rig_now_ms() + RIG_WAIT_MS;

    while (data.len > 0 && !client->eof) {
        ssize_t n = send(client->fd, data.data, data.len, MSG_NOSIGNAL);

        MUST(rig_now_ms() < until_ms);
        if (n > 0) {
            data = slice_skip(data, (size_t)n);
        } else if (errno != EAGAIN) {
            return; /* the proxy closed it */
        } else if (!rig_turn(rig)) {
            rig_sleep(rig);
        }
    }
}

/** Send [text] and expect exactly [reply], and nothing behind it. */
static inline void rig_ask(struct rig *rig, struct rig_client *client, const char *text,
                           const char *reply)
{
    size_t len = strlen(reply);

    client->received.len = 0;
    rig_send(rig, client, slice_of(text));
    RIG_UNTIL(rig, client->received.len >= len || client->eof);
    rig_settle(rig);
    if (!slice_is(slice_make(client->received.data, client->received.len), reply)) {
        fprintf(stderr, "asked: %s\nexpected: %s\nfound: %.*s\n", text, reply,
                (int)client->received.len, (const char *)client->received.data);
        abort();
    }
}

/* ---- life -------------------------------------------------------------------------------- */

static inline bool rig_is_connected(const struct rig *rig)
{
    for (uint32_t p = 0; p < rig->topology->n_pools; p++) {
        for (uint32_t u = 0; u < rig->plane.pools[p].n_upstreams; u++) {
            const struct upstream *upstream = rig->plane.pools[p].upstreams[u];

            if (upstream->http != NULL && upstream->http->probing) {
                return false;
            }
            for (uint32_t c = 0; c < upstream->n_conns; c++) {
                if (upstream->conns[c].state != UPSTREAM_CONN_UP) {
                    return false;
                }
            }
        }
    }
    return true;
}

static inline void rig_load(struct rig *rig, const char *yaml)
{
    struct config_problems problems = {0};
    char folder[64];
    char *environment[] = {folder, NULL};
    uint32_t bad_pool;
    int err;

    snprintf(folder, sizeof(folder), "DIR=%s", rig->folder);
    err = config_parse(&rig->config, "rig.yaml", yaml, strlen(yaml), environment, &problems);
    for (size_t i = 0; i < problems.n_lines; i++) {
        fprintf(stderr, "%s\n", problems.lines[i]);
    }
    MUST(err == 0);
    config_problems_deinit(&problems);
    MUST(topology_create(&rig->topology, rig->config, &bad_pool) == 0);
    rig->feedback = feedback_create(rig->topology);
    rig->baseline = stats_baseline_create(rig->topology);
}

static inline void rig_start_plane(struct rig *rig)
{
    struct plane_options options = {.topology = rig->topology,
                                    .n_workers = 1,
                                    .feedback = &rig->feedback,
                                    .baseline = rig->baseline,
                                    .listen_fds = rig->listen_fds,
                                    .n_clients = &rig->n_clients,
                                    .max_clients = rig->config->max_clients};
    char path[64];

    snprintf(path, sizeof(path), "%s/listener", rig->folder);
    rig->listen_fds[0] = fake_listen(path);
    MUST(plane_init(&rig->plane, &options) == 0);
}

/**
 * Start [n_shards] shards at ${DIR}/s0, ${DIR}/s1… and a plane as [yaml] says; its listener is
 * unix:${DIR}/listener.
 */
static inline void rig_init(struct rig *rig, const char *yaml, size_t n_shards)
{
    (void)signal(SIGPIPE, SIG_IGN); /* as the program does */
    MUST(log_init(&(struct log_options){.level = LOG_ERROR}) == 0);
    memset(rig, 0, sizeof(*rig));
    snprintf(rig->folder, sizeof(rig->folder), "/tmp/ringway-rig-XXXXXX");
    MUST(mkdtemp(rig->folder) != NULL);
    MUST(n_shards <= RIG_SHARDS_MAX);
    for (size_t i = 0; i < RIG_CLIENTS_MAX; i++) {
        rig->clients[i].fd = -1;
    }
    for (size_t i = 0; i < n_shards; i++) {
        fake_shard_init(&rig->shards[i], rig->folder, i);
    }
    rig->n_shards = n_shards;
    rig_load(rig, yaml);
    rig_start_plane(rig);
}

static inline uint32_t rig_list_length(const struct list *list)
{
    uint32_t n = 0;

    for (const struct list *link = list->next; link != list; link = link->next) {
        n++;
    }
    return n;
}

static inline void rig_check_http_pool(const struct upstream *upstream)
{
    const struct http_pool *pool = upstream->http;
    uint32_t n_busy = 0;

    for (const struct list *link = pool->all.next; link != &pool->all; link = link->next) {
        const struct http_conn *conn = LIST_ENTRY(link, struct http_conn, all);

        MUST((conn->state == HTTP_CONN_IDLE) == !list_empty(&conn->idle));
        MUST(conn->state != HTTP_CONN_CLOSING);
        n_busy += conn->exchange != NULL;
    }
    MUST(rig_list_length(&pool->all) == pool->n_open);
    MUST(rig_list_length(&pool->idle) == pool->n_idle);
    MUST(upstream->feedback->in_flight == n_busy);
}

/** What counts HTTP requests and connections agrees; with [idle], no request is left anywhere. Call
 * it between two turns. */
static inline void rig_check_http(const struct rig *rig, bool idle)
{
    const struct plane *plane = &rig->plane;

    MUST(rig->feedback->requests_open == plane->n_exchanges);
    MUST(!idle || (plane->n_exchanges == 0 && rig->feedback->http_upgrades == 0));
    for (uint32_t p = 0; p < rig->topology->n_pools; p++) {
        const struct plane_pool *pool = &plane->pools[p];
        uint32_t total = 0;

        for (uint32_t s = 0; pool->load != NULL && s < rig->topology->pools[p].n_shards; s++) {
            total += pool->load[s];
        }
        MUST(total == pool->total_load && (!idle || total == 0));
        for (uint32_t u = 0; u < pool->n_upstreams; u++) {
            if (pool->upstreams[u]->http != NULL) {
                rig_check_http_pool(pool->upstreams[u]);
            }
            MUST(!idle || pool->upstreams[u]->feedback->in_flight == 0);
        }
    }
}

/** Everything is closed; what should be zero then is zero. */
static inline void rig_deinit(struct rig *rig)
{
    char path[64];

    plane_stop(&rig->plane);
    (void)uv_run(&rig->plane.loop, UV_RUN_DEFAULT);
    MUST(rig->feedback->clients == 0 && rig->feedback->requests_open == 0);
    MUST(rig->n_clients == 0 && rig->plane.n_exchanges == 0);
    MUST(rig->feedback->http_upgrades == 0 && rig->feedback->clients_blocked == 0);
    for (uint32_t p = 0; p < rig->topology->n_pools; p++) {
        for (uint32_t u = 0; u < rig->plane.pools[p].n_upstreams; u++) {
            MUST(rig->feedback->pools[p].replicas[u].in_flight == 0);
        }
    }
    plane_deinit(&rig->plane);
    for (size_t i = 0; i < RIG_CLIENTS_MAX; i++) {
        rig_hang_up(&rig->clients[i]);
    }
    for (size_t i = 0; i < rig->n_shards; i++) {
        fake_shard_deinit(&rig->shards[i]);
    }
    stats_baseline_destroy(&rig->baseline);
    feedback_destroy(&rig->feedback, rig->topology);
    topology_destroy(&rig->topology);
    config_destroy(&rig->config);
    snprintf(path, sizeof(path), "%s/listener", rig->folder);
    (void)unlink(path);
    (void)rmdir(rig->folder);
}

/** The first key of the form PREFIXn that lives on [shard] of [pool]. */
static inline void rig_key_on(const struct rig *rig, uint32_t pool, uint32_t shard,
                              const char *prefix, char *key)
{
    const struct hashring *ring = rig->topology->pools[pool].ring;

    for (unsigned i = 0; i < 100000; i++) {
        int len = snprintf(key, 64, "%s%u", prefix, i);

        if (hashring_home(ring, hashring_hash(ring, key, (size_t)len)) == shard) {
            return;
        }
    }
    abort();
}

/** The shard that holds an upstream's state, by its place. */
static inline struct upstream *rig_upstream(const struct rig *rig, uint32_t pool, uint32_t number)
{
    return rig->plane.pools[pool].upstreams[number];
}

#endif
