/* How even a load is, how sure a sample makes it, and Zipf's distribution. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "random.h"
#include "shard_set.h"
#include "spread.h"
#include "zipf.h"

#define assert_near(a, b, error) assert_true(fabs((a) - (b)) <= (error))

static const struct shard_weights no_weights = {NULL, 0};

static void test_spread_by_weight(void **state)
{
    uint32_t one_two[] = {1, 2};
    struct shard_weights weights = {one_two, 2};
    const uint64_t loads[] = {120, 180}; /* by weight 100 and 200 */
    struct shard_set set = {0};
    struct spread spread;
    (void)state;

    shard_set_fill(&set, 2, &weights);
    spread_measure(&spread, loads, &set);
    assert_near(spread.total, 300, 0);
    assert_near(spread.max_by_mean, 1.2, 1e-12);
    assert_near(spread.min_by_mean, 0.9, 1e-12);
    assert_int_equal(spread.busiest, 0);
    assert_near(spread.sd, sqrt((0.2 * 0.2 + 0.1 * 0.1) / 2), 1e-12);
    shard_set_deinit(&set);
}

static void test_nothing_is_spread(void **state)
{
    const uint64_t loads[] = {0, 0};
    struct shard_set set = {0};
    struct spread spread;
    (void)state;

    shard_set_fill(&set, 2, &no_weights);
    spread_measure(&spread, loads, &set);
    assert_near(spread.max_by_mean, 0, 0);
    assert_near(spread.sd, 0, 0);
    shard_set_deinit(&set);
}

static void test_normal_quantiles(void **state)
{
    (void)state;
    assert_near(estimate_normal(0.5), 0, 1e-8);
    assert_near(estimate_normal(0.975), 1.959963985, 1e-8);
    assert_near(estimate_normal(0.001), -3.090232306, 1e-8);
    assert_near(estimate_normal(1 - 2.5e-5), 4.055626981, 1e-7);
}

static void test_wilson(void **state)
{
    struct estimate part = estimate_part(10, 100);
    (void)state;

    /* Wilson's interval for 10 of 100 at 95 %: 0.05522914 to 0.17436566. */
    assert_near(part.value, 0.1, 1e-12);
    assert_near(part.low, 0.05522914, 1e-7);
    assert_near(part.high, 0.17436566, 1e-7);
    part = estimate_part(0, 1000);
    assert_near(part.low, 0, 1e-12);
    assert_near(part.high, 0.00382676, 1e-7);
    part = estimate_part(0, 0);
    assert_near(part.high, 1, 0);
}

/* Even loads, many times: the interval must hold the true 1 nearly always, and sd must be small. */
static void test_sampled_max_holds_the_truth(void **state)
{
    enum { N_SHARDS = 50, N_DRAWN = 20000, N_TIMES = 200 };
    struct shard_set set = {0};
    struct random random;
    unsigned n_missed = 0;
    double sds = 0;
    (void)state;

    shard_set_fill(&set, N_SHARDS, &no_weights);
    random_init(&random, 5);
    for (unsigned i = 0; i < N_TIMES; i++) {
        uint64_t loads[N_SHARDS] = {0};
        struct estimate max;

        for (unsigned j = 0; j < N_DRAWN; j++) {
            loads[random_below(&random, N_SHARDS)]++;
        }
        max = estimate_max_by_mean(loads, &set);
        assert_true(max.low <= max.value && max.value <= max.high);
        n_missed += max.low > 1 || max.high < 1;
        sds += estimate_sd(loads, &set);
    }
    assert_in_range(n_missed, 0, N_TIMES / 20);
    assert_true(sds / N_TIMES < 0.015); /* the noise alone is 0.049 */
    shard_set_deinit(&set);
}

/* Each of the first items comes as often as its probability says, within five deviations. */
static void check_zipf(uint64_t n, double alpha)
{
    enum { N_DRAWN = 200000, N_SEEN = 10 };
    uint64_t seen[N_SEEN] = {0};
    struct random random;
    struct zipf zipf;
    double total = 0;

    random_init(&random, 3);
    zipf_init(&zipf, n, alpha);
    for (unsigned i = 0; i < N_DRAWN; i++) {
        uint64_t item = zipf_next(&zipf, &random);

        assert_true(item < n);
        if (item < N_SEEN) {
            seen[item]++;
        }
    }
    for (uint64_t i = 1; i <= n; i++) {
        total += pow((double)i, -alpha);
    }
    for (uint64_t i = 0; i < N_SEEN && i < n; i++) {
        double p = pow((double)i + 1, -alpha) / total;

        assert_near((double)seen[i], p * N_DRAWN, 5 * sqrt(p * (1 - p) * N_DRAWN) + 1);
    }
}

static void test_zipf(void **state)
{
    (void)state;
    check_zipf(1, 1);
    check_zipf(2, 0.5);
    check_zipf(1000, 0.99);
    check_zipf(1000, 1);
    check_zipf(100000, 1.2);
    check_zipf(50, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spread_by_weight),
        cmocka_unit_test(test_nothing_is_spread),
        cmocka_unit_test(test_normal_quantiles),
        cmocka_unit_test(test_wilson),
        cmocka_unit_test(test_sampled_max_holds_the_truth),
        cmocka_unit_test(test_zipf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
