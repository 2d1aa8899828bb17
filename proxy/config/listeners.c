/*
 * Listeners and their routes.
 */
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/key_template.h"
#include "config/params.h"
#include "config/reader.h"

#define NO_POOL UINT32_MAX

static void check_prefixes(struct reader *reader, const struct tree_node *list,
                           const struct config_listener *listener)
{
    struct unique_item *items = xcalloc(listener->n_routes, sizeof(*items));

    size_t i = 0;
    for (const struct tree_node *map = list->first; map != NULL; map = map->next, i++) {
        const struct tree_node *prefix = tree_get(map, "prefix");
        items[i].text = listener->routes[i].prefix;
        items[i].node = prefix != NULL ? prefix : map;
    }
    reader_check_unique(reader, items, listener->n_routes, "each prefix once");
    free(items);
}

static void read_routes(struct reader *reader, const struct tree_node *list,
                        struct config_listener *listener)
{
    listener->routes = xcalloc(list->n_children, sizeof(*listener->routes));
    listener->n_routes = list->n_children;
    size_t i = 0;
    for (const struct tree_node *node = list->first; node != NULL; node = node->next, i++) {
        if (reader_expect_map(reader, node, "a map of prefix, pool")) {
            params_read(reader, PARAM_SCOPE_ROUTE, node, &listener->routes[i], &listener->protocol);
        }
    }
    check_prefixes(reader, list, listener);
}

static void read_http_routes(struct reader *reader, const struct tree_node *list,
                             struct config_listener *listener)
{
    listener->http_routes = xcalloc(list->n_children, sizeof(*listener->http_routes));
    listener->n_http_routes = list->n_children;
    size_t i = 0;
    for (const struct tree_node *node = list->first; node != NULL; node = node->next, i++) {
        if (reader_expect_map(reader, node, "a map of match, key, pool and other options")) {
            params_read(reader, PARAM_SCOPE_HTTP_ROUTE, node, &listener->http_routes[i],
                        &listener->protocol);
        }
    }
}

static bool is_set(const struct tree_node *map, const char *key)
{
    const struct tree_node *node = tree_get(map, key);
    return node != NULL && node->kind != TREE_NULL;
}

static void read_listener(struct reader *reader, const struct tree_node *map,
                          struct config_listener *listener)
{
    listener->pool = NO_POOL;
    params_read(reader, PARAM_SCOPE_LISTENER, map, listener, &listener->protocol);
    if (listener->protocol == PARAMS_PROTOCOL_UNKNOWN) {
        return;
    }
    bool is_http = listener->protocol == CONFIG_HTTP;
    if (!is_set(map, "routes")) {
        if (is_http && !is_set(map, "pool")) {
            problems_add(reader->problems, map, "routes", "a list of routes, or the option pool",
                         "nothing");
        }
        return;
    }
    const struct tree_node *list = reader_get_list(
        reader, map, "routes", is_http ? READER_MAX_HTTP_ROUTES : READER_MAX_ROUTES, "routes");
    if (list == NULL) {
        return;
    }
    if (is_http) {
        read_http_routes(reader, list, listener);
    } else {
        read_routes(reader, list, listener);
    }
}

/* Two sockets cannot have one address, unless the system chooses the port. */
static const char *bound_text(const struct config_address *address)
{
    bool is_chosen = address->kind == CONFIG_ADDRESS_TCP && address->port == 0;
    return is_chosen ? NULL : address->text;
}

static void check_binds(struct reader *reader, const struct tree_node *list)
{
    const struct config *config = reader->config;
    struct unique_item *items = xcalloc(config->n_listeners + 1, sizeof(*items));
    const struct tree_node *admin = tree_get(tree_get(reader->root, "admin"), "bind");
    const struct tree_node admin_default = {.origin = "the default of admin.bind"};
    size_t n = 0;

    if (config->has_admin) {
        items[n].text = bound_text(&config->admin);
        items[n++].node = admin != NULL ? admin : &admin_default;
    }
    size_t i = 0;
    for (const struct tree_node *map = list->first; map != NULL; map = map->next, i++) {
        const struct tree_node *bind = tree_get(map, "bind");
        items[n].text = bound_text(&config->listeners[i].bind);
        items[n++].node = bind != NULL ? bind : map;
    }
    reader_check_unique(reader, items, n, "an address that no other listener and not admin has");
    free(items);
}

void listeners_read(struct reader *reader)
{
    struct config *config = reader->config;
    const struct tree_node *list =
        reader_get_list(reader, reader->root, "listeners", READER_MAX_LISTENERS, "listeners");

    if (list == NULL) {
        return;
    }
    config->listeners = xcalloc(list->n_children, sizeof(*config->listeners));
    config->n_listeners = list->n_children;
    size_t i = 0;
    for (const struct tree_node *node = list->first; node != NULL; node = node->next, i++) {
        if (reader_expect_map(reader, node, "a map of bind, mode, protocol, pool, routes")) {
            read_listener(reader, node, &config->listeners[i]);
        }
    }
    check_binds(reader, list);
}

static int compare_routes(const void *left, const void *right)
{
    const struct config_route *a = left;
    const struct config_route *b = right;
    size_t len_a = strlen(a->prefix);
    size_t len_b = strlen(b->prefix);

    if (len_a != len_b) {
        return len_a > len_b ? -1 : 1;
    }
    return strcmp(a->prefix, b->prefix);
}

/* The option pool of an HTTP listener is a route that takes everything. */
static void add_last_route(struct config_listener *listener)
{
    char wrong[KEY_TEMPLATE_WRONG_BYTES];
    struct config_http_route route = {.pool = listener->pool, .n_keys = 1};

    route.keys = xcalloc(1, sizeof(*route.keys));
    if (key_template_parse(&route.keys[0], "{uri}", wrong) != 0) {
        abort();
    }
    listener->http_routes =
        xrealloc(listener->http_routes, (listener->n_http_routes + 1) * sizeof(route));
    listener->http_routes[listener->n_http_routes++] = route;
}

static bool uses_fragment(const struct config_http_route *route)
{
    for (size_t i = 0; i < route->n_keys; i++) {
        if (key_template_uses(&route->keys[i], CONFIG_KEY_FRAGMENT)) {
            return true;
        }
    }
    return false;
}

static void complete_http(struct config_listener *listener)
{
    if (listener->pool != NO_POOL) {
        add_last_route(listener);
    }
    for (size_t i = 0; i < listener->n_http_routes; i++) {
        listener->uses_fragment |= uses_fragment(&listener->http_routes[i]);
    }
}

void listeners_complete_routes(struct config *config)
{
    for (size_t i = 0; i < config->n_listeners; i++) {
        struct config_listener *listener = &config->listeners[i];
        if (listener->n_routes > 0) {
            qsort(listener->routes, listener->n_routes, sizeof(*listener->routes), compare_routes);
        }
        if (listener->protocol == CONFIG_HTTP) {
            complete_http(listener);
        }
    }
}
