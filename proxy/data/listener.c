#include "data/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "data/http/http_pool.h"
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
    http_pool_give_way(listener->plane);
    uv_poll_stop(&listener->poll);
    uv_timer_start(&listener->pause, on_pause_over, PAUSE_MS, 0);
}

/* A client, with its address; returns its descriptor or -1. */
static int accept_one(const struct listener *listener, struct session_address *address)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un path;
    } from = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t len = sizeof(from);
    int fd = accept4(listener->fd, &from.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);

    *address = (struct session_address){0};
    if (fd >= 0 && from.any.sa_family == AF_INET) {
        address->family = AF_INET;
        address->port = ntohs(from.v4.sin_port);
        memcpy(address->ip, &from.v4.sin_addr, sizeof(from.v4.sin_addr));
    } else if (fd >= 0 && from.any.sa_family == AF_INET6) {
        address->family = AF_INET6;
        address->port = ntohs(from.v6.sin6_port);
        memcpy(address->ip, &from.v6.sin6_addr, sizeof(from.v6.sin6_addr));
    }
    return fd;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct listener *listener = poll->data;

    (void)status;
    (void)events;
    for (unsigned i = 0; i < ACCEPTS_A_TURN; i++) {
        struct session_address address;
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

static void set_option(int fd, int level, int name, int value)
{
    (void)setsockopt(fd, level, name, &value, sizeof(value)); /* it serves without, too */
}

/* Would a client whose machine is gone stay for ever? HTTP has time limits, and short connections, for
 * which the kernel's timer is a cost. */
static bool needs_keepalive(const struct listener *listener)
{
    const struct config *config = listener->plane->config;

    return listener->config->protocol != CONFIG_HTTP || config->keep_alive_us == 0 ||
           config->head_us == 0 || config->body_us == 0;
}

/* Clients inherit the options of the socket that they were accepted from, and cost no calls. */
static void set_options(const struct listener *listener)
{
    if (listener->config->bind.kind != CONFIG_ADDRESS_TCP) {
        return;
    }
    set_option(listener->fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (needs_keepalive(listener)) {
        set_option(listener->fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        set_option(listener->fd, IPPROTO_TCP, TCP_KEEPIDLE, LISTENER_KEEPALIVE_S);
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
    set_options(listener);
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
