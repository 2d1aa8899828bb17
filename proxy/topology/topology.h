/*
 * What there is to route to: pools, their rings, shards and replicas, built from a configuration.
 * Immutable once created, so every thread reads it without a lock.
 *
 * Not here: connections and health (data/), counters (feedback.h).
 */
#ifndef RINGWAY_TOPOLOGY_TOPOLOGY_H
#define RINGWAY_TOPOLOGY_TOPOLOGY_H

#include "base/slice.h"
#include "config/config.h"
#include "hashring/hashring.h"

struct topology_shard {
    const struct config_shard *config;
    uint32_t first_replica; /* index of replicas[0] in the pool's numbering */
};

struct topology_pool {
    const struct config_pool *config;
    struct hashring *ring;
    struct topology_shard *shards; /* as many as config->n_shards, the same order */
    uint32_t n_shards;
    uint32_t n_replicas; /* of all shards together */
};

struct topology {
    const struct config *config; /* borrowed, outlives the topology */
    struct topology_pool *pools; /* config->n_pools of them */
    uint32_t n_pools;
};

/**
 * Build the rings of every pool of [config].
 *
 * Returns 0, or a negative enum hashring_error with the pool's index in [*bad_pool].
 */
int topology_create(struct topology **out, const struct config *config, uint32_t *bad_pool);
void topology_destroy(struct topology **topology);

/** The pool that [listener] sends [key] to: longest matching prefix, else the default pool. */
uint32_t topology_route(const struct config_listener *listener, struct slice key);

#endif
