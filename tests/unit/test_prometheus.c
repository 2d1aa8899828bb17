/*
 * The exposition and the table of metrics say the same, and the reference says it too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/control_fixture.h"

#include "control/prometheus.h"

#define N_NAMES_MAX 128u

/* The table once more, without what only prometheus.c knows. */
static const struct row {
    const char *name, *type, *labels, *help;
} rows[] = {
#define METRIC(name, type, labels, collect, source, help) {name, #type, labels, help},
#include "control/metrics.def"
#undef METRIC
};
#define N_ROWS (sizeof rows / sizeof *rows)

/* Traffic of which every family shows something. */
static void add_traffic(struct fixture *f)
{
    struct feedback_pool *pool = &f->feedback[1]->pools[0];

    counter_add(&f->feedback[0]->clients, 3);
    counter_add(&f->feedback[1]->clients, 4);
    counter_add(&pool->requests[MEMCACHE_GET][FEEDBACK_HIT], 5);
    counter_add(&pool->requests[MEMCACHE_SET][FEEDBACK_TIMEOUT], 1);
    histogram_record(&pool->latency[MEMCACHE_GET], 40);
    histogram_record(&pool->latency[MEMCACHE_GET], 3000);
    counter_add(&pool->shards[1].requests[MEMCACHE_GET][FEEDBACK_MISS], 6);
    counter_add(&pool->shards[1].keys_hit, 8);
    histogram_record(&pool->shards[1].latency, 20000000);
    f->feedback[0]->pools[0].replicas[2].state = FEEDBACK_STATE_UP;
    f->feedback[1]->pools[0].replicas[2].state = FEEDBACK_STATE_EJECTED;
    f->feedback[1]->loop_lag_us = 2500;
}

static void add_http_traffic(struct fixture *f)
{
    struct feedback_pool *pool = &f->feedback[1]->pools[2];

    counter_add(&f->feedback[0]->pools[2].http.requests[HTTP1_GET][FEEDBACK_HTTP_SUCCESS], 2);
    counter_add(&pool->http.requests[HTTP1_GET][FEEDBACK_HTTP_SUCCESS], 9);
    counter_add(&pool->http.requests[HTTP1_OTHER][FEEDBACK_HTTP_CUT], 1);
    histogram_record(&pool->http.latency, 700);
    counter_add(&pool->retries, 4);
    counter_add(&pool->overloaded, 5);
    counter_add(&pool->shards[1].http.requests[HTTP1_GET][FEEDBACK_HTTP_SUCCESS], 6);
    counter_add(&pool->shards[1].http.requests[HTTP1_POST][FEEDBACK_HTTP_SUCCESS], 1);
    counter_add(&pool->shards[1].http.requests[HTTP1_POST][FEEDBACK_HTTP_CUT], 3);
    counter_add(&pool->shards[1].bytes_sent, 1234);
    histogram_record(&pool->shards[1].latency, 400);
    counter_add(feedback_http_answer(f->feedback[1], 504), 8);
    counter_add(&f->feedback[0]->http_upgrades, 2);
}

/* Write the exposition of a fixture with traffic; free with body_deinit(). */
static const char *expose(struct body *out)
{
    struct fixture f;

    fixture_init(&f);
    add_traffic(&f);
    add_http_traffic(&f);
    prometheus_write(&f.view, out);
    fixture_deinit(&f);
    return fixture_text(out);
}

static void assert_has_line(const char *text, const char *line)
{
    char wanted[512];

    (void)snprintf(wanted, sizeof wanted, "\n%s\n", line);
    if (strstr(text, wanted) == NULL) {
        fail_msg("no line '%s' in:\n%s", line, text);
    }
}

