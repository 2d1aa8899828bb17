/*
 * ringway-bench balance: how evenly the keys, or the requests of a distribution or of a log, fall on
 * the shards.
 */
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "key_source.h"
#include "placement.h"
#include "progress.h"
#include "report.h"
#include "spread.h"
#include "util.h"

enum { DEFAULT_SHARDS = 10, DEFAULT_BUSIEST = 3, MAX_REPLICAS = 16, CHART_SHARDS = 100 };

static const char about[] =
    "Counts the load of each shard, for each algorithm: of made-up keys, of requests for them by\n"
    "Zipf's distribution, of the keys of a file or a memcached, or of the requests of an access\n"
    "log.\n\n"
    "  ringway-bench balance --shards 100\n"
    "  ringway-bench balance --shards 8 --zipf 0.99 --requests 1e7 --svg load.svg\n"
    "  ringway-bench balance --shards 1000 --replicas 3 --keys 1e9 --sample 1e7\n";

struct subject {
    const struct placement_type *type;
    struct placement *placement; /* NULL when refused */
    char refusal[PLACEMENT_ERROR_BYTES];
    uint64_t *loads;
};

struct balance {
    uint64_t n_shards, n_replicas, n_busiest;
    struct shard_weights weights;
    struct placement_choice choice;
    struct key_source_options source_options;
    struct report_options report_options;

    struct report *report;
    struct key_source *source;
    struct shard_set set;
    struct placement_type types[PLACEMENT_MAX_TYPES];
    struct subject subjects[PLACEMENT_MAX_TYPES];
    size_t n_subjects;
    uint32_t *picks; /* KEY_SOURCE_BATCH * n_replicas */
};

static enum options_result parse(struct balance *balance, int argc, char **argv)
{
    const struct options_spec specs[] = {
        OPTIONS_COUNT("shards", "N", "how many shards (10)", &balance->n_shards, 1,
                      HASHRING_MAX_SHARDS),
        OPTIONS_CUSTOM("weights", "W,W,...", "their weights, begun again when they are fewer (1)",
                       &balance->weights, shard_weights_set),
        OPTIONS_COUNT("replicas", "R", "a key loads each of its first R shards (1)",
                      &balance->n_replicas, 1, MAX_REPLICAS),
        OPTIONS_COUNT("busiest", "N", "list so many busiest shards of each algorithm (3)",
                      &balance->n_busiest, 0, HASHRING_MAX_SHARDS),
        PLACEMENT_OPTIONS(&balance->choice),
        KEY_SOURCE_OPTIONS(&balance->source_options),
        REPORT_OPTIONS(&balance->report_options),
        OPTIONS_END,
    };

    return options_parse(specs, about, argc, argv);
}

static int make_subjects(struct balance *balance)
{
    int n = placement_types(balance->types, &balance->choice, "balance");

    if (n < 0) {
        return COMMAND_USAGE;
    }
    if (balance->n_shards == 0) {
        balance->n_shards = balance->weights.n > 0 ? balance->weights.n : DEFAULT_SHARDS;
    }
    shard_set_fill(&balance->set, balance->n_shards, &balance->weights);
    balance->n_subjects = (size_t)n;
    for (size_t i = 0; i < balance->n_subjects; i++) {
        struct subject *subject = &balance->subjects[i];

        subject->type = &balance->types[i];
        subject->loads = util_alloc(balance->set.n, sizeof(*subject->loads));
        (void)placement_create(&subject->placement, subject->type, &balance->set, subject->refusal);
        if (subject->placement != NULL && balance->n_replicas > 1 &&
            !placement_has_picks(subject->placement)) {
            placement_destroy(&subject->placement);
            snprintf(subject->refusal, sizeof(subject->refusal), "has one shard for a key only");
        }
    }
    balance->picks = util_alloc(KEY_SOURCE_BATCH * balance->n_replicas, sizeof(*balance->picks));
    return COMMAND_OK;
}

static void count(struct balance *balance, struct subject *subject, struct placement_batch *batch)
{
    if (balance->n_replicas > 1) {
        placement_picks(subject->placement, batch, balance->n_replicas, balance->picks);
    } else {
        placement_homes(subject->placement, batch, balance->picks);
    }
    for (size_t i = 0; i < batch->n * balance->n_replicas; i++) {
        if (balance->picks[i] != PLACEMENT_NONE) {
            subject->loads[balance->picks[i]]++;
        }
    }
}

