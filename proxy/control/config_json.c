#include "control/config_json.h"

#include <stdio.h>
#include <string.h>

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

static json_t *build_text(const char *text)
{
    return text == NULL ? json_null() : json_value_text(text);
}

static json_t *build_field_text(const struct option *option)
{
    const char *text;

    memcpy(&text, field_of(option), sizeof text);
    return build_text(text);
}

static json_t *build_duration(uint64_t us)
{
    char text[UNITS_TEXT_BYTES];

    units_write_duration(us, text);
    return json_value_text(text);
}

static json_t *build_size(uint64_t bytes)
{
    char text[UNITS_TEXT_BYTES];

    units_write_size(bytes, text);
    return json_value_text(text);
}

static json_t *build_mode(uint32_t mode)
{
    char text[8];

    (void)snprintf(text, sizeof text, "%04o", (unsigned)(mode & 07777u));
    return json_value_text(text);
}

static json_t *build_level(uint32_t level)
{
    static const char *const words[] = {[CONFIG_LOG_DEBUG] = "debug",
                                        [CONFIG_LOG_INFO] = "info",
                                        [CONFIG_LOG_WARN] = "warn",
                                        [CONFIG_LOG_ERROR] = "error"};

    return json_value_text(words[level]);
}

static json_t *build_access(const struct config_log *log)
{
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

static json_t *build_protocol(uint32_t protocol)
{
    static const char *const words[] = {[CONFIG_MEMCACHED] = "memcached"};

    return json_value_text(words[protocol]);
}

static json_t *build_shard_down(const struct config *config, const struct config_pool *pool)
{
    switch (pool->on_shard_down) {
    case CONFIG_DOWN_ERROR:
        return json_value_text("error");
    case CONFIG_DOWN_NEXT:
        return json_value_text("next");
    case CONFIG_DOWN_POOL:
        break;
    }
    return json_value_text(config->pools[pool->down_pool].name);
}

static json_t *build_hash_tag(const struct hashring_options *ring)
{
    return ring->has_hash_tag ? json_value_slice(slice_make(ring->hash_tag, sizeof ring->hash_tag))
                              : json_null();
}

static json_t *build_replicas(const struct config_shard *shard)
{
    json_t *array = json_value_array();
    size_t i;

    for (i = 0; i < shard->n_replicas; i++) {
        json_value_append(array, json_value_text(shard->replicas[i].text));
    }
    return array;
}

/* Zero points stand for the algorithm's default, which the file says by saying nothing. */
static json_t *build_points(uint32_t points)
{
    return points == 0 ? json_null() : json_value_count(points);
}

static json_t *build_flag(const struct option *option)
{
    bool flag;

    memcpy(&flag, field_of(option), sizeof flag);
    return json_value_bool(flag);
}

static json_t *build_partial(uint32_t partial)
{
    return json_value_text(partial == CONFIG_PARTIAL_MISS ? "miss" : "error");
}

static json_t *build_format(uint32_t format)
{
    return json_value_text(format == CONFIG_LOG_TEXT ? "text" : "json");
}

static json_t *build_value(const struct option *option)
{
    const struct config *config = option->config;

    switch (option->param->kind) {
    case PARAM_NUMBER:
    case PARAM_WORKERS:
        return json_value_count(field_u32(option));
    case PARAM_SIZE:
        return build_size(field_u64(option));
    case PARAM_DURATION:
        return build_duration(field_u64(option));
    case PARAM_FLAG:
        return build_flag(option);
    case PARAM_MODE:
        return build_mode(field_u32(option));
    case PARAM_LEVEL:
        return build_level(field_u32(option));
    case PARAM_FORMAT:
        return build_format(field_u32(option));
    case PARAM_ACCESS:
        return build_access(&config->log);
    case PARAM_PARTIAL:
        return build_partial(field_u32(option));
    case PARAM_PROTOCOL:
        return build_protocol(field_u32(option));
    case PARAM_PRESET:
        return build_text(
            hashring_preset_name(((const struct config_pool *)option->base)->ring.preset));
    case PARAM_ALGORITHM:
        return build_text(
            hashring_algorithm_name(((const struct config_pool *)option->base)->ring.algorithm));
    case PARAM_HASH:
        return build_text(
            hashring_hash_kind_name(((const struct config_pool *)option->base)->ring.hash));
    case PARAM_POINTS:
        return build_points(field_u32(option));
    case PARAM_HASH_TAG:
        return build_hash_tag(&((const struct config_pool *)option->base)->ring);
    case PARAM_FILE:
    case PARAM_POOL_NAME:
    case PARAM_SHARD_NAME:
    case PARAM_PREFIX:
        return build_field_text(option);
    case PARAM_ADMIN:
    case PARAM_BIND:
        return build_text(((const struct config_address *)field_of(option))->text);
    case PARAM_REPLICAS:
        return build_replicas(option->base);
    case PARAM_POOL_NAME_OF:
        return json_value_text(config->pools[field_u32(option)].name);
    case PARAM_SHARD_DOWN:
        return build_shard_down(config, option->base);
    case PARAM_N_KINDS:
        break;
    }
    return json_null();
}

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

/* All options of one element of [scope]. */
static json_t *build_scope(const struct config *config, enum param_scope scope, const void *base)
{
    json_t *object = json_value_object();
    size_t i;

    for (i = 0; i < params_n; i++) {
        struct option option = {config, base, &params_table[i]};

        if (option.param->scope == scope) {
            put_at(object, option.param->key, build_value(&option));
        }
    }
    return object;
}

static json_t *build_pool(const struct config *config, const struct config_pool *pool)
{
    json_t *object = build_scope(config, PARAM_SCOPE_POOL, pool);
    json_t *shards = json_value_array();
    size_t i;

    for (i = 0; i < pool->n_shards; i++) {
        json_value_append(shards, build_scope(config, PARAM_SCOPE_SHARD, &pool->shards[i]));
    }
    json_value_put(object, "shards", shards);
    return object;
}

static json_t *build_listener(const struct config *config, const struct config_listener *listener)
{
    json_t *object = build_scope(config, PARAM_SCOPE_LISTENER, listener);
    json_t *routes;
    size_t i;

    if (listener->n_routes == 0) {
        return object;
    }
    routes = json_value_array();
    for (i = 0; i < listener->n_routes; i++) {
        json_value_append(routes, build_scope(config, PARAM_SCOPE_ROUTE, &listener->routes[i]));
    }
    json_value_put(object, "routes", routes);
    return object;
}

void config_json_write(const struct config *config, struct body *out)
{
    json_t *root = build_scope(config, PARAM_SCOPE_ROOT, config);
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
