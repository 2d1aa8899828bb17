/*
 * A listening socket of one worker. The kernel spreads TCP clients over the workers' sockets
 * (SO_REUSEPORT); workers share a Unix socket's queue.
 */
#ifndef RINGWAY_DATA_LISTENER_H
#define RINGWAY_DATA_LISTENER_H

#include "data/codec.h"
#include "data/plane.h"

#define LISTENER_KEEPALIVE_S 60 /* of a client that says nothing */

struct listener {
    uv_poll_t poll;
    uv_timer_t pause;
    struct plane *plane;
    int fd;
    bool is_open;
    const struct config_listener *config;
    const struct codec *codec;
    uint64_t report_us; /* a failure to accept is logged again from then on */
};

/**
 * Listen on [fd], which is bound and does not block. Returns 0, and then [fd] belongs to the
 * listener, or a libuv error.
 */
int listener_start(struct listener *listener, struct plane *plane,
                   const struct config_listener *config, int fd);

/** Stop listening. Calling it again, or for one that was never started, is harmless. */
void listener_stop(struct listener *listener);

#endif
