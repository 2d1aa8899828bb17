/*
 * Threads that drive a server with requests and check its answers.
 *
 * Each thread has its part of the connections and its part of the rate. Closed loop (no rate): a
 * connection that has been answered sends again. Open loop: a request is due at its time whether
 * or not earlier ones were answered; if no connection is free it waits, and the wait is part of its
 * latency, which counts from the time it was due ("no coordinated omission").
 *
 * A connection that is lost is opened again, after a pause. Every wait has an end: a request that
 * is not answered in time is an error and ends its connection.
 */
#ifndef RINGWAY_BENCH_CMD_LOAD_ENGINE_H
#define RINGWAY_BENCH_CMD_LOAD_ENGINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cmd_load_protocol.h"
#include "cmd_load_totals.h"
#include "random.h"
#include "util.h"

enum {
    LOAD_MAX_THREADS = 64,
    LOAD_MAX_CONNECTIONS = 20000,
    LOAD_MAX_DEPTH = 1024,
};

/** Chooses a key: a number below the number of keys. Any thread may call it. */
typedef uint64_t load_choice_fn(const void *context, struct random *random);

struct load_engine_options {
    struct load_wire wire;
    struct util_addr addr;
    const char *library_host; /* of use_library: a host, or the path of a Unix socket */
    uint16_t library_port;    /* 0: a Unix socket */
    bool use_library;         /* libmemcached, a thread a connection, not our own sockets */

    bool poisson;      /* exponential times between requests instead of equal ones */
    bool sequence;     /* every key once, in order, instead of choose() */
    bool skip_marked;  /* a sequence leaves out keys that are marked */
    bool read_through; /* set what was missed */
    uint32_t n_threads;
    uint32_t n_connections; /* in all */
    uint32_t depth;         /* requests open on a connection at most */
    uint32_t n_mget_keys;   /* keys of a get */
    double rate;            /* requests a second in all; 0: closed loop */
    double set_share;       /* 0..1: part of the requests that are sets */
    uint64_t warmup_ns;
    uint64_t duration_ns; /* after the warm-up; 0: until stopped, or the sequence ends */
    uint64_t timeout_ns;
    load_choice_fn *choose;
    const void *choose_context;
    _Atomic uint8_t *marks; /* one for each key, set to 1 when it is missed; NULL: not wanted */
    uint64_t seed;
};

struct load_engine;

/**
 * Open the connections and start the threads.
 *
 * [options] Borrowed until load_engine_join().
 * [error]   Receives a text when it fails; [max_error] bytes.
 *
 * Returns the engine, or NULL if a connection cannot be opened.
 */
struct load_engine *load_engine_start(const struct load_engine_options *options, char *error,
                                      size_t max_error);

/** What has been counted so far, the warm-up included. From any thread. */
struct load_live_sum load_engine_live(const struct load_engine *engine);

/** Have all threads ended? */
bool load_engine_is_over(const struct load_engine *engine);

/** Send nothing more; the threads end when what is open is answered or has timed out. */
void load_engine_stop(struct load_engine *engine);

/** Wait for the threads, add their counts to the zeroed [totals], free the engine. */
void load_engine_join(struct load_engine **engine, struct load_totals *totals);

#endif
