/*
 * A replica of a shard as one worker sees it: its connections, its health, its name look-ups.
 *
 * Story of a connection: it is opened at start and kept open. Requests are pipelined on it and
 * matched with replies in order. When it breaks, every request on it fails at once and it is opened
 * again: immediately the first time, then after a growing, jittered wait. Requests that arrive while
 * it is being opened are queued for at most the connect timeout; those that arrive during a wait
 * fail at once.
 *
 * Health: connect failures, broken connections with requests on them, protocol errors and expired
 * requests count as failures in a row; a reply sets the count to zero. At health.eject_after the
 * replica is ejected: its connections are closed, it gets no requests, and every retry_after one
 * connection is opened and probed. A good answer brings it back.
 *
 * An expired request stays in the queue so that its late reply is recognised and dropped. When
 * nothing at all has come for twice the timeout the connection is closed.
 */
#ifndef RINGWAY_DATA_UPSTREAM_H
#define RINGWAY_DATA_UPSTREAM_H

#include "data/codec.h"
#include "data/endpoint.h"
#include "data/inbuf.h"
#include "data/plane.h"
#include "data/request.h"

struct http_pool;

enum upstream_conn_state {
    UPSTREAM_CONN_WAITING,    /* closed; opened again at retry_us */
    UPSTREAM_CONN_CONNECTING, /* or looking up the host name; requests are queued */
    UPSTREAM_CONN_PROBING,    /* connected, of an ejected replica; no requests */
    UPSTREAM_CONN_UP,
    UPSTREAM_CONN_CLOSING, /* uv_close called */
    UPSTREAM_CONN_STOPPED, /* closed for good */
};

struct upstream_conn {
    union stream_io io;
    struct dial dial;
    struct upstream *upstream;
    struct list dirty, broken;    /* links in the plane's lists */
    struct request *first, *last; /* requests without a whole reply, oldest first */
    uint32_t n_pending;
    enum upstream_conn_state state;
    bool stopping;
    struct outlet out;
    struct inbuf in;      /* an unfinished reply */
    bool in_value;        /* codec: a long value is being passed on as it comes */
    uint64_t value_left;  /* codec: and this many of its bytes are still to come */
    uint64_t skip_left;   /* codec: bytes of a value to drop */
    uint64_t opened_us;   /* UP: since when */
    bool answered;        /* UP: a good reply has come */
    uint64_t expired_us;  /* when an expired request was last counted as a failure */
    uint64_t received_us; /* when bytes last came */
    uint64_t deadline_us; /* CONNECTING, PROBING */
    uint64_t retry_us;    /* WAITING */
    uint64_t backoff_us;  /* the next wait */
};

struct upstream {
    struct plane *plane;
    const struct codec *codec;
    const struct config_pool *pool;
    const struct config_address *address;
    struct endpoint endpoint; /* of its connections, at [address] */
    const char *shard_name;
    struct feedback_replica *feedback;
    struct feedback_shard *shard_feedback;
    uint16_t pool_index, shard_index;
    bool ejected;
    bool reported;       /* the log has a line about the present trouble */
    uint32_t failures;   /* in a row */
    uint64_t fanout_id;  /* scratch for grouping keys: the fan-out that last asked this replica */
    uint32_t fanout_leg; /* and the leg's number in it */
    struct http_pool *http; /* HTTP: its connections, instead of conns; else NULL */
    const char *host;       /* HTTP: what Host says with host: replica */
    uint32_t n_conns;
    struct upstream_conn conns[];
};

struct upstream *upstream_create(struct plane *plane, uint32_t pool, uint32_t shard,
                                 uint32_t replica);

/** Close every connection for good; requests on them fail. */
void upstream_stop(struct upstream *upstream);
void upstream_destroy(struct upstream **upstream);

/** The connection that serves client [session_id]: always the same, to keep its requests' order. */
struct upstream_conn *upstream_conn_for(struct upstream *upstream, uint64_t session_id);

/** Is the first connection open, or being opened, and the replica not ejected? HTTP: has the last
 * connection been opened well? */
bool upstream_is_ready(const struct upstream *upstream);

/** May a request be put on [conn]? Returns FEEDBACK_OK, else UNAVAILABLE or BUSY. */
enum feedback_outcome upstream_conn_check(const struct upstream_conn *conn);

/** Put [request] into the queue; its bytes are then added with upstream_conn_write(). */
void upstream_conn_push(struct upstream_conn *conn, struct request *request);

/** Add request bytes; [stable] as in request_write(). Small ones are copied, large ones borrowed. */
void upstream_conn_write(struct upstream_conn *conn, struct slice bytes, bool stable);

/** Add request bytes that lie in [heap], which the connection frees. */
void upstream_conn_give(struct upstream_conn *conn, void *heap, struct slice bytes);

/** The first request has its whole reply: take it out and count it on the shard. The caller then
 * ends it: request_finish() or fanout_leg_done(), or request_release() if it is done already. */
struct request *upstream_conn_pop(struct upstream_conn *conn, enum feedback_outcome outcome);

/**
 * The connection cannot be used any more: it is closed, and its requests fail, when the turn ends.
 *
 * [why] A literal for the log. [is_failure]: counts against the replica.
 */
void upstream_conn_break(struct upstream_conn *conn, const char *why, bool is_failure);

/** Open the connection; the waiting time is over. */
void upstream_conn_open(struct upstream_conn *conn);

/** Close it for good. */
void upstream_conn_stop(struct upstream_conn *conn);

void upstream_conn_init(struct upstream_conn *conn, struct upstream *upstream);
void upstream_conn_deinit(struct upstream_conn *conn);

/** Write the connection's state, if it is the replica's first, to the feedback. */
void upstream_conn_report(const struct upstream_conn *conn);

/** Count a failure; ejects the replica when there were too many in a row. [why] is a literal. */
void upstream_failed(struct upstream *upstream, const char *why);

/** A good reply: the replica is healthy. */
void upstream_succeeded(struct upstream *upstream);

/** Expire requests and connects whose time is up. Returns when to look again; 0: never. */
uint64_t upstream_check_deadlines(struct upstream *upstream, uint64_t now_us);

/** End of turn: send what is queued. */
void upstream_conn_flush(struct upstream_conn *conn);

/** Fail its requests, close it, and open it again later; only when no callback of it is running. */
void upstream_conn_close(struct upstream_conn *conn);

#endif
