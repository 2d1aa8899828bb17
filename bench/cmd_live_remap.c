/*
 * ringway-bench live-remap: what a change of the shards does to the hit rate of a running proxy.
 *
 * The story: every key is set once. Then a load reads keys, and sets those that it misses, as an
 * application does. After some seconds the shards are changed, by a command or by the user; keys
 * whose shard is another one now are missed once. When the hit rate is back, every key that was not
 * missed is read once more, so that the keys lost are counted and not estimated.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cmd_live_remap_change.h"
#include "cmd_live_remap_rings.h"
#include "cmd_live_remap_watch.h"
#include "cmd_load_settings.h"
#include "command.h"

static const char about[] =
    "Fill a running proxy with keys, have its shards changed, and show second by second how the\n"
    "hit rate falls and comes back. What is missed is set again, as an application does.\n"
    "\n"
    "The change is a --change COMMAND, such as a restart with another configuration, or is yours:\n"
    "press Enter when it is made, or create the file of --wait-for-file.\n"
    "\n"
    "Ends when the hit rate has been within 1 % of what it was for --steady seconds; ends with 2\n"
    "if it has not within --max-seconds, or if the command failed.\n";

struct live_remap {
    struct load_settings settings;
    struct change change;
    const char *from, *to, *pool;
    double before_s, steady_s, max_s;

    struct remap_watch watch;
    struct remap_result result;
    _Atomic uint8_t *marks; /* owned: of each key that was missed since the change began */
    uint64_t n_lost;
    bool knows_moved; /* n_moved is set: --from and --to were given */
    uint64_t n_moved;
    uint64_t change_begin_ns, change_end_ns;
    struct load_totals totals;
    struct load_totals sweep; /* of the last look at every key */
};

static const struct table_column summary_columns[] = {
    {"before_percent", "before", "%", TABLE_NUMBER, 2},
    {"lowest_percent", "lowest", "%", TABLE_NUMBER, 2},
    {"lost_keys", "keys lost", "", TABLE_NUMBER, 0},
    {"lost_percent", "lost", "%", TABLE_NUMBER, 2},
    {"expected_keys", "expected", "keys", TABLE_NUMBER, 0},
    {"expected_percent", "expected", "%", TABLE_NUMBER, 2},
    {"recovery_seconds", "recovery", "s", TABLE_NUMBER, 0},
    {"silent_seconds", "silent", "s", TABLE_NUMBER, 0},
    {"change_seconds", "change", "s", TABLE_NUMBER, 2},
    {"errors", "errors", "", TABLE_NUMBER, 0},
    {"recovered", "recovered", "", TABLE_TEXT, 0},
};

static const struct table_column second_columns[] = {
    {"second", "second", "", TABLE_NUMBER, 0}, {"hit_percent", "hit rate", "%", TABLE_NUMBER, 2},
    {"hits", "hits", "", TABLE_NUMBER, 0},     {"misses", "misses", "", TABLE_NUMBER, 0},
    {"errors", "errors", "", TABLE_NUMBER, 0}, {"phase", "phase", "", TABLE_TEXT, 0},
};

static const struct table_column error_columns[] = {
    {"error", "error", "", TABLE_TEXT, 0},
    {"count", "count", "", TABLE_NUMBER, 0},
    {"text", "text", "", TABLE_TEXT, 0},
};

#define N_COLUMNS(columns) (sizeof(columns) / sizeof((columns)[0]))

