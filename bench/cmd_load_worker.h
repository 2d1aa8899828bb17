/*
 * One thread of a load: its plan, its connections, its counts. The engine's own; load_worker_run()
 * uses sockets, load_worker_run_library() libmemcached.
 */
#ifndef RINGWAY_BENCH_CMD_LOAD_WORKER_H
#define RINGWAY_BENCH_CMD_LOAD_WORKER_H

#include <pthread.h>

#include "cmd_load_engine.h"
#include "cmd_load_plan.h"

struct load_conn;

struct load_worker {
    const struct load_engine_options *options; /* borrowed */
    struct load_plan plan;
    struct load_totals totals;
    struct load_live live;
    atomic_bool is_over;
    bool measures; /* the warm-up is over */
    pthread_t thread;

    uint32_t n_conns;
    struct load_conn *conns; /* owned */
    uint32_t *ready; /* owned: connections that may take a request, first come first served */
    uint32_t ready_at, n_ready;
    uint32_t *dirty; /* owned: connections with something to write */
    uint32_t n_dirty;
    uint64_t n_open; /* requests sent and not answered */
    uint64_t now_ns;
    int epoll_fd, timer_fd;
    char *in; /* owned: room for the rest of the last read, and the read buffer behind it */
};

/**
 * Prepare thread [index] of [n_threads] with [n_conns] connections, which are opened.
 *
 * Returns 0, or a negative errno value if one cannot be opened.
 */
int load_worker_init(struct load_worker *worker, const struct load_engine_options *options,
                     uint32_t index, uint32_t n_threads, uint32_t n_conns);

void load_worker_deinit(struct load_worker *worker);

/** Run to the end. */
void load_worker_run(struct load_worker *worker);

/** The same by libmemcached: one connection, one request at a time. */
void load_worker_run_library(struct load_worker *worker);

/** Is there a libmemcached in this program? */
bool load_worker_has_library(void);

/** The clock has been read: begin the measurement if it is time. */
void load_worker_tick(struct load_worker *worker);

/** The run is over: what is still open has timed out, what was due and not sent is counted. */
void load_worker_finish(struct load_worker *worker);

/** Count the answer to [request] that [parser] has seen whole, and act on what was missed. */
void load_worker_answered(struct load_worker *worker, const struct load_request *request,
                          const struct load_parser *parser);

#endif
