/*
 * From a source to a struct config: text to a tree; variables into the tree; the tree to the
 * struct. Each step reports all that it finds, and a step is left out only when the one before it
 * left nothing to work on.
 */
#include "config/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "config/address.h"
#include "config/command_line.h"
#include "config/environment.h"
#include "config/key_template.h"
#include "config/overrides.h"
#include "config/params.h"
#include "config/problems.h"
#include "config/reader.h"
#include "config/text.h"
#include "config/yaml_tree.h"

#define DIRECTORY_FILE        "ringway.yaml"
#define DEFAULT_KEEP_ALIVE_US UINT64_C(60000000) /* of timeouts.idle for HTTP */

/* --- Short forms --- */

/* "admin: off" and "admin:" mean admin.bind: off. */
static void spell_out_admin(struct tree *tree)
{
    struct tree_node *admin = tree_get(tree->root, "admin");
    bool is_off = admin != NULL && admin->kind == TREE_NULL;

    if (admin != NULL && admin->kind == TREE_SCALAR && !admin->quoted) {
        is_off = strcmp(admin->text, "off") == 0 || strcmp(admin->text, "false") == 0 ||
                 strcmp(admin->text, "no") == 0;
    }
    if (is_off) {
        tree_become(admin, TREE_MAP);
        tree_append(admin, tree_new_scalar(tree, "off", admin), "bind");
    }
}

/* {"user:": users} means [{prefix: "user:", pool: users}]. */
static void spell_out_routes(struct tree *tree, struct tree_node *routes)
{
    if (routes == NULL || routes->kind != TREE_MAP) {
        return;
    }
    struct tree_node *child = routes->first;
    tree_become(routes, TREE_LIST);
    while (child != NULL) {
        struct tree_node *next = child->next;
        struct tree_node *map = tree_new(tree, TREE_MAP, child);
        tree_append(map, tree_new_scalar(tree, child->key, child), "prefix");
        tree_append(map, child, "pool");
        tree_append(routes, map, NULL);
        child = next;
    }
}

static void spell_out(struct tree *tree)
{
    const struct tree_node *listeners = tree_get(tree->root, "listeners");

    spell_out_admin(tree);
    if (listeners != NULL && listeners->kind == TREE_LIST) {
        for (struct tree_node *node = listeners->first; node != NULL; node = node->next) {
            const char *protocol = tree_get_text(node, "protocol");
            if (protocol == NULL || strcmp(protocol, "http") != 0) {
                spell_out_routes(tree, tree_get(node, "routes"));
            }
        }
    }
}

/* --- Tree to struct --- */

static struct config *read_tree(const struct tree *tree, struct problem_list *problems)
{
    struct config *config = xcalloc(1, sizeof(*config));
    struct reader reader = {.config = config, .problems = problems, .root = tree->root};

    config->keep_alive_us = DEFAULT_KEEP_ALIVE_US;
    params_read(&reader, PARAM_SCOPE_ROOT, tree->root, config, NULL);
    pools_read(&reader);
    listeners_read(&reader);
    reader_resolve(&reader);
    pools_check_gutters(&reader);
    free(reader.references);
    if (problems->n_items > 0) {
        config_destroy(&config);
    } else {
        listeners_complete_routes(config);
    }
    return config;
}

/* The tree has its root. Takes over: [tree] and [list] are done with afterwards. */
static int finish(struct config **out, struct tree *tree, const struct config_source *source,
                  struct problem_list *list, struct config_problems *problems)
{
    spell_out(tree);
    overrides_apply(tree, source->environment, list);
    command_line_set_admin(tree, source);
    *out = read_tree(tree, list);
    tree_deinit(tree);
    problems_finish(list, problems);
    return problems->n_lines > 0 ? -1 : 0;
}

static int give_up(struct tree *tree, struct problem_list *list, struct config_problems *problems)
{
    tree_deinit(tree);
    problems_finish(list, problems);
    return -1;
}

static int parse_text(struct config **out, const char *name, const char *text, size_t len,
                      const struct config_source *source, struct config_problems *problems)
{
    struct tree tree;
    struct problem_list list;

    tree_init(&tree);
    problems_init(&list, name);
    if (yaml_tree_read(&tree, text, len, &list) != 0) {
        return give_up(&tree, &list, problems);
    }
    if (tree.root->kind != TREE_MAP) {
        problems_add(&list, tree.root, NULL, "a map of options, as in ringway.yaml(5)", "%s",
                     tree.root->kind == TREE_LIST ? "a list" : "a single value");
        return give_up(&tree, &list, problems);
    }
    environment_expand(&tree, source->environment, &list);
    return finish(out, &tree, source, &list, problems);
}

