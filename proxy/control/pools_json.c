#include "control/pools_json.h"

#include "control/json_value.h"

/* One number of an object: its name and the counter that it is the sum of. */
struct figure {
    const char *name;
    size_t offset;
};

static const struct figure memcached_pool_figures[] = {
    {"partial_misses", offsetof(struct feedback_pool, partial_misses)},
    {"failovers", offsetof(struct feedback_pool, failovers)},
    {"late_replies", offsetof(struct feedback_pool, late_replies)},
};
static const struct figure http_pool_figures[] = {
    {"failovers", offsetof(struct feedback_pool, failovers)},
    {"retries", offsetof(struct feedback_pool, retries)},
    {"overloaded", offsetof(struct feedback_pool, overloaded)},
};
static const struct figure memcached_shard_figures[] = {
    {"keys_hit", offsetof(struct feedback_shard, keys_hit)},
    {"keys_missed", offsetof(struct feedback_shard, keys_missed)},
    {"bytes_sent", offsetof(struct feedback_shard, bytes_sent)},
    {"bytes_received", offsetof(struct feedback_shard, bytes_received)},
};
static const struct figure http_shard_figures[] = {
    {"bytes_sent", offsetof(struct feedback_shard, bytes_sent)},
    {"bytes_received", offsetof(struct feedback_shard, bytes_received)},
};
static const struct figure replica_figures[] = {
    {"in_flight", offsetof(struct feedback_replica, in_flight)},
    {"connects", offsetof(struct feedback_replica, connects)},
    {"connect_failures", offsetof(struct feedback_replica, connect_failures)},
    {"disconnects", offsetof(struct feedback_replica, disconnects)},
    {"protocol_errors", offsetof(struct feedback_replica, protocol_errors)},
    {"ejections", offsetof(struct feedback_replica, ejections)},
};
#define N_FIGURES(table) (sizeof(table) / sizeof *(table))

static void put_requests(json_t *object, const uint64_t by_outcome[FEEDBACK_N_OUTCOMES])
{
    uint64_t requests = 0, errors = 0;
    uint32_t i;

    for (i = 0; i < FEEDBACK_N_OUTCOMES; i++) {
        requests += by_outcome[i];
        errors += feedback_is_failure((enum feedback_outcome)i) ? by_outcome[i] : 0;
    }
    json_value_put(object, "requests", json_value_count(requests));
    json_value_put(object, "errors", json_value_count(errors));
}

/* The same for HTTP, and how many ended in each way. */
static void put_http_requests(json_t *object, const uint64_t by_result[FEEDBACK_HTTP_N_RESULTS])
{
    json_t *results = json_value_object();
    uint64_t requests = 0;
    uint32_t i;

    for (i = 0; i < FEEDBACK_HTTP_N_RESULTS; i++) {
        requests += by_result[i];
        json_value_put(results, feedback_http_result_name((enum feedback_http_result)i),
                       json_value_count(by_result[i]));
    }
    json_value_put(object, "requests", json_value_count(requests));
    json_value_put(
        object, "errors",
        json_value_count(by_result[FEEDBACK_HTTP_SERVER_ERROR] + by_result[FEEDBACK_HTTP_CUT]));
    json_value_put(object, "results", results);
}

static void put_latency(json_t *object, const struct histogram_sum *sum)
{
    json_t *latency = json_value_object();

    json_value_put(latency, "p50", json_value_seconds(histogram_quantile(sum, 0.5)));
    json_value_put(latency, "p99", json_value_seconds(histogram_quantile(sum, 0.99)));
    json_value_put(object, "latency_seconds", latency);
}

/* Where requests[command][outcome] stands from the start of its table. */
static size_t cell(uint32_t command, uint32_t outcome)
{
    return (command * (size_t)FEEDBACK_N_OUTCOMES + outcome) * sizeof(_Atomic uint64_t);
}

json_t *pools_json_replica_state(const struct control_view *view, struct view_place at)
{
    uint32_t counts[FEEDBACK_N_STATES], i;
    enum feedback_state worst = view_replica_states(view, at, counts);
    json_t *replica = json_value_object(), *workers = json_value_object();

    json_value_put(replica, "address",
                   json_value_text(view_shard(view, at)->replicas[at.replica].text));
    json_value_put(replica, "state", json_value_text(feedback_state_name(worst)));
    for (i = 0; i < FEEDBACK_N_STATES; i++) {
        json_value_put(workers, feedback_state_name((enum feedback_state)i),
                       json_value_count(counts[i]));
    }
    json_value_put(replica, "workers", workers);
    return replica;
}

static json_t *build_replica(const struct control_view *view, struct view_place at)
{
    json_t *replica = pools_json_replica_state(view, at);
    size_t i;

    for (i = 0; i < N_FIGURES(replica_figures); i++) {
        json_value_put(replica, replica_figures[i].name,
                       json_value_count(view_replica_sum(view, at, replica_figures[i].offset)));
    }
    return replica;
}

static json_t *build_replicas(const struct control_view *view, struct view_place at)
{
    json_t *array = json_value_array();
    size_t n = view_shard(view, at)->n_replicas;

    for (at.replica = 0; at.replica < n; at.replica++) {
        json_value_append(array, build_replica(view, at));
    }
    return array;
}

static void put_shard_requests(const struct control_view *view, struct view_place at, json_t *shard)
{
    uint64_t by_outcome[FEEDBACK_N_OUTCOMES] = {0};
    uint32_t command, outcome;

    for (command = 0; command < MEMCACHE_N_COMMANDS; command++) {
        for (outcome = 0; outcome < FEEDBACK_N_OUTCOMES; outcome++) {
            by_outcome[outcome] += view_shard_sum(
                view, at, offsetof(struct feedback_shard, requests) + cell(command, outcome));
        }
    }
    put_requests(shard, by_outcome);
}

