#include "topology/topology.h"

#include "base/memory.h"

static int create_ring(struct topology_pool *pool)
{
    const struct config_pool *config = pool->config;
    struct hashring_shard *members = xcalloc(config->n_shards, sizeof *members);
    size_t i;
    int result;

    for (i = 0; i < config->n_shards; i++) {
        members[i].name = config->shards[i].name;
        members[i].weight = config->shards[i].weight;
    }
    result = hashring_create(&pool->ring, members, config->n_shards, &config->ring);
    free(members);
    return result;
}

static int init_pool(struct topology_pool *pool, const struct config_pool *config)
{
    size_t i;

    pool->config = config;
    pool->n_shards = (uint32_t)config->n_shards;
    pool->shards = xcalloc(config->n_shards, sizeof *pool->shards);
    for (i = 0; i < config->n_shards; i++) {
        pool->shards[i].config = &config->shards[i];
        pool->shards[i].first_replica = pool->n_replicas;
        pool->n_replicas += (uint32_t)config->shards[i].n_replicas;
    }
    return create_ring(pool);
}

int topology_create(struct topology **out, const struct config *config, uint32_t *bad_pool)
{
    struct topology *topology = xcalloc(1, sizeof *topology);
    uint32_t i;

    *out = NULL;
    topology->config = config;
    topology->n_pools = (uint32_t)config->n_pools;
    topology->pools = xcalloc(config->n_pools, sizeof *topology->pools);
    for (i = 0; i < topology->n_pools; i++) {
        int result = init_pool(&topology->pools[i], &config->pools[i]);

        if (result < 0) {
            *bad_pool = i;
            topology_destroy(&topology);
            return result;
        }
    }
    *out = topology;
    return 0;
}

void topology_destroy(struct topology **topology)
{
    uint32_t i;

    if (*topology == NULL) {
        return;
    }
    for (i = 0; i < (*topology)->n_pools; i++) {
        hashring_destroy(&(*topology)->pools[i].ring);
        free((*topology)->pools[i].shards);
    }
    free((*topology)->pools);
    free(*topology);
    *topology = NULL;
}

uint32_t topology_route(const struct config_listener *listener, struct slice key)
{
    size_t i;

    for (i = 0; i < listener->n_routes; i++) { /* sorted: the first match is the longest */
        if (slice_starts_with(key, slice_of(listener->routes[i].prefix))) {
            return listener->routes[i].pool;
        }
    }
    return listener->pool;
}
