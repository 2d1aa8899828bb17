#include "control/config_json.h"

#include <stdio.h>
#include <string.h>

#include "config/network.h"
#include "config/params.h"
#include "config/units.h"
#include "control/json_value.h"

#define KEY_MAX 64u

/* One option of one element: what the functions below turn into JSON. */
struct option {
    const struct config *config;
    const void *base; /* the struct of the option's scope */
    const struct param *param;
};

static const void *field_of(const struct option *option)
{
    return (const char *)option->base + option->param->offset;
}

/* Fields are copied, not cast: the table knows offsets, not types. */
static uint32_t field_u32(const struct option *option)
{
    uint32_t value;

    memcpy(&value, field_of(option), sizeof value);
    return value;
}

static uint64_t field_u64(const struct option *option)
{
    uint64_t value;

    memcpy(&value, field_of(option), sizeof value);
    return value;
}

static const struct config_pool *pool_of(const struct option *option)
{
    return option->base;
}

/* --- One function for each kind of value --- */

static json_t *build_text(const char *text)
{
    return text == NULL ? json_null() : json_value_text(text);
}

static json_t *build_number(const struct option *option)
{
    return json_value_count(field_u32(option));
}

static json_t *build_string(const struct option *option)
{
    const char *text;

    memcpy(&text, field_of(option), sizeof text);
    return build_text(text);
}

static json_t *build_duration(const struct option *option)
{
    char text[UNITS_TEXT_BYTES];

    units_write_duration(field_u64(option), text);
    return json_value_text(text);
}

static json_t *build_size(const struct option *option)
{
    char text[UNITS_TEXT_BYTES];

    units_write_size(field_u64(option), text);
    return json_value_text(text);
}

static json_t *build_flag(const struct option *option)
{
    bool flag;

    memcpy(&flag, field_of(option), sizeof flag);
    return json_value_bool(flag);
}

static json_t *build_mode(const struct option *option)
{
    char text[8];

    (void)snprintf(text, sizeof text, "%04o", (unsigned)(field_u32(option) & 07777u));
    return json_value_text(text);
}

static json_t *build_level(const struct option *option)
{
    static const char *const words[] = {[CONFIG_LOG_DEBUG] = "debug",
                                        [CONFIG_LOG_INFO] = "info",
                                        [CONFIG_LOG_WARN] = "warn",
                                        [CONFIG_LOG_ERROR] = "error"};

    return json_value_text(words[field_u32(option)]);
}

static json_t *build_format(const struct option *option)
{
    return json_value_text(field_u32(option) == CONFIG_LOG_TEXT ? "text" : "json");
}

static json_t *build_access(const struct option *option)
{
    const struct config_log *log = &option->config->log;
    char text[16];

    switch (log->access) {
    case CONFIG_ACCESS_OFF:
        return json_value_text("off");
    case CONFIG_ACCESS_ALL:
        return json_value_text("all");
    case CONFIG_ACCESS_ERRORS:
        return json_value_text("errors");
    case CONFIG_ACCESS_SAMPLED:
        break;
    }
    (void)snprintf(text, sizeof text, "1/%u", (unsigned)log->access_every);
    return json_value_text(text);
}

static json_t *build_partial(const struct option *option)
{
    return json_value_text(field_u32(option) == CONFIG_PARTIAL_MISS ? "miss" : "error");
}

static json_t *build_protocol(const struct option *option)
{
    static const char *const words[] = {[CONFIG_MEMCACHED] = "memcached", [CONFIG_HTTP] = "http"};

    return json_value_text(words[field_u32(option)]);
}

static json_t *build_preset(const struct option *option)
{
    return build_text(hashring_preset_name(pool_of(option)->ring.preset));
}

static json_t *build_algorithm(const struct option *option)
{
    return build_text(hashring_algorithm_name(pool_of(option)->ring.algorithm));
}

static json_t *build_hash(const struct option *option)
{
    return build_text(hashring_hash_kind_name(pool_of(option)->ring.hash));
}

/* Zero points stand for the algorithm's default, which the file says by saying nothing. */
static json_t *build_points(const struct option *option)
{
    uint32_t points = field_u32(option);

    return points == 0 ? json_null() : json_value_count(points);
}

