/*
 * What a thread of a load sends when: the schedule of an open loop, shares, sequences, repairs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd_load_plan.h"

enum { N_KEYS = 50 };

static const uint64_t START_NS = UINT64_C(1000000000);
static const uint64_t MS = UINT64_C(1000000);

static uint64_t choose(const void *context, struct random *random)
{
    (void)context;
    return random_below(random, N_KEYS);
}

struct rig {
    struct load_items items;
    struct load_engine_options options;
    struct load_plan plan;
    _Atomic uint64_t sequence;
    atomic_bool stop;
    uint64_t keys[LOAD_MAX_MGET_KEYS];
    struct load_request request;
};

static void rig_init(struct rig *rig)
{
    const struct load_items_options items = {
        .n = N_KEYS, .prefix = "k", .key_bytes = 10, .value_bytes = 1};

    memset(rig, 0, sizeof(*rig));
    load_items_init(&rig->items, &items);
    rig->options = (struct load_engine_options){
        .wire.items = &rig->items, .n_mget_keys = 1, .choose = choose, .seed = 1};
    rig->request.keys = rig->keys;
}

/* Thread [index] of [n]; to be called when the options are set. */
static void rig_start(struct rig *rig, uint32_t index, uint32_t n)
{
    load_plan_init(&rig->plan, &rig->options, index, n);
    rig->plan.sequence = &rig->sequence;
    rig->plan.stop = &rig->stop;
    load_plan_start(&rig->plan, START_NS);
}

static void rig_deinit(struct rig *rig)
{
    load_plan_deinit(&rig->plan);
    load_items_deinit(&rig->items);
}

static bool next(struct rig *rig, uint64_t now_ns)
{
    return load_plan_next(&rig->plan, now_ns, &rig->request);
}

static void test_closed_loop_is_always_due(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.duration_ns = 100 * MS;
    rig_start(&rig, 0, 1);
    assert_true(next(&rig, START_NS));
    assert_true(next(&rig, START_NS + 99 * MS));
    assert_int_equal(rig.request.start_ns, START_NS + 99 * MS);
    assert_true(load_plan_counts(&rig.plan, &rig.request, START_NS + 100 * MS));
    assert_false(load_plan_counts(&rig.plan, &rig.request, START_NS + 101 * MS));
    assert_false(next(&rig, START_NS + 100 * MS));
    assert_true(load_plan_is_over(&rig.plan, START_NS + 100 * MS));
    assert_int_equal(load_plan_unsent(&rig.plan), 0);
    rig_deinit(&rig);
}

/* 100 a second by two threads, which take turns: every 20 ms each. */
static void test_open_loop_is_due_in_time(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.rate = 100;
    rig.options.duration_ns = 100 * MS;
    rig_start(&rig, 1, 2);
    assert_false(next(&rig, START_NS + 9 * MS));
    assert_int_equal(load_plan_due(&rig.plan, START_NS), START_NS + 10 * MS);
    assert_true(next(&rig, START_NS + 10 * MS));
    assert_false(next(&rig, START_NS + 29 * MS));
    /* Late: the start is when it was due, and the backlog is sent at once. */
    assert_true(next(&rig, START_NS + 65 * MS));
    assert_int_equal(rig.request.start_ns, START_NS + 30 * MS);
    assert_int_equal(rig.request.sent_ns, START_NS + 65 * MS);
    assert_true(next(&rig, START_NS + 65 * MS));
    assert_int_equal(rig.request.start_ns, START_NS + 50 * MS);
    assert_false(next(&rig, START_NS + 65 * MS));
    /* After the end: 70 and 90 ms are still to be sent, later ones are not. */
    assert_false(load_plan_is_over(&rig.plan, START_NS + 200 * MS));
    assert_true(next(&rig, START_NS + 200 * MS));
    assert_true(load_plan_counts(&rig.plan, &rig.request, START_NS + 300 * MS));
    assert_int_equal(load_plan_unsent(&rig.plan), 1);
    assert_true(load_plan_is_over(&rig.plan, START_NS + 200 * MS));
    rig_deinit(&rig);
}

static void test_warm_up_does_not_count(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.rate = 100;
    rig.options.warmup_ns = 50 * MS;
    rig.options.duration_ns = 50 * MS;
    rig_start(&rig, 0, 1);
    for (uint64_t i = 0; i < 10; i++) {
        assert_true(next(&rig, START_NS + 10 * MS * i));
        assert_int_equal(load_plan_counts(&rig.plan, &rig.request, START_NS + 10 * MS * i), i >= 5);
    }
    assert_false(next(&rig, START_NS + 1000 * MS));
    rig_deinit(&rig);
}

