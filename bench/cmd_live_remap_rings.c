#include "cmd_live_remap_rings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "options.h"
#include "util.h"

/* One of the two. */
struct side {
    struct config *config;
    const struct config_pool *pool; /* of [config] */
    struct hashring *ring;
};

static const struct config_pool *first_pool(const struct config *config,
                                            enum config_protocol protocol)
{
    for (size_t i = 0; i < config->n_listeners; i++) {
        const struct config_listener *listener = &config->listeners[i];

        if (listener->protocol == protocol) {
            uint32_t pool =
                protocol == CONFIG_MEMCACHED ? listener->pool : listener->http_routes[0].pool;
            return &config->pools[pool];
        }
    }
    return NULL;
}

static int load_config(struct side *side, const char *path, const char *command)
{
    const struct config_source source = {.path = path, .environment = environ};
    struct config_problems problems = {0};
    int status = COMMAND_OK;

    if (config_load(&side->config, &source, &problems) != 0) {
        for (size_t i = 0; i < problems.n_lines; i++) {
            status = options_complain(command, "%s", problems.lines[i]);
        }
    }
    config_problems_deinit(&problems);
    return status;
}

static int build_ring(struct side *side, const char *path, const char *command)
{
    const struct config_pool *pool = side->pool;
    struct hashring_shard *shards = util_alloc(pool->n_shards, sizeof(*shards));
    int status;

    for (size_t i = 0; i < pool->n_shards; i++) {
        shards[i] = (struct hashring_shard){pool->shards[i].name, pool->shards[i].weight};
    }
    status = hashring_create(&side->ring, shards, pool->n_shards, &pool->ring);
    free(shards);
    return status == 0 ? COMMAND_OK
                       : options_complain(command, "%s: %s", path, hashring_strerror(status));
}

static int side_init(struct side *side, const struct rings_options *options, const char *path)
{
    int status = load_config(side, path, options->command);
    int found;

    if (status != COMMAND_OK) {
        return status;
    }
    if (options->pool != NULL) {
        found = config_find_pool(side->config, options->pool);
        side->pool = found >= 0 ? &side->config->pools[found] : NULL;
    } else {
        side->pool = first_pool(side->config, options->protocol);
    }
    if (side->pool == NULL) {
        return options_complain(options->command, "%s has no pool %s", path,
                                options->pool != NULL ? options->pool : "of this protocol");
    }
    return build_ring(side, path, options->command);
}

static void side_deinit(struct side *side)
{
    hashring_destroy(&side->ring);
    config_destroy(&side->config);
}

static const char *home(const struct side *side, const char *key, size_t len)
{
    uint64_t hash = hashring_hash(side->ring, key, len);

    return side->pool->shards[hashring_home(side->ring, hash)].name;
}

static uint64_t count(const struct rings_options *options, const struct side *from,
                      const struct side *to)
{
    size_t n_path = strlen(options->path);
    char *key = util_alloc(n_path + LOAD_ITEMS_MAX_KEY_BYTES, 1);
    uint64_t n_moved = 0;

    memcpy(key, options->path, n_path);
    for (uint64_t i = 0; i < options->items->options.n; i++) {
        size_t len = n_path + load_items_key(options->items, i, key + n_path);

        n_moved += strcmp(home(from, key, len), home(to, key, len)) != 0;
    }
    free(key);
    return n_moved;
}

int rings_count_moved(const struct rings_options *options, uint64_t *n_moved)
{
    struct side from = {0};
    struct side to = {0};
    int status = side_init(&from, options, options->from);

    if (status == COMMAND_OK) {
        status = side_init(&to, options, options->to);
    }
    if (status == COMMAND_OK) {
        *n_moved = count(options, &from, &to);
    }
    side_deinit(&to);
    side_deinit(&from);
    return status;
}
