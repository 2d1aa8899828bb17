#include "data/router.h"

#define WALK_FIRST 8u /* shards of a key's order that are looked at before all of them */

/* Of a shard's HTTP replicas that take requests now, the one with the fewest in flight; of equal
 * ones, any. Their number is small. */
static struct upstream *least_loaded(struct plane *plane, struct upstream **upstreams, size_t n,
                                     const struct upstream *avoid)
{
    struct upstream *best = NULL;
    size_t first = plane_random(plane) % n;

    for (size_t i = 0; i < n; i++) {
        struct upstream *upstream = upstreams[(first + i) % n];

        if (upstream != avoid && upstream_is_ready(upstream) &&
            (best == NULL || counter_get(&upstream->feedback->in_flight) <
                                 counter_get(&best->feedback->in_flight))) {
            best = upstream;
        }
    }
    return best;
}

/* A replica of the shard that takes requests now (HTTP: the least loaded, else: the first), else the
 * first that is not ejected, or NULL. */
static struct upstream *usable_replica(struct plane *plane, uint32_t pool, uint32_t shard,
                                       const struct upstream *avoid)
{
    const struct topology_shard *place = &plane->options.topology->pools[pool].shards[shard];
    struct upstream **upstreams = &plane->pools[pool].upstreams[place->first_replica];
    struct upstream *second_best = NULL;

    if (upstreams[0]->http != NULL && place->config->n_replicas > 1) {
        second_best = least_loaded(plane, upstreams, place->config->n_replicas, avoid);
        if (second_best != NULL) {
            return second_best;
        }
    }

    for (size_t i = 0; i < place->config->n_replicas; i++) {
        if (upstreams[i] == avoid) {
            continue;
        }
        if (upstream_is_ready(upstreams[i])) {
            return upstreams[i];
        }
        if (second_best == NULL && !upstreams[i]->ejected) {
            second_best = upstreams[i];
        }
    }
    return second_best;
}

struct upstream *router_other_replica(struct plane *plane, uint32_t pool, uint32_t shard,
                                      const struct upstream *avoid)
{
    return usable_replica(plane, pool, shard, avoid);
}

/* Bounded loads: may [shard] take one more request? Its bound is balance_factor percent of its share
 * of all requests in flight, this one included, rounded up. This worker's requests only: the kernel
 * spreads clients evenly. Source: Mirrokni, Thorup, Zadimoghaddam, Consistent Hashing with Bounded
 * Loads, 2016. */
static bool has_room(const struct plane *plane, uint32_t pool, uint32_t shard)
{
    const struct topology_pool *place = &plane->options.topology->pools[pool];
    const struct plane_pool *state = &plane->pools[pool];
    uint64_t share, bound;

    if (state->load == NULL) {
        return true;
    }
    share = (uint64_t)place->config->balance_percent * (state->total_load + 1u) *
            place->shards[shard].config->weight;
    bound = (share + 100 * state->total_weight - 1) / (100 * state->total_weight);
    return state->load[shard] < bound;
}

/* What a walk over a key's shards looks for. */
struct walk {
    uint32_t pool;
    uint64_t hash;
    const struct upstream *avoid;
    bool needs_room;
};

/* The first of the key's shards number [from] to [to] that is not down. */
static struct upstream *walk_part(struct plane *plane, const struct walk *walk, size_t from,
                                  size_t to, uint32_t *shard)
{
    const struct topology_pool *place = &plane->options.topology->pools[walk->pool];
    size_t n = hashring_pick(place->ring, walk->hash, plane->walk, to);

    for (size_t i = from; i < n; i++) {
        struct upstream *upstream = usable_replica(plane, walk->pool, plane->walk[i], walk->avoid);

        if (upstream != NULL &&
            (!walk->needs_room || has_room(plane, walk->pool, plane->walk[i]))) {
            *shard = plane->walk[i];
            return upstream;
        }
    }
    return NULL;
}

/* From the second shard on. Nearly always one of the next few; the whole order costs more. */
static struct upstream *walk_on(struct plane *plane, const struct walk *walk, uint32_t *shard)
{
    uint32_t n = plane->options.topology->pools[walk->pool].n_shards;
    uint32_t few = n < WALK_FIRST ? n : WALK_FIRST;
    struct upstream *upstream = walk_part(plane, walk, 1, few, shard);

    return upstream != NULL || few == n ? upstream : walk_part(plane, walk, few, n, shard);
}

/* The home shard has no replica. */
static struct route route_around(struct plane *plane, const struct router_query *query,
                                 struct route route)
{
    const struct topology_pool *place = &plane->options.topology->pools[query->pool];
    struct walk walk = {.pool = query->pool, .hash = query->hash, .avoid = query->avoid};
    struct router_query gutter = *query;

    switch (place->config->on_shard_down) {
    case CONFIG_DOWN_ERROR:
        return route;
    case CONFIG_DOWN_NEXT:
        route.upstream = walk_on(plane, &walk, &route.shard);
        break;
    case CONFIG_DOWN_POOL: /* the configuration has no cycle of pools */
        gutter.pool = place->config->down_pool;
        if (query->has_key) {
            gutter.hash = hashring_hash(plane->options.topology->pools[gutter.pool].ring,
                                        query->key.data, query->key.len);
        }
        route = router_route_query(plane, &gutter);
        break;
    }
    if (route.upstream != NULL) {
        counter_add(&plane->feedback->pools[query->pool].failovers, 1);
    }
    return route;
}

/* The home shard has its share of requests already: the next that has room, if any. */
static struct route route_balanced(struct plane *plane, const struct router_query *query,
                                   struct route route)
{
    struct walk walk = {
        .pool = query->pool, .hash = query->hash, .avoid = query->avoid, .needs_room = true};
    struct upstream *other;

    other = walk_on(plane, &walk, &route.shard);
    if (other != NULL) {
        route.upstream = other;
        counter_add(&plane->feedback->pools[query->pool].overloaded, 1);
    }
    return route;
}

struct route router_route_query(struct plane *plane, const struct router_query *query)
{
    const struct topology_pool *place = &plane->options.topology->pools[query->pool];
    struct route route = {.pool = query->pool, .shard = hashring_home(place->ring, query->hash)};

    route.upstream = usable_replica(plane, query->pool, route.shard, query->avoid);
    if (route.upstream == NULL) {
        return route_around(plane, query, route);
    }
    return has_room(plane, query->pool, route.shard) ? route : route_balanced(plane, query, route);
}

struct route router_route(struct plane *plane, uint32_t pool, struct slice key)
{
    const struct topology_pool *place = &plane->options.topology->pools[pool];
    struct router_query query = {.pool = pool, .key = key, .has_key = true};

    query.hash = hashring_hash(place->ring, key.data, key.len);
    return router_route_query(plane, &query);
}
