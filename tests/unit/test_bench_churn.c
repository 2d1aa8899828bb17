/* What ringway-bench counts as moved, needless, and taken by whom. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "churn.h"
#include "shard_change.h"
#include "shard_set.h"

static const struct shard_weights no_weights = {NULL, 0};

/* [n] shards, and the same after [change]. */
static void make_sets(struct shard_set *before, struct shard_set *after, size_t n,
                      const struct shard_change *change)
{
    *before = (struct shard_set){0};
    shard_set_fill(before, n, &no_weights);
    assert_int_equal(shard_change_apply(change, before, after, 1, "test"), 0);
}

static void deinit(struct churn *churn, struct shard_set *before, struct shard_set *after)
{
    churn_deinit(churn);
    shard_set_deinit(before);
    shard_set_deinit(after);
}

static void test_modulo_moves_four_in_five(void **state)
{
    struct shard_change change = {.n_add = 1, .add_weight = 1};
    struct shard_set before, after;
    struct churn churn;
    (void)state;

    make_sets(&before, &after, 4, &change);
    churn_init(&churn, &before, &after);
    for (uint32_t key = 0; key < 20; key++) {
        uint32_t from = key % 4, to = key % 5;

        churn_count(&churn, &from, &to, 1);
    }
    assert_int_equal(churn.n_keys, 20);
    assert_int_equal(churn.n_moved, 16);
    assert_int_equal(churn.n_needless, 12); /* four of the sixteen go to the new shard */
    assert_true(fabs(churn_optimum(&churn) - 0.2) < 1e-12);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(churn.loads[i], 4);
    }
    assert_true(fabs(churn_unluckiest(&churn) - 3.0 / 16) < 1e-12);
    deinit(&churn, &before, &after);
}

static void test_removed_shard(void **state)
{
    struct shard_change change = {.remove = "shard-00001"};
    struct shard_set before, after;
    const uint32_t from[] = {0, 1, 1, 1, 2, 2};
    const uint32_t to[] = {0, 0, 1, 1, 1, 0}; /* shard 2 is now number 1 */
    struct churn churn;
    (void)state;

    make_sets(&before, &after, 3, &change);
    assert_int_equal(after.n, 2);
    churn_init(&churn, &before, &after);
    churn_count(&churn, from, to, 6);
    assert_int_equal(churn.n_moved, 4);
    assert_int_equal(churn.n_needless, 1); /* the last, from 2 to 0 */
    assert_true(fabs(churn_optimum(&churn) - 1.0 / 3) < 1e-12);
    assert_true(fabs(churn_unluckiest(&churn) - 0.5) < 1e-12);
    deinit(&churn, &before, &after);
}

static void test_heavier_shard(void **state)
{
    struct shard_change change = {.reweights = {"shard-00000=2"}, .n_reweights = 1};
    struct shard_set before, after;
    const uint32_t from[] = {1, 2, 1, 0};
    const uint32_t to[] = {0, 0, 2, 1};
    struct churn churn;
    (void)state;

    make_sets(&before, &after, 3, &change);
    churn_init(&churn, &before, &after);
    churn_count(&churn, from, to, 4);
    assert_int_equal(churn.n_moved, 4);
    assert_int_equal(churn.n_needless, 2); /* not to the heavier shard */
    assert_true(fabs(churn_optimum(&churn) - (0.5 - 1.0 / 3)) < 1e-12);
    deinit(&churn, &before, &after);
}

static void test_sets_have_no_order(void **state)
{
    struct shard_change change = {.remove = "shard-00002"};
    struct shard_set before, after;
    const uint32_t none = SHARD_SET_NONE;
    /* Pairs: turned around; one replaced; one gone, whose place nobody takes; the same. */
    const uint32_t from[] = {0, 1, 0, 1, 0, 2, 3, 0};
    const uint32_t to[] = {1, 0, 0, 2, 0, none, 2, 0}; /* shard 3 is now number 2 */
    struct churn churn;
    (void)state;

    make_sets(&before, &after, 4, &change);
    churn_init(&churn, &before, &after);
    churn_count_sets(&churn, from, to, 4, 2);
    assert_int_equal(churn.n_sets, 2);
    deinit(&churn, &before, &after);
}

static void test_changes_of_shards(void **state)
{
    struct shard_change change = {.n_add = 2, .add_weight = 3, .remove = "2"};
    struct shard_set before, after, again;
    (void)state;

    make_sets(&before, &after, 6, &change);
    assert_int_equal(after.n, 6);
    assert_string_equal(after.shards[4].name, "shard-00006");
    assert_string_equal(after.shards[5].name, "shard-00007");
    assert_int_equal(after.shards[5].weight, 3);
    assert_int_equal(shard_change_apply(&change, &before, &again, 1, "test"), 0);
    for (size_t i = 0; i < after.n; i++) {
        assert_string_equal(after.shards[i].name, again.shards[i].name);
    }
    shard_set_deinit(&again);
    shard_set_deinit(&after);
    change.remove = "shard-00099";
    assert_int_equal(shard_change_apply(&change, &before, &after, 1, "test"), -1);
    change.remove = "6";
    assert_int_equal(shard_change_apply(&change, &before, &after, 1, "test"), -1);
    assert_int_equal(after.n, 0);
    shard_set_deinit(&before);
}

static void test_weights_are_repeated(void **state)
{
    struct shard_weights weights = {0};
    struct shard_set set = {0};
    (void)state;

    assert_null(shard_weights_set(&weights, "1,2,4"));
    shard_set_fill(&set, 4, &weights);
    assert_int_equal(set.shards[2].weight, 4);
    assert_int_equal(set.shards[3].weight, 1);
    assert_true(fabs(shard_set_total_weight(&set) - 8) < 1e-12);
    assert_int_equal(shard_set_find(&set, "shard-00003"), 3);
    assert_int_equal(shard_set_find(&set, "shard-3"), SHARD_SET_NONE);
    shard_set_deinit(&set);
    assert_non_null(shard_weights_set(&weights, "1,0"));
    assert_non_null(shard_weights_set(&weights, "1,x"));
    assert_non_null(shard_weights_set(&weights, ""));
    free(weights.weights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_modulo_moves_four_in_five),
        cmocka_unit_test(test_removed_shard),
        cmocka_unit_test(test_heavier_shard),
        cmocka_unit_test(test_sets_have_no_order),
        cmocka_unit_test(test_changes_of_shards),
        cmocka_unit_test(test_weights_are_repeated),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