/* Exponential gaps: as many in all, the mean and the deviation of the gaps are alike. */
static void test_poisson_gaps(void **state)
{
    enum { N = 20000 };
    double sum = 0, squares = 0;
    struct rig rig;
    double before = 0;

    (void)state;
    rig_init(&rig);
    rig.options.rate = 1000;
    rig.options.poisson = true;
    rig_start(&rig, 0, 1);
    for (int i = 0; i < N; i++) {
        double gap_ms;

        assert_true(next(&rig, UINT64_MAX / 2));
        gap_ms = rig.plan.due_ns / 1e6 - before;
        before = rig.plan.due_ns / 1e6;
        sum += gap_ms;
        squares += gap_ms * gap_ms;
    }
    assert_true(sum / N > 0.97 && sum / N < 1.03);
    assert_true(squares / N > 1.85 &&
                squares / N < 2.15); /* 2 of an exponential, 1 of equal ones */
    rig_deinit(&rig);
}

static void test_keys_of_a_get_differ(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.n_mget_keys = N_KEYS;
    rig_start(&rig, 0, 1);
    for (int round = 0; round < 20; round++) {
        bool seen[N_KEYS] = {false};

        assert_true(next(&rig, START_NS));
        assert_int_equal(rig.request.n_keys, N_KEYS);
        for (uint32_t i = 0; i < N_KEYS; i++) {
            assert_true(rig.keys[i] < N_KEYS);
            assert_false(seen[rig.keys[i]]);
            seen[rig.keys[i]] = true;
        }
    }
    rig_deinit(&rig);
}

static void test_share_of_sets(void **state)
{
    struct rig rig;
    int n_sets = 0;

    (void)state;
    rig_init(&rig);
    rig.options.set_share = 0.25;
    rig.options.n_mget_keys = 3;
    rig_start(&rig, 0, 1);
    for (int i = 0; i < 10000; i++) {
        assert_true(next(&rig, START_NS));
        assert_int_equal(rig.request.n_keys, rig.request.is_set ? 1 : 3);
        n_sets += rig.request.is_set;
    }
    assert_in_range(n_sets, 2300, 2700);
    rig_deinit(&rig);
}

static void test_sequence(void **state)
{
    static _Atomic uint8_t marks[N_KEYS];
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.sequence = true;
    rig.options.set_share = 1;
    rig.options.marks = marks;
    rig.options.skip_marked = true;
    atomic_store(&marks[0], 1);
    atomic_store(&marks[7], 1);
    atomic_store(&marks[8], 1);
    rig_start(&rig, 0, 1);
    for (uint64_t i = 1; i < N_KEYS; i++) {
        if (i == 7 || i == 8) {
            continue;
        }
        assert_true(next(&rig, START_NS));
        assert_true(rig.request.is_set);
        assert_int_equal(rig.keys[0], i);
    }
    assert_false(load_plan_is_over(&rig.plan, START_NS));
    assert_false(next(&rig, START_NS));
    assert_true(load_plan_is_over(&rig.plan, START_NS));
    rig_deinit(&rig);
}

/* What was missed is set before anything else, beyond the rate, and not after the stop. */
static void test_repairs(void **state)
{
    struct rig rig;

    (void)state;
    rig_init(&rig);
    rig.options.rate = 1;
    rig_start(&rig, 0, 1);
    assert_true(next(&rig, START_NS));
    assert_false(next(&rig, START_NS));
    for (uint64_t i = 0; i < 200; i++) {
        load_plan_repair(&rig.plan, i % N_KEYS);
    }
    for (int i = 0; i < 199; i++) {
        assert_true(next(&rig, START_NS + 1));
        assert_true(rig.request.is_set);
        assert_int_equal(rig.request.start_ns, START_NS + 1);
    }
    atomic_store(&rig.stop, true);
    assert_false(next(&rig, START_NS + 1));
    assert_true(load_plan_is_over(&rig.plan, START_NS + 1));
    assert_int_equal(load_plan_unsent(&rig.plan), 0);
    rig_deinit(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_closed_loop_is_always_due),
        cmocka_unit_test(test_open_loop_is_due_in_time),
        cmocka_unit_test(test_warm_up_does_not_count),
        cmocka_unit_test(test_poisson_gaps),
        cmocka_unit_test(test_keys_of_a_get_differ),
        cmocka_unit_test(test_share_of_sets),
        cmocka_unit_test(test_sequence),
        cmocka_unit_test(test_repairs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
