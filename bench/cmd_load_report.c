#include "cmd_load_report.h"

#include <math.h>
#include <string.h>

static const struct table_column request_columns[] = {
    {"requests", "requests", "", TABLE_TEXT, 0},    {"answered", "answered", "", TABLE_NUMBER, 0},
    {"per_second", "rate", "1/s", TABLE_NUMBER, 0}, {"mean_us", "mean", "us", TABLE_NUMBER, 0},
    {"p50_us", "p50", "us", TABLE_NUMBER, 0},       {"p90_us", "p90", "us", TABLE_NUMBER, 0},
    {"p99_us", "p99", "us", TABLE_NUMBER, 0},       {"p99_9_us", "p99.9", "us", TABLE_NUMBER, 0},
    {"max_us", "max", "us", TABLE_NUMBER, 0},
};

static const struct table_column total_columns[] = {
    {"seconds", "measured", "s", TABLE_NUMBER, 2},
    {"hits", "hits", "", TABLE_NUMBER, 0},
    {"misses", "misses", "", TABLE_NUMBER, 0},
    {"hit_percent", "hit rate", "%", TABLE_NUMBER, 2},
    {"sent_bytes", "sent", "bytes", TABLE_NUMBER, 0},
    {"received_bytes", "received", "bytes", TABLE_NUMBER, 0},
    {"errors", "errors", "", TABLE_NUMBER, 0},
};

static const struct table_column error_columns[] = {
    {"error", "error", "", TABLE_TEXT, 0},
    {"count", "count", "", TABLE_NUMBER, 0},
    {"what", "what", "", TABLE_TEXT, 0},
};

static const struct table_column text_columns[] = {
    {"error", "error", "", TABLE_TEXT, 0},
    {"count", "count", "", TABLE_NUMBER, 0},
    {"text", "text", "", TABLE_TEXT, 0},
};

static const struct table_column shard_columns[] = {
    {"pool", "pool", "", TABLE_TEXT, 0},
    {"shard", "shard", "", TABLE_TEXT, 0},
    {"requests", "requests", "", TABLE_NUMBER, 0},
    {"keys", "keys", "", TABLE_NUMBER, 0},
    {"share_percent", "share", "%", TABLE_NUMBER, 2},
    {"ring_percent", "of the ring", "%", TABLE_NUMBER, 2},
    {"by_mean", "by mean", "", TABLE_NUMBER, 3},
};

static const struct table_column spread_columns[] = {
    {"pool", "pool", "", TABLE_TEXT, 0},
    {"shards", "shards", "", TABLE_NUMBER, 0},
    {"requests", "requests", "", TABLE_NUMBER, 0},
    {"max_by_mean", "max / mean", "", TABLE_NUMBER, 3},
};

static const struct table_column second_columns[] = {
    {"second", "second", "", TABLE_NUMBER, 0}, {"requests", "requests", "", TABLE_NUMBER, 0},
    {"hits", "hits", "", TABLE_NUMBER, 0},     {"misses", "misses", "", TABLE_NUMBER, 0},
    {"errors", "errors", "", TABLE_NUMBER, 0},
};

#define N_COLUMNS(columns) (sizeof(columns) / sizeof((columns)[0]))

static void add_requests(struct table *table, const char *name, const struct hist *hist,
                         double seconds)
{
    static const double quantiles[] = {0.5, 0.9, 0.99, 0.999};

    table_row(table);
    table_text(table, name);
    table_number(table, (double)hist->n);
    table_number(table, (double)hist->n / seconds);
    if (hist->n == 0) {
        return;
    }
    table_number(table, (double)hist->sum_ns / (double)hist->n / 1e3);
    for (size_t i = 0; i < N_COLUMNS(quantiles); i++) {
        table_number(table, (double)hist_quantile(hist, quantiles[i]) / 1e3);
    }
    table_number(table, (double)hist->max_ns / 1e3);
}

