/*
 * Where a replica is: its socket addresses, shared by all of its connections in one worker; and an
 * attempt to open a connection there.
 *
 * Story: a numeric address or a Unix socket is known at once. A host name is looked up by libuv's
 * threads whenever a connection is opened, one look-up at a time however many wait; with addresses
 * from an earlier look-up a connection is opened without waiting for the new one. The addresses last
 * found are tried in turn: one that failed makes the next attempt go to the next.
 *
 * Not here: deadlines, retries and health, which are the connection's owner's business.
 */
#ifndef RINGWAY_DATA_ENDPOINT_H
#define RINGWAY_DATA_ENDPOINT_H

#include <sys/socket.h>
#include <uv.h>

#include "base/list.h"
#include "config/config.h"

#define ENDPOINT_MAX_ADDRESSES 4u /* of one host name; further ones are not tried */

/* A stream of any kind that we open or accept. */
union stream_io {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

struct endpoint {
    uv_loop_t *loop;
    const struct config_address *address;
    struct sockaddr_storage addresses[ENDPOINT_MAX_ADDRESSES]; /* as last found */
    uint32_t n_addresses, next_address;
    uv_getaddrinfo_t lookup;
    bool looking_up;     /* libuv owns [lookup]; the endpoint must not be freed */
    struct list waiting; /* dials that wait for the look-up */
};

enum dial_state {
    DIAL_NONE,       /* nothing under way, and io is not initialised or not ours */
    DIAL_LOOKING_UP, /* io is not initialised yet */
    DIAL_CONNECTING, /* io is initialised */
    DIAL_OPEN,       /* io is connected */
};

struct dial;

/* The attempt has ended: [status] 0, or a libuv error (UV_EAI_... when the name was not found). Never
 * called from within dial_start(). Not called after dial_cancel() or when io is being closed. */
typedef void (*dial_done_fn)(struct dial *dial, int status);

struct dial {
    struct endpoint *endpoint;
    union stream_io *io; /* the owner's; initialised by the attempt, closed by the owner */
    uv_connect_t connect;
    struct list waiting;
    dial_done_fn done;
    enum dial_state state;
};

/** [loop] and [address] are borrowed and outlive the endpoint. */
void endpoint_init(struct endpoint *endpoint, uv_loop_t *loop,
                   const struct config_address *address);

/** Has at least one usable address, so that a connection can be opened without a look-up? */
bool endpoint_is_known(const struct endpoint *endpoint);

/** Does the replica have other addresses that have not been tried since one last failed? */
bool endpoint_has_more(const struct endpoint *endpoint);

/**
 * Begin to open a connection. [dial] is zeroed or ended; io->handle.data is set to [data] when io is
 * initialised.
 *
 * Returns 0, and [done] will be called unless the owner cancels; or a libuv error, after which the
 * owner closes io if dial_has_handle().
 */
int dial_start(struct dial *dial, struct endpoint *endpoint, union stream_io *io, void *data,
               dial_done_fn done);

/** Forget the attempt; the owner then closes io if dial_has_handle(). */
void dial_cancel(struct dial *dial);

/** Is io initialised, and so to be closed with uv_close() by the owner? */
static inline bool dial_has_handle(const struct dial *dial)
{
    return dial->state == DIAL_CONNECTING || dial->state == DIAL_OPEN;
}

#endif
