/*
 * libmemcached's own weighted ketama: the server that its client would send a key to. Nothing is
 * connected or looked up.
 */
#include "placement_reference.h"

#ifdef RINGWAY_BENCH_LIBMEMCACHED

#include <libmemcached/memcached.h>

#include "util.h"

static const char *push_servers(memcached_st *client, const struct shard_set *set)
{
    memcached_server_list_st list = NULL;
    memcached_return_t result = MEMCACHED_SUCCESS;

    for (size_t i = 0; i < set->n && result == MEMCACHED_SUCCESS; i++) {
        list = memcached_server_list_append_with_weight(
            list, set->shards[i].name, MEMCACHED_DEFAULT_PORT, set->shards[i].weight, &result);
    }
    if (result == MEMCACHED_SUCCESS) {
        result = memcached_server_push(client, list);
    }
    memcached_server_list_free(list);
    return result == MEMCACHED_SUCCESS ? NULL : memcached_strerror(client, result);
}

static const char *libmemcached_create(void **state, const struct shard_set *set)
{
    memcached_st *client;
    const char *problem;

    /* Beyond this size it aborts the process. */
    if (set->n > MEMCACHED_CONTINUUM_SIZE / MEMCACHED_POINTS_PER_SERVER) {
        return "takes 100 servers at most";
    }
    client = memcached_create(NULL);
    if (client == NULL) {
        util_die("out of memory");
    }
    memcached_behavior_set(client, MEMCACHED_BEHAVIOR_KETAMA_WEIGHTED, 1);
    problem = push_servers(client, set);
    *state = client;
    return problem;
}

static void libmemcached_destroy(void *state)
{
    memcached_free(state);
}

static uint32_t libmemcached_home(const void *state, struct slice key)
{
    return memcached_generate_hash(state, (const char *)key.data, key.len);
}

const struct placement_reference reference_libmemcached = {
    .name = "libmemcached",
    .create = libmemcached_create,
    .destroy = libmemcached_destroy,
    .key_home = libmemcached_home,
};

#endif