static void report_requests(struct report *report, const struct load_totals *totals)
{
    double seconds = load_totals_seconds(totals);
    struct table *table = report_table(report, "requests", "Requests and their latencies",
                                       request_columns, N_COLUMNS(request_columns));

    add_requests(table, "get", &totals->get_latency, seconds);
    add_requests(table, "set", &totals->set_latency, seconds);
    add_requests(table, "all", &totals->latency, seconds);

    table = report_table(report, "totals", "In all", total_columns, N_COLUMNS(total_columns));
    table_row(table);
    table_number(table, seconds);
    table_number(table, (double)totals->n_hits);
    table_number(table, (double)totals->n_misses);
    if (totals->n_hits + totals->n_misses > 0) {
        table_number(table, 100 * load_totals_hit_rate(totals));
    } else {
        table_none(table);
    }
    table_number(table, (double)totals->sent_bytes);
    table_number(table, (double)totals->received_bytes);
    table_number(table, (double)load_totals_n_errors(totals));
}

static void report_errors(struct report *report, const struct load_totals *totals)
{
    struct table *table;

    if (load_totals_n_errors(totals) == 0) {
        return;
    }
    table = report_table(report, "errors", "Errors, those of the warm-up included", error_columns,
                         N_COLUMNS(error_columns));
    for (uint32_t i = 0; i < LOAD_N_ERRORS; i++) {
        if (totals->errors[i] > 0) {
            table_row(table);
            table_text(table, load_error_name((enum load_error)i));
            table_number(table, (double)totals->errors[i]);
            table_text(table, load_error_meaning((enum load_error)i));
        }
    }
    if (totals->n_texts == 0) {
        return;
    }
    table = report_table(report, "error_texts", "What they said", text_columns,
                         N_COLUMNS(text_columns));
    for (uint32_t i = 0; i < totals->n_texts; i++) {
        table_row(table);
        table_text(table, load_error_name(totals->texts[i].error));
        table_number(table, (double)totals->texts[i].n);
        table_text(table, totals->texts[i].text);
    }
}

/* Of one pool. */
struct pool_sum {
    double sum, max;
    size_t n;
};

static struct pool_sum sum_pool(const struct load_spread *spread, const char *pool)
{
    struct pool_sum sum = {0};

    for (size_t i = 0; i < spread->n_shards; i++) {
        const struct load_spread_shard *shard = &spread->shards[i];

        if (strcmp(shard->pool, pool) == 0) {
            sum.n++;
            sum.sum += shard->n_requests;
            sum.max = shard->n_requests > sum.max ? shard->n_requests : sum.max;
        }
    }
    return sum;
}

static void report_spread(struct report *report, const struct load_spread *spread)
{
    struct table *table = report_table(report, "shards", "Requests of each shard, by the proxy",
                                       shard_columns, N_COLUMNS(shard_columns));

    for (size_t i = 0; i < spread->n_shards; i++) {
        const struct load_spread_shard *shard = &spread->shards[i];
        struct pool_sum pool = sum_pool(spread, shard->pool);

        table_row(table);
        table_text(table, shard->pool);
        table_text(table, shard->shard);
        table_number(table, shard->n_requests);
        table_number(table, shard->n_keys);
        table_number(table, pool.sum > 0 ? 100 * shard->n_requests / pool.sum : 0);
        table_number(table, 100 * shard->ring_share);
        table_number(table, pool.sum > 0 ? shard->n_requests * (double)pool.n / pool.sum : 0);
    }
    table = report_table(report, "spread", "Spread over the shards", spread_columns,
                         N_COLUMNS(spread_columns));
    for (size_t i = 0; i < spread->n_shards; i++) {
        const char *name = spread->shards[i].pool;
        struct pool_sum pool = sum_pool(spread, name);

        if (pool.sum > 0 && (i == 0 || strcmp(spread->shards[i - 1].pool, name) != 0)) {
            table_row(table);
            table_text(table, name);
            table_number(table, (double)pool.n);
            table_number(table, pool.sum);
            table_number(table, pool.max * (double)pool.n / pool.sum);
        }
    }
}

