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
                           "  - name: balanced\n"
                           "    protocol: http\n"
                           "    balance_factor: 125\n"
                           "    shards:\n"
                           "      - {name: a, replicas: ['unix:${DIR}/s0', 'unix:${DIR}/s1']}\n"
                           "      - {name: b, replicas: 'unix:${DIR}/x0'}\n"
                           "      - {name: c, replicas: 'unix:${DIR}/s2'}\n"
                           "      - {name: d, weight: 2, replicas: 'unix:${DIR}/s3'}\n"
                           "  - {name: many, on_shard_down: next, shards: [\n"
                           "      {name: a, replicas: 'unix:${DIR}/x1'},\n"
                           "      {name: b, replicas: 'unix:${DIR}/x2'},\n"
                           "      {name: c, replicas: 'unix:${DIR}/x3'},\n"
                           "      {name: d, replicas: 'unix:${DIR}/x4'},\n"
                           "      {name: e, replicas: 'unix:${DIR}/x5'},\n"
                           "      {name: f, replicas: 'unix:${DIR}/x6'},\n"
                           "      {name: g, replicas: 'unix:${DIR}/x7'},\n"
                           "      {name: h, replicas: 'unix:${DIR}/x8'},\n"
                           "      {name: i, replicas: 'unix:${DIR}/x9'},\n"
                           "      {name: j, replicas: 'unix:${DIR}/x10'},\n"
                           "      {name: k, replicas: 'unix:${DIR}/x11'}]}\n"
                           "listeners: [{bind: 'unix:${DIR}/listener', pool: fails}]\n";

enum { FAILS, WALKS, FALLS, BALANCED, MANY };

#define N_BALANCED 4u
#define N_MANY     11u

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

/* ---- queries ----------------------------------------------------------------------------- */

/* The route of [key] in [pool], past [avoid]. */
static struct route query(uint32_t pool, const struct upstream *avoid)
{
    const struct hashring *ring = rig.topology->pools[pool].ring;
    struct router_query query = {
        .pool = pool, .key = slice_of(key), .has_key = true, .avoid = avoid};

    query.hash = hashring_hash(ring, key, strlen(key));
    return router_route_query(&rig.plane, &query);
}

/* The order of shards for [key]. */
static void order_of(uint32_t pool, uint32_t *order, size_t n)
{
    const struct hashring *ring = rig.topology->pools[pool].ring;

    assert_int_equal(hashring_pick(ring, hashring_hash(ring, key, strlen(key)), order, n), n);
}

/* What has just failed is passed over, as if it were down. */
static void test_what_is_avoided(void **state)
{
    uint32_t order[4];

    (void)state;
    rig_key_on(&rig, FAILS, 0, "k", key);
    assert_ptr_equal(query(FAILS, NULL).upstream, rig_upstream(&rig, FAILS, 0));
    assert_ptr_equal(query(FAILS, rig_upstream(&rig, FAILS, 0)).upstream,
                     rig_upstream(&rig, FAILS, 1));
    assert_ptr_equal(query(FAILS, rig_upstream(&rig, FAILS, 2)).upstream,
                     rig_upstream(&rig, FAILS, 0));
    rig_key_on(&rig, FAILS, 1, "k", key);
    assert_null(query(FAILS, rig_upstream(&rig, FAILS, 2)).upstream);
    rig_key_on(&rig, WALKS, 1, "k", key);
    order_of(WALKS, order, 4);
    assert_int_equal(query(WALKS, rig_upstream(&rig, WALKS, 1)).shard, order[1]);
}

static void test_another_replica(void **state)
{
    struct upstream *first = rig_upstream(&rig, FAILS, 0), *second = rig_upstream(&rig, FAILS, 1);

    (void)state;
    assert_ptr_equal(router_other_replica(&rig.plane, FAILS, 0, first), second);
    assert_ptr_equal(router_other_replica(&rig.plane, FAILS, 0, second), first);
    second->ejected = true;
    assert_null(router_other_replica(&rig.plane, FAILS, 0, first));
    assert_null(router_other_replica(&rig.plane, FAILS, 1, rig_upstream(&rig, FAILS, 2)));
}

/* Without a key, the hash is what counts, in the pool that takes over too. */
static void test_a_hash_without_a_key(void **state)
{
    struct router_query by_hash = {.pool = FALLS};

    (void)state;
    rig_upstream(&rig, FALLS, 0)->ejected = true;
    for (unsigned i = 0; i < 50; i++) {
        struct route found;

        by_hash.hash = (uint64_t)i * 0x9e3779b97f4a7c15u;
        found = router_route_query(&rig.plane, &by_hash);
        assert_int_equal(found.pool, WALKS);
        assert_int_equal(found.shard, hashring_home(rig.topology->pools[WALKS].ring, by_hash.hash));
    }
}

/* Of many shards the next one that is not down, however far that is. */
static void test_a_long_walk(void **state)
{
    uint32_t order[N_MANY];

    (void)state;
    rig_key_on(&rig, MANY, 3, "k", key);
    order_of(MANY, order, N_MANY);
    for (size_t i = 0; i < N_MANY; i++) {
        assert_int_equal(query(MANY, NULL).shard, order[i]);
        rig_upstream(&rig, MANY, order[i])->ejected = true;
    }
    assert_null(query(MANY, NULL).upstream);
}