static int count_all(struct balance *balance)
{
    struct key_source_batch *keys = util_alloc(1, sizeof(*keys));
    struct placement_batch *batch = util_alloc(1, sizeof(*batch));
    struct progress progress;
    uint64_t n_done = 0;
    int code;

    progress_start(&progress, "balance", key_source_total(balance->source),
                   balance->report_options.progress);
    while ((code = key_source_next(balance->source, keys)) == COMMAND_OK && keys->n > 0) {
        placement_batch_set(batch, keys->keys, keys->n);
        for (size_t i = 0; i < balance->n_subjects; i++) {
            if (balance->subjects[i].placement != NULL) {
                count(balance, &balance->subjects[i], batch);
            }
        }
        n_done += keys->n;
        progress_update(&progress, n_done);
    }
    progress_end(&progress, n_done);
    report_setting(balance->report, "counted", (double)n_done);
    if (code == COMMAND_OK && n_done == 0) {
        fprintf(stderr, "ringway-bench balance: %s has no keys\n",
                key_source_name(balance->source));
        code = COMMAND_FAILED;
    }
    free(keys);
    free(batch);
    return code;
}

static const struct table_column balance_columns[] = {
    {"algorithm", "algorithm", "", TABLE_TEXT, 0},
    {"max_by_mean", "max/mean", "", TABLE_NUMBER, 4},
    {"max_by_mean_low", "from", "", TABLE_NUMBER, 4},
    {"max_by_mean_high", "to", "", TABLE_NUMBER, 4},
    {"min_by_mean", "min/mean", "", TABLE_NUMBER, 4},
    {"sd_percent", "sd", "%", TABLE_NUMBER, 3},
    {"busiest", "busiest shard", "", TABLE_TEXT, 0},
    {"note", "note", "", TABLE_TEXT, 0},
};

static const struct table_column busiest_columns[] = {
    {"algorithm", "algorithm", "", TABLE_TEXT, 0},    {"shard", "shard", "", TABLE_TEXT, 0},
    {"weight", "weight", "", TABLE_NUMBER, 0},        {"load", "load", "", TABLE_NUMBER, 0},
    {"share_percent", "share", "%", TABLE_NUMBER, 3}, {"by_mean", "by mean", "", TABLE_NUMBER, 4},
};

/* From and to are there only for a sample: [out] has the columns of this run. */
static size_t choose_columns(bool is_sample, struct table_column *out)
{
    size_t n = 0;

    for (size_t i = 0; i < sizeof(balance_columns) / sizeof(balance_columns[0]); i++) {
        if (is_sample || (i != 2 && i != 3)) {
            out[n++] = balance_columns[i];
        }
    }
    return n;
}

static void put_row(const struct balance *balance, struct table *table, size_t n_columns,
                    const struct subject *subject)
{
    bool is_sample = key_source_is_sample(balance->source);
    struct estimate max = estimate_max_by_mean(subject->loads, &balance->set);
    struct spread spread;

    table_row(table);
    table_text(table, subject->type->name);
    if (subject->placement == NULL) {
        for (size_t i = 2; i < n_columns; i++) {
            table_none(table);
        }
        table_text(table, subject->refusal);
        return;
    }
    spread_measure(&spread, subject->loads, &balance->set);
    table_number(table, spread.max_by_mean);
    if (is_sample) {
        table_number(table, max.low);
        table_number(table, max.high);
    }
    table_number(table, spread.min_by_mean);
    table_number(table, (is_sample ? estimate_sd(subject->loads, &balance->set) : spread.sd) * 100);
    table_text(table, balance->set.shards[spread.busiest].name);
}

/* A shard and its load by weight, for sorting. */
struct loaded {
    double by_weight;
    size_t shard;
};

static int compare_loaded(const void *a, const void *b)
{
    const struct loaded *x = a, *y = b;

    if (x->by_weight > y->by_weight || x->by_weight < y->by_weight) {
        return x->by_weight > y->by_weight ? -1 : 1;
    }
    return x->shard < y->shard ? -1 : 1;
}

static struct loaded *sort_loads(const struct balance *balance, const uint64_t *loads)
{
    const struct shard_set *set = &balance->set;
    struct loaded *sorted = util_alloc(set->n, sizeof(*sorted));

    for (size_t i = 0; i < set->n; i++) {
        sorted[i] = (struct loaded){(double)loads[i] / set->shards[i].weight, i};
    }
    qsort(sorted, set->n, sizeof(*sorted), compare_loaded);
    return sorted;
}