static int parse(struct live_remap *live, int argc, char **argv)
{
    struct load_settings *settings = &live->settings;
    struct options_spec specs[] = {
        LOAD_TARGET_OPTION(settings),
        OPTIONS_TEXT("change", "COMMAND", "run by the shell: changes the shards",
                     &live->change.command),
        OPTIONS_TEXT("wait-for-file", "FILE", "you change them, and create this file",
                     &live->change.file),
        OPTIONS_TEXT("from", "CONFIG", "the configuration before, to know what to expect",
                     &live->from),
        OPTIONS_TEXT("to", "CONFIG", "and the one after", &live->to),
        OPTIONS_TEXT("pool", "NAME", "the pool of these (the one of the first listener)",
                     &live->pool),
        OPTIONS_REAL("before", "S", "seconds before the change (3)", &live->before_s, 1, 1e6),
        OPTIONS_REAL("steady", "S", "seconds that it must be back for (3)", &live->steady_s, 1,
                     1e6),
        OPTIONS_REAL("max-seconds", "S", "give up so long after the change began (120)",
                     &live->max_s, 1, 1e6),
        LOAD_KEY_OPTIONS(settings),
        LOAD_TRAFFIC_OPTIONS(settings),
        REPORT_OPTIONS(&settings->report),
        OPTIONS_END,
    };

    switch (options_parse(specs, about, argc, argv)) {
    case OPTIONS_GO_ON:
        break;
    case OPTIONS_HELP_SHOWN:
        return COMMAND_OK;
    case OPTIONS_WRONG:
        return COMMAND_USAGE;
    }
    if ((live->from == NULL) != (live->to == NULL)) {
        return options_complain(settings->command, "--from and --to belong together");
    }
    if (live->change.command != NULL && live->change.file != NULL) {
        return options_complain(settings->command, "--change or --wait-for-file, not both");
    }
    return -1;
}

static int expect(struct live_remap *live)
{
    bool is_http = live->settings.target.protocol == &load_http;
    const struct rings_options options = {
        .command = live->settings.command,
        .from = live->from,
        .to = live->to,
        .pool = live->pool,
        .protocol = is_http ? CONFIG_HTTP : CONFIG_MEMCACHED,
        .items = &live->settings.items,
        .path = is_http ? live->settings.target.path : "",
    };

    live->knows_moved = live->from != NULL;
    return live->knows_moved ? rings_count_moved(&options, &live->n_moved) : COMMAND_OK;
}

static bool shows_lines(const struct live_remap *live)
{
    const struct report_options *report = &live->settings.report;

    return (!report->json && !report->csv) || load_settings_shows_progress(&live->settings);
}

static void show_last(const struct live_remap *live)
{
    char line[REMAP_LINE_BYTES];

    if (!shows_lines(live)) {
        return;
    }
    if (live->watch.n == 1) {
        remap_watch_head(line);
        fprintf(stderr, "%s\n", line);
    }
    remap_watch_line(&live->watch, live->watch.n - 1, line);
    fprintf(stderr, "%s\n", line);
}

static void begin_change(struct live_remap *live, uint64_t now_ns)
{
    for (uint64_t i = 0; i < live->settings.n_keys; i++) {
        atomic_store_explicit(&live->marks[i], 0, memory_order_relaxed);
    }
    remap_watch_change(&live->watch);
    live->change_begin_ns = now_ns;
    change_begin(&live->change);
}

/* A second is over. Returns false when there is nothing more to see. */
static bool on_second(struct live_remap *live, const struct load_live_sum *sum, uint64_t now_ns)
{
    bool begun = live->change_begin_ns > 0;
    bool changing =
        begun && (live->change_end_ns == 0 || now_ns - live->change_end_ns < UINT64_C(1000000000));

    remap_watch_add(&live->watch, sum, changing);
    show_last(live);
    if (!begun) {
        if ((double)live->watch.n >= live->before_s) {
            begin_change(live, now_ns);
            return live->watch.baseline > 0;
        }
        return true;
    }
    live->result = remap_watch_result(&live->watch, (size_t)live->steady_s);
    return !(live->result.recovered && live->change_end_ns > 0) &&
           (double)(now_ns - live->change_begin_ns) < live->max_s * 1e9;
}

