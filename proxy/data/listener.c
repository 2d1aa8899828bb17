#include "data/listener.h"

#include "base/log.h"
#include "data/session.h"

#define LISTEN_BACKLOG  4096
#define REPORT_EVERY_US 1000000u

/* Without descriptors, say, this happens again and again: one line a second is enough. */
static void report(struct listener *listener, int status)
{
    uint64_t now_us = plane_now(listener->plane);

    if (now_us >= listener->report_us) {
        listener->report_us = now_us + REPORT_EVERY_US;
        log_warn("listener %s: cannot accept: %s", listener->config->bind.text,
                 uv_strerror(status));
    }
}

static void on_connection(uv_stream_t *server, int status)
{
    struct listener *listener = server->data;

    if (status < 0) {
        report(listener, status);
        return;
    }
    session_accept(listener->plane, listener, server);
}

static int open_fd(struct listener *listener, int fd)
{
    int err;

    if (listener->config->bind.kind == CONFIG_ADDRESS_TCP) {
        err = uv_tcp_init(&listener->plane->loop, &listener->io.tcp);
        return err != 0 ? err : uv_tcp_open(&listener->io.tcp, fd);
    }
    err = uv_pipe_init(&listener->plane->loop, &listener->io.pipe, 0);
    return err != 0 ? err : uv_pipe_open(&listener->io.pipe, fd);
}

int listener_start(struct listener *listener, struct plane *plane,
                   const struct config_listener *config, int fd)
{
    int err;

    listener->plane = plane;
    listener->config = config;
    listener->codec = codec_of(config->protocol);
    err = open_fd(listener, fd);
    listener->io.handle.data = listener;
    return err != 0 ? err : uv_listen(&listener->io.stream, LISTEN_BACKLOG, on_connection);
}

void listener_stop(struct listener *listener)
{
    if (!uv_is_closing(&listener->io.handle)) {
        uv_close(&listener->io.handle, NULL);
    }
}