int config_parse(struct config **out, const char *name, const void *text, size_t len,
                 char *const *environment, struct config_problems *problems)
{
    const struct config_source source = {.environment = environment};

    *out = NULL;
    return parse_text(out, name, text, len, &source, problems);
}

/* --- Files --- */

static int report_file(const char *path, const char *reason, struct config_problems *problems)
{
    struct problem_list list;
    char *origin = text_format("%s: file", path);

    problems_init(&list, path);
    problems_add_origin(&list, origin, "a YAML file, or a directory with " DIRECTORY_FILE, "%s",
                        reason);
    problems_finish(&list, problems);
    free(origin);
    return -1;
}

static char *resolve_path(const char *path)
{
    struct stat status;

    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode)) {
        bool has_slash = path[strlen(path) - 1] == '/';
        return text_format("%s%s" DIRECTORY_FILE, path, has_slash ? "" : "/");
    }
    return xstrdup(path);
}

/* Reads one byte more than is allowed, so that the parser sees that it is too much. */
static int read_file(const char *path, char **out, size_t *out_len)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return -errno;
    }
    size_t capacity = YAML_TREE_MAX_BYTES + 1;
    char *text = xcalloc(capacity, 1);
    size_t len = fread(text, 1, capacity, file);
    int error = ferror(file) ? errno : 0;
    fclose(file);
    if (error != 0) {
        free(text);
        return -error;
    }
    *out = text;
    *out_len = len;
    return 0;
}

static int load_file(struct config **out, const struct config_source *source,
                     struct config_problems *problems)
{
    char *text = NULL;
    size_t len = 0;
    char *path = resolve_path(source->path);
    int result = read_file(path, &text, &len);

    if (result != 0) {
        result = report_file(path, strerror(-result), problems);
    } else {
        result = parse_text(out, path, text, len, source, problems);
    }
    free(text);
    free(path);
    return result;
}

static int load_command_line(struct config **out, const struct config_source *source,
                             struct config_problems *problems)
{
    struct tree tree;
    struct problem_list list;

    tree_init(&tree);
    problems_init(&list, "command line");
    command_line_build(&tree, source, &list);
    if (list.n_items > 0) {
        return give_up(&tree, &list, problems);
    }
    return finish(out, &tree, source, &list, problems);
}

int config_load(struct config **out, const struct config_source *source,
                struct config_problems *problems)
{
    *out = NULL;
    *problems = (struct config_problems){0};
    return source->path != NULL ? load_file(out, source, problems)
                                : load_command_line(out, source, problems);
}

void config_problems_deinit(struct config_problems *problems)
{
    for (size_t i = 0; i < problems->n_lines; i++) {
        free(problems->lines[i]);
    }
    free(problems->lines);
    *problems = (struct config_problems){0};
}

/* --- The struct --- */

static void deinit_pool(struct config_pool *pool)
{
    for (size_t i = 0; i < pool->n_shards; i++) {
        struct config_shard *shard = &pool->shards[i];
        for (size_t k = 0; k < shard->n_replicas; k++) {
            address_deinit(&shard->replicas[k]);
        }
        free(shard->replicas);
        free(shard->name);
    }
    free(pool->shards);
    free(pool->name);
}

static void deinit_http_route(struct config_http_route *route)
{
    for (size_t i = 0; i < route->n_keys; i++) {
        key_template_deinit(&route->keys[i]);
    }
    free(route->keys);
    free(route->path_prefix);
    free(route->host);
    free(route->method);
}

static void deinit_listener(struct config_listener *listener)
{
    for (size_t i = 0; i < listener->n_routes; i++) {
        free(listener->routes[i].prefix);
    }
    free(listener->routes);
    for (size_t i = 0; i < listener->n_http_routes; i++) {
        deinit_http_route(&listener->http_routes[i]);
    }
    free(listener->http_routes);
    free(listener->trusted);
    address_deinit(&listener->bind);
}

void config_destroy(struct config **config)
{
    struct config *old = *config;

    if (old == NULL) {
        return;
    }
    for (size_t i = 0; i < old->n_pools; i++) {
        deinit_pool(&old->pools[i]);
    }
    for (size_t i = 0; i < old->n_listeners; i++) {
        deinit_listener(&old->listeners[i]);
    }
    free(old->pools);
    free(old->listeners);
    free(old->log.file);
    address_deinit(&old->admin);
    free(old);
    *config = NULL;
}

int config_find_pool(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->n_pools; i++) {
        if (config->pools[i].name != NULL && strcmp(config->pools[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}
