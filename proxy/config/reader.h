/*
 * The state of one reading: from a tree to a struct config.
 */
#ifndef RINGWAY_CONFIG_READER_H
#define RINGWAY_CONFIG_READER_H

#include "config/config.h"
#include "config/problems.h"
#include "config/tree.h"

/* Bounds on the lists of a file. */
#define READER_MAX_POOLS       1024u
#define READER_MAX_LISTENERS   256u
#define READER_MAX_ROUTES      65536u
#define READER_MAX_REPLICAS    64u
#define READER_MAX_HTTP_ROUTES 1024u /* they are tried one after the other */
#define READER_MAX_KEYS        16u
#define READER_MAX_NETWORKS    1024u

/* A pool was named; which one it is shows when all are read. */
struct reference {
    const struct tree_node *node;         /* the name */
    uint32_t *pool;                       /* receives the index */
    const enum config_protocol *protocol; /* what the pool has to speak; NULL: anything */
    const char *accepted;                 /* what else may stand there: "error, next or " */
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

/** Remember [reference]; what it points to has to stay where it is. */
void reader_add_reference(struct reader *reader, const struct reference *reference);

/** Fill in all references. Names of pools that do not exist, and pools that speak something else than
 * those who refer to them, are problems. */
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

/** Once references are resolved: put the routes in order and complete them. */
void listeners_complete_routes(struct config *config);

#endif
