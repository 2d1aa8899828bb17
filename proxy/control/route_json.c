#include "control/route_json.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "control/json_value.h"
#include "control/pools_json.h"
#include "topology/http_explain.h"
#include "wire/http1.h"

/* Longest value of a parameter, decoded; a whole request head is shorter. */
#define VALUE_MAX 8192u

/* Most header arguments of one query. */
#define HEADERS_MAX 64u

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

/* Where [hash] lives: hash, shard and replicas. */
static void put_home(json_t *root, const struct control_view *view, struct view_place at,
                     uint64_t hash)
{
    const struct topology_pool *pool = &view->topology->pools[at.pool];
    char hex[32];

    (void)snprintf(hex, sizeof hex, "%0*llx", (int)hashring_hash_bits(pool->ring) / 4,
                   (unsigned long long)hash);
    json_value_put(root, "hash", json_value_text(hex));
    json_value_put(root, "shard", json_value_text(view_shard(view, at)->name));
    json_value_put(root, "replicas", build_replicas(view, at));
}

/* ---- a key of a pool ----------------------------------------------------------------------- */

static void write_key(const struct control_view *view, uint32_t pool, struct slice key,
                      struct body *out)
{
    const struct topology_pool *topology_pool = &view->topology->pools[pool];
    uint64_t hash = hashring_hash(topology_pool->ring, key.data, key.len);
    struct view_place at = {.pool = pool, .shard = hashring_home(topology_pool->ring, hash)};
    json_t *root = json_value_object();

    json_value_put(root, "pool", json_value_text(topology_pool->config->name));
    json_value_put(root, "key", json_value_slice(key));
    put_home(root, view, at, hash);
    json_value_put(root, "why", json_value_text("home"));
    json_value_write(root, out);
}

static int answer_key(const struct control_view *view, struct slice query, struct body *out)
{
    uint8_t key_buffer[VALUE_MAX], pool_buffer[VALUE_MAX];
    struct slice key, name;
    int pool = 0;

    if (find_value(query, "key", key_buffer, &key) != PARAMETER_FOUND || key.len == 0) {
        return answer_error(out, 400,
                            "key is missing or malformed; accepted: key and pool, or url, "
                            "percent-encoded");
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
    write_key(view, (uint32_t)pool, key, out);
    return 200;
}

/* ---- a request ----------------------------------------------------------------------------- */

/* The arguments that describe a request; decoded in place of [memory]. */
struct description {
    struct http_explain_query query;
    struct slice headers[HEADERS_MAX];
    uint8_t *memory; /* as long as the query that is read; [used] of it are */
    size_t used;
};

/* Where the value of an argument called [name] goes; NULL if there is no such argument, or no room
 * for one more. */
static struct slice *find_slot(struct description *description, struct slice name)
{
    struct http_explain_query *query = &description->query;

    if (slice_is(name, "url")) {
        return &query->url;
    }
    if (slice_is(name, "method")) {
        return &query->method;
    }
    if (slice_is(name, "client")) {
        return &query->client;
    }
    if (slice_is(name, "listener")) {
        return &query->listener;
    }
    if (slice_is(name, "header") && query->n_headers < HEADERS_MAX) {
        return &description->headers[query->n_headers++];
    }
    return NULL;
}

static bool read_argument(struct description *description, struct slice argument)
{
    const uint8_t *equals = memchr(argument.data, '=', argument.len);
    size_t name_len = equals != NULL ? (size_t)(equals - argument.data) : argument.len;
    struct slice *slot = find_slot(description, slice_make(argument.data, name_len));
    uint8_t *value = description->memory + description->used;
    ptrdiff_t len;

    if (slot == NULL || slot->data != NULL || equals == NULL) {
        return false;
    }
    len = http1_percent_decode(slice_skip(argument, name_len + 1), value);
    if (len < 0) {
        return false;
    }
    *slot = slice_make(value, (size_t)len);
    description->used += (size_t)len;
    return true;
}

/* An argument that is not known is an error: it may well be a part of a URL that was not encoded. */
static bool read_arguments(struct description *description, struct slice query)
{
    while (query.len > 0) {
        const uint8_t *end = memchr(query.data, '&', query.len);
        size_t len = end != NULL ? (size_t)(end - query.data) : query.len;

        if (len > 0 && !read_argument(description, slice_make(query.data, len))) {
            return false;
        }
        query = slice_skip(query, end != NULL ? len + 1 : len);
    }
    return true;
}

static json_t *text_or_null(const char *text)
{
    return text != NULL ? json_value_text(text) : json_null();
}

static json_t *build_route(const struct http_explain *explain)
{
    const struct config_http_route *route = explain->route;
    json_t *root, *match;

    if (route == NULL) {
        return json_null();
    }
    root = json_value_object();
    match = json_value_object();
    json_value_put(match, "path_prefix", text_or_null(route->path_prefix));
    json_value_put(match, "host", text_or_null(route->host));
    json_value_put(match, "method", text_or_null(route->method));
    json_value_put(root, "number", json_value_count(explain->route_number));
    json_value_put(root, "match", match);
    return root;
}

static void write_request(const struct control_view *view, const struct http_explain *explain,
                          struct body *out)
{
    struct view_place at = {.pool = explain->pool_index, .shard = explain->shard};
    bool is_home = explain->result == HTTP_EXPLAIN_HOME;
    char reason[HTTP_EXPLAIN_PROBLEM_BYTES];
    json_t *root = json_value_object();

    http_explain_reason(explain, reason);
    json_value_put(root, "listener", json_value_text(explain->listener->bind.text));
    json_value_put(root, "route", build_route(explain));
    json_value_put(root, "pool",
                   text_or_null(explain->pool != NULL ? explain->pool->config->name : NULL));
    json_value_put(root, "key", is_home ? json_value_slice(explain->key) : json_null());
    json_value_put(root, "key_template", text_or_null(is_home ? explain->template->text : NULL));
    json_value_put(root, "reason", json_value_text(reason));
    if (is_home) {
        put_home(root, view, at, explain->hash);
    } else {
        json_value_put(root, "hash", json_null());
        json_value_put(root, "shard", json_null());
        json_value_put(root, "replicas", json_value_array());
    }
    json_value_write(root, out);
}

static int answer_request(const struct control_view *view, struct slice query, struct body *out)
{
    struct description description = {.memory = xmalloc(query.len)};
    char problem[HTTP_EXPLAIN_PROBLEM_BYTES];
    struct http_explain explain;
    int status = 200;

    description.query.headers = description.headers;
    if (!read_arguments(&description, query)) {
        status = answer_error(out, 400,
                              "accepted with url: method, header (up to 64), client and listener, "
                              "percent-encoded, each but header once");
    } else if (http_explain(&explain, view->topology, &description.query, problem) != 0) {
        status = answer_error(out, 400, problem);
    } else {
        write_request(view, &explain, out);
        http_explain_deinit(&explain);
    }
    free(description.memory);
    return status;
}

int route_json_write(const struct control_view *view, struct slice query, struct body *out)
{
    struct slice url;

    return http1_query_find(query, slice_of("url"), &url) ? answer_request(view, query, out)
                                                          : answer_key(view, query, out);
}
