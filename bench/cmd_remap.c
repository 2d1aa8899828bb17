/*
 * ringway-bench remap: how many keys move when a list of shards changes, for each algorithm or each
 * pool. Keys are streamed: every batch goes through all placements, and only counts are kept.
 */
#include <stdio.h>
#include <stdlib.h>

#include "command.h"
#include "key_source.h"
#include "progress.h"
#include "remap_subject.h"
#include "report.h"
#include "shard_change.h"
#include "spread.h"
#include "util.h"

#define DEFAULT_SHARDS 10

static const char about[] =
    "Counts the keys that move when shards come, go or get another weight: for each algorithm on\n"
    "shards that are made up, or for each pool of two configuration files.\n\n"
    "  ringway-bench remap --shards 100 --add 1\n"
    "  ringway-bench remap --from ringway.yaml --to new.yaml --memcached 127.0.0.1:11211\n";

struct remap {
    uint64_t n_shards, n_replicas;
    struct shard_weights weights;
    struct shard_change change;
    const char *from, *to;
    struct placement_choice choice;
    struct key_source_options source_options;
    struct report_options report_options;

    struct report *report;
    struct key_source *source;
    struct remap_subjects subjects;
    uint32_t *picks_before, *picks_after; /* KEY_SOURCE_BATCH * n_replicas */
};

static enum options_result parse(struct remap *remap, int argc, char **argv)
{
    const struct options_spec specs[] = {
        OPTIONS_COUNT("shards", "N", "how many shards before the change (10)", &remap->n_shards, 1,
                      HASHRING_MAX_SHARDS),
        OPTIONS_CUSTOM("weights", "W,W,...", "their weights, begun again when they are fewer (1)",
                       &remap->weights, shard_weights_set),
        SHARD_CHANGE_OPTIONS(&remap->change),
        OPTIONS_TEXT("from", "FILE", "configuration before, instead of made-up shards",
                     &remap->from),
        OPTIONS_TEXT("to", "FILE", "configuration after", &remap->to),
        OPTIONS_COUNT("replicas", "R", "also compare the first R shards of each key, as sets",
                      &remap->n_replicas, 1, CHURN_MAX_REPLICAS),
        PLACEMENT_OPTIONS(&remap->choice),
        KEY_SOURCE_OPTIONS(&remap->source_options),
        REPORT_OPTIONS(&remap->report_options),
        OPTIONS_END,
    };

    return options_parse(specs, about, argc, argv);
}

static int check(const struct remap *remap)
{
    bool is_files = remap->from != NULL || remap->to != NULL;
    bool is_change = shard_change_is_any(&remap->change);

    if (is_files && (remap->from == NULL || remap->to == NULL)) {
        return options_complain("remap", "--from and --to belong together");
    }
    if (is_files && (is_change || remap->n_shards > 0 || remap->weights.n > 0)) {
        return options_complain("remap", "--from and --to bring their shards: without --shards, "
                                         "--weights, --add, --remove and --reweight");
    }
    if (is_files && (remap->choice.algorithms != NULL || remap->choice.compare != NULL ||
                     remap->choice.hash != NULL || remap->choice.points > 0)) {
        return options_complain("remap", "--from and --to bring their rings: without "
                                         "--algorithms, --compare, --hash and --points");
    }
    if (!is_files && !is_change) {
        return options_complain("remap", "no change; accepted: --add, --remove, --reweight, or "
                                         "--from and --to");
    }
    return COMMAND_OK;
}

static int make_subjects(struct remap *remap)
{
    struct placement_type types[PLACEMENT_MAX_TYPES];
    struct shard_set before = {0}, after = {0};
    int n;

    if (remap->from != NULL) {
        return remap_subjects_of_files(&remap->subjects, remap->from, remap->to, remap->report);
    }
    n = placement_types(types, &remap->choice, "remap");
    if (n < 0) {
        return COMMAND_USAGE;
    }
    if (remap->n_shards == 0) {
        remap->n_shards = remap->weights.n > 0 ? remap->weights.n : DEFAULT_SHARDS;
    }
    shard_set_fill(&before, remap->n_shards, &remap->weights);
    if (shard_change_apply(&remap->change, &before, &after, remap->source_options.seed, "remap") !=
        0) {
        shard_set_deinit(&before);
        return COMMAND_USAGE;
    }
    report_setting(remap->report, "shards", (double)before.n);
    report_setting(remap->report, "shards_after", (double)after.n);
    remap_subjects_of_types(&remap->subjects, types, (size_t)n, &before, &after);
    return COMMAND_OK;
}

