/*
 * The state of one reading: from a tree to a struct config.
 */
#ifndef RINGWAY_CONFIG_READER_H
#define RINGWAY_CONFIG_READER_H

#include "config/config.h"
#include "config/problems.h"
#include "config/tree.h"

/* Bounds on the lists of a file. */
#define READER_MAX_POOLS     1024u
#define READER_MAX_LISTENERS 256u
#define READER_MAX_ROUTES    65536u
#define READER_MAX_REPLICAS  64u

/* A pool was named; which one it is shows when all are read. */
struct reference {
    const struct tree_node *node; /* the name */
    uint32_t *pool;               /* receives the index */
    const char *accepted;         /* what else may stand there: "error, next or " */
};

struct reader {
    struct config *config;
    struct problem_list *problems;
    const struct tree_node *root; /* a map */
    struct reference *references;
    size_t n_references, max_references;
};

/* Something that has to be different from its like. */
struct unique_item {
    const char *text;
    const struct tree_node *node; /* where it stands */
    size_t order;                 /* in the file */
};

/** Report each of [items] whose text occurred before; sorts them. Items without text are left out. */
void reader_check_unique(struct reader *reader, struct unique_item *items, size_t n_items,
                         const char *accepted);

/**
 * The list [key] of [map], or NULL after a problem when it is not a list of 1 to [max].
 *
 * [what] For the message: "pools".
 */
const struct tree_node *reader_get_list(struct reader *reader, const struct tree_node *map,
                                        const char *key, size_t max, const char *what);

/** Is [node] a map? If not, that is a problem. */
bool reader_expect_map(struct reader *reader, const struct tree_node *node, const char *accepted);

/** Remember that [node] names the pool whose index goes to [pool]. */
void reader_add_reference(struct reader *reader, const struct tree_node *node, uint32_t *pool,
                          const char *accepted);

/** Fill in all references; names of pools that do not exist are problems. */
void reader_resolve(struct reader *reader);

/* --- pools.c --- */

/** Read the list of pools with their shards. */
void pools_read(struct reader *reader);

/** Once references are resolved: no pool may hand its requests round in a circle. */
void pools_check_gutters(struct reader *reader);

/* --- ring.c --- */

/** Check the ring options of [pool], which stand below [map], and its weights; fill in points. */
void ring_complete(struct reader *reader, const struct tree_node *map, struct config_pool *pool);

/* --- listeners.c --- */

/** Read the list of listeners with their routes. */
void listeners_read(struct reader *reader);

/** Once references are resolved: put the routes in order. */
void listeners_sort_routes(struct config *config);

#endif