static void put_shard_figures(const struct control_view *view, struct view_place at, json_t *shard,
                              const struct figure *figures, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        json_value_put(shard, figures[i].name,
                       json_value_count(view_shard_sum(view, at, figures[i].offset)));
    }
}

static void put_shard_traffic(const struct control_view *view, struct view_place at, json_t *shard)
{
    uint64_t by_result[FEEDBACK_HTTP_N_RESULTS];

    if (view_pool_is(view, at.pool, CONFIG_HTTP)) {
        view_shard_http(view, at, by_result);
        put_http_requests(shard, by_result);
        put_shard_figures(view, at, shard, http_shard_figures, N_FIGURES(http_shard_figures));
    } else {
        put_shard_requests(view, at, shard);
        put_shard_figures(view, at, shard, memcached_shard_figures,
                          N_FIGURES(memcached_shard_figures));
    }
}

static json_t *build_shard(const struct control_view *view, struct view_place at)
{
    const struct config_shard *config = view_shard(view, at);
    json_t *shard = json_value_object();
    struct histogram_sum latency;

    json_value_put(shard, "name", json_value_text(config->name));
    json_value_put(shard, "weight", json_value_count(config->weight));
    json_value_put(shard, "ring_share",
                   json_value_real(hashring_share(view->topology->pools[at.pool].ring, at.shard)));
    put_shard_traffic(view, at, shard);
    view_shard_latency(view, at, &latency);
    put_latency(shard, &latency);
    json_value_put(shard, "replicas", build_replicas(view, at));
    return shard;
}

static json_t *build_shards(const struct control_view *view, uint32_t pool)
{
    json_t *array = json_value_array();
    struct view_place at = {.pool = pool};

    for (at.shard = 0; at.shard < view->topology->pools[pool].n_shards; at.shard++) {
        json_value_append(array, build_shard(view, at));
    }
    return array;
}

static json_t *build_ring(const struct topology_pool *pool)
{
    const struct hashring_options *options = &pool->config->ring;
    json_t *ring = json_value_object();

    json_value_put(ring, "algorithm", json_value_text(hashring_algorithm_name(options->algorithm)));
    json_value_put(ring, "hash", json_value_text(hashring_hash_kind_name(options->hash)));
    json_value_put(ring, "compatible_with", json_value_text(hashring_preset_name(options->preset)));
    json_value_put(ring, "points", json_value_count(hashring_n_points(pool->ring)));
    return ring;
}

static void put_pool_requests(const struct control_view *view, uint32_t index, json_t *pool)
{
    uint64_t by_outcome[FEEDBACK_N_OUTCOMES] = {0};
    struct histogram_sum all = {0};
    uint32_t command, outcome, worker;

    for (command = 0; command < MEMCACHE_N_COMMANDS; command++) {
        for (outcome = 0; outcome < FEEDBACK_N_OUTCOMES; outcome++) {
            by_outcome[outcome] += view_pool_sum(
                view, index, offsetof(struct feedback_pool, requests) + cell(command, outcome));
        }
        for (worker = 0; worker < view->n_workers; worker++) {
            histogram_add_to(&view->feedback[worker]->pools[index].latency[command], &all);
        }
    }
    put_requests(pool, by_outcome);
    put_latency(pool, &all);
}

static void put_http_pool_requests(const struct control_view *view, uint32_t index, json_t *pool)
{
    uint64_t all[FEEDBACK_HTTP_N_RESULTS] = {0}, by_result[FEEDBACK_HTTP_N_RESULTS];
    struct histogram_sum latency;
    uint32_t method, result;

    for (method = 0; method < HTTP1_N_METHODS; method++) {
        view_pool_http(view, index, (enum http1_method)method, by_result);
        for (result = 0; result < FEEDBACK_HTTP_N_RESULTS; result++) {
            all[result] += by_result[result];
        }
    }
    put_http_requests(pool, all);
    view_pool_http_latency(view, index, &latency);
    put_latency(pool, &latency);
}

static void put_pool_figures(const struct control_view *view, uint32_t index, json_t *pool,
                             const struct figure *figures, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        json_value_put(pool, figures[i].name,
                       json_value_count(view_pool_sum(view, index, figures[i].offset)));
    }
}

static json_t *build_pool(const struct control_view *view, uint32_t index)
{
    const struct topology_pool *topology_pool = &view->topology->pools[index];
    const struct config_pool *config = topology_pool->config;
    bool is_http = view_pool_is(view, index, CONFIG_HTTP);
    json_t *pool = json_value_object();

    json_value_put(pool, "name", json_value_text(config->name));
    json_value_put(pool, "protocol", json_value_text(is_http ? "http" : "memcached"));
    json_value_put(pool, "ring", build_ring(topology_pool));
    if (is_http) {
        json_value_put(pool, "balance_factor",
                       config->balance_percent == 0 ? json_null()
                                                    : json_value_count(config->balance_percent));
        put_http_pool_requests(view, index, pool);
        put_pool_figures(view, index, pool, http_pool_figures, N_FIGURES(http_pool_figures));
    } else {
        put_pool_requests(view, index, pool);
        put_pool_figures(view, index, pool, memcached_pool_figures,
                         N_FIGURES(memcached_pool_figures));
    }
    json_value_put(pool, "shards", build_shards(view, index));
    return pool;
}

void pools_json_write(const struct control_view *view, struct body *out)
{
    json_t *root = json_value_object(), *pools = json_value_array();
    uint32_t i;

    for (i = 0; i < view->topology->n_pools; i++) {
        json_value_append(pools, build_pool(view, i));
    }
    json_value_put(root, "pools", pools);
    json_value_write(root, out);
}
