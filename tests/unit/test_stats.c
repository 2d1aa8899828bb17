/*
 * The figures of the command stats: sums over workers, pools and shards; and that a reset only
 * moves the zero.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/control_fixture.h"
#include "support/fake_memcache.h"
#include "topology/stats.h"

static struct fixture fixture;
static struct stats_baseline *baseline;
static struct bytes text;

static int start(void **state)
{
    (void)state;
    fixture_init(&fixture);
    baseline = stats_baseline_create(fixture.topology);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    stats_baseline_destroy(&baseline);
    stats_baseline_destroy(&baseline);
    assert_null(baseline);
    fixture_deinit(&fixture);
    bytes_free(&text);
    return 0;
}

static struct stats_source source(void)
{
    return (struct stats_source){fixture.topology, fixture.feedback, FIXTURE_WORKERS, baseline};
}

static void collect(void *context, const char *bytes, size_t len)
{
    bytes_add(context, bytes, len);
}

/* Write the stats and have them end with a NUL. */
static const char *write_all(bool shards)
{
    struct stats_source from = source();

    text.len = 0;
    if (shards) {
        stats_write_shards(&from, collect, &text);
    } else {
        stats_write(&from, collect, &text);
    }
    bytes_add(&text, "", 1);
    return (const char *)text.data;
}

static uint64_t figure(const char *name)
{
    char line[300];
    const char *found;

    snprintf(line, sizeof(line), "STAT %s ", name);
    found = strstr((const char *)text.data, line);
    if (found == NULL) {
        fail_msg("no %s in %s", name, (const char *)text.data);
        return 0;
    }
    assert_true(found == (const char *)text.data || found[-1] == '\n');
    return strtoull(found + strlen(line), NULL, 10);
}

static struct feedback_pool *pool_of(uint32_t worker, uint32_t pool)
{
    return &fixture.feedback[worker]->pools[pool];
}

static void test_form(void **state)
{
    const char *line = write_all(false);
    size_t n = 0;

    (void)state;
    while (strncmp(line, "END\r\n", 5) != 0) {
        const char *end = strstr(line, "\r\n");
        const char *name = line + 5, *value;

        assert_memory_equal(line, "STAT ", 5);
        assert_non_null(end);
        value = memchr(name, ' ', (size_t)(end - name));
        assert_non_null(value);
        assert_true(value > name && value + 1 < end);
        assert_null(memchr(value + 1, ' ', (size_t)(end - value - 1)));
        line = end + 2;
        n++;
    }
    assert_string_equal(line, "END\r\n");
    assert_true(n > 20);
    assert_int_equal(figure("threads"), FIXTURE_WORKERS);
    assert_int_equal(figure("max_connections"), 77);
    assert_int_equal(figure("pointer_size"), 8 * sizeof(void *));
    assert_true(figure("pid") > 0);
    assert_true(figure("uptime") < 60);
    assert_non_null(strstr((char *)text.data, "STAT version " MEMCACHE_VERSION_TEXT "\r\n"));
}

static void test_sums_over_workers_and_pools(void **state)
{
    (void)state;
    for (uint32_t w = 0; w < FIXTURE_WORKERS; w++) {
        counter_add(&fixture.feedback[w]->clients, 2);
        counter_add(&fixture.feedback[w]->clients_accepted, 10);
        counter_add(&fixture.feedback[w]->clients_refused, 1);
        counter_add(&fixture.feedback[w]->client_bytes_received, 100);
        counter_add(&fixture.feedback[w]->client_bytes_sent, 200);
        counter_add(&fixture.feedback[w]->bad_requests, 3);
        for (uint32_t p = 0; p < 2; p++) {
            counter_add(&pool_of(w, p)->requests[MEMCACHE_SET][FEEDBACK_OK], 1);
            counter_add(&pool_of(w, p)->requests[MEMCACHE_ADD][FEEDBACK_NOT_OK], 1);
            counter_add(&pool_of(w, p)->requests[MEMCACHE_SET][FEEDBACK_TIMEOUT], 1);
            counter_add(&pool_of(w, p)->requests[MEMCACHE_GET][FEEDBACK_BUSY], 1);
            counter_add(&pool_of(w, p)->shards[0].keys_hit, 5);
            counter_add(&pool_of(w, p)->shards[0].keys_missed, 2);
        }
    }
    (void)write_all(false);
    assert_int_equal(figure("curr_connections"), 4);
    assert_int_equal(figure("total_connections"), 20);
    assert_int_equal(figure("rejected_connections"), 2);
    assert_int_equal(figure("bytes_read"), 200);
    assert_int_equal(figure("bytes_written"), 400);
    assert_int_equal(figure("bad_requests"), 6);
    assert_int_equal(figure("cmd_set"), 4 * 3);
    assert_int_equal(figure("requests_failed"), 4 * 2);
    assert_int_equal(figure("get_hits"), 20);
    assert_int_equal(figure("get_misses"), 8);
    assert_int_equal(figure("cmd_get"), 28);
}