static void count_sets(struct remap *remap, struct remap_subject *subject,
                       struct placement_batch *batch)
{
    uint32_t before[KEY_SOURCE_BATCH], after[KEY_SOURCE_BATCH];
    size_t n = remap->n_replicas;

    placement_picks(subject->before, batch, n, remap->picks_before);
    placement_picks(subject->after, batch, n, remap->picks_after);
    for (size_t i = 0; i < batch->n; i++) {
        before[i] = remap->picks_before[i * n];
        after[i] = remap->picks_after[i * n];
    }
    churn_count(&subject->churn, before, after, batch->n);
    churn_count_sets(&subject->churn, remap->picks_before, remap->picks_after, batch->n, n);
}

static void count(struct remap *remap, struct remap_subject *subject, struct placement_batch *batch)
{
    uint32_t before[KEY_SOURCE_BATCH], after[KEY_SOURCE_BATCH];

    if (remap->n_replicas > 0 && placement_has_picks(subject->before)) {
        count_sets(remap, subject, batch);
        return;
    }
    placement_homes(subject->before, batch, before);
    placement_homes(subject->after, batch, after);
    churn_count(&subject->churn, before, after, batch->n);
}

/* All keys through all subjects. */
static int count_all(struct remap *remap)
{
    struct key_source_batch *keys = util_alloc(1, sizeof(*keys));
    struct placement_batch *batch = util_alloc(1, sizeof(*batch));
    struct progress progress;
    uint64_t n_done = 0;
    int code = COMMAND_OK;

    progress_start(&progress, "remap", key_source_total(remap->source),
                   remap->report_options.progress);
    while ((code = key_source_next(remap->source, keys)) == COMMAND_OK && keys->n > 0) {
        placement_batch_set(batch, keys->keys, keys->n);
        for (size_t i = 0; i < remap->subjects.n; i++) {
            if (remap->subjects.subjects[i].before != NULL) {
                count(remap, &remap->subjects.subjects[i], batch);
            }
        }
        n_done += keys->n;
        progress_update(&progress, n_done);
    }
    progress_end(&progress, n_done);
    report_setting(remap->report, "counted", (double)n_done);
    if (code == COMMAND_OK && n_done == 0) {
        fprintf(stderr, "ringway-bench remap: %s has no keys\n", key_source_name(remap->source));
        code = COMMAND_FAILED;
    }
    free(keys);
    free(batch);
    return code;
}

enum { FOR_SAMPLE = 1, FOR_REPLICAS = 2 };

static const struct {
    struct table_column column;
    int only; /* FOR_: the column is there only then */
} all_columns[] = {
    {{"name", "", "", TABLE_TEXT, 0}, 0},
    {{"moved", "keys moved", "", TABLE_NUMBER, 0}, 0},
    {{"moved_percent", "moved", "%", TABLE_NUMBER, 3}, 0},
    {{"moved_percent_low", "from", "%", TABLE_NUMBER, 3}, FOR_SAMPLE},
    {{"moved_percent_high", "to", "%", TABLE_NUMBER, 3}, FOR_SAMPLE},
    {{"optimum_percent", "optimum", "%", TABLE_NUMBER, 3}, 0},
    {{"ratio", "ratio", "", TABLE_NUMBER, 3}, 0},
    {{"needless_percent", "needless", "%", TABLE_NUMBER, 3}, 0},
    {{"needless_percent_high", "at most", "%", TABLE_NUMBER, 3}, FOR_SAMPLE},
    {{"max_by_mean", "max/mean", "", TABLE_NUMBER, 3}, 0},
    {{"max_by_mean_low", "from", "", TABLE_NUMBER, 3}, FOR_SAMPLE},
    {{"max_by_mean_high", "to", "", TABLE_NUMBER, 3}, FOR_SAMPLE},
    {{"max_by_mean_before", "before", "", TABLE_NUMBER, 3}, 0},
    {{"sd_percent", "sd", "%", TABLE_NUMBER, 2}, 0},
    {{"unluckiest_percent", "unluckiest", "% of moved", TABLE_NUMBER, 2}, 0},
    {{"sets_percent", "sets changed", "%", TABLE_NUMBER, 3}, FOR_REPLICAS},
    {{"sets_percent_low", "from", "%", TABLE_NUMBER, 3}, FOR_REPLICAS | FOR_SAMPLE},
    {{"sets_percent_high", "to", "%", TABLE_NUMBER, 3}, FOR_REPLICAS | FOR_SAMPLE},
    {{"note", "note", "", TABLE_TEXT, 0}, 0},
};

