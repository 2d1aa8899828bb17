/*
 * ringway-bench lookup: what it costs to build a ring and to find the shard of a key.
 *
 * Throughput is the time of a lookup when the next ones do not wait for it; latency when each needs
 * the result of the one before. Both with a hash that is there already, and with a key that is
 * hashed first. Rounds of whole batches are timed by the monotonic clock and the fastest round
 * counts: what else the machine does can only make one slower.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "key_source.h"
#include "placement.h"
#include "progress.h"
#include "random.h"
#include "report.h"
#include "util.h"

enum {
    MAX_SIZES = 32,
    N_BATCHES = 64,       /* of KEY_SOURCE_BATCH hashes: 512 KiB that stream by */
    KEYS_BYTES = 2 << 20, /* of keys at most, but for one batch: long keys are fewer */
    N_ROUNDS = 9,
    MAX_BUILDS = 9,
    MAX_KEY_BYTES = 4096,
    DEFAULT_TIME_MS = 50,
    DEFAULT_KEY_BYTES = 32,
};

#define NS_PER_MS UINT64_C(1000000)

static const char about[] =
    "Measures the time of a lookup in ns (throughput, and latency by a chain of dependent\n"
    "lookups), with and without hashing a key, the time to build, and the memory of the ring.\n"
    "The fastest of several rounds counts: what else runs can only make one slower.\n\n"
    "  ringway-bench lookup\n"
    "  ringway-bench lookup --shards 10000 --algorithms xxring --key-length 32\n";

struct sizes {
    size_t shards[MAX_SIZES];
    size_t n;
};

struct lookup {
    struct sizes sizes;
    struct shard_weights weights;
    uint64_t key_bytes, time_ms, seed;
    struct placement_choice choice;
    struct report_options report_options;

    struct report *report;
    struct table *table;
    uint64_t *hashes;   /* N_BATCHES * KEY_SOURCE_BATCH */
    char *texts;        /* n_key_batches * KEY_SOURCE_BATCH * key_bytes */
    struct slice *keys; /* in texts */
    size_t n_key_batches;
    uint32_t homes[KEY_SOURCE_BATCH];
};

/* What one row says, in ns but for the first two. */
struct figures {
    double build_ms, memory_bytes;
    double lookup, latency, key_lookup, key_latency; /* negative: not measured */
};

/* For OPTIONS_CUSTOM: "10,100" into a struct sizes. */
static const char *set_sizes(void *out, const char *text)
{
    struct sizes *sizes = out;
    char *copy = strdup(text), *rest = NULL;
    bool is_good = copy != NULL;

    sizes->n = 0;
    for (char *word = strtok_r(copy, ",", &rest); word != NULL && is_good;
         word = strtok_r(NULL, ",", &rest)) {
        uint64_t n = 0;

        is_good = options_read_count(word, &n) && n >= 1 && n <= HASHRING_MAX_SHARDS &&
                  sizes->n < MAX_SIZES;
        if (is_good) {
            sizes->shards[sizes->n++] = (size_t)n;
        }
    }
    free(copy);
    return is_good && sizes->n > 0 ? NULL : "numbers of shards such as 10,100,1000";
}

static enum options_result parse(struct lookup *lookup, int argc, char **argv)
{
    const struct options_spec specs[] = {
        OPTIONS_CUSTOM("shards", "N,N,...", "how many shards (10,100,1000,10000)", &lookup->sizes,
                       set_sizes),
        OPTIONS_CUSTOM("weights", "W,W,...", "their weights, begun again when they are fewer (1)",
                       &lookup->weights, shard_weights_set),
        OPTIONS_COUNT("key-length", "BYTES", "of the keys that are hashed (32)", &lookup->key_bytes,
                      1, MAX_KEY_BYTES),
        OPTIONS_COUNT("time", "MS", "how long each figure is measured (50)", &lookup->time_ms, 1,
                      60000),
        OPTIONS_COUNT("seed", "N", "decides the hashes and keys (1)", &lookup->seed, 0, 1.8e19),
        PLACEMENT_OPTIONS(&lookup->choice),
        REPORT_OPTIONS(&lookup->report_options),
        OPTIONS_END,
    };

