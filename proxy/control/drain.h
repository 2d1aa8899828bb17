/*
 * When to stop serving, as a state machine without a clock: the time and the counters are passed
 * in, what to do comes out. Used for SIGTERM and for POST /drain.
 *
 * The story: drain_begin() -> DELAY, where only the readiness probe fails -> CLOSING, the workers
 * close listeners and idle clients -> they have and no client is left, or the time is over ->
 * STOPPED. A drain that nobody asked to stop stays in CLOSING. drain_stop_now() stops from every
 * state.
 */
#ifndef RINGWAY_CONTROL_DRAIN_H
#define RINGWAY_CONTROL_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

enum drain_state {
    DRAIN_SERVING,
    DRAIN_DELAY,
    DRAIN_CLOSING,
    DRAIN_STOPPED,
};

enum drain_action {
    DRAIN_NOTHING,
    DRAIN_CLOSE, /* tell the workers to drain, once */
    DRAIN_STOP,  /* stop the workers and leave, once */
};

struct drain {
    uint64_t delay_us, timeout_us;
    enum drain_state state;
    bool stopping;         /* the process is to end when drained */
    uint64_t since_us;     /* DELAY, CLOSING: when the state began */
    uint64_t stop_from_us; /* when stopping was asked for */
    bool overrun;          /* STOPPED: requests were open */
};

/* What is open now, all workers together. */
struct drain_load {
    uint64_t clients, requests;
    bool settled; /* CLOSING: every worker has closed its listeners, so no client can join */
};

void drain_init(struct drain *drain, uint64_t delay_us, uint64_t timeout_us);

/** Begin to drain at [now_us]; [stop]: and end when done. Again: only adds the wish to end. */
void drain_begin(struct drain *drain, uint64_t now_us, bool stop);

/** What to do at [now_us], a monotonic clock. Call after every change and every few ms. */
enum drain_action drain_tick(struct drain *drain, uint64_t now_us, struct drain_load load);

/** Stop without waiting. */
void drain_stop_now(struct drain *drain, struct drain_load load);

/** 0, or 3 if requests were open at the end. Meaningful when STOPPED. */
int drain_exit_code(const struct drain *drain);

#endif
