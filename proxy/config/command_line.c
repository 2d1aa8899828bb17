#include "config/command_line.h"

#include <stdlib.h>
#include <string.h>

#include "config/overrides.h"
#include "config/text.h"

/* What --listen may begin with, and what the option protocol calls it. */
static const struct {
    const char *scheme, *protocol;
} schemes[] = {{"memcached://", "memcached"}, {"http://", "http"}};

#define N_SCHEMES (sizeof(schemes) / sizeof(schemes[0]))

static struct tree_node node_like(struct tree *tree, const char *option, const char *text)
{
    char shown[TREE_TEXT_BYTES];
    tree_quote(text, shown, sizeof(shown));
    char *origin = text_format("command line: %s %s", option, shown);
    struct tree_node like = {.origin = tree_copy(tree, origin, strlen(origin))};
    free(origin);
    return like;
}

/* The index of the scheme of [text], or N_SCHEMES. */
static size_t find_scheme(const char *text)
{
    size_t i = 0;

    while (i < N_SCHEMES && strncmp(text, schemes[i].scheme, strlen(schemes[i].scheme)) != 0) {
        i++;
    }
    return i;
}

static void add_listener(struct tree *tree, struct tree_node *list, const char *text,
                         struct problem_list *problems)
{
    struct tree_node like = node_like(tree, "--listen", text);
    size_t scheme = find_scheme(text);

    if (scheme == N_SCHEMES) {
        problems_add_origin(problems, like.origin, "memcached://ADDRESS or http://ADDRESS",
                            "no protocol that is known");
        return;
    }
    const char *address = text + strlen(schemes[scheme].scheme);
    char *bind = text_format("%s%s", address[0] == '/' ? "unix:" : "", address);
    struct tree_node *map = tree_new(tree, TREE_MAP, &like);
    tree_append(map, tree_new_scalar(tree, bind, &like), "bind");
    tree_append(map, tree_new_scalar(tree, schemes[scheme].protocol, &like), "protocol");
    tree_append(map, tree_new_scalar(tree, COMMAND_LINE_POOL, &like), "pool");
    tree_append(list, map, NULL);
    free(bind);
}

/* All shards are in one pool, which speaks what the first --listen does. */
static void set_pool_protocol(struct tree *tree, struct tree_node *pool,
                              const struct tree_node *listeners, struct problem_list *problems)
{
    const char *first = NULL;

    for (const struct tree_node *map = listeners->first; map != NULL; map = map->next) {
        const char *protocol = tree_get_text(map, "protocol");
        if (first == NULL) {
            first = protocol;
            tree_append(pool, tree_new_scalar(tree, protocol, map), "protocol");
        } else if (strcmp(protocol, first) != 0) {
            problems_add_origin(problems, map->origin,
                                "one protocol for all --listen, because they share their shards; "
                                "or -c FILE with a pool for each",
                                "%s beside %s", protocol, first);
        }
    }
}

/* NAME=ADDRESS[,ADDRESS…], or one ADDRESS, which then is the name too. */
static void add_shard(struct tree *tree, struct tree_node *list, const char *text)
{
    struct tree_node like = node_like(tree, "--shard", text);
    struct tree_node *map = tree_new(tree, TREE_MAP, &like);
    const char *equals = strchr(text, '=');

    if (equals == NULL) {
        tree_append(map, tree_new_scalar(tree, text, &like), "name");
    } else {
        char *name = text_copy(text, (size_t)(equals - text));
        tree_append(map, tree_new_scalar(tree, name, &like), "name");
        tree_append(map, tree_new_scalar(tree, equals + 1, &like), "replicas");
        free(name);
    }
    tree_append(list, map, NULL);
}

void command_line_build(struct tree *tree, const struct config_source *source,
                        struct problem_list *problems)
{
    static const char accepted[] = "-c FILE, or one or more --listen and --shard";
    struct tree_node like = {.origin = "command line"};

    tree->root = tree_new(tree, TREE_MAP, &like);
    struct tree_node *pool = tree_new(tree, TREE_MAP, &like);
    struct tree_node *pools = tree_new(tree, TREE_LIST, &like);
    struct tree_node *shards = tree_new(tree, TREE_LIST, &like);
    struct tree_node *listeners = tree_new(tree, TREE_LIST, &like);

    tree_append(pool, tree_new_scalar(tree, COMMAND_LINE_POOL, &like), "name");
    tree_append(pool, shards, "shards");
    tree_append(pools, pool, NULL);
    for (size_t i = 0; i < source->n_shards; i++) {
        add_shard(tree, shards, source->shards[i]);
    }
    for (size_t i = 0; i < source->n_listen; i++) {
        add_listener(tree, listeners, source->listen[i], problems);
    }
    set_pool_protocol(tree, pool, listeners, problems);
    if (source->n_shards == 0) {
        problems_add_origin(problems, "command line", accepted, "no --shard");
    } else {
        tree_append(tree->root, pools, "pools");
    }
    if (source->n_listen == 0) {
        problems_add_origin(problems, "command line", accepted, "no --listen");
    } else {
        tree_append(tree->root, listeners, "listeners");
    }
}

void command_line_set_admin(struct tree *tree, const struct config_source *source)
{
    if (source->admin != NULL) {
        struct tree_node like = node_like(tree, "--admin", source->admin);
        overrides_set(tree, tree->root, "admin.bind", source->admin, like.origin);
    }
}