    return options_parse(specs, about, argc, argv);
}

static void make_input(struct lookup *lookup)
{
    struct random random;
    size_t len = lookup->key_bytes, n_keys;

    lookup->n_key_batches = KEYS_BYTES / KEY_SOURCE_BATCH / len;
    lookup->n_key_batches = lookup->n_key_batches < 1           ? 1
                            : lookup->n_key_batches > N_BATCHES ? N_BATCHES
                                                                : lookup->n_key_batches;
    n_keys = lookup->n_key_batches * KEY_SOURCE_BATCH;
    random_init(&random, lookup->seed);
    lookup->hashes = util_alloc(N_BATCHES * KEY_SOURCE_BATCH, sizeof(*lookup->hashes));
    lookup->texts = util_alloc(n_keys, len);
    lookup->keys = util_alloc(n_keys, sizeof(*lookup->keys));
    for (size_t i = 0; i < n_keys * len; i++) {
        lookup->texts[i] = (char)('a' + random_below(&random, 26));
    }
    for (size_t i = 0; i < n_keys; i++) {
        lookup->keys[i] = slice_make(lookup->texts + i * len, len);
    }
}

/* Hashes as the placement makes them: of 32 bits where its function has 32. False: it has none. */
static bool make_hashes(struct lookup *lookup, const struct placement *placement)
{
    struct placement_batch *batch = util_alloc(1, sizeof(*batch));
    char text[KEY_SOURCE_BATCH][KEY_SOURCE_MADE_BYTES];
    struct slice keys[KEY_SOURCE_BATCH];
    bool is_hashed = true;

    for (size_t i = 0; i < N_BATCHES && is_hashed; i++) {
        for (size_t j = 0; j < KEY_SOURCE_BATCH; j++) {
            size_t len =
                key_source_make(KEY_SOURCE_HASHED, lookup->seed, i * KEY_SOURCE_BATCH + j, text[j]);

            keys[j] = slice_make(text[j], len);
        }
        placement_batch_set(batch, keys, KEY_SOURCE_BATCH);
        is_hashed = placement_hash(placement, batch);
        memcpy(lookup->hashes + i * KEY_SOURCE_BATCH, batch->hashes, sizeof(batch->hashes));
    }
    free(batch);
    return is_hashed;
}

/* One batch of one way to measure; [i] counts up. The result keeps the work from being left out. */
typedef uint32_t (*batch_fn)(struct lookup *lookup, const struct placement *placement, size_t i);

static const uint64_t *hashes_of(const struct lookup *lookup, size_t i)
{
    return lookup->hashes + i % N_BATCHES * KEY_SOURCE_BATCH;
}

static const struct slice *keys_of(const struct lookup *lookup, size_t i)
{
    return lookup->keys + i % lookup->n_key_batches * KEY_SOURCE_BATCH;
}

static uint32_t batch_lookup(struct lookup *lookup, const struct placement *placement, size_t i)
{
    placement_homes_of_hashes(placement, hashes_of(lookup, i), KEY_SOURCE_BATCH, lookup->homes);
    return lookup->homes[i % KEY_SOURCE_BATCH];
}

static uint32_t batch_latency(struct lookup *lookup, const struct placement *placement, size_t i)
{
    return placement_chain(placement, hashes_of(lookup, i), KEY_SOURCE_BATCH);
}

static uint32_t batch_key_lookup(struct lookup *lookup, const struct placement *placement, size_t i)
{
    placement_homes_of_keys(placement, keys_of(lookup, i), KEY_SOURCE_BATCH, lookup->homes);
    return lookup->homes[i % KEY_SOURCE_BATCH];
}

