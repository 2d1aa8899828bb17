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

/** Route [key] of [pool]. Cost: one hash and one ring look-up when the home shard is usable. */
struct route router_route(struct plane *plane, uint32_t pool, struct slice key);

#endif