static void test_samples(void **state)
{
    struct body body = {0};
    const char *text = expose(&body);

    (void)state;
    assert_has_line(text, "ringway_build_info{version=\"" RINGWAY_VERSION "\"} 1");
    assert_has_line(text, "ringway_uptime_seconds 60");
    assert_has_line(text, "process_start_time_seconds 1700000000.25");
    assert_has_line(text, "ringway_clients 7");
    assert_has_line(text, "ringway_clients_limit 77");
    assert_has_line(text, "ringway_draining 0");
    assert_has_line(text, "ringway_worker_loop_lag_seconds{worker=\"1\"} 0.0025");
    assert_has_line(text,
                    "ringway_requests_total{pool=\"a\\\"b\",command=\"get\",outcome=\"hit\"} 5");
    assert_has_line(text,
                    "ringway_shard_requests_total{pool=\"a\\\"b\",shard=\"s1\",command=\"get\","
                    "outcome=\"miss\"} 6");
    assert_has_line(text,
                    "ringway_shard_keys_total{pool=\"a\\\"b\",shard=\"s1\",result=\"hit\"} 8");
    assert_has_line(text,
                    "ringway_shard_ring_share_ratio{pool=\"web\",shard=\"127.0.0.1:11313\"} 1");
    assert_has_line(text,
                    "ringway_replica_up{pool=\"a\\\"b\",shard=\"s1\",replica=\"[::1]:11312\"} 1");
    assert_has_line(text,
                    "ringway_replica_state{pool=\"a\\\"b\",shard=\"s1\",replica=\"[::1]:11312\","
                    "state=\"ejected\"} 1");
    body_deinit(&body);
}

static void test_http_samples(void **state)
{
    static const char *const lines[] = {
        "ringway_http_requests_total{pool=\"site\",method=\"GET\",result=\"2xx\"} 11",
        "ringway_http_requests_total{pool=\"site\",method=\"OTHER\",result=\"cut\"} 1",
        "ringway_http_request_duration_seconds_count{pool=\"site\"} 1",
        "ringway_http_request_duration_seconds_bucket{pool=\"site\",le=\"0.0005\"} 0",
        "ringway_http_request_duration_seconds_bucket{pool=\"site\",le=\"0.001\"} 1",
        "ringway_http_answers_total{status=\"504\"} 8",
        "ringway_http_answers_total{status=\"400\"} 0",
        "ringway_http_tunnels 2",
        "ringway_pool_retries_total{pool=\"site\"} 4",
        "ringway_pool_overloaded_total{pool=\"site\"} 5",
        "ringway_pool_failovers_total{pool=\"site\"} 0",
        "ringway_shard_http_requests_total{pool=\"site\",shard=\"h1\",result=\"2xx\"} 7",
        "ringway_shard_http_requests_total{pool=\"site\",shard=\"h1\",result=\"cut\"} 3",
        "ringway_shard_http_requests_total{pool=\"site\",shard=\"h0\",result=\"2xx\"} 0",
        "ringway_shard_request_duration_seconds_count{pool=\"site\",shard=\"h1\"} 1",
        "ringway_shard_sent_bytes_total{pool=\"site\",shard=\"h1\"} 1234",
        "ringway_replica_up{pool=\"site\",shard=\"h0\",replica=\"127.0.0.1:8001\"} 1",
    };
    struct body body = {0};
    const char *text = expose(&body);
    size_t i;

    (void)state;
    for (i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_has_line(text, lines[i]);
    }
    body_deinit(&body);
}

/* What only one protocol has is told of its pools only. */
static void test_series_are_of_their_protocol(void **state)
{
    static const char *const absent[] = {
        "ringway_requests_total{pool=\"site\"",
        "ringway_request_duration_seconds_count{pool=\"site\"",
        "ringway_pool_partial_misses_total{pool=\"site\"",
        "ringway_pool_late_replies_total{pool=\"site\"",
        "ringway_shard_requests_total{pool=\"site\"",
        "ringway_shard_keys_total{pool=\"site\"",
        "ringway_http_requests_total{pool=\"web\"",
        "ringway_http_request_duration_seconds_count{pool=\"web\"",
        "ringway_pool_retries_total{pool=\"web\"",
        "ringway_pool_overloaded_total{pool=\"web\"",
        "ringway_shard_http_requests_total{pool=\"web\"",
    };
    struct body body = {0};
    const char *text = expose(&body);
    size_t i;

    (void)state;
    assert_non_null(strstr(text, "ringway_pool_partial_misses_total{pool=\"web\"} 0"));
    for (i = 0; i < sizeof absent / sizeof *absent; i++) {
        assert_null(strstr(text, absent[i]));
    }
    body_deinit(&body);
}