enum { N_COLUMNS = sizeof(all_columns) / sizeof(all_columns[0]) };

/* The columns of this run; returns how many. */
static size_t choose_columns(const struct remap *remap, struct table_column *columns)
{
    int given = (key_source_is_sample(remap->source) ? FOR_SAMPLE : 0) |
                (remap->n_replicas > 0 ? FOR_REPLICAS : 0);
    size_t n = 0;

    for (size_t i = 0; i < N_COLUMNS; i++) {
        if ((all_columns[i].only & ~given) == 0) {
            columns[n++] = all_columns[i].column;
        }
    }
    columns[0].key = remap->subjects.is_pools ? "pool" : "algorithm";
    columns[0].title = columns[0].key;
    return n;
}

/* A part of all keys in percent, with its ends if it comes from a sample. */
static void put_part(struct table *table, uint64_t hits, uint64_t n, bool is_sample)
{
    struct estimate part = estimate_part(hits, n);

    table_number(table, part.value * 100);
    if (is_sample) {
        table_number(table, part.low * 100);
        table_number(table, part.high * 100);
    }
}

static void put_balance(struct table *table, const struct churn *churn, bool is_sample)
{
    struct estimate max = estimate_max_by_mean(churn->loads, churn->after);
    struct estimate before = estimate_max_by_mean(churn->loads_before, churn->before);
    struct spread spread;

    spread_measure(&spread, churn->loads, churn->after);
    table_number(table, max.value);
    if (is_sample) {
        table_number(table, max.low);
        table_number(table, max.high);
    }
    table_number(table, before.value);
    table_number(table, (is_sample ? estimate_sd(churn->loads, churn->after) : spread.sd) * 100);
}

static void put_counts(const struct remap *remap, struct table *table, const struct churn *churn)
{
    bool is_sample = key_source_is_sample(remap->source);
    double moved = (double)churn->n_moved / (double)churn->n_keys;
    double optimum = churn_optimum(churn);
    double population = (double)key_source_population(remap->source);

    table_number(table, is_sample ? moved * population : (double)churn->n_moved);
    put_part(table, churn->n_moved, churn->n_keys, is_sample);
    table_number(table, optimum * 100);
    if (optimum > 0) {
        table_number(table, moved / optimum);
    } else {
        table_none(table);
    }
    table_number(table, (double)churn->n_needless / (double)churn->n_keys * 100);
    if (is_sample) {
        table_number(table, estimate_part(churn->n_needless, churn->n_keys).high * 100);
    }
}

static void put_row(const struct remap *remap, struct table *table, size_t n_columns,
                    const struct remap_subject *subject)
{
    const struct churn *churn = &subject->churn;
    bool is_sample = key_source_is_sample(remap->source);

    table_row(table);
    table_text(table, subject->name);
    if (subject->before == NULL) {
        for (size_t i = 2; i < n_columns; i++) {
            table_none(table);
        }
        table_text(table, subject->refusal);
        return;
    }
    put_counts(remap, table, churn);
    put_balance(table, churn, is_sample);
    table_number(table, churn_unluckiest(churn) * 100);
    if (remap->n_replicas > 0 && placement_has_picks(subject->before)) {
        put_part(table, churn->n_sets, churn->n_keys, is_sample);
    }
}

/* What the second chart shows of a subject. */
static double max_before(const struct churn *churn)
{
    return estimate_max_by_mean(churn->loads_before, churn->before).value;
}