static json_t *build_hash_tag(const struct option *option)
{
    const struct hashring_options *ring = &pool_of(option)->ring;

    return ring->has_hash_tag ? json_value_slice(slice_make(ring->hash_tag, sizeof ring->hash_tag))
                              : json_null();
}

static json_t *build_address(const struct option *option)
{
    const struct config_address *address = field_of(option);

    return build_text(address->text);
}

static json_t *build_replicas(const struct option *option)
{
    const struct config_shard *shard = option->base;
    json_t *array = json_value_array();
    size_t i;

    for (i = 0; i < shard->n_replicas; i++) {
        json_value_append(array, json_value_text(shard->replicas[i].text));
    }
    return array;
}

static json_t *build_pool_name(const struct option *option)
{
    uint32_t pool = field_u32(option);

    return pool < option->config->n_pools ? json_value_text(option->config->pools[pool].name)
                                          : json_null();
}

static json_t *build_shard_down(const struct option *option)
{
    const struct config_pool *pool = pool_of(option);

    switch (pool->on_shard_down) {
    case CONFIG_DOWN_ERROR:
        return json_value_text("error");
    case CONFIG_DOWN_NEXT:
        return json_value_text("next");
    case CONFIG_DOWN_POOL:
        break;
    }
    return json_value_text(option->config->pools[pool->down_pool].name);
}

/* One value for both protocols, unless each has its default. */
static json_t *build_idle(const struct option *option)
{
    bool is_one = option->config->idle_us == option->config->keep_alive_us;

    return is_one ? build_duration(option) : json_null();
}

static json_t *build_percent(const struct option *option)
{
    uint32_t percent = field_u32(option);

    return percent == 0 ? json_null() : json_value_count(percent);
}

static json_t *build_networks(const struct option *option)
{
    const struct config_listener *listener = option->base;
    char text[NETWORK_TEXT_BYTES];
    json_t *array = json_value_array();
    size_t i;

    for (i = 0; i < listener->n_trusted; i++) {
        network_write(&listener->trusted[i], text);
        json_value_append(array, json_value_text(text));
    }
    return array;
}

static json_t *build_keys(const struct option *option)
{
    const struct config_http_route *route = option->base;
    json_t *array = json_value_array();
    size_t i;

    for (i = 0; i < route->n_keys; i++) {
        json_value_append(array, json_value_text(route->keys[i].text));
    }
    return array;
}

static json_t *build_key_missing(const struct option *option)
{
    return json_value_text(field_u32(option) == CONFIG_KEY_MISSING_RANDOM ? "random" : "error");
}

static json_t *build_host_sent(const struct option *option)
{
    return json_value_text(field_u32(option) == CONFIG_HOST_KEEP ? "keep" : "replica");
}

static json_t *(*const builders[])(const struct option *option) = {
    [PARAM_NUMBER] = build_number,
    [PARAM_SIZE] = build_size,
    [PARAM_DURATION] = build_duration,
    [PARAM_WORKERS] = build_number,
    [PARAM_FLAG] = build_flag,
    [PARAM_MODE] = build_mode,
    [PARAM_LEVEL] = build_level,
    [PARAM_FORMAT] = build_format,
    [PARAM_ACCESS] = build_access,
    [PARAM_PARTIAL] = build_partial,
    [PARAM_PROTOCOL] = build_protocol,
    [PARAM_PRESET] = build_preset,
    [PARAM_ALGORITHM] = build_algorithm,
    [PARAM_HASH] = build_hash,
    [PARAM_POINTS] = build_points,
    [PARAM_HASH_TAG] = build_hash_tag,
    [PARAM_FILE] = build_string,
    [PARAM_ADMIN] = build_address,
    [PARAM_BIND] = build_address,
    [PARAM_REPLICAS] = build_replicas,
    [PARAM_POOL_NAME] = build_string,
    [PARAM_SHARD_NAME] = build_string,
    [PARAM_POOL_NAME_OF] = build_pool_name,
    [PARAM_SHARD_DOWN] = build_shard_down,
    [PARAM_PREFIX] = build_string,
    [PARAM_IDLE] = build_idle,
    [PARAM_PERCENT] = build_percent,
    [PARAM_NETWORKS] = build_networks,
    [PARAM_PATH_PREFIX] = build_string,
    [PARAM_HOST_NAME] = build_string,
    [PARAM_METHOD] = build_string,
    [PARAM_KEYS] = build_keys,
    [PARAM_KEY_MISSING] = build_key_missing,
    [PARAM_HOST_SENT] = build_host_sent,
};
_Static_assert(sizeof builders / sizeof *builders == PARAM_N_KINDS, "a function for each kind");

