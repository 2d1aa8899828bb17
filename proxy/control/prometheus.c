#include "control/prometheus.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "control/process_usage.h"

#define LABELS_MAX 4u

enum metric_type { COUNTER, GAUGE, HISTOGRAM };

static const char *const type_names[] = {
    [COUNTER] = "counter", [GAUGE] = "gauge", [HISTOGRAM] = "histogram"};

struct metric;

/* What is being written. */
struct exposition {
    const struct control_view *view;
    struct body *out;
    const struct metric *metric;
    struct process_usage usage;
};

struct metric {
    const char *name;
    enum metric_type type;
    const char *labels; /* comma-separated */
    void (*collect)(struct exposition *e);
    size_t source;
    const char *help;
};

/* Upper bounds of the buckets in microseconds, and the same in seconds. */
static const struct {
    uint64_t us;
    const char *le;
} buckets[] = {
    {50, "5e-05"},    {100, "0.0001"},  {250, "0.00025"}, {500, "0.0005"},  {1000, "0.001"},
    {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"},  {25000, "0.025"}, {50000, "0.05"},
    {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"},  {1000000, "1"},   {2500000, "2.5"},
    {5000000, "5"},   {10000000, "10"},
};
#define N_BUCKETS (sizeof buckets / sizeof *buckets)

/* --- One sample --- */

/* Escape \, " and LF, which is all that the format asks for. */
static void put_label_value(struct body *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\n') {
            body_add(out, "\\n");
            continue;
        }
        if (*value == '\\' || *value == '"') {
            body_add(out, "\\");
        }
        body_add_bytes(out, value, 1);
    }
}

static void put_label(struct body *out, struct slice name, const char *value, bool is_first)
{
    body_add(out, is_first ? "{" : ",");
    body_add_bytes(out, (const char *)name.data, name.len);
    body_add(out, "=\"");
    put_label_value(out, value);
    body_add(out, "\"");
}

/* The labels of the table with their [values] in order, then `le` unless it is NULL. */
static void put_labels(const struct exposition *e, const char *const *values, const char *le)
{
    const char *names = e->metric->labels;
    bool is_first = true;

    while (*names != '\0') {
        size_t len = strcspn(names, ",");

        put_label(e->out, slice_make(names, len), *values++, is_first);
        is_first = false;
        names += len + (names[len] == ',');
    }
    if (le != NULL) {
        put_label(e->out, slice_of("le"), le, is_first);
        is_first = false;
    }
    body_add(e->out, is_first ? " " : "} ");
}

static void put_count(const struct exposition *e, const char *const *values, uint64_t count)
{
    body_add(e->out, e->metric->name);
    put_labels(e, values, NULL);
    body_add_format(e->out, "%" PRIu64 "\n", count);
}

static void put_real(const struct exposition *e, const char *const *values, double value)
{
    body_add(e->out, e->metric->name);
    put_labels(e, values, NULL);
    body_add_format(e->out, "%.15g\n", value);
}

static void put_bucket(const struct exposition *e, const char *const *values, const char *le,
                       uint64_t count)
{
    body_add(e->out, e->metric->name);
    body_add(e->out, "_bucket");
    put_labels(e, values, le);
    body_add_format(e->out, "%" PRIu64 "\n", count);
}

static void put_histogram(const struct exposition *e, const char *const *values,
                          const struct histogram_sum *sum)
{
    size_t i;

    for (i = 0; i < N_BUCKETS; i++) {
        put_bucket(e, values, buckets[i].le, histogram_count_below(sum, buckets[i].us));
    }
    put_bucket(e, values, "+Inf", sum->count);
    body_add(e->out, e->metric->name);
    body_add(e->out, "_sum");
    put_labels(e, values, NULL);
    body_add_format(e->out, "%" PRIu64 ".%06" PRIu64 "\n", sum->sum_us / 1000000u,
                    sum->sum_us % 1000000u);
    body_add(e->out, e->metric->name);
    body_add(e->out, "_count");
    put_labels(e, values, NULL);
    body_add_format(e->out, "%" PRIu64 "\n", sum->count);
}

/* --- The process --- */

static void collect_build(struct exposition *e)
{
    const char *const values[] = {RINGWAY_VERSION};

    put_count(e, values, 1);
}

static void collect_uptime(struct exposition *e)
{
    put_real(e, NULL, (double)(e->view->now_us - e->view->started_us) / 1e6);
}

static void collect_start_time(struct exposition *e)
{
    put_real(e, NULL, e->view->started_unix);
}

