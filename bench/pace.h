/*
 * The course of a measurement: warm-up, then so many seconds or requests, and an end, which comes
 * early when nothing is answered any more. A loader asks it what may be sent, and tells it what was
 * sent and answered.
 */
#ifndef RINGWAY_BENCH_PACE_H
#define RINGWAY_BENCH_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "figures.h"
#include "watch.h"

enum pace_phase { PACE_WARMUP, PACE_MEASURE, PACE_OVER };

struct pace_options {
    uint64_t warmup_ns;
    uint64_t duration_ns; /* used when n_requests is 0 */
    uint64_t n_requests;  /* end after this many */
    uint64_t stall_ns;    /* give up after this long without any answer */
    bool holds;           /* nothing is sent: only wait for the end */
    struct watch *watch;  /* started and stopped with the measurement; NULL for none */
};

struct pace {
    const struct pace_options *options; /* borrowed */
    struct figures *figures;            /* borrowed */
    enum pace_phase phase;
    uint64_t now_ns; /* as read last, by pace_check() or by the loader */
    uint64_t start_ns;
    uint64_t progress_ns; /* of the last answer */
    uint64_t n_issued;    /* that count towards n_requests */
    uint64_t n_in_flight;
};

/** Begin the warm-up, or the measurement if there is none. Clears [figures]. */
void pace_start(struct pace *pace, const struct pace_options *options, struct figures *figures);

/** How many requests may be sent now, 0 when it is over; UINT64_MAX for any number. */
uint64_t pace_allowance(const struct pace *pace);

/** [n] requests are sent. */
void pace_sent(struct pace *pace, uint64_t n);

/** One request that was sent at [sent_ns] is answered at now_ns, right or wrong. */
void pace_answered(struct pace *pace, uint64_t sent_ns);

/** Read the clock and go on to the next phase if it is time; [n_alive] connections are left. */
void pace_check(struct pace *pace, uint32_t n_alive);

#endif
