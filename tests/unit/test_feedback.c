/*
 * Counters of workers: zero at first, apart from each other, added up by control's view while they
 * are written.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/control_fixture.h"
#include "topology/feedback.h"

#define N_ROUNDS 20000u

static void test_all_begin_at_zero(void **state)
{
    struct fixture f;
    struct view_place at = {0, 1, 0};

    (void)state;
    fixture_init(&f);
    assert_int_equal(view_process_sum(&f.view, offsetof(struct feedback, clients)), 0);
    assert_int_equal(view_shard_sum(&f.view, at, offsetof(struct feedback_shard, bytes_sent)), 0);
    assert_int_equal((uintptr_t)f.feedback[0] % 64, 0);
    assert_int_equal(f.feedback[0]->pools[0].replicas[0].state, FEEDBACK_STATE_CONNECTING);
    fixture_deinit(&f);
}

/* Its connections come and go, so no news is good news. */
static void test_an_http_replica_begins_as_up(void **state)
{
    uint32_t counts[FEEDBACK_N_STATES];
    struct view_place at = {2, 1, 0};
    struct fixture f;

    (void)state;
    fixture_init(&f);
    assert_int_equal(view_replica_states(&f.view, at, counts), FEEDBACK_STATE_UP);
    assert_int_equal(counts[FEEDBACK_STATE_UP], FIXTURE_WORKERS);
    fixture_deinit(&f);
}

static void test_sums_go_over_all_workers(void **state)
{
    struct view_place at = {0, 1, 0}; /* the third replica of its pool */
    struct histogram_sum sum;
    struct fixture f;
    uint32_t i;

    (void)state;
    fixture_init(&f);
    for (i = 0; i < FIXTURE_WORKERS; i++) {
        struct feedback_pool *pool = &f.feedback[i]->pools[0];

        counter_add(&f.feedback[i]->clients, 10 + i);
        counter_add(&pool->failovers, 3);
        counter_add(&pool->shards[1].bytes_sent, 100);
        counter_add(&pool->replicas[2].connects, 7);
        histogram_record(&pool->shards[1].latency, 50);
        histogram_record(&pool->latency[MEMCACHE_GET], 60);
    }
    assert_int_equal(view_process_sum(&f.view, offsetof(struct feedback, clients)), 21);
    assert_int_equal(view_pool_sum(&f.view, 0, offsetof(struct feedback_pool, failovers)), 6);
    assert_int_equal(view_shard_sum(&f.view, at, offsetof(struct feedback_shard, bytes_sent)), 200);
    assert_int_equal(view_replica_sum(&f.view, at, offsetof(struct feedback_replica, connects)),
                     14);
    view_shard_latency(&f.view, at, &sum);
    assert_int_equal(sum.count, 2);
    view_pool_latency(&f.view, 0, MEMCACHE_GET, &sum);
    assert_int_equal(sum.sum_us, 120);
    fixture_deinit(&f);
}

static void set_state(struct fixture *f, uint32_t worker, enum feedback_state state)
{
    f->feedback[worker]->pools[0].replicas[1].state = state;
}

static void test_the_worst_state_is_told(void **state)
{
    struct view_place at = {0, 0, 1};
    uint32_t counts[FEEDBACK_N_STATES];
    struct fixture f;

    (void)state;
    fixture_init(&f);
    set_state(&f, 0, FEEDBACK_STATE_UP);
    set_state(&f, 1, FEEDBACK_STATE_UP);
    assert_int_equal(view_replica_states(&f.view, at, counts), FEEDBACK_STATE_UP);
    assert_int_equal(counts[FEEDBACK_STATE_UP], 2);
    set_state(&f, 0, FEEDBACK_STATE_CONNECTING);
    assert_int_equal(view_replica_states(&f.view, at, counts), FEEDBACK_STATE_CONNECTING);
    set_state(&f, 1, FEEDBACK_STATE_BACKOFF);
    assert_int_equal(view_replica_states(&f.view, at, counts), FEEDBACK_STATE_BACKOFF);
    set_state(&f, 0, FEEDBACK_STATE_EJECTED);
    assert_int_equal(view_replica_states(&f.view, at, counts), FEEDBACK_STATE_EJECTED);
    assert_int_equal(counts[FEEDBACK_STATE_BACKOFF], 1);
    assert_int_equal(counts[FEEDBACK_STATE_EJECTED], 1);
    fixture_deinit(&f);
}

