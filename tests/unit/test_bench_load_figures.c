/*
 * What load and live-remap make of counts: errors by text, the metrics of a proxy, the hit rate
 * around a change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd_live_remap_watch.h"
#include "cmd_load_spread.h"
#include "cmd_load_totals.h"

static void test_errors_by_text(void **state)
{
    struct load_totals *totals = calloc(2, sizeof(*totals));
    struct load_live live = {0};
    struct load_live_sum sum = {0};

    (void)state;
    assert_non_null(totals);
    load_totals_error(totals, &live, LOAD_ERROR_REPLY, "SERVER_ERROR a", 1);
    load_totals_error(totals, &live, LOAD_ERROR_REPLY, "SERVER_ERROR b", 2);
    load_totals_error(totals, &live, LOAD_ERROR_REPLY, "SERVER_ERROR a", 3);
    load_totals_error(totals, &live, LOAD_ERROR_PROTOCOL, "?", 4);
    load_totals_merge(&totals[1], &totals[0]);
    load_totals_merge(&totals[1], &totals[0]);
    assert_int_equal(totals[1].n_texts, 3);
    assert_string_equal(totals[1].texts[0].text, "SERVER_ERROR a");
    assert_int_equal(totals[1].texts[0].n, 8);
    assert_int_equal(totals[1].errors[LOAD_ERROR_REPLY], 12);
    assert_int_equal(load_totals_n_errors(&totals[1]), 20);
    load_live_add(&sum, &live);
    assert_int_equal(sum.n_errors, 10);
    assert_int_equal(sum.n_protocol_errors, 4);
    for (int i = 0; i < 100; i++) {
        char text[16];

        snprintf(text, sizeof(text), "%d", i);
        load_totals_error(totals, &live, LOAD_ERROR_LOST, text, 1);
    }
    assert_int_equal(totals[0].n_texts, LOAD_MAX_ERROR_TEXTS);
    assert_int_equal(totals[0].errors[LOAD_ERROR_LOST], 100);
    free(totals);
}

/* An error answer to a get says nothing about its keys; one with a wrong value does. */
static void test_what_counts_as_a_miss(void **state)
{
    struct load_totals *totals = calloc(1, sizeof(*totals));
    uint64_t keys[4] = {0, 1, 2, 3};
    const struct load_request get = {.keys = keys, .n_keys = 4};
    struct load_parser parser;

    (void)state;
    load_parser_init(&parser);
    parser.n_hits = 1;
    load_totals_answer(totals, &get, &parser, 1000);
    assert_int_equal(totals->n_hits, 1);
    assert_int_equal(totals->n_misses, 3);
    parser.error = LOAD_ERROR_VALUE;
    load_totals_answer(totals, &get, &parser, 1000);
    assert_int_equal(totals->n_misses, 6);
    parser.error = LOAD_ERROR_REPLY;
    load_totals_answer(totals, &get, &parser, 1000);
    assert_int_equal(totals->n_hits, 3);
    assert_int_equal(totals->n_misses, 6);
    assert_int_equal(totals->n_keys, 12);
    assert_int_equal(totals->latency.n, 3);
    load_totals_begin(totals, 5);
    assert_int_equal(totals->n_keys, 0);
    assert_int_equal(totals->latency.n, 0);
    free(totals);
}

static const char metrics[] =
    "# HELP ringway_shard_requests_total Requests sent to a shard.\n"
    "# TYPE ringway_shard_requests_total counter\n"
    "ringway_shard_requests_total{pool=\"p\",shard=\"a\",command=\"get\",outcome=\"ok\"} 10\n"
    "ringway_shard_requests_total{pool=\"p\",shard=\"a\",command=\"set\",outcome=\"ok\"} 5\n"
    "ringway_shard_requests_total{pool=\"p\",shard=\"b\",command=\"get\",outcome=\"ok\"} 1e3\n"
    "ringway_shard_keys_total{pool=\"p\",shard=\"a\",result=\"hit\"} 7\n"
    "ringway_shard_keys_total{pool=\"p\",shard=\"a\",result=\"miss\"} 4\n"
    "ringway_shard_http_requests_total{pool=\"w\",shard=\"a\",result=\"ok\"} 2\n"
    "ringway_shard_ring_share_ratio{pool=\"p\",shard=\"a\"} 0.25\n"
    "ringway_shard_ring_share_ratio{pool=\"p\",shard=\"x\\\"y\"} 0.5\n"
    "ringway_uptime_seconds 17\n"
    "nonsense{ 3\n";