static void collect_draining(struct exposition *e)
{
    put_count(e, NULL, e->view->draining);
}

static void collect_workers(struct exposition *e)
{
    put_count(e, NULL, e->view->n_workers);
}

static void collect_loop_lag(struct exposition *e)
{
    char index[16];
    const char *const values[] = {index};
    uint32_t i;

    for (i = 0; i < e->view->n_workers; i++) {
        (void)snprintf(index, sizeof index, "%u", (unsigned)i);
        put_real(e, values, (double)view_loop_lag_us(e->view, i) / 1e6);
    }
}

static void collect_clients_limit(struct exposition *e)
{
    put_count(e, NULL, e->view->topology->config->max_clients);
}

static void collect_process(struct exposition *e)
{
    put_count(e, NULL, view_process_sum(e->view, e->metric->source));
}

enum usage { USAGE_CPU, USAGE_RESIDENT, USAGE_VIRTUAL, USAGE_OPEN_FDS, USAGE_MAX_FDS };

static void collect_usage(struct exposition *e)
{
    switch ((enum usage)e->metric->source) {
    case USAGE_CPU:
        put_real(e, NULL, e->usage.user_seconds + e->usage.system_seconds);
        break;
    case USAGE_RESIDENT:
        put_count(e, NULL, e->usage.resident_bytes);
        break;
    case USAGE_VIRTUAL:
        put_count(e, NULL, e->usage.virtual_bytes);
        break;
    case USAGE_OPEN_FDS:
        put_count(e, NULL, e->usage.open_fds);
        break;
    case USAGE_MAX_FDS:
        put_count(e, NULL, e->usage.max_fds);
        break;
    }
}

/* --- Answers and tunnels of HTTP listeners --- */

static bool has_http(const struct control_view *view)
{
    uint32_t i = 0;

    while (i < view->topology->n_pools && !view_pool_is(view, i, CONFIG_HTTP)) {
        i++;
    }
    return i < view->topology->n_pools;
}

static void collect_http(struct exposition *e)
{
    if (has_http(e->view)) {
        collect_process(e);
    }
}

static void collect_http_answers(struct exposition *e)
{
    size_t base = offsetof(struct feedback, http_answers);
    char status[16];
    const char *const values[] = {status};
    uint32_t i;

    for (i = 0; i < FEEDBACK_HTTP_N_ANSWERS && has_http(e->view); i++) {
        (void)snprintf(status, sizeof status, "%d",
                       feedback_http_answer_status((enum feedback_http_answer)i));
        put_count(e, values, view_process_sum(e->view, base + i * sizeof(_Atomic uint64_t)));
    }
}

/* --- Pools, shards, replicas: each with the values of the labels that place it --- */

/* The pools that a family is of. */
enum scope { ANY, MEMCACHED, HTTP };

typedef void (*place_fn)(struct exposition *e, struct view_place at,
                         const char *values[LABELS_MAX]);

static bool is_in(const struct exposition *e, enum scope scope, uint32_t pool)
{
    return scope == ANY ||
           view_pool_is(e->view, pool, scope == HTTP ? CONFIG_HTTP : CONFIG_MEMCACHED);
}

static void for_each_pool(struct exposition *e, enum scope scope, place_fn collect)
{
    const struct topology *topology = e->view->topology;
    struct view_place at = {0};

    for (at.pool = 0; at.pool < topology->n_pools; at.pool++) {
        const char *values[LABELS_MAX] = {topology->pools[at.pool].config->name};

        if (is_in(e, scope, at.pool)) {
            collect(e, at, values);
        }
    }
}

static void for_each_shard(struct exposition *e, enum scope scope, place_fn collect)
{
    const struct topology *topology = e->view->topology;
    struct view_place at = {0};

    for (at.pool = 0; at.pool < topology->n_pools; at.pool++) {
        uint32_t n = is_in(e, scope, at.pool) ? topology->pools[at.pool].n_shards : 0;

        for (at.shard = 0; at.shard < n; at.shard++) {
            const char *values[LABELS_MAX] = {topology->pools[at.pool].config->name,
                                              view_shard(e->view, at)->name};

            collect(e, at, values);
        }
    }
}

static void for_each_replica(struct exposition *e, enum scope scope, place_fn collect)
{
    const struct topology *topology = e->view->topology;
    struct view_place at = {0};

    for (at.pool = 0; at.pool < topology->n_pools; at.pool++) {
        uint32_t n = is_in(e, scope, at.pool) ? topology->pools[at.pool].n_shards : 0;

        for (at.shard = 0; at.shard < n; at.shard++) {
            const struct config_shard *shard = view_shard(e->view, at);

            for (at.replica = 0; at.replica < shard->n_replicas; at.replica++) {
                const char *values[LABELS_MAX] = {topology->pools[at.pool].config->name,
                                                  shard->name, shard->replicas[at.replica].text};

                collect(e, at, values);
            }
        }
    }
}

