#include "config/problems.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/memory.h"
#include "config/text.h"

#define PATH_BYTES 512u

struct problem {
    int line, column; /* INT_MAX: not in the file */
    size_t order;     /* in which they were found */
    char *text;
};

void problems_init(struct problem_list *list, const char *file)
{
    *list = (struct problem_list){.file = file};
}

/* Takes [where] and [found]. */
static void problems_push(struct problem_list *list, struct problem at, char *where, char *found,
                          const char *accepted)
{
    if (list->n_items < PROBLEMS_MAX) {
        if (list->items == NULL) {
            list->items = xcalloc(PROBLEMS_MAX, sizeof(*list->items));
        }
        at.order = list->n_items;
        at.text = text_format("%s: found %s; accepted: %s", where, found, accepted);
        list->items[list->n_items++] = at;
    } else {
        list->n_more++;
    }
    free(where);
    free(found);
}

void problems_add(struct problem_list *list, const struct tree_node *node, const char *child,
                  const char *accepted, const char *found, ...)
{
    va_list arguments;
    va_start(arguments, found);
    char *what = text_format_list(found, arguments);
    va_end(arguments);

    if (node->origin != NULL) {
        struct problem at = {.line = INT_MAX};
        problems_push(list, at, xstrdup(node->origin), what, accepted);
        return;
    }
    char path[PATH_BYTES];
    struct problem at = {.line = node->line, .column = node->column};
    tree_path(node, child, path, sizeof(path));
    char *where = text_format("%s:%d: %s", list->file, node->line, path);
    problems_push(list, at, where, what, accepted);
}

void problems_add_at(struct problem_list *list, int line, const char *path, const char *accepted,
                     const char *found, ...)
{
    va_list arguments;
    va_start(arguments, found);
    char *what = text_format_list(found, arguments);
    va_end(arguments);

    struct problem at = {.line = line};
    char *where = text_format("%s:%d: %s", list->file, line, path);
    problems_push(list, at, where, what, accepted);
}

void problems_add_origin(struct problem_list *list, const char *origin, const char *accepted,
                         const char *found, ...)
{
    va_list arguments;
    va_start(arguments, found);
    char *what = text_format_list(found, arguments);
    va_end(arguments);

    struct problem at = {.line = INT_MAX};
    problems_push(list, at, xstrdup(origin), what, accepted);
}

static int compare_problems(const void *left, const void *right)
{
    const struct problem *a = left;
    const struct problem *b = right;

    if (a->line != b->line) {
        return a->line < b->line ? -1 : 1;
    }
    if (a->column != b->column) {
        return a->column < b->column ? -1 : 1;
    }
    return a->order < b->order ? -1 : a->order > b->order;
}

void problems_finish(struct problem_list *list, struct config_problems *out)
{
    *out = (struct config_problems){0};
    if (list->n_items > 0) {
        out->lines = xcalloc(list->n_items + 1, sizeof(*out->lines));
        qsort(list->items, list->n_items, sizeof(*list->items), compare_problems);
    }
    for (size_t i = 0; i < list->n_items; i++) {
        out->lines[out->n_lines++] = list->items[i].text;
    }
    if (list->n_more > 0) {
        out->lines[out->n_lines++] =
            text_format("%s: found %zu more problems; accepted: none", list->file, list->n_more);
    }
    free(list->items);
    problems_init(list, list->file);
}
