/*
 * The connections to one HTTP replica, of one worker: a keep-alive pool.
 *
 * Story of a connection: it is opened for an exchange when none is idle (and once at start, to see
 * whether the replica is there). When its exchange has ended well it waits in the pool, the last used
 * one is taken first, and is closed when it has waited for timeouts.keep_alive, when the pool keeps
 * enough, or when the replica closes it.
 *
 * Health: a connection that cannot be opened, breaks, is silent for too long or breaks the protocol
 * counts as a failure in a row, any response sets the count to zero; at health.eject_after the
 * replica is ejected. While the last attempt failed, a connection is opened every retry_after; when
 * that succeeds the replica is used again. An idle connection that the replica closes is no failure.
 */
#ifndef RINGWAY_DATA_HTTP_HTTP_POOL_H
#define RINGWAY_DATA_HTTP_HTTP_POOL_H

#include "data/upstream.h"

struct exchange;
struct http_conn;

struct http_pool {
    struct list all, idle;
    uint32_t n_open, n_idle;
    uint64_t retry_us; /* the replica failed: try again at; 0: it did not */
    bool probing;
    bool stopping;
};

struct http_pool *http_pool_create(struct upstream *upstream);

/** A connection could not be opened or used: counts against the replica. [why] A literal. */
void http_pool_note_failure(struct upstream *upstream, const char *why);

/** The replica takes connections again. */
void http_pool_note_open(struct upstream *upstream);

/** The replica is healthy: it has answered, or taken a probe. */
void http_pool_note_success(struct upstream *upstream);

void http_pool_add_idle(struct http_pool *pool, struct http_conn *conn);

/** Take [conn] out of the idle ones, if it is one. */
void http_pool_remove_idle(struct http_pool *pool, struct http_conn *conn);

/** Is the replica not ejected, and did the last attempt to open a connection not fail? */
bool http_pool_is_ready(const struct upstream *upstream);

/** Close the idle connections of all replicas: their descriptors are needed. */
void http_pool_give_way(struct plane *plane);

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

#endif
