/*
 * A configuration becomes rings, numbered replicas and prefix routes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "support/control_fixture.h"
#include "topology/topology.h"

static struct config_address addresses[3];
static char shard_name[] = "s", good_name[] = "good", bad_name[] = "bad";

static void test_shards_and_replicas_are_numbered(void **state)
{
    struct fixture f;
    const struct topology_pool *pool;

    (void)state;
    fixture_init(&f);
    assert_int_equal(f.topology->n_pools, 3);
    pool = &f.topology->pools[0];
    assert_int_equal(pool->n_shards, 2);
    assert_int_equal(pool->n_replicas, 3);
    assert_int_equal(pool->shards[0].first_replica, 0);
    assert_int_equal(pool->shards[1].first_replica, 2);
    assert_ptr_equal(pool->shards[1].config, &f.config->pools[0].shards[1]);
    assert_ptr_equal(f.topology->config, f.config);
    fixture_deinit(&f);
}

static void test_rings_follow_weights_and_options(void **state)
{
    struct fixture f;

    (void)state;
    fixture_init(&f);
    assert_int_equal(hashring_n_points(f.topology->pools[0].ring), 4 * 160);
    assert_true(hashring_share(f.topology->pools[0].ring, 1) > 0.6);
    assert_int_equal(hashring_n_shards(f.topology->pools[1].ring), 1);
    fixture_deinit(&f);
}

static void test_a_ring_that_cannot_be_built(void **state)
{
    struct config_shard shards[] = {
        {.name = shard_name, .weight = 1, .replicas = addresses, .n_replicas = 1},
        {.name = shard_name, .weight = 1, .replicas = addresses, .n_replicas = 2},
    };
    struct config_pool pools[] = {{.name = good_name, .shards = shards, .n_shards = 1},
                                  {.name = bad_name, .shards = shards, .n_shards = 2}};
    struct config config = {.pools = pools, .n_pools = 2};
    struct topology *topology;
    uint32_t bad_pool = 99;

    (void)state;
    hashring_options_init(&pools[0].ring);
    hashring_options_init(&pools[1].ring);
    assert_int_equal(topology_create(&topology, &config, &bad_pool), HASHRING_ERR_DUPLICATE_NAME);
    assert_null(topology);
    assert_int_equal(bad_pool, 1);
}

static void test_destroy_of_nothing(void **state)
{
    struct topology *topology = NULL;

    (void)state;
    topology_destroy(&topology);
    assert_null(topology);
}

static void test_the_longest_prefix_wins(void **state)
{
    struct fixture f;
    const struct config_listener *listener;

    (void)state;
    fixture_init(&f);
    listener = &f.config->listeners[0];
    assert_int_equal(topology_route(listener, slice_of("a:b:c")), 0);
    assert_int_equal(topology_route(listener, slice_of("a:b:")), 0);
    assert_int_equal(topology_route(listener, slice_of("a:b")), 1);
    assert_int_equal(topology_route(listener, slice_of("a:")), 1);
    assert_int_equal(topology_route(listener, slice_of("z")), 1);
    assert_int_equal(topology_route(listener, slice_make(NULL, 0)), 1);
    assert_int_equal(topology_route(&f.config->listeners[1], slice_of("a:b:c")), 1);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shards_and_replicas_are_numbered),
        cmocka_unit_test(test_rings_follow_weights_and_options),
        cmocka_unit_test(test_a_ring_that_cannot_be_built),
        cmocka_unit_test(test_destroy_of_nothing),
        cmocka_unit_test(test_the_longest_prefix_wins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
