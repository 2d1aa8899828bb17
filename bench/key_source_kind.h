/*
 * What the kinds of key sources share; only for key_source.c and the files of the kinds.
 */
#ifndef RINGWAY_BENCH_KEY_SOURCE_KIND_H
#define RINGWAY_BENCH_KEY_SOURCE_KIND_H

#include "key_source.h"

/* One kind. [state] is what its open function made. */
struct key_source_kind {
    /** Fill [batch] with up to [max] keys; 0, or COMMAND_FAILED when it has said why. */
    int (*next)(void *state, struct key_source_batch *batch, size_t max);
    void (*close)(void *state);
};

/**
 * Open a kind: its state in [state]. The text is borrowed until it is closed.
 *
 * Returns 0, or COMMAND_USAGE or COMMAND_FAILED when it has said why.
 */
int key_lines_open(void **state, const char *path);
int key_log_open(void **state, const char *path, const char *pool);
int key_memcached_open(void **state, const char *address);

extern const struct key_source_kind key_lines_kind;
extern const struct key_source_kind key_log_kind;
extern const struct key_source_kind key_memcached_kind;

#endif
