/*
 * The happy path: on_connection() gives each connection to admin_conn_open(), which takes care of
 * itself and says on_conn_closed() when its memory is about to go.
 *
 * Ending: admin_destroy() closes the listener and tells every connection to close. The server is
 * freed by whoever is last: the listener's close callback, or the last connection.
 */
#include "control/admin.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/list.h"
#include "base/log.h"
#include "base/memory.h"
#include "control/admin_conn.h"

#define BACKLOG 64

struct admin {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } listener;
    struct endpoints_source source;
    struct list conns;
    uint32_t n_conns;
    bool is_listener_closed;
};

static void free_when_last(struct admin *admin)
{
    if (admin->is_listener_closed && admin->n_conns == 0) {
        free(admin);
    }
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct admin *admin = handle->data;

    admin->is_listener_closed = true;
    free_when_last(admin);
}

static void on_conn_closed(void *arg)
{
    struct admin *admin = arg;

    admin->n_conns--;
    free_when_last(admin);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct admin *admin = stream->data;
    struct admin_conn_options options = {
        .listener = stream,
        .source = &admin->source,
        .is_refused = admin->n_conns >= ADMIN_CONNS_MAX,
        .arg = admin,
        .closed = on_conn_closed,
    };

    if (status < 0) {
        log_warn("admin: a connection cannot be accepted: %s", uv_strerror(status));
        return;
    }
    admin->n_conns++;
    admin_conn_open(&options, &admin->conns);
}

static int open_listener(struct admin *admin, uv_loop_t *loop, int fd)
{
    if (uv_guess_handle(fd) == UV_TCP) {
        (void)uv_tcp_init(loop, &admin->listener.tcp);
        return uv_tcp_open(&admin->listener.tcp, fd);
    }
    (void)uv_pipe_init(loop, &admin->listener.pipe, 0);
    return uv_pipe_open(&admin->listener.pipe, fd);
}

int admin_create(struct admin **out, const struct admin_options *options)
{
    struct admin *admin = xcalloc(1, sizeof *admin);
    int result;

    *out = NULL;
    admin->source = options->source;
    list_init(&admin->conns);
    result = open_listener(admin, options->loop, options->fd);
    admin->listener.handle.data = admin;
    if (result < 0) {
        (void)close(options->fd);
    } else {
        result = uv_listen(&admin->listener.stream, BACKLOG, on_connection);
    }
    if (result < 0) {
        admin_destroy(&admin);
        return result;
    }
    *out = admin;
    return 0;
}

void admin_destroy(struct admin **admin)
{
    struct list *link;

    if (*admin == NULL) {
        return;
    }
    while ((link = list_pop(&(*admin)->conns)) != NULL) {
        admin_conn_close(LIST_ENTRY(link, struct admin_conn, link));
    }
    uv_close(&(*admin)->listener.handle, on_listener_closed);
    *admin = NULL;
}
