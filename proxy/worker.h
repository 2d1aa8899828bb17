/*
 * A worker thread: one event loop, its own listening sockets, clients and shard connections.
 * Workers share nothing; the rest of the process talks to one through three words: start, a
 * message (ping, drain, stop), join.
 */
#ifndef RINGWAY_WORKER_H
#define RINGWAY_WORKER_H

#include "topology/feedback.h"
#include "topology/topology.h"

struct worker;
struct stats_baseline; /* topology/stats.h */

struct worker_options {
    const struct topology *topology; /* borrowed, outlives the worker */
    uint32_t index;
    uint32_t n_workers;
    struct feedback *const *feedback; /* n_workers of them; [index] is this worker's, the others
                                         are only read (the stats command). Outlive the worker. */
    struct stats_baseline *baseline;  /* what `stats reset` subtracts, shared by the workers */
    const int *listen_fds;       /* one per config->listeners, already bound; owned by the worker */
    _Atomic uint32_t *n_clients; /* open clients, counted by all workers */
    uint32_t max_clients;        /* one more is refused */
    uint32_t instance;           /* random, of the process */
};

/** Start the thread. Returns 0 or a negative errno. */
int worker_start(struct worker **out, const struct worker_options *options);

/** Ask the loop to store [ping_us], which is uv_hrtime() / 1000 now, in feedback.heartbeat, and how
 * late it was in feedback.loop_lag_us; from any thread. */
void worker_ping(struct worker *worker, uint64_t ping_us);

/** Close listeners and idle clients, finish what is open, refuse the rest; from any thread. */
void worker_drain(struct worker *worker);

/** Close everything now and let the thread end; from any thread. */
void worker_stop(struct worker *worker);

/** Wait for the thread to end and free it. */
void worker_join(struct worker **worker);

#endif
