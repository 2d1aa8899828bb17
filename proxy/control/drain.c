#include "control/drain.h"

#define EXIT_OVERRUN 3

void drain_init(struct drain *drain, uint64_t delay_us, uint64_t timeout_us)
{
    *drain = (struct drain){.delay_us = delay_us, .timeout_us = timeout_us};
}

static void enter(struct drain *drain, enum drain_state state, uint64_t now_us)
{
    drain->state = state;
    drain->since_us = now_us;
}

void drain_begin(struct drain *drain, uint64_t now_us, bool stop)
{
    if (drain->state == DRAIN_SERVING) {
        enter(drain, DRAIN_DELAY, now_us);
    }
    if (stop && !drain->stopping) {
        drain->stopping = true;
        drain->stop_from_us = now_us;
    }
}

void drain_stop_now(struct drain *drain, struct drain_load load)
{
    drain->state = DRAIN_STOPPED;
    drain->overrun = load.requests > 0;
}

/* Time counts from the later of closing and being asked to stop: an earlier POST /drain does not
   use up what open requests are given. */
static bool timed_out(const struct drain *drain, uint64_t now_us)
{
    uint64_t from = drain->since_us > drain->stop_from_us ? drain->since_us : drain->stop_from_us;

    return now_us - from >= drain->timeout_us;
}

enum drain_action drain_tick(struct drain *drain, uint64_t now_us, struct drain_load load)
{
    bool is_done;

    switch (drain->state) {
    case DRAIN_SERVING:
    case DRAIN_STOPPED:
        break;
    case DRAIN_DELAY:
        if (now_us - drain->since_us >= drain->delay_us) {
            enter(drain, DRAIN_CLOSING, now_us);
            return DRAIN_CLOSE;
        }
        break;
    case DRAIN_CLOSING:
        is_done = load.settled && load.clients == 0;
        if (drain->stopping && (is_done || timed_out(drain, now_us))) {
            drain_stop_now(drain, load);
            return DRAIN_STOP;
        }
        break;
    }
    return DRAIN_NOTHING;
}

int drain_exit_code(const struct drain *drain)
{
    return drain->overrun ? EXIT_OVERRUN : 0;
}
