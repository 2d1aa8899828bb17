#include "config/overrides.h"

#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/params.h"
#include "config/text.h"
#include "config/words.h"

#define PREFIX         "RINGWAY_"
#define ACCEPTED_NAMES "RINGWAY_ and the path of an option, as in RINGWAY_ADMIN_BIND"

/* Where the value of a variable goes: an option of one element. */
struct target {
    const struct param *param;
    struct tree_node *map;
};

/* One variable and what its name may mean. */
struct search {
    const struct param *param;
    struct target first;
    size_t n_targets;
};

struct override {
    struct target target;
    const char *origin, *value;
};

/* --- Names --- */

/* How a character of a path stands in the name of a variable. */
static char variable_character(char in_path)
{
    unsigned char byte = (unsigned char)in_path;
    return (char)(isalnum(byte) ? toupper(byte) : '_');
}

/* If [variable] begins with the [len] bytes of [text] in upper case: what follows, else NULL. */
static const char *skip_name(const char *variable, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (variable[i] != variable_character(text[i])) {
            return NULL;
        }
    }
    return variable + len;
}

static void match(struct search *search, const char *variable, const char *path,
                  struct tree_node *scope, struct tree_node *node);

static void match_elements(struct search *search, const char *variable, const char *path,
                           const struct tree_node *list)
{
    for (struct tree_node *element = list->first; element != NULL; element = element->next) {
        char index[24];
        const char *name = tree_get_text(element, "name");
        if (name == NULL || name[0] == '\0') {
            snprintf(index, sizeof(index), "%zu", element->index);
            name = index;
        }
        const char *rest = skip_name(variable, name, strlen(name));
        if (rest != NULL && rest[0] == '_') {
            match(search, rest + 1, path, element, element);
        }
    }
}

/*
 * Follow [path] with [variable] from [node] down. [scope] is the innermost element on the way. The
 * recursion ends with the path, which is one of the table.
 */
static void match(struct search *search, const char *variable, const char *path,
                  struct tree_node *scope, struct tree_node *node)
{
    size_t len = strcspn(path, ".[");
    const char *rest = skip_name(variable, path, len);

    if (rest == NULL) {
        return;
    }
    if (path[len] == '\0') {
        if (rest[0] == '\0') {
            search->first = (struct target){search->param, scope};
            search->n_targets++;
        }
        return;
    }
    if (rest[0] != '_') {
        return;
    }
    if (path[len] == '.') {
        match(search, rest + 1, path + len + 1, scope, node);
        return;
    }
    char key[64];
    snprintf(key, sizeof(key), "%.*s", (int)len, path);
    const struct tree_node *list = tree_get(scope, key);
    if (list != NULL && list->kind == TREE_LIST) {
        match_elements(search, rest + 1, path + len + strlen("[]."), list);
    }
}

/* An option that differs by protocol is in the table once for each; it still is one option. */
static bool is_repeated(size_t param)
{
    for (size_t i = 0; i < param; i++) {
        if (strcmp(params_table[i].path, params_table[param].path) == 0) {
            return true;
        }
    }
    return false;
}

static struct search find_targets(const struct tree *tree, const char *variable)
{
    struct search search = {0};

    for (size_t i = 0; i < params_n; i++) {
        if (is_repeated(i)) {
            continue;
        }
        search.param = &params_table[i];
        match(&search, variable, params_table[i].path, tree->root, tree->root);
    }
    return search;
}

/* --- Variables that are none of ours --- */

/* Kubernetes tells every container where the Services of its namespace are. */
static bool is_service_link(const char *name)
{
    static const char pattern[] = "(^|_)(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]*)?|PORT|"
                                  "PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$";
    regex_t regex;

    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0) {
        abort();
    }
    bool matches = regexec(&regex, name, 0, NULL, 0) == 0;
    regfree(&regex);
    return matches;
}

/* The test runner tells the programs that it starts where it is. */
static bool is_test_runner(const char *name)
{
    return strcmp(name, "BUILD_DIR") == 0 || strcmp(name, "SOURCE_DIR") == 0 ||
           strncmp(name, "TEST_", strlen("TEST_")) == 0;
}

