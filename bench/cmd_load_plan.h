/*
 * What one thread of a load sends next, and when.
 */
#ifndef RINGWAY_BENCH_CMD_LOAD_PLAN_H
#define RINGWAY_BENCH_CMD_LOAD_PLAN_H

#include <stdatomic.h>

#include "cmd_load_engine.h"

struct load_plan {
    const struct load_engine_options *options; /* borrowed */
    _Atomic uint64_t *sequence;                /* borrowed: the next key in order */
    const atomic_bool *stop;                   /* borrowed */
    struct random random;
    uint64_t start_ns, measure_ns, end_ns; /* end: UINT64_MAX if it does not end by time */
    double gap_ns;                         /* between requests; 0: closed loop */
    double due_ns;                         /* of the next request, from start_ns */
    bool ended;                            /* the sequence is over */
    uint64_t *repairs;                     /* owned: keys to set because they were missed */
    size_t n_repairs, max_repairs;
};

/** Begin at [now_ns] as thread [index] of [n_threads]. */
void load_plan_init(struct load_plan *plan, const struct load_engine_options *options,
                    uint32_t index, uint32_t n_threads);

/** Set the times; everything before was preparation. */
void load_plan_start(struct load_plan *plan, uint64_t now_ns);

void load_plan_deinit(struct load_plan *plan);

/**
 * The request to send at [now_ns], into [request], whose keys[] has room.
 *
 * Returns false if none is due.
 */
bool load_plan_next(struct load_plan *plan, uint64_t now_ns, struct load_request *request);

/** Set [key] soon, as it was missed. */
void load_plan_repair(struct load_plan *plan, uint64_t key);

/** Nothing will be due any more. */
bool load_plan_is_over(const struct load_plan *plan, uint64_t now_ns);

/** When the next request is due, in ns; 0: at once, UINT64_MAX: never. */
uint64_t load_plan_due(const struct load_plan *plan, uint64_t now_ns);

/** Requests that were due before the end and were not sent; they count once. */
uint64_t load_plan_unsent(struct load_plan *plan);

/** Does an answer at [now_ns] to [request] belong to the measurement? */
bool load_plan_counts(const struct load_plan *plan, const struct load_request *request,
                      uint64_t now_ns);

#endif
