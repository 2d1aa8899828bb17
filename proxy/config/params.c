#include "config/params.h"

#include <stdio.h>
#include <string.h>

#include "config/words.h"

#define KIB   (UINT64_C(1) << 10)
#define MIB   (UINT64_C(1) << 20)
#define GIB   (UINT64_C(1) << 30)
#define HOURS UINT64_C(3600000000)

#define PREFIX_ROOT     ""
#define PREFIX_POOL     "pools[]."
#define PREFIX_SHARD    "pools[].shards[]."
#define PREFIX_LISTENER "listeners[]."
#define PREFIX_ROUTE    "listeners[].routes[]."

#define STRUCT_ROOT     struct config
#define STRUCT_POOL     struct config_pool
#define STRUCT_SHARD    struct config_shard
#define STRUCT_LISTENER struct config_listener
#define STRUCT_ROUTE    struct config_route

#define ENTRY(in, relative, how, required, field, low, high, text, meaning)                        \
    {.path = PREFIX_##in relative,                                                                 \
     .key = relative,                                                                              \
     .scope = PARAM_SCOPE_##in,                                                                    \
     .kind = PARAM_##how,                                                                          \
     .is_required = (required),                                                                    \
     .offset = offsetof(STRUCT_##in, field),                                                       \
     .min = (low),                                                                                 \
     .max = (high),                                                                                \
     .value = (text),                                                                              \
     .help = meaning},
#define PARAM(in, key, how, field, low, high, text, meaning)                                       \
    ENTRY(in, key, how, false, field, low, high, text, meaning)
#define REQUIRED(in, key, how, field, low, high, text, meaning)                                    \
    ENTRY(in, key, how, true, field, low, high, text, meaning)

const struct param params_table[] = {
#include "config/params.def"
};
const size_t params_n = sizeof(params_table) / sizeof(params_table[0]);

const char *params_prefix(enum param_scope scope)
{
    static const char *const prefixes[] = {
        [PARAM_SCOPE_ROOT] = PREFIX_ROOT,   [PARAM_SCOPE_POOL] = PREFIX_POOL,
        [PARAM_SCOPE_SHARD] = PREFIX_SHARD, [PARAM_SCOPE_LISTENER] = PREFIX_LISTENER,
        [PARAM_SCOPE_ROUTE] = PREFIX_ROUTE,
    };
    return prefixes[scope];
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

/* The keys that may follow [prefix], each once, in the order of the table. */
static void collect_keys(const char *prefix, struct words *words)
{
    size_t prefix_len = strlen(prefix);

    for (size_t i = 0; i < params_n; i++) {
        const char *path = params_table[i].path;
        if (strncmp(path, prefix, prefix_len) == 0) {
            words_add(words, path + prefix_len, strcspn(path + prefix_len, ".["));
        }
    }
}

static void reject_key(struct reader *reader, const struct tree_node *node, const char *prefix)
{
    struct words words = {0};
    collect_keys(prefix, &words);
    const char *nearest = words_nearest(&words, node->key);

    if (nearest != NULL) {
        problems_add(reader->problems, node, NULL, words_text(&words),
                     "an unknown key (did you mean %s?)", nearest);
    } else {
        problems_add(reader->problems, node, NULL, words_text(&words), "an unknown key");
    }
    words_deinit(&words);
}

static void reject_no_map(struct reader *reader, const struct tree_node *node, const char *prefix)
{
    char found[TREE_TEXT_BYTES];
    char accepted[PARAM_ACCEPTED_BYTES];
    struct words words = {0};

    collect_keys(prefix, &words);
    tree_describe(node, found, sizeof(found));
    /* The one map with a short form. */
    bool is_admin = strcmp(prefix, "admin.") == 0;
    snprintf(accepted, sizeof(accepted), "%sa map of %s", is_admin ? "off, or " : "",
             words_text(&words));
    problems_add(reader->problems, node, NULL, accepted, "%s", found);
    words_deinit(&words);
}

/* Lists are left to those who read their elements. The recursion ends with the table's paths. */
static void check_keys(struct reader *reader, const struct tree_node *map, const char *prefix)
{
    char below[256];

    for (const struct tree_node *child = map->first; child != NULL; child = child->next) {
        switch (strpbrk(child->key, ".[") == NULL ? key_meaning(prefix, child->key) : KEY_UNKNOWN) {
        case KEY_UNKNOWN:
            reject_key(reader, child, prefix);
            break;
        case KEY_MAP:
            snprintf(below, sizeof(below), "%s%s.", prefix, child->key);
            if (child->kind == TREE_MAP) {
                check_keys(reader, child, below);
            } else if (child->kind != TREE_NULL) {
                reject_no_map(reader, child, below);
            }
            break;
        case KEY_VALUE:
        case KEY_LIST:
            break;
        }
    }
}

/* --- Values --- */

static void read_default(struct reader *reader, const struct param *param, void *base)
{
    struct tree_node node = {.kind = TREE_SCALAR, .text = param->value, .origin = param->path};

    if (strcmp(param->value, "~") != 0 && !param_kind_keeps_default(param->kind)) {
        param_kind_read(reader, param, &node, base);
    }
}

static void read_param(struct reader *reader, const struct param *param,
                       const struct tree_node *map, void *base)
{
    char accepted[PARAM_ACCEPTED_BYTES];
    const struct tree_node *node = params_find(param, map);

    if (node != NULL && (node->kind != TREE_NULL || param_kind_takes_null(param->kind))) {
        param_kind_read(reader, param, node, base);
    } else if (!param->is_required) {
        read_default(reader, param, base);
    } else {
        params_accepted(param, accepted);
        problems_add(reader->problems, node != NULL ? node : map, node != NULL ? NULL : param->key,
                     accepted, "nothing");
    }
}

void params_read(struct reader *reader, enum param_scope scope, const struct tree_node *map,
                 void *base)
{
    check_keys(reader, map, params_prefix(scope));
    for (size_t i = 0; i < params_n; i++) {
        if (params_table[i].scope == scope) {
            read_param(reader, &params_table[i], map, base);
        }
    }
}