static void add_root_names(struct words *words)
{
    for (size_t i = 0; i < params_n; i++) {
        char name[128];
        size_t len = 0;
        if (params_table[i].scope != PARAM_SCOPE_ROOT) {
            continue;
        }
        for (const char *at = params_table[i].path; *at != '\0'; at++) {
            name[len++] = variable_character(*at);
        }
        words_add(words, name, len);
    }
}

static void reject_variable(struct problem_list *problems, const char *origin, const char *name)
{
    struct words words = {0};
    add_root_names(&words);
    const char *nearest = words_nearest(&words, name);

    if (nearest != NULL) {
        problems_add_origin(problems, origin, ACCEPTED_NAMES,
                            "an unknown variable (did you mean " PREFIX "%s?)", nearest);
    } else {
        problems_add_origin(problems, origin, ACCEPTED_NAMES, "an unknown variable");
    }
    words_deinit(&words);
}

/* --- Values --- */

/* The map at [key] of [map]; made when there is none. NULL when something else is there. */
static struct tree_node *descend(struct tree *tree, struct tree_node *map, const char *key,
                                 const struct tree_node *like)
{
    struct tree_node *child = tree_get(map, key);

    if (child == NULL) {
        child = tree_new(tree, TREE_MAP, like);
        tree_append(map, child, tree_copy(tree, key, strlen(key)));
    } else if (child->kind == TREE_NULL) {
        tree_become(child, TREE_MAP);
    }
    return child->kind == TREE_MAP ? child : NULL;
}

static bool is_nothing(const char *value)
{
    return strcmp(value, "~") == 0 || strcmp(value, "null") == 0;
}

void overrides_set(struct tree *tree, struct tree_node *map, const char *key, const char *value,
                   const char *origin)
{
    struct tree_node like = {.origin = origin};
    char segment[64];

    for (const char *dot = strchr(key, '.'); dot != NULL && map != NULL; dot = strchr(key, '.')) {
        snprintf(segment, sizeof(segment), "%.*s", (int)(dot - key), key);
        map = descend(tree, map, segment, &like);
        key = dot + 1;
    }
    if (map == NULL) {
        return; /* what stands in the way is reported when it is read */
    }
    struct tree_node *node = tree_get(map, key);
    if (node == NULL) {
        node = tree_new(tree, TREE_SCALAR, NULL);
        tree_append(map, node, tree_copy(tree, key, strlen(key)));
    }
    tree_become(node, is_nothing(value) ? TREE_NULL : TREE_SCALAR);
    node->origin = origin;
    node->is_reported = false;
    node->text = tree_copy(tree, value, strlen(value));
}

/* [variable] is "NAME=value" without RINGWAY_. Returns false when there is nothing to set. */
static bool read_variable(struct tree *tree, const char *variable, struct problem_list *problems,
                          struct override *out)
{
    const char *value = strchr(variable, '=');

    if (value == NULL) {
        return false;
    }
    char *text = text_format("environment: " PREFIX "%.*s", (int)(value - variable), variable);
    out->origin = tree_copy(tree, text, strlen(text));
    out->value = value + 1;
    free(text);

    const char *name = out->origin + strlen("environment: " PREFIX);
    struct search search = find_targets(tree, name);
    out->target = search.first;
    if (search.n_targets == 0 && !is_service_link(name) && !is_test_runner(name)) {
        reject_variable(problems, out->origin, name);
    } else if (search.n_targets > 1) {
        problems_add_origin(problems, out->origin, "a variable that means one option",
                            "a variable that could mean %zu options", search.n_targets);
    }
    return search.n_targets == 1;
}

void overrides_apply(struct tree *tree, char *const *environment, struct problem_list *problems)
{
    struct override *overrides = NULL;
    size_t n = 0;

    for (; environment != NULL && *environment != NULL; environment++) {
        struct override override;
        if (strncmp(*environment, PREFIX, strlen(PREFIX)) == 0 &&
            read_variable(tree, *environment + strlen(PREFIX), problems, &override)) {
            overrides = xrealloc(overrides, (n + 1) * sizeof(*overrides));
            overrides[n++] = override;
        }
    }
    /* Only now, because a variable may change a name that the others go by. */
    for (size_t i = 0; i < n; i++) {
        const struct target *target = &overrides[i].target;
        overrides_set(tree, target->map, target->param->key, overrides[i].value,
                      overrides[i].origin);
    }
    free(overrides);
}
