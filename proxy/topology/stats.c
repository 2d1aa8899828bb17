#include "topology/stats.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

/* Figures of one shard, summed over workers and commands. X(NAME, name in `stats shards`) */
#define SHARD_FIGURES(X)                                                                           \
    X(REQUESTS, "requests")                                                                        \
    X(ERRORS, "errors")                                                                            \
    X(TIMEOUTS, "timeouts")                                                                        \
    X(HITS, "get_hits")                                                                            \
    X(MISSES, "get_misses")                                                                        \
    X(SENT, "bytes_sent")                                                                          \
    X(RECEIVED, "bytes_received")

enum shard_figure {
#define X(name, text) SHARD_##name,
    SHARD_FIGURES(X)
#undef X
        SHARD_N_FIGURES
};

static const char *const shard_figure_names[] = {
#define X(name, text) text,
    SHARD_FIGURES(X)
#undef X
};

/* Figures of the process that grow, in memcached's names where it has them. */
#define PROCESS_FIGURES(X)                                                                         \
    X(TOTAL_CONNECTIONS, "total_connections")                                                      \
    X(REJECTED_CONNECTIONS, "rejected_connections")                                                \
    X(CMD_GET, "cmd_get")                                                                          \
    X(CMD_SET, "cmd_set")                                                                          \
    X(CMD_FLUSH, "cmd_flush")                                                                      \
    X(CMD_TOUCH, "cmd_touch")                                                                      \
    X(CMD_META, "cmd_meta")                                                                        \
    X(GET_HITS, "get_hits")                                                                        \
    X(GET_MISSES, "get_misses")                                                                    \
    X(DELETE_MISSES, "delete_misses")                                                              \
    X(DELETE_HITS, "delete_hits")                                                                  \
    X(INCR_MISSES, "incr_misses")                                                                  \
    X(INCR_HITS, "incr_hits")                                                                      \
    X(DECR_MISSES, "decr_misses")                                                                  \
    X(DECR_HITS, "decr_hits")                                                                      \
    X(CAS_MISSES, "cas_misses")                                                                    \
    X(CAS_HITS, "cas_hits")                                                                        \
    X(CAS_BADVAL, "cas_badval")                                                                    \
    X(TOUCH_HITS, "touch_hits")                                                                    \
    X(TOUCH_MISSES, "touch_misses")                                                                \
    X(BYTES_READ, "bytes_read")                                                                    \
    X(BYTES_WRITTEN, "bytes_written")                                                              \
    X(BAD_REQUESTS, "bad_requests")                                                                \
    X(REQUESTS_FAILED, "requests_failed")

enum process_figure {
#define X(name, text) PROCESS_##name,
    PROCESS_FIGURES(X)
#undef X
        PROCESS_N_FIGURES
};

static const char *const process_figure_names[] = {
#define X(name, text) text,
    PROCESS_FIGURES(X)
#undef X
};

struct stats_baseline {
    time_t started;
    size_t n_shards; /* of all pools */
    _Atomic uint64_t process[PROCESS_N_FIGURES];
    _Atomic uint64_t (*shards)[SHARD_N_FIGURES];
};

struct stats_baseline *stats_baseline_create(const struct topology *topology)
{
    struct stats_baseline *baseline = xcalloc(1, sizeof(*baseline));

    for (uint32_t p = 0; p < topology->n_pools; p++) {
        baseline->n_shards += topology->pools[p].n_shards;
    }
    baseline->shards = xcalloc(baseline->n_shards, sizeof(*baseline->shards));
    baseline->started = time(NULL);
    return baseline;
}

void stats_baseline_destroy(struct stats_baseline **baseline)
{
    if (*baseline != NULL) {
        free((*baseline)->shards);
        free(*baseline);
        *baseline = NULL;
    }
}

/* ---- adding up --------------------------------------------------------------------------- */

/* Only memcached pools have these figures. */
static bool is_memcached(const struct topology *topology, uint32_t pool)
{
    return topology->pools[pool].config->protocol == CONFIG_MEMCACHED;
}

static void add_shard(const struct feedback_shard *shard, uint64_t *sum)
{
    for (unsigned c = 0; c < MEMCACHE_N_COMMANDS; c++) {
        for (unsigned o = 0; o < FEEDBACK_N_OUTCOMES; o++) {
            uint64_t n = counter_get(&shard->requests[c][o]);

            sum[SHARD_REQUESTS] += n;
            sum[SHARD_ERRORS] += feedback_is_failure((enum feedback_outcome)o) ? n : 0;
        }
        sum[SHARD_TIMEOUTS] += counter_get(&shard->requests[c][FEEDBACK_TIMEOUT]);
    }
    sum[SHARD_HITS] += counter_get(&shard->keys_hit);
    sum[SHARD_MISSES] += counter_get(&shard->keys_missed);
    sum[SHARD_SENT] += counter_get(&shard->bytes_sent);
    sum[SHARD_RECEIVED] += counter_get(&shard->bytes_received);
}

