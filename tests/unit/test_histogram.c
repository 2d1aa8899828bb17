/*
 * Durations in, quantiles and counts out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/histogram.h"

static struct histogram_sum sum_of(const struct histogram *h)
{
    struct histogram_sum sum = {0};

    histogram_add_to(h, &sum);
    return sum;
}

static void test_buckets_touch_and_hold_what_is_theirs(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i + 1 < HISTOGRAM_BUCKETS; i++) {
        uint64_t end = histogram_bucket_end(i);

        assert_int_equal(histogram_bucket(end - 1), i);
        assert_int_equal(histogram_bucket(end), i + 1);
    }
    assert_int_equal(histogram_bucket(UINT64_MAX), HISTOGRAM_BUCKETS - 1);
}

static void test_buckets_are_at_most_an_eighth_wide(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 8; i < HISTOGRAM_BUCKETS; i++) {
        uint64_t start = histogram_bucket_end(i - 1), end = histogram_bucket_end(i);

        assert_true((end - start) * 8 <= start);
    }
}

static void test_empty_is_zero(void **state)
{
    static const struct histogram h;
    struct histogram_sum sum = sum_of(&h);

    (void)state;
    assert_int_equal(sum.count, 0);
    assert_int_equal(histogram_quantile(&sum, 0.5), 0);
    assert_int_equal(histogram_count_below(&sum, UINT64_MAX), 0);
}

static void test_quantiles_are_upper_bounds(void **state)
{
    static const double quantiles[] = {0.001, 0.25, 0.5, 0.9, 0.99, 1.0};
    static struct histogram h;
    struct histogram_sum sum;
    uint64_t i;

    (void)state;
    for (i = 1; i <= 10000; i++) {
        histogram_record(&h, i);
    }
    sum = sum_of(&h);
    assert_int_equal(sum.count, 10000);
    assert_int_equal(sum.sum_us, 10000 * 10001 / 2);
    for (i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
        double exact = quantiles[i] * 10000;
        uint64_t found = histogram_quantile(&sum, quantiles[i]);

        assert_true((double)found >= exact);
        assert_true((double)found <= exact * 1.125 + 1);
    }
}

static void test_one_duration_is_every_quantile(void **state)
{
    static struct histogram h;
    struct histogram_sum sum;

    (void)state;
    histogram_record(&h, 7);
    sum = sum_of(&h);
    assert_int_equal(histogram_quantile(&sum, 0.0001), 7);
    assert_int_equal(histogram_quantile(&sum, 1.0), 7);
}

static void test_count_below_is_exact_at_bucket_ends(void **state)
{
    static struct histogram h;
    struct histogram_sum sum;
    uint64_t us;
    uint32_t i;

    (void)state;
    for (us = 0; us < 5000; us++) {
        histogram_record(&h, us);
    }
    sum = sum_of(&h);
    for (i = 0; histogram_bucket_end(i) <= 5000; i++) {
        assert_int_equal(histogram_count_below(&sum, histogram_bucket_end(i) - 1),
                         histogram_bucket_end(i));
    }
}

static void test_count_below_never_falls_and_ends_at_the_count(void **state)
{
    static struct histogram h;
    struct histogram_sum sum;
    uint64_t us, last = 0;

    (void)state;
    for (us = 0; us < 3000; us += 7) {
        histogram_record(&h, us);
    }
    sum = sum_of(&h);
    for (us = 0; us < 4000; us++) {
        uint64_t below = histogram_count_below(&sum, us);

        assert_true(below >= last && below <= sum.count);
        last = below;
    }
    assert_int_equal(last, sum.count);
}

static void test_the_last_bucket_is_below_nothing(void **state)
{
    static struct histogram h;
    struct histogram_sum sum;

    (void)state;
    histogram_record(&h, UINT64_MAX / 2);
    sum = sum_of(&h);
    assert_int_equal(histogram_count_below(&sum, 10000000), 0);
    assert_int_equal(histogram_count_below(&sum, UINT64_MAX), 0);
    assert_int_equal(sum.count, 1);
}

static void test_histograms_add_up(void **state)
{
    static struct histogram a, b;
    struct histogram_sum sum = {0};

    (void)state;
    histogram_record(&a, 10);
    histogram_record(&b, 10);
    histogram_record(&b, 1000);
    histogram_add_to(&a, &sum);
    histogram_add_to(&b, &sum);
    assert_int_equal(sum.count, 3);
    assert_int_equal(sum.sum_us, 1020);
    assert_int_equal(sum.counts[histogram_bucket(10)], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buckets_touch_and_hold_what_is_theirs),
        cmocka_unit_test(test_buckets_are_at_most_an_eighth_wide),
        cmocka_unit_test(test_empty_is_zero),
        cmocka_unit_test(test_quantiles_are_upper_bounds),
        cmocka_unit_test(test_one_duration_is_every_quantile),
        cmocka_unit_test(test_count_below_is_exact_at_bucket_ends),
        cmocka_unit_test(test_count_below_never_falls_and_ends_at_the_count),
        cmocka_unit_test(test_the_last_bucket_is_below_nothing),
        cmocka_unit_test(test_histograms_add_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
