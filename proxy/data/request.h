/*
 * A request in flight. It stands in up to two queues: its session's, in the order in which replies
 * must leave, and its shard connection's, in the order in which replies will come. It is freed when
 * it has left both.
 *
 *   created ── dispatched ── replied ──┐
 *      │            └─ expired: the client is answered; the late reply is read and dropped
 *      └─ failed: answered at once     │
 *                                      └─ done: leaves the session's queue when it is the first
 *
 * A request that needs several shards (multi-get, flush_all) is a parent with a struct fanout; its
 * legs are requests of their own that stand only in connections' queues.
 */
#ifndef RINGWAY_DATA_REQUEST_H
#define RINGWAY_DATA_REQUEST_H

#include "data/plane.h"

#define REQUEST_KEY_MAX    250u
#define REQUEST_NO_COMMAND MEMCACHE_N_COMMANDS /* a line that could not be understood */
#define REQUEST_NO_SHARD   UINT16_MAX          /* not routed, or to several shards */

struct fanout;

struct request {
    struct request *next_in_session, *next_in_conn;
    struct session *session;    /* NULL: nobody waits any more */
    struct upstream_conn *conn; /* while in its queue */
    struct fanout *fanout;      /* parent: what it waits for */
    struct request *parent;     /* leg: whose part it is; NULL when the parent needs it no more */
    uint64_t start_us;          /* deadline is start_us + the pool's request timeout */
    struct outq reply;          /* reply bytes that wait for earlier requests of the session */
    uint32_t work;              /* keys or legs that it stands for; 1 for most */
    uint32_t leg;               /* leg: its number in the parent's fanout */
    uint16_t pool;              /* of the key, for counting what clients see */
    uint16_t shard_pool, shard; /* where it went or should have gone; REQUEST_NO_SHARD */
    uint8_t command;            /* enum memcache_command */
    uint8_t outcome;            /* enum feedback_outcome, once done */
    uint8_t key_len;
    bool is_leg, in_session, in_conn;
    bool done;      /* nothing more will be written to the session */
    bool noreply;   /* no reply is shown to the client */
    bool quiet;     /* meta q: some replies are not shown */
    bool got_value; /* leg: a VALUE has come */
    bool emitted;   /* bytes of the reply may have left already */
    uint8_t key[REQUEST_KEY_MAX];
};

/** A request for [session] (NULL: nobody waits), not yet in any queue. */
struct request *request_create(struct plane *plane, struct session *session, unsigned command,
                               uint32_t pool, struct slice key);

/** Append reply bytes; [stable]: they outlive the loop turn's flush (arena, literal). */
void request_write(struct plane *plane, struct request *request, struct slice bytes, bool stable);

/** The whole reply is written: count it, and let the session send it in its turn. */
void request_finish(struct plane *plane, struct request *request, enum feedback_outcome outcome);

/** Answer with the error that [why] stands for (TIMEOUT, UNAVAILABLE, BUSY), naming the shard. */
void request_fail(struct plane *plane, struct request *request, enum feedback_outcome why);

/** Free the request if it stands in no queue. */
void request_release(struct plane *plane, struct request *request);

#endif