static void report_seconds(struct report *report, const struct load_command *load)
{
    struct table *table = report_table(report, "seconds", "Second by second", second_columns,
                                       N_COLUMNS(second_columns));
    struct load_live_sum before = {0};

    for (size_t i = 0; i < load->n_seconds; i++) {
        const struct load_live_sum *now = &load->seconds[i];

        table_row(table);
        table_number(table, (double)(i + 1));
        table_number(table, (double)(now->n_requests - before.n_requests));
        table_number(table, (double)(now->n_hits - before.n_hits));
        table_number(table, (double)(now->n_misses - before.n_misses));
        table_number(table, (double)(now->n_errors - before.n_errors));
        before = *now;
    }
}

/* The part of requests that are slower on a scale on which each nine takes the same room. */
static void add_percentiles(struct chart *chart, const char *name, const struct hist *hist)
{
    if (hist->n == 0) {
        return;
    }
    chart_series(chart, name);
    for (double slower = 1; slower * (double)hist->n >= 1 && slower > 1e-7; slower /= 1.25892541) {
        chart_point(chart, 1 / slower, (double)hist_quantile(hist, 1 - slower) / 1e3);
    }
}

static void report_charts(struct report *report, const struct load_command *load)
{
    struct chart *chart;
    uint64_t before = 0;

    chart = report_chart(report, CHART_LINES, "Latency by percentile",
                         "one request in so many is slower (10: p90, 100: p99, 1000: p99.9)",
                         "latency, us");
    chart_log_x(chart);
    chart_log_y(chart);
    add_percentiles(chart, "get", &load->totals.get_latency);
    add_percentiles(chart, "set", &load->totals.set_latency);

    chart = report_chart(report, CHART_LINES, "Throughput over time, warm-up included", "seconds",
                         "requests a second");
    chart_series(chart, "answered");
    for (size_t i = 0; i < load->n_seconds; i++) {
        chart_point(chart, (double)(i + 1), (double)(load->seconds[i].n_requests - before));
        before = load->seconds[i].n_requests;
    }
}

static void report_notes(struct report *report, const struct load_command *load)
{
    const struct load_totals *totals = &load->totals;

    if (load->n_not_filled > 0) {
        report_note(report, "%llu keys could not be set before the measurement.",
                    (unsigned long long)load->n_not_filled);
    }
    if (totals->errors[LOAD_ERROR_UNSENT] > 0) {
        report_note(report, "The target did not keep up with the rate: the latencies are those of "
                            "the requests that could be sent.");
    }
    if (totals->errors[LOAD_ERROR_VALUE] > 0) {
        report_note(report, "Wrong values may come from an earlier run with other sizes: use "
                            "--fill, or another --key-prefix.");
    }
    if (!load->verify) {
        report_note(report, "Values were not compared.");
    }
    if (load_is_interrupted()) {
        report_note(report, "It was interrupted.");
    }
}

int load_report(const struct load_command *load)
{
    const struct load_settings *settings = &load->settings;
    struct report *report = report_create("load", &settings->report);
    int status;

    load_settings_report(settings, report);
    report_setting_text(report, "client", load->use_library ? "libmemcached" : "sockets");
    report_setting(report, "set_percent", round(1e5 * load->set_share) / 1e3);
    report_setting(report, "mget", (double)load->n_mget_keys);
    report_requests(report, &load->totals);
    report_errors(report, &load->totals);
    if (load->admin != NULL) {
        report_spread(report, &load->spread);
    }
    if (settings->report.json || settings->report.csv) {
        report_seconds(report, load);
    }
    report_charts(report, load);
    report_notes(report, load);
    status = report_write(report);
    report_destroy(&report);
    return status;
}
