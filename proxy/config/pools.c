/*
 * Pools and their shards.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/address.h"
#include "config/params.h"
#include "config/reader.h"
#include "config/text.h"

#define NO_POOL UINT32_MAX

/* --- Shards --- */

/* A shard whose name is an address needs no other. */
static void replica_from_name(struct reader *reader, const struct tree_node *map,
                              struct config_shard *shard)
{
    struct config_address address;

    if (shard->name == NULL) {
        return;
    }
    const char *wrong = address_parse(&address, shard->name, false);
    if (wrong != NULL) {
        problems_add(reader->problems, map, "replicas",
                     "a list of 1..64 addresses (" ADDRESS_FORMS "), or a shard called host:port",
                     "nothing");
        return;
    }
    shard->replicas = xcalloc(1, sizeof(*shard->replicas));
    shard->replicas[0] = address;
    shard->n_replicas = 1;
}

static void read_shard(struct reader *reader, const struct tree_node *map,
                       struct config_shard *shard)
{
    const struct tree_node *replicas = tree_get(map, "replicas");

    shard->weight = 1;
    shard->line = map->line;
    params_read(reader, PARAM_SCOPE_SHARD, map, shard, NULL);
    if (replicas == NULL || replicas->kind == TREE_NULL) {
        replica_from_name(reader, map, shard);
    }
}

static const struct tree_node *value_or_map(const struct tree_node *map, const char *key)
{
    const struct tree_node *value = tree_get(map, key);
    return value != NULL ? value : map;
}

static void check_shard_names(struct reader *reader, const struct tree_node *list,
                              const struct config_pool *pool)
{
    struct unique_item *items = xcalloc(pool->n_shards, sizeof(*items));

    size_t i = 0;
    for (const struct tree_node *map = list->first; map != NULL; map = map->next, i++) {
        items[i].text = pool->shards[i].name;
        items[i].node = value_or_map(map, "name");
    }
    reader_check_unique(reader, items, pool->n_shards, "names that differ within the pool");
    free(items);
}

static void check_replicas(struct reader *reader, const struct tree_node *list,
                           const struct config_pool *pool)
{
    struct unique_item *items = NULL;
    size_t n_replicas = 0;
    size_t n = 0;

    for (size_t i = 0; i < pool->n_shards; i++) {
        n_replicas += pool->shards[i].n_replicas;
    }
    items = xcalloc(n_replicas, sizeof(*items));
    size_t i = 0;
    for (const struct tree_node *map = list->first; map != NULL; map = map->next, i++) {
        for (size_t k = 0; k < pool->shards[i].n_replicas; k++) {
            items[n].text = pool->shards[i].replicas[k].text;
            items[n++].node = value_or_map(map, "replicas");
        }
    }
    reader_check_unique(reader, items, n, "each address once in the pool");
    free(items);
}

static void read_shards(struct reader *reader, const struct tree_node *map,
                        struct config_pool *pool)
{
    const struct tree_node *list =
        reader_get_list(reader, map, "shards", HASHRING_MAX_SHARDS, "shards");

    if (list == NULL) {
        return;
    }
    pool->shards = xcalloc(list->n_children, sizeof(*pool->shards));
    pool->n_shards = list->n_children;
    size_t i = 0;
    for (const struct tree_node *node = list->first; node != NULL; node = node->next, i++) {
        if (reader_expect_map(reader, node, "a map of name, weight, replicas")) {
            read_shard(reader, node, &pool->shards[i]);
        }
    }
    check_shard_names(reader, list, pool);
    check_replicas(reader, list, pool);
}

/* --- Pools --- */

static void read_pool(struct reader *reader, const struct tree_node *map, struct config_pool *pool)
{
    hashring_options_init(&pool->ring);
    params_read(reader, PARAM_SCOPE_POOL, map, pool, &pool->protocol);
    read_shards(reader, map, pool);
    ring_complete(reader, map, pool);
}

static void check_pool_names(struct reader *reader, const struct tree_node *list)
{
    const struct config *config = reader->config;
    struct unique_item *items = xcalloc(config->n_pools, sizeof(*items));

    size_t i = 0;
    for (const struct tree_node *map = list->first; map != NULL; map = map->next, i++) {
        items[i].text = config->pools[i].name;
        items[i].node = value_or_map(map, "name");
    }
    reader_check_unique(reader, items, config->n_pools, "names that differ");
    free(items);
}

void pools_read(struct reader *reader)
{
    struct config *config = reader->config;
    const struct tree_node *list =
        reader_get_list(reader, reader->root, "pools", READER_MAX_POOLS, "pools");

    if (list == NULL) {
        return;
    }
    config->pools = xcalloc(list->n_children, sizeof(*config->pools));
    config->n_pools = list->n_children;
    size_t i = 0;
    for (const struct tree_node *node = list->first; node != NULL; node = node->next, i++) {
        config->pools[i].down_pool = NO_POOL;
        if (reader_expect_map(reader, node, "a map that describes a pool")) {
            read_pool(reader, node, &config->pools[i]);
        }
    }
    check_pool_names(reader, list);
}

/* --- Gutters --- */

static uint32_t gutter_of(const struct config *config, uint32_t pool)
{
    const struct config_pool *from = &config->pools[pool];
    return from->on_shard_down == CONFIG_DOWN_POOL ? from->down_pool : NO_POOL;
}

/* Is [first] the lowest pool of a circle? Each circle is reported there, once. */
static bool begins_circle(const struct config *config, uint32_t first)
{
    uint32_t pool = gutter_of(config, first);

    for (size_t steps = 0; steps <= config->n_pools && pool != NO_POOL; steps++) {
        if (pool == first) {
            return true;
        }
        if (pool < first) {
            return false;
        }
        pool = gutter_of(config, pool);
    }
    return false;
}

static void report_circle(struct reader *reader, uint32_t first)
{
    const struct config *config = reader->config;
    const struct tree_node *map = tree_get(reader->root, "pools")->first;
    char *way = xstrdup(config->pools[first].name);
    uint32_t pool = first;

    for (uint32_t i = 0; i < first; i++) {
        map = map->next;
    }
    do {
        pool = gutter_of(config, pool);
        char *longer = text_format("%s to %s", way, config->pools[pool].name);
        free(way);
        way = longer;
    } while (pool != first);
    problems_add(reader->problems, tree_get(map, "on_shard_down"), NULL,
                 "error, next or a pool that does not lead back", "a circle from %s", way);
    free(way);
}

void pools_check_gutters(struct reader *reader)
{
    const struct config *config = reader->config;

    for (uint32_t i = 0; i < config->n_pools; i++) {
        if (config->pools[i].name != NULL && begins_circle(config, i)) {
            report_circle(reader, i);
        }
    }
}