/* Of the replicas of an HTTP shard the one with the fewest requests; of equal ones, any. */
static void test_the_least_loaded_replica(void **state)
{
    struct upstream *replicas[2] = {rig_upstream(&rig, BALANCED, 0),
                                    rig_upstream(&rig, BALANCED, 1)};
    unsigned n_first = 0;

    (void)state;
    rig_key_on(&rig, BALANCED, 0, "k", key);
    for (unsigned i = 0; i < 200; i++) {
        n_first += query(BALANCED, NULL).upstream == replicas[0];
    }
    assert_in_range(n_first, 40, 160);
    for (unsigned busy = 0; busy < 2; busy++) {
        gauge_add(&replicas[busy]->feedback->in_flight, 1);
        assert_ptr_equal(query(BALANCED, NULL).upstream, replicas[1 - busy]);
        assert_ptr_equal(query(BALANCED, replicas[1 - busy]).upstream, replicas[busy]);
        replicas[1 - busy]->http->retry_us = 1; /* has failed: only when there is no better */
        assert_ptr_equal(query(BALANCED, NULL).upstream, replicas[busy]);
        assert_ptr_equal(query(BALANCED, replicas[busy]).upstream, replicas[1 - busy]);
        replicas[1 - busy]->http->retry_us = 0;
        gauge_add(&replicas[busy]->feedback->in_flight, -1);
    }
}

/* ---- bounded loads ----------------------------------------------------------------------- */

static uint32_t *loads(void)
{
    return rig.plane.pools[BALANCED].load;
}

static void add_load(uint32_t shard, int change)
{
    loads()[shard] += (uint32_t)change;
    rig.plane.pools[BALANCED].total_load += (uint32_t)change;
}

/* 125 percent of the shard's share of all requests, the new one included, rounded up. */
static uint32_t bound_of(uint32_t shard)
{
    uint64_t weight = shard == 3 ? 2 : 1, n = rig.plane.pools[BALANCED].total_load + 1u;

    return (uint32_t)((125 * n * weight + 499) / 500);
}

static void test_a_shard_with_room_keeps_its_keys(void **state)
{
    (void)state;
    for (uint32_t shard = 0; shard < N_BALANCED; shard++) {
        rig_key_on(&rig, BALANCED, shard, "k", key);
        assert_int_equal(query(BALANCED, NULL).shard, shard);
    }
    for (uint32_t shard = 0; shard < N_BALANCED; shard++) {
        add_load(shard, shard == 3 ? 20 : 10);
    }
    for (uint32_t shard = 0; shard < N_BALANCED; shard++) {
        rig_key_on(&rig, BALANCED, shard, "k", key);
        assert_int_equal(query(BALANCED, NULL).shard, shard);
    }
    assert_int_equal(rig.feedback->pools[BALANCED].overloaded, 0);
}

/* The bound is exact: one less has room. */
static void test_the_bound(void **state)
{
    uint32_t order[N_BALANCED];

    (void)state;
    for (uint32_t shard = 0; shard < N_BALANCED; shard++) {
        add_load((shard + 1) % N_BALANCED, 40);
        rig_key_on(&rig, BALANCED, shard, "k", key);
        order_of(BALANCED, order, N_BALANCED);
        while (loads()[shard] < bound_of(shard)) {
            assert_int_equal(query(BALANCED, NULL).shard, shard);
            add_load(shard, 1);
        }
        assert_int_not_equal(query(BALANCED, NULL).shard, shard);
        add_load((shard + 1) % N_BALANCED, -40);
        add_load(shard, -(int)loads()[shard]);
    }
}

/* However requests for one key come and go: no shard has more than its bound, and the first of the
 * key's order that has room takes the next. */
static void test_one_hot_key(void **state)
{
    uint32_t order[N_BALANCED];
    unsigned seed = (unsigned)uv_hrtime(), n_moved = 0;

    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    rig_key_on(&rig, BALANCED, 1, "hot", key);
    order_of(BALANCED, order, N_BALANCED);
    for (unsigned round = 0; round < 5000; round++) {
        struct route found = query(BALANCED, NULL);
        uint32_t ended = (uint32_t)rand() % N_BALANCED;
        size_t i = 0;

        while (i < N_BALANCED && loads()[order[i]] >= bound_of(order[i])) {
            i++;
        }
        assert_true(i < N_BALANCED); /* one always has room */
        assert_int_equal(found.shard, order[i]);
        n_moved += i > 0;
        add_load(found.shard, 1);
        if (loads()[ended] > 0 && rand() % 8 != 0) {
            add_load(ended, -1);
        }
    }
    assert_int_equal(rig.feedback->pools[BALANCED].overloaded, n_moved);
    assert_true(n_moved > 1000);
}

/* Shards that are down take nothing; when no other has room either, the key's own shard does. */
static void test_loads_of_shards_that_are_down(void **state)
{
    uint32_t order[N_BALANCED];

    (void)state;
    rig_key_on(&rig, BALANCED, 2, "k", key);
    order_of(BALANCED, order, N_BALANCED);
    add_load(2, 50);
    assert_int_equal(query(BALANCED, NULL).shard, order[1]);
    for (uint32_t u = 0; u < 5; u++) {
        rig_upstream(&rig, BALANCED, u)->ejected = true;
    }
    rig_upstream(&rig, BALANCED, 3)->ejected = false; /* shard c: a has two replicas */
    assert_int_equal(query(BALANCED, NULL).shard, 2);
    assert_ptr_equal(query(BALANCED, NULL).upstream, rig_upstream(&rig, BALANCED, 3));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_ring_decides),
        TEST(test_the_next_replica),
        TEST(test_the_next_shard),
        TEST(test_the_other_pool),
        TEST(test_connections_of_a_client),
        TEST(test_what_is_avoided),
        TEST(test_another_replica),
        TEST(test_a_hash_without_a_key),
        TEST(test_the_least_loaded_replica),
        TEST(test_a_long_walk),
        TEST(test_a_shard_with_room_keeps_its_keys),
        TEST(test_the_bound),
        TEST(test_one_hot_key),
        TEST(test_loads_of_shards_that_are_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