static uint32_t batch_key_latency(struct lookup *lookup, const struct placement *placement,
                                  size_t i)
{
    return placement_key_chain(placement, keys_of(lookup, i), KEY_SOURCE_BATCH);
}

/* ns for one lookup, in the fastest round. The first batch only warms up. */
static double measure(struct lookup *lookup, const struct placement *placement, batch_fn batch)
{
    uint64_t round_ns = lookup->time_ms * NS_PER_MS / N_ROUNDS;
    volatile uint32_t sink = batch(lookup, placement, 0);
    double best = INFINITY;
    size_t i = 0;

    for (size_t round = 0; round < N_ROUNDS; round++) {
        uint64_t start_ns = util_now_ns(), spent_ns;
        size_t n = 0;

        do {
            sink = sink ^ batch(lookup, placement, i++);
            n++;
            spent_ns = util_now_ns() - start_ns;
        } while (spent_ns < round_ns);
        best = fmin(best, (double)spent_ns / (double)(n * KEY_SOURCE_BATCH));
    }
    return best;
}

/* Build it several times, if that is quick; the fastest counts. 0, or -1 when it is refused. */
static int build(const struct lookup *lookup, const struct placement_type *type,
                 const struct shard_set *set, struct placement **out, struct figures *figures,
                 char *error)
{
    uint64_t spent_ns = 0;
    size_t n = 0;

    *out = NULL;
    figures->build_ms = INFINITY;
    do {
        uint64_t start_ns, ns;

        placement_destroy(out);
        start_ns = util_now_ns();
        if (placement_create(out, type, set, error) != 0) {
            return -1;
        }
        ns = util_now_ns() - start_ns;
        spent_ns += ns;
        figures->build_ms = fmin(figures->build_ms, (double)ns / (double)NS_PER_MS);
        n++;
    } while (n < MAX_BUILDS && spent_ns < lookup->time_ms * NS_PER_MS);
    figures->memory_bytes = (double)placement_memory_bytes(*out);
    return 0;
}

static const struct table_column columns[] = {
    {"shards", "shards", "", TABLE_NUMBER, 0},
    {"algorithm", "algorithm", "", TABLE_TEXT, 0},
    {"build_ms", "build", "ms", TABLE_NUMBER, 3},
    {"memory_bytes", "memory", "bytes", TABLE_NUMBER, 0},
    {"lookup_ns", "lookup", "ns", TABLE_NUMBER, 2},
    {"latency_ns", "latency", "ns", TABLE_NUMBER, 2},
    {"key_lookup_ns", "hash + lookup", "ns", TABLE_NUMBER, 2},
    {"key_latency_ns", "latency", "ns", TABLE_NUMBER, 2},
    {"note", "note", "", TABLE_TEXT, 0},
};

enum { N_COLUMNS = sizeof(columns) / sizeof(columns[0]) };

static void put_row(struct table *table, const struct figures *figures)
{
    table_number(table, figures->build_ms);
    if (figures->memory_bytes > 0) {
        table_number(table, figures->memory_bytes);
    } else {
        table_none(table);
    }
    for (size_t i = 0; i < 4; i++) {
        const double values[] = {figures->lookup, figures->latency, figures->key_lookup,
                                 figures->key_latency};

        if (values[i] >= 0) {
            table_number(table, values[i]);
        } else {
            table_none(table);
        }
    }
}

static bool measure_type(struct lookup *lookup, const struct placement_type *type,
                         const struct shard_set *set, struct figures *figures)
{
    struct placement *placement = NULL;
    char error[PLACEMENT_ERROR_BYTES];

    *figures = (struct figures){.lookup = -1, .latency = -1};
    table_row(lookup->table);
    table_number(lookup->table, (double)set->n);
    table_text(lookup->table, type->name);
    if (build(lookup, type, set, &placement, figures, error) != 0) {
        for (size_t i = 3; i < N_COLUMNS; i++) {
            table_none(lookup->table);
        }
        table_text(lookup->table, error);
        return false;
    }
    if (make_hashes(lookup, placement)) {
        figures->lookup = measure(lookup, placement, batch_lookup);
        figures->latency = measure(lookup, placement, batch_latency);
    }
    figures->key_lookup = measure(lookup, placement, batch_key_lookup);
    figures->key_latency = measure(lookup, placement, batch_key_latency);
    put_row(lookup->table, figures);
    placement_destroy(&placement);
    return true;
}

