/*
 * From a key to a replica: the ring decides, ejected replicas are passed over, and then what the
 * pool says. No connection is needed: replicas are ejected by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "data/router.h"
#include "support/plane_rig.h"

static const char yaml[] = "workers: 1\n"
                           "admin: off\n"
                           "pools:\n"
                           "  - name: fails\n"
                           "    shards:\n"
                           "      - {name: a, replicas: ['unix:${DIR}/s0', 'unix:${DIR}/s1']}\n"
                           "      - {name: b, replicas: 'unix:${DIR}/s2'}\n"
                           "  - name: walks\n"
                           "    on_shard_down: next\n"
                           "    shards:\n"
                           "      - {name: a, replicas: 'unix:${DIR}/s0'}\n"
                           "      - {name: b, replicas: 'unix:${DIR}/s1'}\n"
                           "      - {name: c, replicas: 'unix:${DIR}/s2'}\n"
                           "      - {name: d, replicas: 'unix:${DIR}/s3'}\n"
                           "  - name: falls\n"
                           "    on_shard_down: walks\n"
                           "    shards: [{name: a, replicas: 'unix:${DIR}/s3'}]\n"
                           "listeners: [{bind: 'unix:${DIR}/listener', pool: fails}]\n";

enum { FAILS, WALKS, FALLS };

static struct rig rig;
static char key[64];

static int start(void **state)
{
    (void)state;
    rig_init(&rig, yaml, 4);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    rig_deinit(&rig);
    return 0;
}

static struct route route(uint32_t pool)
{
    return router_route(&rig.plane, pool, slice_of(key));
}

static void test_the_ring_decides(void **state)
{
    (void)state;
    for (uint32_t shard = 0; shard < 4; shard++) {
        struct route found;

        rig_key_on(&rig, WALKS, shard, "k", key);
        found = route(WALKS);
        assert_int_equal(found.pool, WALKS);
        assert_int_equal(found.shard, shard);
        assert_ptr_equal(found.upstream, rig_upstream(&rig, WALKS, shard));
    }
    assert_int_equal(rig.feedback->pools[WALKS].failovers, 0);
}

static void test_the_next_replica(void **state)
{
    (void)state;
    rig_key_on(&rig, FAILS, 0, "k", key);
    assert_ptr_equal(route(FAILS).upstream, rig_upstream(&rig, FAILS, 0));
    rig_upstream(&rig, FAILS, 0)->ejected = true;
    assert_ptr_equal(route(FAILS).upstream, rig_upstream(&rig, FAILS, 1));
    rig_upstream(&rig, FAILS, 1)->ejected = true;
    assert_null(route(FAILS).upstream);
    assert_int_equal(route(FAILS).shard, 0); /* where it should have gone */
    assert_int_equal(rig.feedback->pools[FAILS].failovers, 0);
    rig_key_on(&rig, FAILS, 1, "k", key);
    assert_ptr_equal(route(FAILS).upstream, rig_upstream(&rig, FAILS, 2));
}

/* The walk is the key's own, and the same every time; keys of other shards do not move. */
static void test_the_next_shard(void **state)
{
    const struct hashring *ring = rig.topology->pools[WALKS].ring;
    uint32_t order[4];

    (void)state;
    for (uint32_t shard = 0; shard < 4; shard++) {
        rig_key_on(&rig, WALKS, shard, "w", key);
        assert_int_equal(hashring_pick(ring, hashring_hash(ring, key, strlen(key)), order, 4), 4);
        assert_int_equal(order[0], shard);
        for (uint32_t i = 0; i < 4; i++) {
            assert_int_equal(route(WALKS).shard, order[i]);
            assert_ptr_equal(route(WALKS).upstream, rig_upstream(&rig, WALKS, order[i]));
            rig_upstream(&rig, WALKS, order[i])->ejected = true;
        }
        assert_null(route(WALKS).upstream);
        assert_int_equal(route(WALKS).shard, shard);
        for (uint32_t i = 0; i < 4; i++) {
            rig_upstream(&rig, WALKS, i)->ejected = false;
        }
    }
    assert_int_equal(rig.feedback->pools[WALKS].failovers, 4 * 3 * 2);
}

static void test_the_other_pool(void **state)
{
    (void)state;
    rig_key_on(&rig, WALKS, 2, "k", key);
    assert_int_equal(route(FALLS).pool, FALLS);
    rig_upstream(&rig, FALLS, 0)->ejected = true;
    assert_int_equal(route(FALLS).pool, WALKS);
    assert_int_equal(route(FALLS).shard, 2);
    rig_upstream(&rig, WALKS, 2)->ejected = true;
    assert_int_not_equal(route(FALLS).shard, 2);
    assert_non_null(route(FALLS).upstream);
    for (uint32_t i = 0; i < 4; i++) {
        rig_upstream(&rig, WALKS, i)->ejected = true;
    }
    assert_null(route(FALLS).upstream);
    assert_int_equal(route(FALLS).pool, WALKS);
}

/* A client's requests take one connection, other clients' another. */
static void test_connections_of_a_client(void **state)
{
    struct upstream *upstream = rig_upstream(&rig, WALKS, 0);

    (void)state;
    assert_ptr_equal(upstream_conn_for(upstream, 17), &upstream->conns[0]);
    rig_deinit(&rig);
    rig_init(&rig,
             "workers: 1\n"
             "admin: off\n"
             "pools:\n"
             "  - {name: p, connections: 3, shards: [{name: a, replicas: 'unix:${DIR}/s0'}]}\n"
             "listeners: [{bind: 'unix:${DIR}/listener', pool: p}]\n",
             1);
    upstream = rig_upstream(&rig, 0, 0);
    for (uint64_t id = 0; id < 9; id++) {
        assert_ptr_equal(upstream_conn_for(upstream, id), &upstream->conns[id % 3]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_ring_decides), TEST(test_the_next_replica),        TEST(test_the_next_shard),
        TEST(test_the_other_pool),   TEST(test_connections_of_a_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