/* --- Objects --- */

/* The object in [object] called as the first [len] bytes of [key], made if it is not there. */
static json_t *descend(json_t *object, const char *key, size_t len)
{
    char name[KEY_MAX];
    json_t *child;

    (void)snprintf(name, sizeof name, "%.*s", (int)len, key);
    child = json_object_get(object, name);
    if (child == NULL) {
        child = json_value_object();
        json_value_put(object, name, child);
    }
    return child;
}

/* Put [value] at a path like `timeouts.connect`. */
static void put_at(json_t *object, const char *path, json_t *value)
{
    const char *dot;

    while ((dot = strchr(path, '.')) != NULL) {
        object = descend(object, path, (size_t)(dot - path));
        path = dot + 1;
    }
    json_value_put(object, path, value);
}

/* One element, such as a pool. */
struct element {
    const struct config *config;
    const void *base; /* the struct of its scope */
    enum config_protocol protocol;
};

/* All options of [element], which is one of [scope], that are for its protocol. */
static json_t *build_scope(const struct element *element, enum param_scope scope)
{
    json_t *object = json_value_object();
    size_t i;

    for (i = 0; i < params_n; i++) {
        struct option option = {element->config, element->base, &params_table[i]};

        if (option.param->scope == scope && params_is_for(option.param, element->protocol)) {
            put_at(object, option.param->key, builders[option.param->kind](&option));
        }
    }
    return object;
}

static json_t *build_pool(const struct config *config, const struct config_pool *pool)
{
    const struct element element = {config, pool, pool->protocol};
    json_t *object = build_scope(&element, PARAM_SCOPE_POOL);
    json_t *shards = json_value_array();
    size_t i;

    for (i = 0; i < pool->n_shards; i++) {
        const struct element shard = {config, &pool->shards[i], pool->protocol};

        json_value_append(shards, build_scope(&shard, PARAM_SCOPE_SHARD));
    }
    json_value_put(object, "shards", shards);
    return object;
}

static json_t *build_routes(const struct config *config, const struct config_listener *listener)
{
    json_t *routes = json_value_array();
    size_t i;

    for (i = 0; i < listener->n_routes; i++) {
        const struct element route = {config, &listener->routes[i], listener->protocol};

        json_value_append(routes, build_scope(&route, PARAM_SCOPE_ROUTE));
    }
    return routes;
}

/* The route that the option pool makes is not among those of the file. */
static json_t *build_http_routes(const struct config *config,
                                 const struct config_listener *listener)
{
    size_t n = listener->n_http_routes - (listener->pool < config->n_pools ? 1 : 0);
    json_t *routes = json_value_array();
    size_t i;

    for (i = 0; i < n; i++) {
        const struct element route = {config, &listener->http_routes[i], listener->protocol};

        json_value_append(routes, build_scope(&route, PARAM_SCOPE_HTTP_ROUTE));
    }
    return routes;
}

static json_t *build_listener(const struct config *config, const struct config_listener *listener)
{
    const struct element element = {config, listener, listener->protocol};
    json_t *object = build_scope(&element, PARAM_SCOPE_LISTENER);
    json_t *routes = listener->protocol == CONFIG_HTTP ? build_http_routes(config, listener)
                                                       : build_routes(config, listener);

    if (json_array_size(routes) == 0) {
        json_decref(routes);
        return object;
    }
    json_value_put(object, "routes", routes);
    return object;
}

void config_json_write(const struct config *config, struct body *out)
{
    const struct element element = {config, config, CONFIG_MEMCACHED};
    json_t *root = build_scope(&element, PARAM_SCOPE_ROOT);
    json_t *pools = json_value_array(), *listeners = json_value_array();
    size_t i;

    for (i = 0; i < config->n_pools; i++) {
        json_value_append(pools, build_pool(config, &config->pools[i]));
    }
    for (i = 0; i < config->n_listeners; i++) {
        json_value_append(listeners, build_listener(config, &config->listeners[i]));
    }
    json_value_put(root, "pools", pools);
    json_value_put(root, "listeners", listeners);
    json_value_write(root, out);
}