/* The counter of [command] and [outcome] in a table that begins at [base]. */
static size_t cell(size_t base, uint32_t command, uint32_t outcome)
{
    return base + (command * (size_t)FEEDBACK_N_OUTCOMES + outcome) * sizeof(_Atomic uint64_t);
}

static void pool_counter(struct exposition *e, struct view_place at, const char **values)
{
    put_count(e, values, view_pool_sum(e->view, at.pool, e->metric->source));
}

static void pool_requests(struct exposition *e, struct view_place at, const char **values)
{
    size_t base = offsetof(struct feedback_pool, requests);
    uint32_t command, outcome;

    for (command = 0; command < MEMCACHE_N_COMMANDS; command++) {
        for (outcome = 0; outcome < FEEDBACK_N_OUTCOMES; outcome++) {
            uint64_t n = view_pool_sum(e->view, at.pool, cell(base, command, outcome));

            if (n > 0) {
                values[1] = memcache_command_name((enum memcache_command)command);
                values[2] = feedback_outcome_name((enum feedback_outcome)outcome);
                put_count(e, values, n);
            }
        }
    }
}

static void pool_latency(struct exposition *e, struct view_place at, const char **values)
{
    struct histogram_sum sum;
    uint32_t command;

    for (command = 0; command < MEMCACHE_N_COMMANDS; command++) {
        view_pool_latency(e->view, at.pool, (enum memcache_command)command, &sum);
        if (sum.count > 0) {
            values[1] = memcache_command_name((enum memcache_command)command);
            put_histogram(e, values, &sum);
        }
    }
}

static void pool_http_requests(struct exposition *e, struct view_place at, const char **values)
{
    uint64_t by_result[FEEDBACK_HTTP_N_RESULTS];
    uint32_t method, result;

    for (method = 0; method < HTTP1_N_METHODS; method++) {
        view_pool_http(e->view, at.pool, (enum http1_method)method, by_result);
        for (result = 0; result < FEEDBACK_HTTP_N_RESULTS; result++) {
            if (by_result[result] > 0) {
                values[1] = http1_method_name((enum http1_method)method);
                values[2] = feedback_http_result_name((enum feedback_http_result)result);
                put_count(e, values, by_result[result]);
            }
        }
    }
}

static void pool_http_latency(struct exposition *e, struct view_place at, const char **values)
{
    struct histogram_sum sum;

    view_pool_http_latency(e->view, at.pool, &sum);
    put_histogram(e, values, &sum);
}

static void shard_counter(struct exposition *e, struct view_place at, const char **values)
{
    put_count(e, values, view_shard_sum(e->view, at, e->metric->source));
}

static void shard_requests(struct exposition *e, struct view_place at, const char **values)
{
    size_t base = offsetof(struct feedback_shard, requests);
    uint32_t command, outcome;

    for (command = 0; command < MEMCACHE_N_COMMANDS; command++) {
        for (outcome = 0; outcome < FEEDBACK_N_OUTCOMES; outcome++) {
            uint64_t n = view_shard_sum(e->view, at, cell(base, command, outcome));

            if (n > 0) {
                values[2] = memcache_command_name((enum memcache_command)command);
                values[3] = feedback_outcome_name((enum feedback_outcome)outcome);
                put_count(e, values, n);
            }
        }
    }
}

static void shard_http_requests(struct exposition *e, struct view_place at, const char **values)
{
    uint64_t by_result[FEEDBACK_HTTP_N_RESULTS];
    uint32_t result;

    view_shard_http(e->view, at, by_result);
    for (result = 0; result < FEEDBACK_HTTP_N_RESULTS; result++) {
        values[2] = feedback_http_result_name((enum feedback_http_result)result);
        put_count(e, values, by_result[result]);
    }
}

static void shard_latency(struct exposition *e, struct view_place at, const char **values)
{
    struct histogram_sum sum;

    view_shard_latency(e->view, at, &sum);
    put_histogram(e, values, &sum);
}

static void shard_keys(struct exposition *e, struct view_place at, const char **values)
{
    values[2] = "hit";
    put_count(e, values, view_shard_sum(e->view, at, offsetof(struct feedback_shard, keys_hit)));
    values[2] = "miss";
    put_count(e, values, view_shard_sum(e->view, at, offsetof(struct feedback_shard, keys_missed)));
}