static void look_on(struct live_remap *live, struct load_engine *engine)
{
    uint64_t second_ns = util_now_ns();
    bool goes_on = true;

    while (goes_on && !load_is_interrupted()) {
        uint64_t now_ns = util_now_ns();

        if (now_ns - second_ns >= UINT64_C(1000000000)) {
            struct load_live_sum sum = load_engine_live(engine);

            second_ns += UINT64_C(1000000000);
            goes_on = on_second(live, &sum, now_ns);
        }
        if (live->change_begin_ns > 0 && live->change_end_ns == 0 && change_poll(&live->change)) {
            live->change_end_ns = util_now_ns();
        }
        usleep(2000);
    }
    change_end(&live->change);
}

static int observe(struct live_remap *live)
{
    struct load_engine_options options;
    struct load_engine *engine;
    char error[160];

    load_settings_engine(&live->settings, &options);
    options.read_through = true;
    options.marks = live->marks;
    engine = load_engine_start(&options, error, sizeof(error));
    if (engine == NULL) {
        (void)options_complain(live->settings.command, "cannot connect to %s: %s",
                               live->settings.target_text, error);
        return COMMAND_FAILED;
    }
    look_on(live, engine);
    load_engine_stop(engine);
    load_engine_join(&engine, &live->totals);
    if (live->change_begin_ns == 0 || live->watch.baseline <= 0) {
        (void)options_complain(live->settings.command, "%s before the change",
                               load_is_interrupted() ? "interrupted" : "no key is found");
        return COMMAND_FAILED;
    }
    return COMMAND_OK;
}

/* Read every key that has not been missed since the change, and count. */
static bool count_lost(struct live_remap *live)
{
    struct load_engine_options options;
    const struct load_run run = {
        .settings = &live->settings, .options = &options, .label = "count"};

    load_settings_engine(&live->settings, &options);
    options.rate = 0;
    options.sequence = true;
    options.marks = live->marks;
    options.skip_marked = true;
    if (!load_run(&run, &live->sweep)) {
        return false;
    }
    for (uint64_t i = 0; i < live->settings.n_keys; i++) {
        live->n_lost += atomic_load_explicit(&live->marks[i], memory_order_relaxed);
    }
    return true;
}

static void report_summary(const struct live_remap *live, struct report *report)
{
    const struct remap_result *result = &live->result;
    double n_keys = (double)live->settings.n_keys;
    struct table *table =
        report_table(report, "summary", NULL, summary_columns, N_COLUMNS(summary_columns));

    table_row(table);
    table_number(table, 100 * result->baseline);
    table_number(table, 100 * result->lowest);
    table_number(table, (double)live->n_lost);
    table_number(table, 100 * (double)live->n_lost / n_keys);
    if (live->knows_moved) {
        table_number(table, (double)live->n_moved);
        table_number(table, 100 * (double)live->n_moved / n_keys);
    } else {
        table_none(table);
        table_none(table);
    }
    table_number(table, result->below_from == SIZE_MAX
                            ? 0
                            : (double)(result->below_to - result->below_from + 1));
    table_number(table, (double)result->n_silent);
    if (live->change_end_ns > 0) {
        table_number(table, (double)(live->change_end_ns - live->change_begin_ns) / 1e9);
    } else {
        table_none(table);
    }
    table_number(table, (double)load_totals_n_errors(&live->totals));
    table_text(table, result->recovered ? "yes" : "no");
}

static void report_errors(const struct live_remap *live, struct report *report)
{
    struct table *table;

    if (live->totals.n_texts == 0) {
        return;
    }
    table = report_table(report, "errors", "Errors while the shards changed", error_columns,
                         N_COLUMNS(error_columns));
    for (uint32_t i = 0; i < live->totals.n_texts; i++) {
        table_row(table);
        table_text(table, load_error_name(live->totals.texts[i].error));
        table_number(table, (double)live->totals.texts[i].n);
        table_text(table, live->totals.texts[i].text);
    }
}