static void test_every_command_has_its_figure(void **state)
{
    static const struct {
        enum memcache_command command;
        enum feedback_outcome outcome;
        const char *name;
    } cases[] = {
        {MEMCACHE_DELETE, FEEDBACK_OK, "delete_hits"},
        {MEMCACHE_DELETE, FEEDBACK_MISS, "delete_misses"},
        {MEMCACHE_INCR, FEEDBACK_OK, "incr_hits"},
        {MEMCACHE_INCR, FEEDBACK_MISS, "incr_misses"},
        {MEMCACHE_DECR, FEEDBACK_OK, "decr_hits"},
        {MEMCACHE_DECR, FEEDBACK_MISS, "decr_misses"},
        {MEMCACHE_CAS, FEEDBACK_OK, "cas_hits"},
        {MEMCACHE_CAS, FEEDBACK_MISS, "cas_misses"},
        {MEMCACHE_CAS, FEEDBACK_NOT_OK, "cas_badval"},
        {MEMCACHE_TOUCH, FEEDBACK_OK, "touch_hits"},
        {MEMCACHE_TOUCH, FEEDBACK_MISS, "touch_misses"},
        {MEMCACHE_TOUCH, FEEDBACK_MISS, "cmd_touch"},
        {MEMCACHE_GAT, FEEDBACK_HIT, "cmd_touch"},
        {MEMCACHE_FLUSH_ALL, FEEDBACK_OK, "cmd_flush"},
        {MEMCACHE_MG, FEEDBACK_HIT, "get_hits"},
        {MEMCACHE_MG, FEEDBACK_MISS, "get_misses"},
        {MEMCACHE_MG, FEEDBACK_HIT, "cmd_get"},
        {MEMCACHE_MA, FEEDBACK_OK, "cmd_meta"},
        {MEMCACHE_MS, FEEDBACK_SERVER_ERROR, "requests_failed"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t before;

        (void)write_all(false);
        before = figure(cases[i].name);
        counter_add(&pool_of(1, 1)->requests[cases[i].command][cases[i].outcome], 7);
        (void)write_all(false);
        assert_int_equal(figure(cases[i].name) - before, 7);
    }
}

static void test_shards(void **state)
{
    struct feedback_shard *shard = &pool_of(0, 0)->shards[1];

    (void)state;
    counter_add(&shard->requests[MEMCACHE_GET][FEEDBACK_HIT], 3);
    counter_add(&shard->requests[MEMCACHE_SET][FEEDBACK_TIMEOUT], 2);
    counter_add(&shard->requests[MEMCACHE_SET][FEEDBACK_UNAVAILABLE], 1);
    counter_add(&shard->bytes_sent, 50);
    counter_add(&shard->bytes_received, 60);
    counter_add(&shard->keys_hit, 4);
    counter_add(&pool_of(1, 0)->shards[1].keys_hit, 4);
    (void)write_all(true);
    assert_int_equal(figure("a\"b:s1:requests"), 6);
    assert_int_equal(figure("a\"b:s1:errors"), 3);
    assert_int_equal(figure("a\"b:s1:timeouts"), 2);
    assert_int_equal(figure("a\"b:s1:get_hits"), 8);
    assert_int_equal(figure("a\"b:s1:get_misses"), 0);
    assert_int_equal(figure("a\"b:s1:bytes_sent"), 50);
    assert_int_equal(figure("a\"b:s1:bytes_received"), 60);
    assert_int_equal(figure("a\"b:s0:requests"), 0);
    assert_int_equal(figure("web:127.0.0.1:11313:requests"), 0);
    assert_memory_equal(text.data + text.len - 6, "END\r\n", 6);
}

/* What an HTTP pool counts is no figure of memcached. */
static void test_http_pools_are_left_out(void **state)
{
    struct feedback_shard *shard = &pool_of(0, 2)->shards[0];

    (void)state;
    for (uint32_t r = 0; r < FEEDBACK_HTTP_N_RESULTS; r++) {
        counter_add(&pool_of(0, 2)->http.requests[HTTP1_GET][r], 3);
        counter_add(&shard->http.requests[HTTP1_GET][r], 3);
    }
    for (uint64_t us = 1; us < 100000000; us *= 2) {
        histogram_record(&shard->http.latency, us);
    }
    (void)write_all(false);
    assert_int_equal(figure("cmd_get"), 0);
    assert_int_equal(figure("cmd_set"), 0);
    assert_int_equal(figure("requests_failed"), 0);
    assert_null(strstr(write_all(true), "STAT site:"));
    assert_int_equal(figure("web:127.0.0.1:11313:requests"), 0);
}

static void test_reset_moves_the_zero(void **state)
{
    struct stats_source from = source();
    struct feedback_shard *shard = &pool_of(0, 0)->shards[0];

    (void)state;
    counter_add(&pool_of(0, 0)->requests[MEMCACHE_SET][FEEDBACK_OK], 5);
    counter_add(&shard->requests[MEMCACHE_SET][FEEDBACK_OK], 5);
    counter_add(&fixture.feedback[0]->clients, 3);
    stats_reset(&from);
    assert_int_equal(pool_of(0, 0)->requests[MEMCACHE_SET][FEEDBACK_OK], 5); /* metrics go on */
    (void)write_all(false);
    assert_int_equal(figure("cmd_set"), 0);
    assert_int_equal(figure("curr_connections"), 3); /* what is now is not counted from a zero */
    (void)write_all(true);
    assert_int_equal(figure("a\"b:s0:requests"), 0);
    counter_add(&pool_of(1, 0)->requests[MEMCACHE_SET][FEEDBACK_OK], 2);
    counter_add(&shard->requests[MEMCACHE_SET][FEEDBACK_OK], 2);
    (void)write_all(false);
    assert_int_equal(figure("cmd_set"), 2);
    (void)write_all(true);
    assert_int_equal(figure("a\"b:s0:requests"), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_form),
        TEST(test_sums_over_workers_and_pools),
        TEST(test_every_command_has_its_figure),
        TEST(test_shards),
        TEST(test_http_pools_are_left_out),
        TEST(test_reset_moves_the_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
