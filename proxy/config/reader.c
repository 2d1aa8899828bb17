#include "config/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "config/params.h"
#include "config/text.h"

#define MAX_NAMES_SHOWN 10u

static int compare_items(const void *left, const void *right)
{
    const struct unique_item *a = left;
    const struct unique_item *b = right;
    int order = strcmp(a->text, b->text);

    return order != 0 ? order : a->order < b->order ? -1 : a->order > b->order;
}

static void report_duplicate(struct reader *reader, const struct unique_item *first,
                             const struct unique_item *again, const char *accepted)
{
    char found[TREE_TEXT_BYTES];
    char line[32];

    tree_quote(again->text, found, sizeof(found));
    snprintf(line, sizeof(line), "line %d", first->node->line);
    problems_add(reader->problems, again->node, NULL, accepted, "%s a second time (first in %s)",
                 found, first->node->origin != NULL ? first->node->origin : line);
}

void reader_check_unique(struct reader *reader, struct unique_item *items, size_t n_items,
                         const char *accepted)
{
    size_t n = 0;

    for (size_t i = 0; i < n_items; i++) {
        if (items[i].text != NULL) {
            items[n] = items[i];
            items[n].order = n;
            n++;
        }
    }
    qsort(items, n, sizeof(*items), compare_items);
    for (size_t i = 1, first = 0; i < n; i++) {
        if (strcmp(items[first].text, items[i].text) == 0) {
            report_duplicate(reader, &items[first], &items[i], accepted);
        } else {
            first = i;
        }
    }
}

const struct tree_node *reader_get_list(struct reader *reader, const struct tree_node *map,
                                        const char *key, size_t max, const char *what)
{
    char found[TREE_TEXT_BYTES];
    char accepted[128];
    const struct tree_node *list = tree_get(map, key);

    snprintf(accepted, sizeof(accepted), "a list of 1..%zu %s", max, what);
    if (list == NULL) {
        problems_add(reader->problems, map, key, accepted, "nothing");
        return NULL;
    }
    if (list->kind != TREE_LIST) {
        tree_describe(list, found, sizeof(found));
        problems_add(reader->problems, list, NULL, accepted, "%s", found);
        return NULL;
    }
    if (list->n_children == 0 || list->n_children > max) {
        problems_add(reader->problems, list, NULL, accepted, "a list of %zu", list->n_children);
        return NULL;
    }
    return list;
}

bool reader_expect_map(struct reader *reader, const struct tree_node *node, const char *accepted)
{
    char found[TREE_TEXT_BYTES];

    if (node->kind == TREE_MAP) {
        return true;
    }
    tree_describe(node, found, sizeof(found));
    problems_add(reader->problems, node, NULL, accepted, "%s", found);
    return false;
}

void reader_add_reference(struct reader *reader, const struct reference *reference)
{
    if (reader->n_references == reader->max_references) {
        reader->max_references = reader->max_references * 2 + 16;
        reader->references =
            xrealloc(reader->references, reader->max_references * sizeof(*reader->references));
    }
    reader->references[reader->n_references++] = *reference;
}

/* "the name of a pool (a, b, c)"; the caller frees. */
static char *describe_pools(const struct config *config, const char *before)
{
    char *names = xstrdup("");

    for (size_t i = 0; i < config->n_pools && i <= MAX_NAMES_SHOWN; i++) {
        const char *name = config->pools[i].name;
        if (name == NULL) {
            continue;
        }
        char *longer = text_format("%s%s%s", names, names[0] == '\0' ? "" : ", ",
                                   i < MAX_NAMES_SHOWN ? name : "...");
        free(names);
        names = longer;
    }
    char *text = text_format("%sthe name of a pool%s%s%s", before, names[0] == '\0' ? "" : " (",
                             names, names[0] == '\0' ? "" : ")");
    free(names);
    return text;
}

static bool has_named_pool(const struct config *config)
{
    for (size_t i = 0; i < config->n_pools; i++) {
        if (config->pools[i].name != NULL) {
            return true;
        }
    }
    return false;
}

static void report_missing(struct reader *reader, const struct reference *reference)
{
    char found[TREE_TEXT_BYTES];
    char *accepted = describe_pools(reader->config, reference->accepted);

    tree_quote(reference->node->text, found, sizeof(found));
    problems_add(reader->problems, reference->node, NULL, accepted, "%s", found);
    free(accepted);
}

static void check_protocol(struct reader *reader, const struct reference *reference,
                           const struct config_pool *pool)
{
    static const char *const words[] = {[CONFIG_MEMCACHED] = "memcached", [CONFIG_HTTP] = "http"};
    const unsigned unknown = PARAMS_PROTOCOL_UNKNOWN;
    char found[TREE_TEXT_BYTES];

    if (reference->protocol == NULL || *reference->protocol == unknown ||
        pool->protocol == unknown || *reference->protocol == pool->protocol) {
        return;
    }
    char *accepted = text_format("%sthe name of a pool with protocol: %s", reference->accepted,
                                 words[*reference->protocol]);
    tree_quote(reference->node->text, found, sizeof(found));
    problems_add(reader->problems, reference->node, NULL, accepted, "%s (its protocol is %s)",
                 found, words[pool->protocol]);
    free(accepted);
}

void reader_resolve(struct reader *reader)
{
    if (!has_named_pool(reader->config)) {
        return; /* a problem that is reported already, once and not for each reference */
    }
    for (size_t i = 0; i < reader->n_references; i++) {
        const struct reference *reference = &reader->references[i];
        int pool = config_find_pool(reader->config, reference->node->text);
        if (pool < 0) {
            report_missing(reader, reference);
            continue;
        }
        *reference->pool = (uint32_t)pool;
        check_protocol(reader, reference, &reader->config->pools[pool]);
    }
}
