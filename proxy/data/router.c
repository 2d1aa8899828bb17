#include "data/router.h"

/* The shard's first usable replica, or NULL. */
static struct upstream *usable_replica(struct plane *plane, uint32_t pool, uint32_t shard)
{
    const struct topology_shard *place = &plane->options.topology->pools[pool].shards[shard];
    struct upstream **upstreams = &plane->pools[pool].upstreams[place->first_replica];

    for (size_t i = 0; i < place->config->n_replicas; i++) {
        if (!upstreams[i]->ejected) {
            return upstreams[i];
        }
    }
    return NULL;
}

/* on_shard_down: next. The first shard after the home, in the key's order, that is not down. */
static struct upstream *walk(struct plane *plane, uint32_t pool, uint64_t hash, uint32_t *shard)
{
    const struct topology_pool *place = &plane->options.topology->pools[pool];
    size_t n = hashring_pick(place->ring, hash, plane->walk, place->n_shards);

    for (size_t i = 1; i < n; i++) {
        struct upstream *upstream = usable_replica(plane, pool, plane->walk[i]);

        if (upstream != NULL) {
            *shard = plane->walk[i];
            return upstream;
        }
    }
    return NULL;
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