static double max_after(const struct churn *churn)
{
    return estimate_max_by_mean(churn->loads, churn->after).value;
}

static double moved_percent(const struct churn *churn)
{
    return (double)churn->n_moved / (double)churn->n_keys * 100;
}

static void draw_series(const struct remap *remap, struct chart *chart, const char *name,
                        double (*value)(const struct churn *churn))
{
    chart_series(chart, name);
    for (size_t i = 0; i < remap->subjects.n; i++) {
        const struct remap_subject *subject = &remap->subjects.subjects[i];

        if (subject->before != NULL) {
            chart_bar(chart, subject->name, value(&subject->churn));
        }
    }
}

static void draw(const struct remap *remap)
{
    const struct remap_subjects *subjects = &remap->subjects;
    const char *kind = subjects->is_pools ? "pool" : "algorithm";
    struct chart *moved =
        report_chart(remap->report, CHART_BARS, "Keys moved", kind, "% of all keys");
    struct chart *busiest = report_chart(remap->report, CHART_BARS, "Load of the busiest shard",
                                         kind, "by the mean of its weight");

    draw_series(remap, moved, "moved", moved_percent);
    for (size_t i = 0; i < subjects->n && !subjects->is_pools; i++) {
        if (subjects->subjects[i].before != NULL) {
            chart_mark(moved, churn_optimum(&subjects->subjects[i].churn) * 100, "optimum");
        }
    }
    draw_series(remap, busiest, "before", max_before);
    draw_series(remap, busiest, "after", max_after);
}

static int show(struct remap *remap)
{
    struct table_column columns[N_COLUMNS];
    size_t n = choose_columns(remap, columns);
    struct table *table = report_table(remap->report, "remap", NULL, columns, n);
    bool is_any = false;

    for (size_t i = 0; i < remap->subjects.n; i++) {
        put_row(remap, table, n, &remap->subjects.subjects[i]);
        is_any = is_any || remap->subjects.subjects[i].before != NULL;
    }
    if (key_source_is_sample(remap->source)) {
        report_note(remap->report, "From a sample: the true value lies between from and to with "
                                   "95 %% certainty; for max/mean, of all shards at once.");
    }
    draw(remap);
    int code = report_write(remap->report);
    return code == COMMAND_OK && !is_any ? COMMAND_FAILED : code;
}

static int run(struct remap *remap)
{
    int code = key_source_open(&remap->source, &remap->source_options);

    if (code != COMMAND_OK) {
        return code;
    }
    report_setting_text(remap->report, "source", key_source_name(remap->source));
    report_setting(remap->report, "seed", (double)remap->source_options.seed);
    if (key_source_is_sample(remap->source)) {
        report_setting(remap->report, "keys", (double)key_source_population(remap->source));
    }
    code = make_subjects(remap);
    if (code == COMMAND_OK && remap->n_replicas > 0) {
        report_setting(remap->report, "replicas", (double)remap->n_replicas);
        remap->picks_before =
            util_alloc(KEY_SOURCE_BATCH * remap->n_replicas, sizeof(*remap->picks_before));
        remap->picks_after =
            util_alloc(KEY_SOURCE_BATCH * remap->n_replicas, sizeof(*remap->picks_after));
    }
    code = code == COMMAND_OK ? count_all(remap) : code;
    return code == COMMAND_OK ? show(remap) : code;
}

int cmd_remap(int argc, char **argv)
{
    struct remap remap = {.change = SHARD_CHANGE_INIT, .source_options = KEY_SOURCE_INIT};
    enum options_result parsed = parse(&remap, argc, argv);
    int code = parsed == OPTIONS_WRONG ? COMMAND_USAGE : COMMAND_OK;

    if (parsed == OPTIONS_GO_ON) {
        code = check(&remap);
        if (code == COMMAND_OK) {
            remap.report = report_create("remap", &remap.report_options);
            code = run(&remap);
        }
    }
    report_destroy(&remap.report);
    key_source_close(&remap.source);
    remap_subjects_deinit(&remap.subjects);
    free(remap.weights.weights);
    free(remap.picks_before);
    free(remap.picks_after);
    return code;
}