/* A process of memcached pools alone says nothing of HTTP. */
static void test_no_http_without_an_http_pool(void **state)
{
    struct body body = {0};
    struct fixture f;
    const char *text;

    (void)state;
    fixture_init(&f);
    add_http_traffic(&f);
    f.config->pools[2].protocol = CONFIG_MEMCACHED;
    prometheus_write(&f.view, &body);
    text = fixture_text(&body);
    assert_null(strstr(text, "\nringway_http_"));
    assert_null(strstr(text, "\nringway_shard_http_"));
    fixture_deinit(&f);
    body_deinit(&body);
}

static void test_a_histogram(void **state)
{
    static const char name[] = "ringway_request_duration_seconds";
    struct body body = {0};
    const char *text = expose(&body);
    char line[256];

    (void)state;
    (void)snprintf(line, sizeof line, "%s_bucket{pool=\"a\\\"b\",command=\"get\",le=\"5e-05\"} 1",
                   name);
    assert_has_line(text, line);
    (void)snprintf(line, sizeof line, "%s_bucket{pool=\"a\\\"b\",command=\"get\",le=\"0.005\"} 2",
                   name);
    assert_has_line(text, line);
    (void)snprintf(line, sizeof line, "%s_bucket{pool=\"a\\\"b\",command=\"get\",le=\"+Inf\"} 2",
                   name);
    assert_has_line(text, line);
    (void)snprintf(line, sizeof line, "%s_sum{pool=\"a\\\"b\",command=\"get\"} 0.003040", name);
    assert_has_line(text, line);
    (void)snprintf(line, sizeof line, "%s_count{pool=\"a\\\"b\",command=\"get\"} 2", name);
    assert_has_line(text, line);
    assert_null(strstr(text, "command=\"set\",le"));
    assert_has_line(text, "ringway_shard_request_duration_seconds_bucket{pool=\"a\\\"b\","
                          "shard=\"s1\",le=\"10\"} 0");
    body_deinit(&body);
}

/* --- The table --- */

