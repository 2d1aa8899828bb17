#include "data/router.h"

#define WALK_FIRST 8u /* shards of a key's order that are looked at before all of them */

/* The shard's first replica that takes requests now, else the first that is not ejected, or NULL. */
static struct upstream *usable_replica(struct plane *plane, uint32_t pool, uint32_t shard)
{
    const struct topology_shard *place = &plane->options.topology->pools[pool].shards[shard];
    struct upstream **upstreams = &plane->pools[pool].upstreams[place->first_replica];
    struct upstream *second_best = NULL;

    for (size_t i = 0; i < place->config->n_replicas; i++) {
        if (upstream_is_ready(upstreams[i])) {
            return upstreams[i];
        }
        if (second_best == NULL && !upstreams[i]->ejected) {
            second_best = upstreams[i];
        }
    }
    return second_best;
}

/* The first of the key's shards number [from] to [to] that is not down. */
static struct upstream *walk_part(struct plane *plane, uint32_t pool, uint64_t hash, size_t from,
                                  size_t to, uint32_t *shard)
{
    const struct topology_pool *place = &plane->options.topology->pools[pool];
    size_t n = hashring_pick(place->ring, hash, plane->walk, to);

    for (size_t i = from; i < n; i++) {
        struct upstream *upstream = usable_replica(plane, pool, plane->walk[i]);

        if (upstream != NULL) {
            *shard = plane->walk[i];
            return upstream;
        }
    }
    return NULL;
}

/* on_shard_down: next. Nearly always one of the next few; the whole order costs more. */
static struct upstream *walk(struct plane *plane, uint32_t pool, uint64_t hash, uint32_t *shard)
{
    uint32_t n = plane->options.topology->pools[pool].n_shards;
    uint32_t few = n < WALK_FIRST ? n : WALK_FIRST;
    struct upstream *upstream = walk_part(plane, pool, hash, 1, few, shard);

    return upstream != NULL || few == n ? upstream : walk_part(plane, pool, hash, few, n, shard);
}

struct route router_route(struct plane *plane, uint32_t pool, struct slice key)
{
    const struct topology_pool *place = &plane->options.topology->pools[pool];
    uint64_t hash = hashring_hash(place->ring, key.data, key.len);
    struct route route = {.pool = pool, .shard = hashring_home(place->ring, hash)};

    route.upstream = usable_replica(plane, pool, route.shard);
    if (route.upstream != NULL) {
        return route;
    }
    switch (place->config->on_shard_down) {
    case CONFIG_DOWN_ERROR:
        return route;
    case CONFIG_DOWN_NEXT:
        route.upstream = walk(plane, pool, hash, &route.shard);
        break;
    case CONFIG_DOWN_POOL: /* the configuration has no cycle of pools */
        route = router_route(plane, place->config->down_pool, key);
        break;
    }
    if (route.upstream != NULL) {
        counter_add(&plane->feedback->pools[pool].failovers, 1);
    }
    return route;
}