static void test_lag_grows_while_a_ping_is_unanswered(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f);
    f.feedback[0]->loop_lag_us = 30;
    assert_int_equal(view_loop_lag_us(&f.view, 0), 30);
    f.pings_us[0] = FIXTURE_NOW_US - 10; /* sent, not answered, but just now */
    assert_int_equal(view_loop_lag_us(&f.view, 0), 30);
    f.view.now_us += 2000000;
    assert_int_equal(view_loop_lag_us(&f.view, 0), 2000010);
    f.feedback[0]->heartbeat = f.pings_us[0];
    assert_int_equal(view_loop_lag_us(&f.view, 0), 30);
    fixture_deinit(&f);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(feedback_outcome_name(FEEDBACK_HIT), "hit");
    assert_string_equal(feedback_outcome_name(FEEDBACK_CANCELLED), "cancelled");
    assert_string_equal(feedback_state_name(FEEDBACK_STATE_CONNECTING), "connecting");
    assert_string_equal(feedback_state_name(FEEDBACK_STATE_EJECTED), "ejected");
}

static void test_results_of_statuses(void **state)
{
    static const struct {
        int status;
        const char *name;
    } cases[] = {{100, "1xx"}, {101, "1xx"}, {199, "1xx"}, {200, "2xx"}, {304, "3xx"},
                 {499, "4xx"}, {500, "5xx"}, {599, "5xx"}, {600, "5xx"}, {999, "5xx"}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(feedback_http_result_name(feedback_http_result_of(cases[i].status)),
                            cases[i].name);
    }
    assert_string_equal(feedback_http_result_name(FEEDBACK_HTTP_CUT), "cut");
    assert_string_equal(feedback_http_result_name(FEEDBACK_HTTP_CANCELLED), "cancelled");
}

static void test_an_answer_has_its_counter(void **state)
{
    struct fixture f;
    uint32_t i;

    (void)state;
    fixture_init(&f);
    for (i = 0; i < FEEDBACK_HTTP_N_ANSWERS; i++) {
        int status = feedback_http_answer_status((enum feedback_http_answer)i);

        assert_in_range(status, 200, 599);
        counter_add(feedback_http_answer(f.feedback[0], status), (uint64_t)status);
        assert_int_equal(f.feedback[0]->http_answers[i], status);
    }
    assert_int_equal(f.feedback[0]->http_answers[FEEDBACK_HTTP_ANSWER_431], 431);
    fixture_deinit(&f);
}

/* The part of a worker in the next test. */
static void *count_up(void *arg)
{
    struct feedback *feedback = arg;
    uint32_t i;

    for (i = 0; i < N_ROUNDS; i++) {
        counter_add(&feedback->clients_accepted, 1);
        histogram_record(&feedback->pools[0].latency[MEMCACHE_SET], i);
    }
    return NULL;
}

static void test_reading_while_workers_write(void **state)
{
    pthread_t threads[FIXTURE_WORKERS];
    struct histogram_sum sum;
    struct fixture f;
    uint64_t last = 0;
    uint32_t i;

    (void)state;
    fixture_init(&f);
    for (i = 0; i < FIXTURE_WORKERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, f.feedback[i]), 0);
    }
    for (i = 0; i < 200; i++) {
        uint64_t now = view_process_sum(&f.view, offsetof(struct feedback, clients_accepted));

        assert_true(now >= last);
        last = now;
        view_pool_latency(&f.view, 0, MEMCACHE_SET, &sum);
    }
    for (i = 0; i < FIXTURE_WORKERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    view_pool_latency(&f.view, 0, MEMCACHE_SET, &sum);
    assert_int_equal(sum.count, FIXTURE_WORKERS * N_ROUNDS);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_begin_at_zero),
        cmocka_unit_test(test_an_http_replica_begins_as_up),
        cmocka_unit_test(test_sums_go_over_all_workers),
        cmocka_unit_test(test_the_worst_state_is_told),
        cmocka_unit_test(test_lag_grows_while_a_ping_is_unanswered),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_results_of_statuses),
        cmocka_unit_test(test_an_answer_has_its_counter),
        cmocka_unit_test(test_reading_while_workers_write),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
