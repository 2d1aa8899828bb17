/*
 * From a key to the connection that it goes to: ring, then the shard's first usable replica, then
 * what the pool says for a shard without one.
 */
#ifndef RINGWAY_DATA_ROUTER_H
#define RINGWAY_DATA_ROUTER_H

#include "data/plane.h"
#include "data/upstream.h"

struct route {
    struct upstream *upstream; /* NULL: no usable replica */
    uint32_t pool, shard;      /* where it goes; without a replica, where it should have gone */
};

/* What is asked for, where that is more than a key. */
struct router_query {
    uint32_t pool;
    struct slice key;
    bool has_key;                 /* else [hash] alone places it, in every pool */
    uint64_t hash;                /* of the key in [pool]'s ring */
    const struct upstream *avoid; /* a replica that has just failed; or NULL */
};

/** As router_route(), and with the pool's balance_factor the first shard of the key's order that
 * has room. */
struct route router_route_query(struct plane *plane, const struct router_query *query);

/** A usable replica of [shard] other than [avoid], or NULL. */
struct upstream *router_other_replica(struct plane *plane, uint32_t pool, uint32_t shard,
                                      const struct upstream *avoid);

/** Route [key] of [pool]. Cost: one hash and one ring look-up when the home shard is usable. */
struct route router_route(struct plane *plane, uint32_t pool, struct slice key);

#endif