static void test_metrics(void **state)
{
    struct load_spread before, after;

    (void)state;
    load_spread_parse(&before, metrics);
    assert_int_equal(before.n_shards, 4);
    assert_string_equal(before.shards[0].shard, "a");
    assert_true(before.shards[0].n_requests == 15);
    assert_true(before.shards[0].n_keys == 11);
    assert_true(before.shards[0].ring_share == 0.25);
    assert_true(before.shards[1].n_requests == 1000);
    assert_string_equal(before.shards[2].pool, "w");
    assert_true(before.shards[2].n_requests == 2);
    assert_string_equal(before.shards[3].shard, "x\\\"y");

    load_spread_parse(&after, "ringway_shard_requests_total{pool=\"p\",shard=\"a\"} 18\n"
                              "ringway_shard_requests_total{pool=\"p\",shard=\"b\"} 900\n"
                              "ringway_shard_requests_total{pool=\"p\",shard=\"new\"} 6");
    load_spread_subtract(&after, &before);
    assert_true(after.shards[0].n_requests == 3);
    assert_true(after.shards[1].n_requests == 900); /* it counts anew: the proxy was restarted */
    assert_true(after.shards[2].n_requests == 6);
    load_spread_deinit(&before);
    load_spread_deinit(&after);
}

/* Add a second with these hits, misses and errors. */
static void add(struct remap_watch *watch, uint64_t hits, uint64_t misses, bool changing)
{
    struct load_live_sum sum = watch->before;

    sum.n_hits += hits;
    sum.n_misses += misses;
    remap_watch_add(watch, &sum, changing);
}

static void test_recovery(void **state)
{
    struct remap_watch watch;
    struct remap_result result;

    (void)state;
    remap_watch_init(&watch);
    add(&watch, 980, 20, false);
    add(&watch, 1000, 0, false);
    assert_false(remap_watch_result(&watch, 0).recovered);
    remap_watch_change(&watch);
    assert_true(watch.baseline > 0.9899 && watch.baseline < 0.9901);
    add(&watch, 1000, 0, true);
    add(&watch, 0, 0, true); /* silence is no recovery */
    add(&watch, 750, 250, false);
    add(&watch, 900, 100, false);
    result = remap_watch_result(&watch, 1);
    assert_false(result.recovered);
    add(&watch, 981, 19, false);
    add(&watch, 990, 10, false);
    result = remap_watch_result(&watch, 2);
    assert_true(result.recovered);
    assert_false(remap_watch_result(&watch, 3).recovered);
    assert_true(result.lowest == 0.75);
    assert_int_equal(result.below_from, 3);
    assert_int_equal(result.below_to, 5);
    assert_int_equal(result.n_silent, 1);
    remap_watch_deinit(&watch);
}

/* Good seconds while the change is under way do not end it. */
static void test_a_change_without_effect(void **state)
{
    struct remap_watch watch;
    struct remap_result result;

    (void)state;
    remap_watch_init(&watch);
    add(&watch, 10, 0, false);
    remap_watch_change(&watch);
    for (int i = 0; i < 5; i++) {
        add(&watch, 10, 0, true);
        assert_false(remap_watch_result(&watch, 1).recovered);
    }
    add(&watch, 10, 0, false);
    result = remap_watch_result(&watch, 1);
    assert_true(result.recovered);
    assert_true(result.lowest == 1);
    assert_true(result.below_from == SIZE_MAX);
    remap_watch_deinit(&watch);
}

static void test_lines_are_aligned(void **state)
{
    char head[REMAP_LINE_BYTES];
    char line[REMAP_LINE_BYTES];
    struct remap_watch watch;

    (void)state;
    remap_watch_init(&watch);
    add(&watch, 1000, 0, false);
    remap_watch_change(&watch);
    add(&watch, 3, 1, true);
    add(&watch, 0, 0, true);
    remap_watch_head(head);
    remap_watch_line(&watch, 0, line);
    assert_string_equal(
        line, "     1   100.00 %  |########################################|         0        0");
    assert_int_equal(strlen(head), strlen(line));
    assert_int_equal(strstr(head, "100 %") + 5 - head, strrchr(line, '|') - line);
    remap_watch_line(&watch, 1, line);
    assert_string_equal(line, "     2    75.00 %  |##############################          |"
                              "         1        0  change");
    remap_watch_line(&watch, 2, line);
    assert_string_equal(line, "     3  no answer  |                                        |"
                              "         0        0  change");
    remap_watch_deinit(&watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_by_text),
        cmocka_unit_test(test_what_counts_as_a_miss),
        cmocka_unit_test(test_metrics),
        cmocka_unit_test(test_recovery),
        cmocka_unit_test(test_a_change_without_effect),
        cmocka_unit_test(test_lines_are_aligned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
