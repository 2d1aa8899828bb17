/*
 * A connection to an HTTP replica. It carries one exchange at a time; between two it waits in the
 * pool of its replica (http_pool.h). It passes bytes on and says how it ended; what they mean is the
 * exchange's business.
 *
 * Bytes that come while nobody waits for any close it, and are never used.
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
    HTTP_CONN_STARVED,  /* the same, for want of a descriptor: not the replica's doing */
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
    bool starved;              /* OPENING: there was no descriptor for it */
    bool reused;               /* has served an exchange before the present one */
    bool sent;                 /* the present one's request is on its way */
    bool answered;             /* bytes have come for the present one */
    bool reading, ends_output; /* ends_output: shut our side when everything is sent */
};

/** Open a connection for [exchange], which gets exchange_on_open(), or, if NULL, to see whether the
 * replica is there; then it waits in the pool. */
void http_conn_open(struct upstream *upstream, struct exchange *exchange);

/** An idle connection, out of the pool's list, is [exchange]'s from now on: exchange_on_open(). */
void http_conn_serve(struct http_conn *conn, struct exchange *exchange);

/** Has the replica closed this idle connection, or sent what nobody asked for? A system call. */
bool http_conn_is_stale(const struct http_conn *conn);

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

/** No more of this connection: it is closed when the turn ends. Its exchange, if any, has been dealt
 * with. */
void http_conn_discard(struct http_conn *conn);

/** Expire it, or its exchange, if it has taken too long. Returns when to look again; 0: never. */
uint64_t http_conn_check_deadline(struct http_conn *conn, uint64_t now_us);

/** End of turn: send what is queued. */
void http_conn_flush(struct http_conn *conn);

/** End of turn: close the handle of a connection that is CLOSING. */
void http_conn_close(struct http_conn *conn);

#endif
