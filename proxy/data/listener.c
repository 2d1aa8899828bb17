#include "data/listener.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "data/session.h"

#define LISTEN_BACKLOG  4096
#define ACCEPTS_A_TURN  64u      /* then other connections have their turn */
#define PAUSE_MS        50u      /* after a failure that time may heal: no descriptors, no memory */
#define REPORT_EVERY_US 1000000u /* one line about it a second is enough */

static void on_ready(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer)
{
    struct listener *listener = timer->data;

    uv_poll_start(&listener->poll, UV_READABLE, on_ready);
}

/* libuv's own accept loop never returns while there are no descriptors; this one waits. */
static void pause_accepting(struct listener *listener, int error)
{
    uint64_t now_us = plane_now(listener->plane);

    if (now_us >= listener->report_us) {
        listener->report_us = now_us + REPORT_EVERY_US;
        log_warn("listener %s: cannot accept: %s", listener->config->bind.text,
                 uv_strerror(-error));
    }
    uv_poll_stop(&listener->poll);
    uv_timer_start(&listener->pause, on_pause_over, PAUSE_MS, 0);
}

/* A client, with its address; returns its descriptor or -1. */
static int accept_one(const struct listener *listener, union session_address *address)
{
    socklen_t len = sizeof(*address);
    int fd;

    if (listener->config->bind.kind != CONFIG_ADDRESS_TCP) {
        address->any.sa_family = 0;
        return accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }
    fd = accept4(listener->fd, &address->any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return fd;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;

    (void)status;
    (void)events;
    for (unsigned i = 0; i < ACCEPTS_A_TURN; i++) {
        union session_address address;
        int fd = accept_one(listener, &address);

        if (fd >= 0) {
            session_accept(listener->plane, listener, fd, &address);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(listener, errno);
            return;
        } else if (errno != EINTR && errno != ECONNABORTED) {
            return; /* EAGAIN: no more clients, or another worker was faster */
        }
    }
}

int listener_start(struct listener *listener, struct plane *plane,
                   const struct config_listener *config, int fd)
{
    int err;

    listener->plane = plane;
    listener->config = config;
    listener->codec = codec_of(config->protocol);
    listener->fd = fd;
    if (listen(fd, LISTEN_BACKLOG) != 0) {
        return -errno;
    }
    err = uv_poll_init(&plane->loop, &listener->poll, fd);
    if (err != 0) {
        return err;
    }
    listener->poll.data = listener;
    uv_timer_init(&plane->loop, &listener->pause);
    listener->pause.data = listener;
    listener->is_open = true;
    return uv_poll_start(&listener->poll, UV_READABLE, on_ready);
}

static void on_poll_closed(uv_handle_t *handle)
{
    (void)close(((struct listener *)handle->data)->fd);
}

void listener_stop(struct listener *listener)
{
    if (listener->is_open) {
        listener->is_open = false;
        uv_close((uv_handle_t *)&listener->poll, on_poll_closed);
        uv_close((uv_handle_t *)&listener->pause, NULL);
    }
}
