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
    PARAM_SCOPE_ROOT,      /* struct config */
    PARAM_SCOPE_POOL,      /* struct config_pool */
    PARAM_SCOPE_SHARD,     /* struct config_shard */
    PARAM_SCOPE_LISTENER,  /* struct config_listener */
    PARAM_SCOPE_ROUTE,     /* struct config_route */
    PARAM_SCOPE_HTTP_ROUTE /* struct config_http_route; the paths of both kinds begin alike */
};

enum param_protocol { PARAM_PROTOCOL_ANY, PARAM_PROTOCOL_MEMCACHED, PARAM_PROTOCOL_HTTP };

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
    X(PREFIX)                                                                                      \
    X(IDLE)                                                                                        \
    X(PERCENT)                                                                                     \
    X(NETWORKS)                                                                                    \
    X(PATH_PREFIX)                                                                                 \
    X(HOST_NAME)                                                                                   \
    X(METHOD)                                                                                      \
    X(KEYS)                                                                                        \
    X(KEY_MISSING)                                                                                 \
    X(HOST_SENT)

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
    enum param_protocol protocol; /* what it is for */
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

/** Is [param] for elements that speak [protocol]? */
bool params_is_for(const struct param *param, enum config_protocol protocol);

/** What an element speaks whose option protocol has no value that is known. Nothing else is said. */
#define PARAMS_PROTOCOL_UNKNOWN ((enum config_protocol)2)

/**
 * Read all options of one scope.
 *
 * [map]      The element; not NULL, a map. Keys that are no option are problems, and so are options
 *            of another protocol.
 * [base]     The struct of the scope, zeroed. Receives values and defaults.
 * [protocol] Where it stands what the element speaks, perhaps in [base]: looked at once the options
 *            for any protocol are read. Lives as long as the configuration. NULL if the scope has no
 *            others.
 */
void params_read(struct reader *reader, enum param_scope scope, const struct tree_node *map,
                 void *base, const enum config_protocol *protocol);

/** The option's value below [map], or NULL when it is not set. */
struct tree_node *params_find(const struct param *param, const struct tree_node *map);

/** What a value of [param] may be, in words. */
void params_accepted(const struct param *param, char out[PARAM_ACCEPTED_BYTES]);

/** What one element of a list of [param] may be, if its values are lists: REPLICAS, NETWORKS, KEYS. */
void params_element_accepted(const struct param *param, char out[PARAM_ACCEPTED_BYTES]);

#endif
