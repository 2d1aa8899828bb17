#include "control/view.h"

#include <string.h>

static uint64_t counter_at(const void *base, size_t offset)
{
    const void *counter = (const char *)base + offset;

    return counter_get(counter);
}

uint64_t view_process_sum(const struct control_view *view, size_t offset)
{
    uint64_t sum = 0;
    uint32_t i;

    for (i = 0; i < view->n_workers; i++) {
        sum += counter_at(view->feedback[i], offset);
    }
    return sum;
}

uint64_t view_pool_sum(const struct control_view *view, uint32_t pool, size_t offset)
{
    uint64_t sum = 0;
    uint32_t i;

    for (i = 0; i < view->n_workers; i++) {
        sum += counter_at(&view->feedback[i]->pools[pool], offset);
    }
    return sum;
}

static const struct feedback_shard *shard_of(const struct control_view *view, uint32_t worker,
                                             struct view_place at)
{
    return &view->feedback[worker]->pools[at.pool].shards[at.shard];
}

static const struct feedback_replica *replica_of(const struct control_view *view, uint32_t worker,
                                                 struct view_place at)
{
    uint32_t first = view->topology->pools[at.pool].shards[at.shard].first_replica;

    return &view->feedback[worker]->pools[at.pool].replicas[first + at.replica];
}

uint64_t view_shard_sum(const struct control_view *view, struct view_place at, size_t offset)
{
    uint64_t sum = 0;
    uint32_t i;

    for (i = 0; i < view->n_workers; i++) {
        sum += counter_at(shard_of(view, i, at), offset);
    }
    return sum;
}

uint64_t view_replica_sum(const struct control_view *view, struct view_place at, size_t offset)
{
    uint64_t sum = 0;
    uint32_t i;

    for (i = 0; i < view->n_workers; i++) {
        sum += counter_at(replica_of(view, i, at), offset);
    }
    return sum;
}

void view_pool_latency(const struct control_view *view, uint32_t pool,
                       enum memcache_command command, struct histogram_sum *out)
{
    uint32_t i;

    memset(out, 0, sizeof *out);
    for (i = 0; i < view->n_workers; i++) {
        histogram_add_to(&view->feedback[i]->pools[pool].latency[command], out);
    }
}

void view_shard_latency(const struct control_view *view, struct view_place at,
                        struct histogram_sum *out)
{
    uint32_t i;

    memset(out, 0, sizeof *out);
    for (i = 0; i < view->n_workers; i++) {
        histogram_add_to(&shard_of(view, i, at)->latency, out);
    }
}

void view_pool_http_latency(const struct control_view *view, uint32_t pool,
                            struct histogram_sum *out)
{
    uint32_t i;

    memset(out, 0, sizeof *out);
    for (i = 0; i < view->n_workers; i++) {
        histogram_add_to(&view->feedback[i]->pools[pool].http.latency, out);
    }
}

static void add_results(const struct feedback_http *http, enum http1_method method,
                        uint64_t by_result[FEEDBACK_HTTP_N_RESULTS])
{
    uint32_t result;

    for (result = 0; result < FEEDBACK_HTTP_N_RESULTS; result++) {
        by_result[result] += counter_get(&http->requests[method][result]);
    }
}

void view_pool_http(const struct control_view *view, uint32_t pool, enum http1_method method,
                    uint64_t by_result[FEEDBACK_HTTP_N_RESULTS])
{
    uint32_t i;

    memset(by_result, 0, FEEDBACK_HTTP_N_RESULTS * sizeof *by_result);
    for (i = 0; i < view->n_workers; i++) {
        add_results(&view->feedback[i]->pools[pool].http, method, by_result);
    }
}

void view_shard_http(const struct control_view *view, struct view_place at,
                     uint64_t by_result[FEEDBACK_HTTP_N_RESULTS])
{
    uint32_t i, method;

    memset(by_result, 0, FEEDBACK_HTTP_N_RESULTS * sizeof *by_result);
    for (i = 0; i < view->n_workers; i++) {
        for (method = 0; method < HTTP1_N_METHODS; method++) {
            add_results(&shard_of(view, i, at)->http, (enum http1_method)method, by_result);
        }
    }
}

bool view_pool_is(const struct control_view *view, uint32_t pool, enum config_protocol protocol)
{
    return view->topology->pools[pool].config->protocol == protocol;
}

enum feedback_state view_replica_states(const struct control_view *view, struct view_place at,
                                        uint32_t counts[FEEDBACK_N_STATES])
{
    static const enum feedback_state worst_first[] = {
        FEEDBACK_STATE_EJECTED, FEEDBACK_STATE_BACKOFF, FEEDBACK_STATE_CONNECTING};
    uint32_t i;

    memset(counts, 0, FEEDBACK_N_STATES * sizeof *counts);
    for (i = 0; i < view->n_workers; i++) {
        uint64_t state = counter_get(&replica_of(view, i, at)->state);

        if (state < FEEDBACK_N_STATES) {
            counts[state]++;
        }
    }
    for (i = 0; i < sizeof worst_first / sizeof *worst_first; i++) {
        if (counts[worst_first[i]] > 0) {
            return worst_first[i];
        }
    }
    return FEEDBACK_STATE_UP;
}

uint64_t view_loop_lag_us(const struct control_view *view, uint32_t index)
{
    uint64_t answered = counter_get(&view->feedback[index]->heartbeat);
    uint64_t lag = counter_get(&view->feedback[index]->loop_lag_us);
    uint64_t sent = view->pings_us[index];
    uint64_t waiting = answered < sent && sent < view->now_us ? view->now_us - sent : 0;

    return waiting > lag ? waiting : lag;
}

uint64_t view_last_seen_us(const struct control_view *view, uint32_t index)
{
    uint64_t answered = counter_get(&view->feedback[index]->heartbeat);

    return answered > view->started_us ? answered : view->started_us;
}

bool view_is_started(const struct control_view *view, uint32_t index)
{
    return counter_get(&view->feedback[index]->heartbeat) != 0;
}

const struct config_shard *view_shard(const struct control_view *view, struct view_place at)
{
    return view->topology->pools[at.pool].shards[at.shard].config;
}
