/*
 * A listening socket of one worker. The kernel spreads TCP clients over the workers' sockets
 * (SO_REUSEPORT); workers share a Unix socket's queue.
 */
#ifndef RINGWAY_DATA_LISTENER_H
#define RINGWAY_DATA_LISTENER_H

#include "data/codec.h"
#include "data/plane.h"

struct listener {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } io;
    struct plane *plane;
    const struct config_listener *config;
    const struct codec *codec;
    uint64_t report_us; /* a failure to accept is logged again from then on */
};

/** Listen on [fd], which is bound and now belongs to the listener. Returns 0 or a libuv error. */
int listener_start(struct listener *listener, struct plane *plane,
                   const struct config_listener *config, int fd);
void listener_stop(struct listener *listener);

#endif