static const struct row *find_row(const char *name, size_t len)
{
    size_t i;

    for (i = 0; i < N_ROWS; i++) {
        if (strlen(rows[i].name) == len && strncmp(rows[i].name, name, len) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static bool is_type(const struct row *row, const char *type)
{
    return strcmp(row->type, type) == 0;
}

/* The names of the labels of a sample, comma-separated, without `le`. */
static void read_labels(const char *line, char *out)
{
    bool in_value = false;

    *out = '\0';
    for (line += strcspn(line, "{ "); *line != '\0' && (in_value || *line != ' '); line++) {
        if (in_value && *line == '\\') {
            line++;
        } else if (in_value) {
            in_value = *line != '"';
        } else if (*line == '{' || *line == ',') {
            size_t len = strcspn(line + 1, "=");

            if (len != 2 || strncmp(line + 1, "le", 2) != 0) {
                (void)sprintf(out + strlen(out), "%s%.*s", *out == '\0' ? "" : ",", (int)len,
                              line + 1);
            }
        } else if (*line == '"') {
            in_value = true;
        }
    }
}

/* A sample belongs to the family [row] and carries its labels. */
static void check_sample(const struct row *row, const char *line)
{
    size_t len = strlen(row->name);
    char labels[256];

    assert_int_equal(strncmp(line, row->name, len), 0);
    if (is_type(row, "HISTOGRAM")) {
        assert_true(strncmp(line + len, "_bucket{", 8) == 0 ||
                    strncmp(line + len, "_sum", 4) == 0 || strncmp(line + len, "_count", 6) == 0);
    } else {
        assert_true(line[len] == '{' || line[len] == ' ');
    }
    read_labels(line, labels);
    assert_string_equal(labels, row->labels);
}

static void check_head(const struct row *row, const char *help, const char *type)
{
    char wanted[512];

    (void)snprintf(wanted, sizeof wanted, "# HELP %s %s", row->name, row->help);
    assert_string_equal(help, wanted);
    (void)snprintf(wanted, sizeof wanted, "# TYPE %s %s", row->name,
                   is_type(row, "COUNTER") ? "counter"
                   : is_type(row, "GAUGE") ? "gauge"
                                           : "histogram");
    assert_string_equal(type, wanted);
}

static void test_exposition_and_table_agree(void **state)
{
    struct body body = {0};
    char *save, *line, *help;
    size_t n_families = 0, n_samples = 0;

    (void)state;
    (void)expose(&body);
    assert_int_equal(body.data[body.len - 1], '\n');
    for (line = strtok_r(body.data, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        if (line[0] == '#') {
            help = line;
            assert_true(n_families == 0 || n_samples > 0);
            assert_true(n_families < N_ROWS);
            check_head(&rows[n_families++], help, strtok_r(NULL, "\n", &save));
            n_samples = 0;
        } else {
            check_sample(&rows[n_families - 1], line);
            n_samples++;
        }
    }
    assert_int_equal(n_families, N_ROWS);
    body_deinit(&body);
}

static void test_names_follow_the_rules(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < N_ROWS; i++) {
        const char *name = rows[i].name;
        size_t len = strlen(name);
        bool is_total = len > 6 && strcmp(name + len - 6, "_total") == 0;

        assert_true(strncmp(name, "ringway_", 8) == 0 || strncmp(name, "process_", 8) == 0);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), len);
        assert_int_equal(is_total, is_type(&rows[i], "COUNTER"));
        assert_ptr_equal(find_row(name, len), &rows[i]); /* no name twice */
        assert_int_equal(rows[i].help[strlen(rows[i].help) - 1], '.');
        assert_null(strchr(rows[i].help, '|'));
    }
}

/* --- The reference --- */

static void read_reference(struct body *out, const char *path)
{
    FILE *file = fopen(path, "r");
    char buffer[4096];
    size_t n;

    assert_non_null(file);
    while ((n = fread(buffer, 1, sizeof buffer, file)) > 0) {
        body_add_bytes(out, buffer, n);
    }
    (void)fclose(file);
}

/* With RINGWAY_WRITE_REFERENCE set, this writes the file instead of comparing. */
static void test_the_reference_is_current(void **state)
{
    static const char path[] = TESTS_DIR "/../proxy/control/METRICS.md";
    struct body wanted = {0}, found = {0};

    (void)state;
    prometheus_write_reference(&wanted);
    if (getenv("RINGWAY_WRITE_REFERENCE") != NULL) {
        FILE *file = fopen(path, "w");

        assert_non_null(file);
        assert_int_equal(fwrite(wanted.data, 1, wanted.len, file), wanted.len);
        assert_int_equal(fclose(file), 0);
    }
    read_reference(&found, path);
    assert_string_equal(fixture_text(&found), fixture_text(&wanted));
    body_deinit(&found);
    body_deinit(&wanted);
}

/* --- The judge, where Debian's package prometheus is installed --- */

static void test_promtool_has_nothing_to_say(void **state)
{
    struct body body = {0};
    FILE *promtool;

    (void)state;
    if (system("command -v promtool >/dev/null 2>&1") != 0) {
        skip();
    }
    (void)expose(&body);
    promtool = popen("promtool check metrics >&2", "w");
    assert_non_null(promtool);
    assert_int_equal(fwrite(body.data, 1, body.len, promtool), body.len);
    assert_int_equal(pclose(promtool), 0);
    body_deinit(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_http_samples),
        cmocka_unit_test(test_series_are_of_their_protocol),
        cmocka_unit_test(test_no_http_without_an_http_pool),
        cmocka_unit_test(test_a_histogram),
        cmocka_unit_test(test_exposition_and_table_agree),
        cmocka_unit_test(test_names_follow_the_rules),
        cmocka_unit_test(test_the_reference_is_current),
        cmocka_unit_test(test_promtool_has_nothing_to_say),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
