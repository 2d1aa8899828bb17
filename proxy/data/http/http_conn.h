/*
 * Connections to one HTTP replica, of one worker: a keep-alive pool.
 *
 * Story of a connection: it is opened for an exchange when none is idle (and once at start, to see
 * whether the replica is there). It carries one exchange at a time. When that has ended well the
 * connection waits in the pool, the last used one is taken first, and is closed when it has waited
 * for timeouts.keep_alive, when the pool keeps enough, or when the replica closes it. Bytes that come
 * while nobody waits for any close it, and are never used.
 *
 * Health: a connection that cannot be opened, breaks, is silent for too long or breaks the protocol
 * counts as a failure in a row, any response sets the count to zero; at health.eject_after the
 * replica is ejected. While the last attempt failed, a connection is opened every retry_after; when
 * that succeeds the replica is used again. An idle connection that the replica closes is no failure.
 */
#ifndef RINGWAY_DATA_HTTP_HTTP_CONN_H
#define RINGWAY_DATA_HTTP_HTTP_CONN_H

#include "data/endpoint.h"
#include "data/inbuf.h"
#include "data/outlet.h"
#include "data/upstream.h"
#include "wire/http1.h"

struct exchange;

enum http_conn_state {
    HTTP_CONN_OPENING, /* with an exchange that waits for it, or without: a probe */
    HTTP_CONN_IDLE,
    HTTP_CONN_BUSY,
    HTTP_CONN_CLOSING,
};

#define HTTP_CONN_LATE "connect timed out" /* why a connection was not opened in time */

/* How a connection failed the exchange on it. */
enum http_conn_loss {
    HTTP_CONN_REFUSED,  /* it could not be opened: the replica has seen nothing of the request */
    HTTP_CONN_LOST,     /* it broke or was closed */
    HTTP_CONN_PROTOCOL, /* the replica's answer makes no sense */
    HTTP_CONN_TIMEOUT,  /* no answer in time */
};

struct http_conn {
    union stream_io io;
    struct dial dial;
    struct upstream *upstream;
    struct exchange *exchange; /* NULL: idle, or a probe */
    struct list all;           /* link in the pool's list */
    struct list idle;          /* link in the pool's list, the last used first */
    struct list dirty;         /* link in the plane's list; once CLOSING in broken_http_conns */
    struct outlet out;
    struct inbuf in; /* an unfinished response head, or trailer section */
    struct http1_scan scan;
    uint64_t since_us; /* OPENING, IDLE: since when; BUSY: when bytes last came or went */
    enum http_conn_state state;
    bool reused;               /* has served an exchange before the present one */
    bool answered;             /* bytes have come for the present one */
    bool reading, ends_output; /* ends_output: shut our side when everything is sent */
};

struct http_pool {
    struct list all, idle;
    uint32_t n_open, n_idle;
    uint64_t retry_us; /* the replica failed: try again at; 0: it did not */
    bool probing;
    bool stopping;
};

struct http_pool *http_pool_create(struct upstream *upstream);

/** Is the replica not ejected, and did the last attempt to open a connection not fail? */
bool http_pool_is_ready(const struct upstream *upstream);

/** Close every connection for good. */
void http_pool_stop(struct upstream *upstream);
void http_pool_destroy(struct http_pool **pool);

/** Expire what has taken too long. Returns when to look again; 0: never. */
uint64_t http_pool_check_deadlines(struct upstream *upstream, uint64_t now_us);

/**
 * Give [exchange] a connection: exchange_on_open() is called now if one is idle, else when one has
 * been opened.
 *
 * [fresh] Not an idle one: it might have been closed already.
 * Returns FEEDBACK_OK, or BUSY when there are max_connections, or UNAVAILABLE.
 */
enum feedback_outcome http_pool_attach(struct upstream *upstream, struct exchange *exchange,
                                       bool fresh);

/** Has the replica closed this idle connection, or sent what nobody asked for? A system call. */
bool http_conn_is_stale(const struct http_conn *conn);

/** A response has begun: the replica is healthy. */
void http_conn_note_response(struct http_conn *conn);

/** Send [bytes]: small ones are copied, large ones borrowed if [stable]. */
void http_conn_write(struct http_conn *conn, struct slice bytes, bool stable);

/** Have it looked at when the turn ends. */
void http_conn_touch(struct http_conn *conn);

/** Stop or go on reading: the client is slow, or has caught up. */
void http_conn_set_reading(struct http_conn *conn, bool wanted);

/** The exchange has ended; if [reusable] the connection goes back to the pool, else it is closed. */
void http_conn_release(struct http_conn *conn, bool reusable);

/**
 * The connection cannot be used any more: its exchange is told [loss] at once, it is closed when the
 * turn ends.
 *
 * [why] A literal for the log. [is_failure]: counts against the replica.
 */
void http_conn_break(struct http_conn *conn, enum http_conn_loss loss, const char *why,
                     bool is_failure);

/** End of turn: send what is queued. */
void http_conn_flush(struct http_conn *conn);

/** End of turn: close the handle of a connection that is CLOSING. */
void http_conn_close(struct http_conn *conn);

#endif