static void put_busiest(const struct balance *balance, struct table *table,
                        const struct subject *subject)
{
    const struct shard_set *set = &balance->set;
    struct loaded *sorted = sort_loads(balance, subject->loads);
    double weight = shard_set_total_weight(set);
    struct spread spread;

    spread_measure(&spread, subject->loads, set);
    for (size_t i = 0; i < balance->n_busiest && i < set->n; i++) {
        size_t shard = sorted[i].shard;
        double load = (double)subject->loads[shard];

        table_row(table);
        table_text(table, subject->type->name);
        table_text(table, set->shards[shard].name);
        table_number(table, set->shards[shard].weight);
        table_number(table, load);
        table_number(table, load / spread.total * 100);
        table_number(table, sorted[i].by_weight / (spread.total / weight));
    }
    free(sorted);
}

/* The load of every shard, by the mean, from the busiest down: a flat line is a good one. */
static void draw(const struct balance *balance)
{
    const struct shard_set *set = &balance->set;
    struct chart *chart =
        report_chart(balance->report, CHART_LINES, "Load of the shards, the busiest first",
                     "shard, by its load", "load by the mean of its weight");
    double weight = shard_set_total_weight(set);

    chart_mark(chart, 1, "mean");
    for (size_t i = 0; i < balance->n_subjects; i++) {
        const struct subject *subject = &balance->subjects[i];
        struct loaded *sorted = sort_loads(balance, subject->loads);
        size_t step = (set->n + CHART_SHARDS - 1) / CHART_SHARDS;
        struct spread spread;

        if (subject->placement != NULL) {
            spread_measure(&spread, subject->loads, set);
            chart_series(chart, subject->type->name);
            for (size_t j = 0; j < set->n; j += step) {
                chart_point(chart, (double)j + 1, sorted[j].by_weight / (spread.total / weight));
            }
        }
        free(sorted);
    }
}

static int show(struct balance *balance)
{
    enum { N = sizeof(balance_columns) / sizeof(balance_columns[0]) };
    struct table_column columns[N];
    bool is_sample = key_source_is_sample(balance->source), is_any = false;
    size_t n = choose_columns(is_sample, columns);
    struct table *table = report_table(balance->report, "balance", NULL, columns, n);
    struct table *busiest =
        balance->n_busiest > 0
            ? report_table(balance->report, "busiest", "The busiest shards", busiest_columns,
                           sizeof(busiest_columns) / sizeof(busiest_columns[0]))
            : NULL;
    int code;

    for (size_t i = 0; i < balance->n_subjects; i++) {
        put_row(balance, table, n, &balance->subjects[i]);
        if (busiest != NULL && balance->subjects[i].placement != NULL) {
            put_busiest(balance, busiest, &balance->subjects[i]);
        }
        is_any = is_any || balance->subjects[i].placement != NULL;
    }
    if (is_sample) {
        report_note(balance->report,
                    "From a sample: max/mean lies between from and to with 95 %% certainty, of all "
                    "shards at once; what sampling adds to sd is taken out.");
    }
    draw(balance);
    code = report_write(balance->report);
    return code == COMMAND_OK && !is_any ? COMMAND_FAILED : code;
}

static int run(struct balance *balance)
{
    int code = key_source_open(&balance->source, &balance->source_options);

    if (code != COMMAND_OK) {
        return code;
    }
    code = make_subjects(balance);
    if (code != COMMAND_OK) {
        return code;
    }
    report_setting_text(balance->report, "source", key_source_name(balance->source));
    report_setting(balance->report, "seed", (double)balance->source_options.seed);
    report_setting(balance->report, "shards", (double)balance->set.n);
    report_setting(balance->report, "replicas", (double)balance->n_replicas);
    if (key_source_population(balance->source) > 0) {
        report_setting(balance->report, "keys", (double)key_source_population(balance->source));
    }
    code = count_all(balance);
    return code == COMMAND_OK ? show(balance) : code;
}

int cmd_balance(int argc, char **argv)
{
    struct balance *balance = util_alloc(1, sizeof(*balance));
    enum options_result parsed;
    int code;

    balance->source_options = (struct key_source_options)KEY_SOURCE_INIT;
    balance->n_replicas = 1;
    balance->n_busiest = DEFAULT_BUSIEST;
    parsed = parse(balance, argc, argv);
    code = parsed == OPTIONS_WRONG ? COMMAND_USAGE : COMMAND_OK;
    if (parsed == OPTIONS_GO_ON) {
        balance->report = report_create("balance", &balance->report_options);
        code = run(balance);
    }
    for (size_t i = 0; i < balance->n_subjects; i++) {
        placement_destroy(&balance->subjects[i].placement);
        free(balance->subjects[i].loads);
    }
    report_destroy(&balance->report);
    key_source_close(&balance->source);
    shard_set_deinit(&balance->set);
    free(balance->weights.weights);
    free(balance->picks);
    free(balance);
    return code;
}
