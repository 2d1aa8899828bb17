/*
 * The options of the file as a table (params.def), and the reader that this table makes.
 */
#ifndef RINGWAY_CONFIG_PARAMS_H
#define RINGWAY_CONFIG_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/reader.h"
#include "config/tree.h"

enum param_scope {
    PARAM_SCOPE_ROOT,     /* struct config */
    PARAM_SCOPE_POOL,     /* struct config_pool */
    PARAM_SCOPE_SHARD,    /* struct config_shard */
    PARAM_SCOPE_LISTENER, /* struct config_listener */
    PARAM_SCOPE_ROUTE     /* struct config_route */
};

/* How a value is written. X(KIND) */
#define PARAM_KINDS(X)                                                                             \
    X(NUMBER)                                                                                      \
    X(SIZE)                                                                                        \
    X(DURATION)                                                                                    \
    X(WORKERS)                                                                                     \
    X(FLAG)                                                                                        \
    X(MODE)                                                                                        \
    X(LEVEL)                                                                                       \
    X(FORMAT)                                                                                      \
    X(ACCESS)                                                                                      \
    X(PARTIAL)                                                                                     \
    X(PROTOCOL)                                                                                    \
    X(PRESET)                                                                                      \
    X(ALGORITHM)                                                                                   \
    X(HASH)                                                                                        \
    X(POINTS)                                                                                      \
    X(HASH_TAG)                                                                                    \
    X(FILE)                                                                                        \
    X(ADMIN)                                                                                       \
    X(BIND)                                                                                        \
    X(REPLICAS)                                                                                    \
    X(POOL_NAME)                                                                                   \
    X(SHARD_NAME)                                                                                  \
    X(POOL_NAME_OF)                                                                                \
    X(SHARD_DOWN)                                                                                  \
    X(PREFIX)

enum param_kind {
#define X(kind) PARAM_##kind,
    PARAM_KINDS(X)
#undef X
        PARAM_N_KINDS
};

struct param {
    const char *path; /* "pools[].timeouts.connect" */
    const char *key;  /* the path without what the scope puts before it */
    enum param_scope scope;
    enum param_kind kind;
    bool is_required;
    size_t offset; /* of the field in the scope's struct */
    uint64_t min, max;
    const char *value; /* the default; an example where the option is required */
    const char *help;
};

#define PARAM_ACCEPTED_BYTES 512u

/** The table, in the order of the reference. */
extern const struct param params_table[];
extern const size_t params_n;

/** What stands before the keys of [scope]: "pools[].shards[]." */
const char *params_prefix(enum param_scope scope);

/**
 * Read all options of one scope.
 *
 * [map]  The element; not NULL, a map. Keys that are no option are problems.
 * [base] The struct of the scope, zeroed. Receives values and defaults.
 */
void params_read(struct reader *reader, enum param_scope scope, const struct tree_node *map,
                 void *base);

/** The option's value below [map], or NULL when it is not set. */
struct tree_node *params_find(const struct param *param, const struct tree_node *map);

/** What a value of [param] may be, in words. */
void params_accepted(const struct param *param, char out[PARAM_ACCEPTED_BYTES]);

/* --- For params.c: one kind of value (param_kinds.c) --- */

/** Read the value [node] of [param], which is no null unless the kind takes it, into [base]. */
void param_kind_read(struct reader *reader, const struct param *param, const struct tree_node *node,
                     void *base);

/** Is nothing (~) a value of this kind, other than its default? */
bool param_kind_takes_null(enum param_kind kind);

/** Is the default set by somebody else, because it depends on other options? */
bool param_kind_keeps_default(enum param_kind kind);

#endif
