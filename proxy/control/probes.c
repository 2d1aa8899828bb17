#include "control/probes.h"

#define LIVE_US UINT64_C(5000000)

bool probes_write_live(const struct control_view *view, struct body *out)
{
    bool live = true;
    uint32_t i;

    for (i = 0; i < view->n_workers; i++) {
        uint64_t seen = view_last_seen_us(view, i);

        if (view->now_us > seen && view->now_us - seen > LIVE_US) {
            body_add_format(out, "worker %u: no answer for %.1f s\n", (unsigned)i,
                            (double)(view->now_us - seen) / 1e6);
            live = false;
        }
    }
    if (live) {
        body_add(out, "ok\n");
    }
    return live;
}

bool probes_write_ready(const struct control_view *view, struct body *out)
{
    bool ready = true;
    uint32_t i;

    if (view->draining) {
        body_add(out, "draining\n");
        ready = false;
    }
    for (i = 0; i < view->n_workers; i++) {
        if (!view_is_started(view, i)) {
            body_add_format(out, "worker %u: not started\n", (unsigned)i);
            ready = false;
        }
    }
    if (ready) {
        body_add(out, "ok\n");
    }
    return ready;
}
