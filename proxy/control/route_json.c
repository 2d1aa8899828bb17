#include "control/route_json.h"

#include <stdio.h>

#include "control/json_value.h"
#include "control/pools_json.h"
#include "wire/http1.h"

/* Longest value of a parameter, decoded; a whole request head is shorter. */
#define VALUE_MAX 8192u

static int answer_error(struct body *out, int status, const char *message)
{
    json_t *root = json_value_object();

    json_value_put(root, "error", json_value_text(message));
    json_value_write(root, out);
    return status;
}

enum parameter { PARAMETER_MISSING, PARAMETER_MALFORMED, PARAMETER_FOUND };

/* The decoded value of [name], held in [buffer]. */
static enum parameter find_value(struct slice query, const char *name, uint8_t buffer[VALUE_MAX],
                                 struct slice *out)
{
    struct slice raw;
    ptrdiff_t n;

    if (!http1_query_find(query, slice_of(name), &raw)) {
        return PARAMETER_MISSING;
    }
    n = raw.len > VALUE_MAX ? -1 : http1_percent_decode(raw, buffer);
    if (n < 0) {
        return PARAMETER_MALFORMED;
    }
    *out = slice_make(buffer, (size_t)n);
    return PARAMETER_FOUND;
}

/* Index of the pool, or -1. */
static int find_pool(const struct topology *topology, struct slice name)
{
    uint32_t i;

    for (i = 0; i < topology->n_pools; i++) {
        if (slice_is(name, topology->pools[i].config->name)) {
            return (int)i;
        }
    }
    return -1;
}

static json_t *build_replicas(const struct control_view *view, struct view_place at)
{
    json_t *array = json_value_array();
    size_t n = view_shard(view, at)->n_replicas;

    for (at.replica = 0; at.replica < n; at.replica++) {
        json_value_append(array, pools_json_replica_state(view, at));
    }
    return array;
}

static void write_route(const struct control_view *view, uint32_t pool, struct slice key,
                        struct body *out)
{
    const struct topology_pool *topology_pool = &view->topology->pools[pool];
    uint64_t hash = hashring_hash(topology_pool->ring, key.data, key.len);
    struct view_place at = {.pool = pool, .shard = hashring_home(topology_pool->ring, hash)};
    json_t *root = json_value_object();
    char hex[32];

    (void)snprintf(hex, sizeof hex, "%0*llx", (int)hashring_hash_bits(topology_pool->ring) / 4,
                   (unsigned long long)hash);
    json_value_put(root, "pool", json_value_text(topology_pool->config->name));
    json_value_put(root, "key", json_value_slice(key));
    json_value_put(root, "hash", json_value_text(hex));
    json_value_put(root, "shard", json_value_text(view_shard(view, at)->name));
    json_value_put(root, "why", json_value_text("home"));
    json_value_put(root, "replicas", build_replicas(view, at));
    json_value_write(root, out);
}

int route_json_write(const struct control_view *view, struct slice query, struct body *out)
{
    uint8_t key_buffer[VALUE_MAX], pool_buffer[VALUE_MAX];
    struct slice key, name;
    int pool = 0;

    if (find_value(query, "key", key_buffer, &key) != PARAMETER_FOUND || key.len == 0) {
        return answer_error(out, 400, "key is missing or malformed");
    }
    switch (find_value(query, "pool", pool_buffer, &name)) {
    case PARAMETER_FOUND:
        pool = find_pool(view->topology, name);
        break;
    case PARAMETER_MALFORMED:
        return answer_error(out, 400, "pool is malformed");
    case PARAMETER_MISSING:
        if (view->topology->n_pools != 1) {
            return answer_error(out, 400, "pool is missing");
        }
        break;
    }
    if (pool < 0) {
        return answer_error(out, 404, "no such pool");
    }
    write_route(view, (uint32_t)pool, key, out);
    return 200;
}
