/*
 * The kinds of value that only HTTP has: text to the field of a struct.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>

#include "base/memory.h"
#include "config/key_template.h"
#include "config/network.h"
#include "config/param_value.h"

/* --- Words --- */

void param_read_key_missing(const struct param_value *value)
{
    static const char *const words[] = {
        [CONFIG_KEY_MISSING_RANDOM] = "random", [CONFIG_KEY_MISSING_ERROR] = "error", NULL};
    param_value_read_word(value, words);
}

void param_read_host_sent(const struct param_value *value)
{
    static const char *const words[] = {
        [CONFIG_HOST_KEEP] = "keep", [CONFIG_HOST_REPLICA] = "replica", NULL};
    param_value_read_word(value, words);
}

/* --- What routes match --- */

/* Of the ASCII characters, those that a path cannot have in a request. */
static bool is_no_path_byte(char character)
{
    unsigned char byte = (unsigned char)character;
    return byte <= 0x20 || byte == 0x7f || byte == '?' || byte == '#';
}

void param_read_path_prefix(const struct param_value *value)
{
    const char *text = value->text;

    if (text[0] != '/' || !param_value_in_range(value, strlen(text))) {
        param_value_reject(value);
        return;
    }
    for (const char *at = text; *at != '\0'; at++) {
        if (is_no_path_byte(*at)) {
            param_value_reject(value);
            return;
        }
    }
    param_value_store_text(value);
}

static bool is_v6_in_brackets(const char *text)
{
    char address[INET6_ADDRSTRLEN];
    struct in6_addr binary;
    size_t len = strlen(text);

    if (len < 3 || text[0] != '[' || text[len - 1] != ']' || len - 2 >= sizeof(address)) {
        return false;
    }
    memcpy(address, text + 1, len - 2);
    address[len - 2] = '\0';
    return inet_pton(AF_INET6, address, &binary) == 1;
}

void param_read_host_name(const struct param_value *value)
{
    static const char characters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    const char *text = value->text;
    bool is_name = text[strspn(text, characters)] == '\0';

    if (!param_value_in_range(value, strlen(text)) || (!is_name && !is_v6_in_brackets(text))) {
        param_value_reject(value);
        return;
    }
    char *lower = xstrdup(text);
    for (char *at = lower; *at != '\0'; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    memcpy(value->field, &lower, sizeof(lower));
}

void param_read_method(const struct param_value *value)
{
    if (!param_value_in_range(value, strlen(value->text)) || !key_template_is_token(value->text)) {
        param_value_reject(value);
        return;
    }
    param_value_store_text(value);
}

/* --- Keys --- */

static void add_key(const struct param_value *value, const struct tree_node *node, const char *text)
{
    char wrong[KEY_TEMPLATE_WRONG_BYTES];
    char found[TREE_TEXT_BYTES];
    char accepted[PARAM_ACCEPTED_BYTES];
    struct config_http_route *route = value->base;
    struct config_key key;

    if (key_template_parse(&key, text, wrong) != 0) {
        tree_quote(text, found, sizeof(found));
        params_element_accepted(value->param, accepted);
        problems_add(value->reader->problems, node, NULL, accepted, "%s (%s)", found, wrong);
        return;
    }
    route->keys = xrealloc(route->keys, (route->n_keys + 1) * sizeof(key));
    route->keys[route->n_keys++] = key;
}

void param_read_keys(const struct param_value *value)
{
    /* A comma in a template is text of the key. */
    if (value->node->kind == TREE_SCALAR) {
        add_key(value, value->node, value->text);
    } else {
        param_value_each(value, READER_MAX_KEYS, "templates", add_key);
    }
}

/* --- Networks --- */

static void add_network(const struct param_value *value, const struct tree_node *node,
                        const char *text)
{
    char found[TREE_TEXT_BYTES];
    struct config_listener *listener = value->base;
    struct config_network network;
    const char *wrong = network_parse(&network, text);

    if (wrong != NULL) {
        tree_quote(text, found, sizeof(found));
        problems_add(value->reader->problems, node, NULL, NETWORK_FORMS, "%s (%s)", found, wrong);
        return;
    }
    listener->trusted = xrealloc(listener->trusted, (listener->n_trusted + 1) * sizeof(network));
    listener->trusted[listener->n_trusted++] = network;
}

void param_read_networks(const struct param_value *value)
{
    param_value_each(value, READER_MAX_NETWORKS, "networks", add_network);
}