static void sum_shard(const struct stats_source *source, uint32_t pool, uint32_t shard,
                      uint64_t *sum)
{
    memset(sum, 0, SHARD_N_FIGURES * sizeof(*sum));
    for (uint32_t w = 0; w < source->n_feedback && is_memcached(source->topology, pool); w++) {
        add_shard(&source->feedback[w]->pools[pool].shards[shard], sum);
    }
}

static uint64_t all_outcomes(const struct feedback_pool *pool, enum memcache_command command)
{
    uint64_t n = 0;

    for (unsigned o = 0; o < FEEDBACK_N_OUTCOMES; o++) {
        n += counter_get(&pool->requests[command][o]);
    }
    return n;
}

static void add_commands(const struct feedback_pool *pool, uint64_t *sum)
{
    for (unsigned c = 0; c < MEMCACHE_N_COMMANDS; c++) {
        enum memcache_class class = memcache_command_class((enum memcache_command)c);
        uint64_t n = all_outcomes(pool, (enum memcache_command)c);

        sum[PROCESS_CMD_SET] += class == MEMCACHE_CLASS_STORAGE ? n : 0;
        sum[PROCESS_CMD_META] +=
            class == MEMCACHE_CLASS_META || class == MEMCACHE_CLASS_META_SET ? n : 0;
        for (unsigned o = 0; o < FEEDBACK_N_OUTCOMES; o++) {
            sum[PROCESS_REQUESTS_FAILED] += feedback_is_failure((enum feedback_outcome)o)
                                                ? counter_get(&pool->requests[c][o])
                                                : 0;
        }
    }
    sum[PROCESS_CMD_FLUSH] += all_outcomes(pool, MEMCACHE_FLUSH_ALL);
    sum[PROCESS_CMD_TOUCH] += all_outcomes(pool, MEMCACHE_TOUCH) +
                              all_outcomes(pool, MEMCACHE_GAT) + all_outcomes(pool, MEMCACHE_GATS);
}

static void add_outcomes(const struct feedback_pool *pool, uint64_t *sum)
{
    static const struct {
        enum process_figure figure;
        enum memcache_command command;
        enum feedback_outcome outcome;
    } cells[] = {
        {PROCESS_DELETE_HITS, MEMCACHE_DELETE, FEEDBACK_OK},
        {PROCESS_DELETE_MISSES, MEMCACHE_DELETE, FEEDBACK_MISS},
        {PROCESS_INCR_HITS, MEMCACHE_INCR, FEEDBACK_OK},
        {PROCESS_INCR_MISSES, MEMCACHE_INCR, FEEDBACK_MISS},
        {PROCESS_DECR_HITS, MEMCACHE_DECR, FEEDBACK_OK},
        {PROCESS_DECR_MISSES, MEMCACHE_DECR, FEEDBACK_MISS},
        {PROCESS_CAS_HITS, MEMCACHE_CAS, FEEDBACK_OK},
        {PROCESS_CAS_MISSES, MEMCACHE_CAS, FEEDBACK_MISS},
        {PROCESS_CAS_BADVAL, MEMCACHE_CAS, FEEDBACK_NOT_OK},
        {PROCESS_TOUCH_HITS, MEMCACHE_TOUCH, FEEDBACK_OK},
        {PROCESS_TOUCH_MISSES, MEMCACHE_TOUCH, FEEDBACK_MISS},
        {PROCESS_GET_HITS, MEMCACHE_MG, FEEDBACK_HIT},
        {PROCESS_GET_MISSES, MEMCACHE_MG, FEEDBACK_MISS},
        {PROCESS_CMD_GET, MEMCACHE_MG, FEEDBACK_HIT},
        {PROCESS_CMD_GET, MEMCACHE_MG, FEEDBACK_MISS},
    };

    for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++) {
        sum[cells[i].figure] += counter_get(&pool->requests[cells[i].command][cells[i].outcome]);
    }
}

/* memcached counts keys, not commands, as gets. */
static void add_keys(const struct feedback_shard *shard, uint64_t *sum)
{
    uint64_t hits = counter_get(&shard->keys_hit), misses = counter_get(&shard->keys_missed);

    sum[PROCESS_GET_HITS] += hits;
    sum[PROCESS_GET_MISSES] += misses;
    sum[PROCESS_CMD_GET] += hits + misses;
}

static void add_worker(const struct topology *topology, const struct feedback *worker,
                       uint64_t *sum)
{
    sum[PROCESS_TOTAL_CONNECTIONS] += counter_get(&worker->clients_accepted);
    sum[PROCESS_REJECTED_CONNECTIONS] += counter_get(&worker->clients_refused);
    sum[PROCESS_BYTES_READ] += counter_get(&worker->client_bytes_received);
    sum[PROCESS_BYTES_WRITTEN] += counter_get(&worker->client_bytes_sent);
    sum[PROCESS_BAD_REQUESTS] += counter_get(&worker->bad_requests);
    for (uint32_t p = 0; p < topology->n_pools; p++) {
        if (!is_memcached(topology, p)) {
            continue;
        }
        add_commands(&worker->pools[p], sum);
        add_outcomes(&worker->pools[p], sum);
        for (uint32_t s = 0; s < topology->pools[p].n_shards; s++) {
            add_keys(&worker->pools[p].shards[s], sum);
        }
    }
}

