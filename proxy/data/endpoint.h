/*
 * Where a replica is: its socket addresses, shared by all of its connections in one worker; and an
 * attempt to open a connection there.
 *
 * Story: a numeric address or a Unix socket is known at once. A host name is looked up by libuv's
 * threads when a connection is opened, one look-up at a time however many wait, and not again within
 * a second unless an attempt has failed; with addresses from an earlier look-up a connection is
 * opened without waiting for the new one. An answer is kept even when nobody waits for it any more.
 * The addresses last found are tried in turn: one that failed, or was given up while connecting,
 * makes the next attempt go to the next.
 *
 * Not here: deadlines, retries and health, which are the connection's owner's business.
 */
#ifndef RINGWAY_DATA_ENDPOINT_H
#define RINGWAY_DATA_ENDPOINT_H

#include <stdbool.h>
#include <stdint.h>
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

struct endpoint;

/* The first addresses of a host name have been found, and dials that waited for them have begun to
 * connect: a time for attempts that had been given up. */
typedef void (*endpoint_known_fn)(struct endpoint *endpoint);

struct endpoint {
    uv_loop_t *loop;
    const struct config_address *address;
    struct sockaddr_storage addresses[ENDPOINT_MAX_ADDRESSES]; /* as last found */
    uint32_t n_addresses;
    uint32_t next_address;   /* modulo n_addresses */
    uint64_t fresh_until_ms; /* the loop's time until which the addresses will do */
    uv_getaddrinfo_t lookup;
    bool looking_up;            /* libuv owns [lookup]; the endpoint must not be freed */
    struct list waiting;        /* dials that wait for the look-up */
    endpoint_known_fn on_known; /* the owner's; may be NULL */
};

enum dial_state {
    DIAL_NONE,       /* nothing under way, and io is not initialised or not ours */
    DIAL_LOOKING_UP, /* io is not initialised yet */
    DIAL_CONNECTING, /* io is initialised; the attempt may have failed or been cancelled */
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
    uint32_t tried; /* the endpoint's next_address when it began to connect */
    dial_done_fn done;
    enum dial_state state;
};

/** [loop] and [address] are borrowed and outlive the endpoint. There is nothing to deinitialise, but
 * the memory must stay while looking_up: the loop runs until the look-up returns. */
void endpoint_init(struct endpoint *endpoint, uv_loop_t *loop,
                   const struct config_address *address);

/** Has at least one usable address, so that a connection can be opened without a look-up? */
bool endpoint_is_known(const struct endpoint *endpoint);

/** Does the replica have other addresses that have not been tried since one last failed? */
bool endpoint_has_more(const struct endpoint *endpoint);

/**
 * Begin to open a connection. [dial] is zeroed or ended; io->handle.data is set to [data] when io is
 * initialised, and TCP has no delay and keep-alive.
 *
 * Returns 0, and [done] will be called unless the owner cancels; or a libuv error, after which the
 * owner closes io if dial_has_handle().
 */
int dial_start(struct dial *dial, struct endpoint *endpoint, union stream_io *io, void *data,
               dial_done_fn done);

/** Forget the attempt, if one is under way; the owner then closes io if dial_has_handle(). [dial] is
 * zeroed or has been started; it must stay where it is until io is closed. */
void dial_cancel(struct dial *dial);

/** Is io initialised, and so to be closed with uv_close() by the owner? */
static inline bool dial_has_handle(const struct dial *dial)
{
    return dial->state == DIAL_CONNECTING || dial->state == DIAL_OPEN;
}

#endif