/* A chart of one figure, [which], of every algorithm over the number of shards. */
static void draw(struct lookup *lookup, const struct placement_type *types, size_t n_types,
                 const struct figures *figures, size_t which)
{
    static const char *const titles[] = {"Lookup, throughput", "Lookup, latency", "Build"};
    static const char *const units[] = {"ns", "ns", "ms"};
    struct chart *chart =
        report_chart(lookup->report, CHART_LINES, titles[which], "shards", units[which]);

    chart_log_x(chart);
    chart_log_y(chart);
    for (size_t i = 0; i < n_types; i++) {
        chart_series(chart, types[i].name);
        for (size_t j = 0; j < lookup->sizes.n; j++) {
            const struct figures *point = &figures[j * n_types + i];
            const double values[] = {point->lookup, point->latency, point->build_ms};

            chart_point(chart, (double)lookup->sizes.shards[j], values[which]);
        }
    }
}

static int measure_all(struct lookup *lookup, const struct placement_type *types, size_t n_types)
{
    size_t n_rows = lookup->sizes.n * n_types, n_built = 0;
    struct figures *figures = util_alloc(n_rows, sizeof(*figures));
    struct progress progress;
    int code;

    progress_start(&progress, "lookup", n_rows, lookup->report_options.progress);
    for (size_t i = 0; i < lookup->sizes.n; i++) {
        struct shard_set set = {0};

        shard_set_fill(&set, lookup->sizes.shards[i], &lookup->weights);
        for (size_t j = 0; j < n_types; j++) {
            n_built += measure_type(lookup, &types[j], &set, &figures[i * n_types + j]);
            progress_update(&progress, i * n_types + j + 1);
        }
        shard_set_deinit(&set);
    }
    progress_end(&progress, n_rows);
    for (size_t which = 0; which < 3; which++) {
        draw(lookup, types, n_types, figures, which);
    }
    free(figures);
    code = report_write(lookup->report);
    return code == COMMAND_OK && n_built == 0 ? COMMAND_FAILED : code;
}

static int run(struct lookup *lookup)
{
    struct placement_type types[PLACEMENT_MAX_TYPES];
    int n = placement_types(types, &lookup->choice, "lookup");

    if (n < 0) {
        return COMMAND_USAGE;
    }
    lookup->report = report_create("lookup", &lookup->report_options);
    report_setting(lookup->report, "seed", (double)lookup->seed);
    report_setting(lookup->report, "key_length", (double)lookup->key_bytes);
    lookup->table = report_table(lookup->report, "lookup", NULL, columns, N_COLUMNS);
    make_input(lookup);
    return measure_all(lookup, types, (size_t)n);
}

int cmd_lookup(int argc, char **argv)
{
    struct lookup lookup = {
        .sizes = {.shards = {10, 100, 1000, 10000}, .n = 4},
        .key_bytes = DEFAULT_KEY_BYTES,
        .time_ms = DEFAULT_TIME_MS,
        .seed = RANDOM_DEFAULT_SEED,
    };
    enum options_result parsed = parse(&lookup, argc, argv);
    int code = parsed == OPTIONS_WRONG ? COMMAND_USAGE : COMMAND_OK;

    if (parsed == OPTIONS_GO_ON) {
        code = run(&lookup);
    }
    report_destroy(&lookup.report);
    free(lookup.weights.weights);
    free(lookup.hashes);
    free(lookup.texts);
    free(lookup.keys);
    return code;
}