static uint64_t sum_process(const struct stats_source *source, uint64_t *sum)
{
    uint64_t clients = 0;

    memset(sum, 0, PROCESS_N_FIGURES * sizeof(*sum));
    for (uint32_t w = 0; w < source->n_feedback; w++) {
        add_worker(source->topology, source->feedback[w], sum);
        clients += counter_get(&source->feedback[w]->clients);
    }
    return clients;
}

/* ---- writing ----------------------------------------------------------------------------- */

struct output {
    stats_write_fn write;
    void *context;
};

static void put(const struct output *output, const char *name, const char *value)
{
    char line[640];
    int len = snprintf(line, sizeof(line), "STAT %s %s\r\n", name, value);

    output->write(output->context, line, (size_t)len);
}

static void put_number(const struct output *output, const char *name, uint64_t value)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, value);
    put(output, name, text);
}

static void put_cpu(const struct output *output, const char *name, struct timeval used)
{
    char text[48];

    snprintf(text, sizeof(text), "%ld.%06ld", (long)used.tv_sec, (long)used.tv_usec);
    put(output, name, text);
}

static void put_process(const struct output *output, const struct stats_source *source)
{
    struct rusage usage;

    put_number(output, "pid", (uint64_t)getpid());
    put_number(output, "uptime", (uint64_t)(time(NULL) - source->baseline->started));
    put_number(output, "time", (uint64_t)time(NULL));
    put(output, "version", MEMCACHE_VERSION_TEXT);
    put_number(output, "pointer_size", 8 * sizeof(void *));
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        put_cpu(output, "rusage_user", usage.ru_utime);
        put_cpu(output, "rusage_system", usage.ru_stime);
    }
    put_number(output, "max_connections", source->topology->config->max_clients);
    put_number(output, "threads", source->n_feedback);
}

void stats_write(const struct stats_source *source, stats_write_fn write, void *context)
{
    struct output output = {write, context};
    uint64_t sum[PROCESS_N_FIGURES];
    uint64_t clients = sum_process(source, sum);

    put_process(&output, source);
    put_number(&output, "curr_connections", clients);
    for (unsigned i = 0; i < PROCESS_N_FIGURES; i++) {
        put_number(&output, process_figure_names[i],
                   sum[i] - counter_get(&source->baseline->process[i]));
    }
    write(context, "END\r\n", 5);
}

void stats_write_settings(const struct stats_source *source, stats_write_fn write, void *context)
{
    const struct config *config = source->topology->config;
    struct output output = {write, context};

    put_number(&output, "maxconns", config->max_clients);
    put_number(&output, "item_size_max", config->max_item_bytes);
    put_number(&output, "num_threads", config->workers);
    put_number(&output, "idle_timeout", config->idle_us / 1000000u);
    put(&output, "cas_enabled", "yes");
    write(context, "END\r\n", 5);
}

static void put_shard(const struct output *output, const struct stats_source *source, uint32_t p,
                      uint32_t s, size_t index)
{
    const struct config_pool *pool = source->topology->pools[p].config;
    uint64_t sum[SHARD_N_FIGURES];
    char name[HASHRING_MAX_NAME_BYTES * 2 + 64];

    sum_shard(source, p, s, sum);
    for (unsigned i = 0; i < SHARD_N_FIGURES; i++) {
        snprintf(name, sizeof(name), "%s:%s:%s", pool->name, pool->shards[s].name,
                 shard_figure_names[i]);
        put_number(output, name, sum[i] - counter_get(&source->baseline->shards[index][i]));
    }
}

void stats_write_shards(const struct stats_source *source, stats_write_fn write, void *context)
{
    struct output output = {write, context};
    size_t index = 0;

    for (uint32_t p = 0; p < source->topology->n_pools; p++) {
        for (uint32_t s = 0; s < source->topology->pools[p].n_shards; s++, index++) {
            if (is_memcached(source->topology, p)) {
                put_shard(&output, source, p, s, index);
            }
        }
    }
    write(context, "END\r\n", 5);
}

void stats_reset(const struct stats_source *source)
{
    uint64_t process[PROCESS_N_FIGURES], shard[SHARD_N_FIGURES];
    size_t index = 0;

    (void)sum_process(source, process);
    for (unsigned i = 0; i < PROCESS_N_FIGURES; i++) {
        gauge_set(&source->baseline->process[i], process[i]);
    }
    for (uint32_t p = 0; p < source->topology->n_pools; p++) {
        for (uint32_t s = 0; s < source->topology->pools[p].n_shards; s++, index++) {
            sum_shard(source, p, s, shard);
            for (unsigned i = 0; i < SHARD_N_FIGURES; i++) {
                gauge_set(&source->baseline->shards[index][i], shard[i]);
            }
        }
    }
}
