/*
 * Any bytes as a configuration file: accepted or refused with problems, never both, and nothing is
 * left behind. What is accepted is one that rings can be built from.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_pool(const struct config *config, const struct config_pool *pool)
{
    assert(pool->name != NULL && pool->n_shards > 0);
    assert(pool->on_shard_down != CONFIG_DOWN_POOL || pool->down_pool < config->n_pools);
    for (size_t i = 0; i < pool->n_shards; i++) {
        assert(pool->shards[i].name != NULL && pool->shards[i].n_replicas > 0);
        for (size_t k = 0; k < pool->shards[i].n_replicas; k++) {
            assert(pool->shards[i].replicas[k].text != NULL);
        }
    }
}

static void check_part(const struct config_key_part *part)
{
    bool has_text = part->kind == CONFIG_KEY_LITERAL || part->kind == CONFIG_KEY_ARGUMENT ||
                    part->kind == CONFIG_KEY_HEADER || part->kind == CONFIG_KEY_COOKIE;
    bool has_number = part->kind == CONFIG_KEY_SEGMENT || part->kind == CONFIG_KEY_SEGMENTS;

    assert(has_text == (part->text != NULL && part->text[0] != '\0'));
    assert(has_number == (part->n > 0));
}

static void check_http_route(const struct config *config, const struct config_http_route *route)
{
    assert(route->pool < config->n_pools && config->pools[route->pool].protocol == CONFIG_HTTP);
    assert(route->n_keys >= 1 && route->n_keys <= 16);
    assert(route->path_prefix == NULL || route->path_prefix[0] == '/');
    for (size_t i = 0; i < route->n_keys; i++) {
        assert(route->keys[i].n_parts >= 1 && route->keys[i].n_parts <= 32);
        for (size_t k = 0; k < route->keys[i].n_parts; k++) {
            check_part(&route->keys[i].parts[k]);
        }
    }
}

static void check_http(const struct config *config, const struct config_listener *listener)
{
    assert(listener->n_routes == 0 && listener->n_http_routes > 0);
    for (size_t i = 0; i < listener->n_http_routes; i++) {
        check_http_route(config, &listener->http_routes[i]);
    }
    for (size_t i = 0; i < listener->n_trusted; i++) {
        assert(listener->trusted[i].prefix_bits <= 128);
    }
}

static void check_listener(const struct config *config, const struct config_listener *listener)
{
    assert(listener->bind.text != NULL);
    if (listener->protocol == CONFIG_HTTP) {
        check_http(config, listener);
        return;
    }
    assert(listener->pool < config->n_pools && listener->n_http_routes == 0);
    assert(config->pools[listener->pool].protocol == CONFIG_MEMCACHED);
    for (size_t i = 0; i < listener->n_routes; i++) {
        assert(listener->routes[i].pool < config->n_pools);
        assert(i == 0 ||
               strlen(listener->routes[i - 1].prefix) >= strlen(listener->routes[i].prefix));
    }
}

static void check_config(const struct config *config)
{
    assert(config->workers >= 1 && config->workers <= CONFIG_WORKERS_MAX);
    assert(config->n_pools > 0 && config->n_listeners > 0);
    for (size_t i = 0; i < config->n_pools; i++) {
        check_pool(config, &config->pools[i]);
    }
    for (size_t i = 0; i < config->n_listeners; i++) {
        check_listener(config, &config->listeners[i]);
    }
}

static void check_problems(const struct config_problems *problems)
{
    for (size_t i = 0; i < problems->n_lines; i++) {
        assert(strstr(problems->lines[i], ": found ") != NULL);
        assert(strstr(problems->lines[i], "; accepted: ") != NULL);
        assert(strchr(problems->lines[i], '\n') == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char variable[] = "VAR=value";
    char override[] = "RINGWAY_POOLS_A_CONNECTIONS=3";
    char *environment[] = {variable, override, NULL};
    struct config_problems problems;
    struct config *config;

    int result = config_parse(&config, "fuzz.yaml", data, size, environment, &problems);
    assert((result == 0) == (config != NULL));
    assert((result == 0) == (problems.n_lines == 0));
    if (config != NULL) {
        check_config(config);
    }
    check_problems(&problems);
    config_problems_deinit(&problems);
    config_destroy(&config);
    return 0;
}