static const char *phase_of(const struct live_remap *live, size_t second)
{
    if (second < live->watch.change_at) {
        return "before";
    }
    return live->watch.seconds[second].changing ? "change" : "after";
}

static void report_seconds(const struct live_remap *live, struct report *report)
{
    bool as_table = live->settings.report.json || live->settings.report.csv;
    struct table *table =
        as_table ? report_table(report, "seconds", NULL, second_columns, N_COLUMNS(second_columns))
                 : NULL;
    struct chart *chart = report_chart(
        report, CHART_LINES, "Hit rate around a change of the shards", "seconds", "hit rate, %");

    chart_mark(chart, 100 * live->watch.baseline, "before");
    if (live->knows_moved) {
        chart_mark(chart, 100 * (1 - (double)live->n_moved / (double)live->settings.n_keys),
                   "without the keys that move");
    }
    chart_series(chart, "hit rate");
    for (size_t i = 0; i < live->watch.n; i++) {
        const struct remap_second *second = &live->watch.seconds[i];
        double rate = remap_second_rate(second);

        chart_point(chart, (double)(i + 1), rate >= 0 ? 100 * rate : NAN);
        if (table == NULL) {
            continue;
        }
        table_row(table);
        table_number(table, (double)(i + 1));
        if (rate >= 0) {
            table_number(table, 100 * rate);
        } else {
            table_none(table);
        }
        table_number(table, (double)second->n_hits);
        table_number(table, (double)second->n_misses);
        table_number(table, (double)second->n_errors);
        table_text(table, phase_of(live, i));
    }
}

static void report_notes(const struct live_remap *live, struct report *report)
{
    if (live->change.command != NULL && live->change.status != 0) {
        report_note(report, "The command ended with %d.", live->change.status);
    }
    if (live->change_end_ns == 0) {
        report_note(report, "The change was not completed.");
    }
    if (load_totals_n_errors(&live->sweep) > 0) {
        report_note(report, "%llu errors when the keys were counted at the end: more may be lost.",
                    (unsigned long long)load_totals_n_errors(&live->sweep));
    }
    if (live->watch.baseline < 0.9999) {
        report_note(report, "Keys were missed before the change, too: the shards may be too small "
                            "for them all.");
    }
}

static int report_all(const struct live_remap *live)
{
    struct report *report = report_create("live-remap", &live->settings.report);
    int status;

    load_settings_report(&live->settings, report);
    report_summary(live, report);
    report_errors(live, report);
    report_seconds(live, report);
    report_notes(live, report);
    status = report_write(report);
    report_destroy(&report);
    return status;
}

static int run(struct live_remap *live)
{
    int status = expect(live);

    if (status != COMMAND_OK) {
        return status;
    }
    if (load_fill(&live->settings) == UINT64_MAX || load_is_interrupted()) {
        return COMMAND_FAILED;
    }
    live->marks = util_alloc(live->settings.n_keys, sizeof(*live->marks));
    status = observe(live);
    if (status == COMMAND_OK && !count_lost(live)) {
        status = COMMAND_FAILED;
    }
    if (status == COMMAND_OK) {
        status = report_all(live);
        if (!live->result.recovered || live->change.status != 0) {
            status = COMMAND_FAILED;
        }
    }
    free((void *)live->marks);
    return status;
}

int cmd_live_remap(int argc, char **argv)
{
    struct live_remap *live = util_alloc(1, sizeof(*live));
    int status;

    live->before_s = 3;
    live->steady_s = 3;
    live->max_s = 120;
    remap_watch_init(&live->watch);
    load_settings_init(&live->settings, "live-remap");
    status = parse(live, argc, argv);
    if (status < 0) {
        status = load_settings_prepare(&live->settings);
        if (status == COMMAND_OK) {
            load_catch_signals();
            status = run(live);
        }
        load_settings_deinit(&live->settings);
    }
    remap_watch_deinit(&live->watch);
    free(live);
    return status;
}
