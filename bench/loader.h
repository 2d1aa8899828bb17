/*
 * One thread's closed loop: every connection sends a batch of requests in one write, waits for all
 * of their replies, checks them, and sends the next batch.
 *
 * A latency is the time from just before the write of the batch to the read that completed the
 * reply. A closed loop never sends faster than it is answered, so latencies here are those at full
 * load, not those at a given rate.
 */
#ifndef RINGWAY_BENCH_LOADER_H
#define RINGWAY_BENCH_LOADER_H

#include <stdbool.h>
#include <stdint.h>

#include "figures.h"
#include "keys.h"
#include "pace.h"
#include "util.h"

enum loader_op {
    LOADER_GET,
    LOADER_MGET, /* get of n_mget_keys consecutive keys */
    LOADER_SET,
    LOADER_MG,  /* meta get with flags k and v */
    LOADER_MIX, /* nine gets to one set */
};

struct loader_options {
    struct util_addr addr;
    const struct keys *keys; /* borrowed */
    enum loader_op op;
    uint32_t n_connections;
    uint32_t pipeline; /* requests of a batch */
    uint32_t n_mget_keys;
    uint64_t value_size;
    struct pace_options pace;
    uint64_t seed;   /* of the choice of keys; not 0 */
    bool sequential; /* keys in order instead of at random */
};

/** Connect, warm up, measure. Dies if it cannot connect; anything later is counted in [figures]. */
void loader_run(const struct loader_options *options, struct figures *figures);

/**
 * Open [n] connections that are only held, each after one get if [ask] is set, and store their
 * descriptors in [fds]. Dies if one cannot be opened.
 */
void loader_hold(const struct loader_options *options, uint32_t n, bool ask, int *fds);

#endif