static void ring_share(struct exposition *e, struct view_place at, const char **values)
{
    put_real(e, values, hashring_share(e->view->topology->pools[at.pool].ring, at.shard));
}

static void replica_counter(struct exposition *e, struct view_place at, const char **values)
{
    put_count(e, values, view_replica_sum(e->view, at, e->metric->source));
}

static void replica_up(struct exposition *e, struct view_place at, const char **values)
{
    uint32_t counts[FEEDBACK_N_STATES];

    (void)view_replica_states(e->view, at, counts);
    put_count(e, values, counts[FEEDBACK_STATE_UP] > 0);
}

static void replica_state(struct exposition *e, struct view_place at, const char **values)
{
    uint32_t counts[FEEDBACK_N_STATES], i;

    (void)view_replica_states(e->view, at, counts);
    for (i = 0; i < FEEDBACK_N_STATES; i++) {
        values[3] = feedback_state_name((enum feedback_state)i);
        put_count(e, values, counts[i]);
    }
}

/* The names of the table: what is collected, and for which places. */
#define COLLECT(name, for_each, scope, function)                                                   \
    static void name(struct exposition *e)                                                         \
    {                                                                                              \
        for_each(e, scope, function);                                                              \
    }
COLLECT(collect_pool, for_each_pool, ANY, pool_counter)
COLLECT(collect_memcached_pool, for_each_pool, MEMCACHED, pool_counter)
COLLECT(collect_http_pool, for_each_pool, HTTP, pool_counter)
COLLECT(collect_pool_requests, for_each_pool, MEMCACHED, pool_requests)
COLLECT(collect_pool_latency, for_each_pool, MEMCACHED, pool_latency)
COLLECT(collect_pool_http_requests, for_each_pool, HTTP, pool_http_requests)
COLLECT(collect_pool_http_latency, for_each_pool, HTTP, pool_http_latency)
COLLECT(collect_shard, for_each_shard, ANY, shard_counter)
COLLECT(collect_shard_requests, for_each_shard, MEMCACHED, shard_requests)
COLLECT(collect_shard_http_requests, for_each_shard, HTTP, shard_http_requests)
COLLECT(collect_shard_latency, for_each_shard, ANY, shard_latency)
COLLECT(collect_shard_keys, for_each_shard, MEMCACHED, shard_keys)
COLLECT(collect_ring_share, for_each_shard, ANY, ring_share)
COLLECT(collect_replica, for_each_replica, ANY, replica_counter)
COLLECT(collect_replica_up, for_each_replica, ANY, replica_up)
COLLECT(collect_replica_state, for_each_replica, ANY, replica_state)
#undef COLLECT

/* --- The table --- */

#define PROCESS(field) offsetof(struct feedback, field)
#define POOL(field)    offsetof(struct feedback_pool, field)
#define SHARD(field)   offsetof(struct feedback_shard, field)
#define REPLICA(field) offsetof(struct feedback_replica, field)

static const struct metric metrics[] = {
#define METRIC(name, type, labels, collect, source, help)                                          \
    {name, type, labels, collect, source, help},
#include "control/metrics.def"
#undef METRIC
};
#define N_METRICS (sizeof metrics / sizeof *metrics)

void prometheus_write(const struct control_view *view, struct body *out)
{
    struct exposition e = {.view = view, .out = out};
    size_t i;

    process_usage_read(&e.usage);
    for (i = 0; i < N_METRICS; i++) {
        e.metric = &metrics[i];
        body_add_format(out, "# HELP %s %s\n# TYPE %s %s\n", e.metric->name, e.metric->help,
                        e.metric->name, type_names[e.metric->type]);
        e.metric->collect(&e);
    }
}

void prometheus_write_reference(struct body *out)
{
    size_t i;

    body_add(out, "# Metrics\n\n"
                  "What `GET /metrics` of the admin API answers, in Prometheus text format 0.0.4. "
                  "Durations are in seconds,\nsizes in bytes. Written from `metrics.def`; a test "
                  "compares the two.\n\n"
                  "| name | type | labels | meaning |\n|---|---|---|---|\n");
    for (i = 0; i < N_METRICS; i++) {
        const struct metric *metric = &metrics[i];
        const char *mark = *metric->labels == '\0' ? "" : "`";

        body_add_format(out, "| `%s` | %s | %s%s%s | %s |\n", metric->name,
                        type_names[metric->type], mark, metric->labels, mark, metric->help);
    }
}
