#include "config/params.h"

#include <stdio.h>
#include <string.h>

#include "config/param_value.h"
#include "config/words.h"

#define KIB   (UINT64_C(1) << 10)
#define MIB   (UINT64_C(1) << 20)
#define GIB   (UINT64_C(1) << 30)
#define HOURS UINT64_C(3600000000)

#define PREFIX_ROOT       ""
#define PREFIX_POOL       "pools[]."
#define PREFIX_SHARD      "pools[].shards[]."
#define PREFIX_LISTENER   "listeners[]."
#define PREFIX_ROUTE      "listeners[].routes[]."
#define PREFIX_HTTP_ROUTE PREFIX_ROUTE

#define STRUCT_ROOT       struct config
#define STRUCT_POOL       struct config_pool
#define STRUCT_SHARD      struct config_shard
#define STRUCT_LISTENER   struct config_listener
#define STRUCT_ROUTE      struct config_route
#define STRUCT_HTTP_ROUTE struct config_http_route

#define ENTRY(speaks, in, relative, how, required, value_field, low, high, text, meaning)          \
    {.path = PREFIX_##in relative,                                                                 \
     .key = relative,                                                                              \
     .scope = PARAM_SCOPE_##in,                                                                    \
     .protocol = PARAM_PROTOCOL_##speaks,                                                          \
     .kind = PARAM_##how,                                                                          \
     .is_required = (required),                                                                    \
     .offset = offsetof(STRUCT_##in, value_field),                                                 \
     .min = (low),                                                                                 \
     .max = (high),                                                                                \
     .value = (text),                                                                              \
     .help = meaning},
#define PARAM(in, key, how, field, low, high, text, meaning)                                       \
    ENTRY(ANY, in, key, how, false, field, low, high, text, meaning)
#define REQUIRED(in, key, how, field, low, high, text, meaning)                                    \
    ENTRY(ANY, in, key, how, true, field, low, high, text, meaning)
#define PARAM_FOR(speaks, in, key, how, field, low, high, text, meaning)                           \
    ENTRY(speaks, in, key, how, false, field, low, high, text, meaning)
#define REQUIRED_FOR(speaks, in, key, how, field, low, high, text, meaning)                        \
    ENTRY(speaks, in, key, how, true, field, low, high, text, meaning)

const struct param params_table[] = {
#include "config/params.def"
};
const size_t params_n = sizeof(params_table) / sizeof(params_table[0]);

const char *params_prefix(enum param_scope scope)
{
    static const char *const prefixes[] = {
        [PARAM_SCOPE_ROOT] = PREFIX_ROOT,   [PARAM_SCOPE_POOL] = PREFIX_POOL,
        [PARAM_SCOPE_SHARD] = PREFIX_SHARD, [PARAM_SCOPE_LISTENER] = PREFIX_LISTENER,
        [PARAM_SCOPE_ROUTE] = PREFIX_ROUTE, [PARAM_SCOPE_HTTP_ROUTE] = PREFIX_HTTP_ROUTE,
    };
    return prefixes[scope];
}

bool params_is_for(const struct param *param, enum config_protocol protocol)
{
    switch (param->protocol) {
    case PARAM_PROTOCOL_ANY:
        return true;
    case PARAM_PROTOCOL_MEMCACHED:
        return protocol == CONFIG_MEMCACHED;
    case PARAM_PROTOCOL_HTTP:
        return protocol == CONFIG_HTTP;
    }
    return false;
}

struct tree_node *params_find(const struct param *param, const struct tree_node *map)
{
    char segment[64];
    const char *at = param->key;
    const struct tree_node *node = map;

    for (const char *dot = strchr(at, '.'); dot != NULL; dot = strchr(at, '.')) {
        snprintf(segment, sizeof(segment), "%.*s", (int)(dot - at), at);
        node = tree_get(node, segment);
        at = dot + 1;
    }
    return tree_get(node, at);
}

/* --- Keys --- */

/* Whose keys are looked at: the map of an element, or one in it. */
struct place {
    struct reader *reader;
    const enum config_protocol *protocol; /* as in params_read() */
    const char *prefix;                   /* the path down to here, with its dot */
};

/* What the key of a map leads to. */
enum key_meaning { KEY_UNKNOWN, KEY_VALUE, KEY_MAP, KEY_LIST };

static enum key_meaning key_meaning(const char *prefix, const char *key)
{
    size_t prefix_len = strlen(prefix);
    size_t key_len = strlen(key);

    for (size_t i = 0; i < params_n; i++) {
        const char *path = params_table[i].path;
        if (strncmp(path, prefix, prefix_len) != 0 ||
            strncmp(path + prefix_len, key, key_len) != 0) {
            continue;
        }
        const char *rest = path + prefix_len + key_len;
        if (rest[0] == '\0') {
            return KEY_VALUE;
        }
        if (rest[0] == '.') {
            return KEY_MAP;
        }
        if (rest[0] == '[') {
            return KEY_LIST;
        }
    }
    return KEY_UNKNOWN;
}

static bool is_known(const enum config_protocol *protocol)
{
    return protocol != NULL && *protocol != PARAMS_PROTOCOL_UNKNOWN;
}

/* The keys that may follow [place], each once, in the order of the table. */
static void collect_keys(const struct place *place, struct words *words)
{
    size_t prefix_len = strlen(place->prefix);

    for (size_t i = 0; i < params_n; i++) {
        const char *path = params_table[i].path;
        if (is_known(place->protocol) && !params_is_for(&params_table[i], *place->protocol)) {
            continue;
        }
        if (strncmp(path, place->prefix, prefix_len) == 0) {
            words_add(words, path + prefix_len, strcspn(path + prefix_len, ".["));
        }
    }
}

static void reject_key(const struct place *place, const struct tree_node *node)
{
    struct words words = {0};
    collect_keys(place, &words);
    const char *nearest = words_nearest(&words, node->key);

    if (nearest != NULL) {
        problems_add(place->reader->problems, node, NULL, words_text(&words),
                     "an unknown key (did you mean %s?)", nearest);
    } else {
        problems_add(place->reader->problems, node, NULL, words_text(&words), "an unknown key");
    }
    words_deinit(&words);
}

static void reject_no_map(const struct place *place, const struct tree_node *node)
{
    char found[TREE_TEXT_BYTES];
    char accepted[PARAM_ACCEPTED_BYTES];
    struct words words = {0};

    collect_keys(place, &words);
    tree_describe(node, found, sizeof(found));
    /* The one map with a short form. */
    bool is_admin = strcmp(place->prefix, "admin.") == 0;
    snprintf(accepted, sizeof(accepted), "%sa map of %s", is_admin ? "off, or " : "",
             words_text(&words));
    problems_add(place->reader->problems, node, NULL, accepted, "%s", found);
    words_deinit(&words);
}

/* Lists are left to those who read their elements. The recursion ends with the table's paths. */
static void check_keys(const struct place *place, const struct tree_node *map)
{
    char prefix[256];
    struct place below = {place->reader, place->protocol, prefix};

    for (const struct tree_node *child = map->first; child != NULL; child = child->next) {
        switch (strpbrk(child->key, ".[") == NULL ? key_meaning(place->prefix, child->key)
                                                  : KEY_UNKNOWN) {
        case KEY_UNKNOWN:
            reject_key(place, child);
            break;
        case KEY_MAP:
            snprintf(prefix, sizeof(prefix), "%s%s.", place->prefix, child->key);
            if (child->kind == TREE_MAP) {
                check_keys(&below, child);
            } else if (child->kind != TREE_NULL) {
                reject_no_map(&below, child);
            }
            break;
        case KEY_VALUE:
        case KEY_LIST:
            break;
        }
    }
}

/* --- Options of another protocol --- */

/* Does the option at the path of [foreign] mean something to elements that speak [protocol]? */
static bool has_other_meaning(const struct param *foreign, enum config_protocol protocol)
{
    for (size_t i = 0; i < params_n; i++) {
        if (params_is_for(&params_table[i], protocol) &&
            strcmp(params_table[i].path, foreign->path) == 0) {
            return true;
        }
    }
    return false;
}

static void check_foreign(const struct place *place, const struct tree_node *map)
{
    char found[TREE_TEXT_BYTES];

    for (size_t i = 0; i < params_n; i++) {
        const struct param *param = &params_table[i];
        if (params_is_for(param, *place->protocol) ||
            strcmp(params_prefix(param->scope), place->prefix) != 0 ||
            has_other_meaning(param, *place->protocol)) {
            continue;
        }
        const struct tree_node *node = params_find(param, map);
        if (node != NULL && node->kind != TREE_NULL) {
            tree_describe(node, found, sizeof(found));
            problems_add(place->reader->problems, node, NULL,
                         param->protocol == PARAM_PROTOCOL_HTTP
                             ? "nothing, it is only for protocol: http"
                             : "nothing, it is only for protocol: memcached",
                         "%s", found);
        }
    }
}

/* --- Values --- */

static void read_default(struct param_value *value)
{
    const struct param *param = value->param;
    struct tree_node node = {.kind = TREE_SCALAR, .text = param->value, .origin = param->path};

    if (strcmp(param->value, "~") != 0 && !param_kind_keeps_default(param->kind)) {
        value->node = &node;
        param_kind_read(value);
    }
}

/* [value] lacks its node, which stands below [map]. */
static void read_param(struct param_value *value, const struct tree_node *map)
{
    char accepted[PARAM_ACCEPTED_BYTES];
    const struct param *param = value->param;
    const struct tree_node *node = params_find(param, map);

    if (node != NULL && (node->kind != TREE_NULL || param_kind_takes_null(param->kind))) {
        value->node = node;
        param_kind_read(value);
    } else if (!param->is_required) {
        read_default(value);
    } else {
        params_accepted(param, accepted);
        problems_add(value->reader->problems, node != NULL ? node : map,
                     node != NULL ? NULL : param->key, accepted, "nothing");
    }
}

void params_read(struct reader *reader, enum param_scope scope, const struct tree_node *map,
                 void *base, const enum config_protocol *protocol)
{
    const struct place place = {reader, protocol, params_prefix(scope)};
    struct param_value value = {.reader = reader, .base = base, .protocol = protocol};

    for (size_t i = 0; i < params_n; i++) {
        value.param = &params_table[i];
        if (value.param->scope == scope && value.param->protocol == PARAM_PROTOCOL_ANY) {
            read_param(&value, map);
        }
    }
    check_keys(&place, map);
    if (!is_known(protocol)) {
        return;
    }
    check_foreign(&place, map);
    for (size_t i = 0; i < params_n; i++) {
        value.param = &params_table[i];
        if (value.param->scope == scope && value.param->protocol != PARAM_PROTOCOL_ANY &&
            params_is_for(value.param, *protocol)) {
            read_param(&value, map);
        }
    }
}
