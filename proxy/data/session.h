/*
 * A client connection: its bytes in and out, its time limits and its end. What the bytes mean is the
 * codec's business.
 *
 * Story: bytes arrive in the worker's arena and are parsed there; only an unfinished rest is copied
 * into the session's own buffer, which is freed as soon as it is empty. Parsing pauses, and reading
 * stops, while the codec says that the client is ahead; it goes on when the client has caught up.
 * A client that half-closes still gets every reply. When we end the connection after an answer, we
 * stop sending first and wait for the client's end, so that no reply is lost to a reset.
 *
 * Two kinds of clients: memcached ones pipeline, and their requests form a queue that is answered in
 * order (session_queue.c); HTTP ones have one exchange at a time (http/exchange.h).
 */
#ifndef RINGWAY_DATA_SESSION_H
#define RINGWAY_DATA_SESSION_H

#include <netinet/in.h>

#include "data/codec.h"
#include "data/endpoint.h"
#include "data/inbuf.h"
#include "data/listener.h"
#include "data/plane.h"
#include "data/request.h"
#include "wire/http1.h"

enum session_state {
    SESSION_OPEN,
    SESSION_ENDING,    /* no more input is parsed; closes when every reply is sent */
    SESSION_LINGERING, /* everything is sent and our side shut; waiting for the client's end */
    SESSION_CLOSED,    /* uv_close called */
};

struct exchange;

/* Where a client comes from. */
struct session_address {
    uint8_t ip[16]; /* IPv4 in the first four */
    uint16_t port;
    uint8_t family; /* AF_INET, AF_INET6; 0 for a Unix socket */
};

struct session {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp; /* of a Unix socket too: as a stream it is the same, and smaller */
    } io;
    struct plane *plane;
    const struct listener *listener;
    struct list all, dirty, waiting; /* links in the plane's lists: all in phases, then dead */
    struct outlet out;
    struct inbuf in;    /* input that is not parsed yet */
    uint64_t active_us; /* last time that bytes came or went; or since when in this phase */
    uint64_t swallow;   /* bytes of input to drop */
    struct session_address address;
    uint8_t state; /* enum session_state */
    uint8_t phase; /* enum session_phase */
    bool reading : 1;
    bool eof : 1;
    bool paused : 1;
    bool blocked : 1; /* output waits for the client to read: counted in feedback.clients_blocked */

    /* HTTP */
    bool trusted : 1;          /* in the listener's trusted_proxies */
    bool closes_plainly : 1;   /* the client sends no more: no need to linger */
    struct http1_scan scan;    /* of the head that is coming */
    struct exchange *exchange; /* NULL: between requests */

    /* memcached; an HTTP session has no memory for this */
    struct request *first, *last; /* open requests, oldest first */
    size_t held_bytes;            /* replies that wait for earlier ones */
    size_t first_bytes;           /* written so far by the first request */
    size_t largest_bytes; /* written by one request since the output was last empty: the most */
    size_t scanned;       /* bytes of the input known to hold no line end */
    uint64_t id;          /* by which a client is always served by the same shard connection */
    uint32_t n_open;
    uint32_t n_work; /* the work of the open requests: keys and legs, see struct request */
};

/* An HTTP session ends where memcached's part begins: an idle one should be small. */
#define SESSION_HTTP_BYTES offsetof(struct session, first)

/** Serve the client that [listener] accepted as [fd], which now belongs to the session; refuses it
 * when the process has too many. */
void session_accept(struct plane *plane, const struct listener *listener, int fd,
                    const struct session_address *address);

/** The protocol that the session speaks. */
const struct codec *session_codec(const struct session *session);

/** Parse no more input; close when every reply is sent. */
void session_end(struct session *session);

/** Close at once: replies that are not sent are lost, open requests are cancelled. */
void session_close(struct session *session);

/** Close a client for which more waits than it may; counted. */
void session_close_overflowed(struct session *session);

/** Have the session looked at when the turn ends. */
void session_touch(struct session *session);

/** Its time limit is [phase]'s from now on. */
void session_enter(struct session *session, enum session_phase phase);

/** End of turn: send what is queued, and close if that was the last. */
void session_flush(struct session *session);

/** Go on parsing what waited. */
void session_resume(struct session *session);

/** If [bytes] are all of the session's waiting input, give that buffer away; else NULL. */
void *session_take_input(struct session *session, struct slice bytes);

/** The client's address and port as text, in the plane's scratch: valid until the next call. */
const char *session_peer(const struct session *session);

#define SESSION_IP_BYTES 46u /* INET6_ADDRSTRLEN */

/** The client's address as text, without the port; empty for a Unix socket. */
struct slice session_ip(const struct session *session, char room[SESSION_IP_BYTES]);

/** Deal with sessions whose time is up. Arms the phase timer. */
void session_check_phases(struct plane *plane);

/** End of turn: close the handles of sessions that session_close() was called for. */
void session_bury(struct plane *plane);

/* ---- session_queue.c: memcached's open requests ------------------------------------------ */

/** Put [request] at the end of the session's queue. */
void session_append(struct session *session, struct request *request);

/** The first request has written or finished: move replies on as far as they are complete. */
void session_advance(struct session *session);

/**
 * Answer something that needs no shard, in its turn.
 *
 * [text]   The whole reply, copied unless [stable] (a literal, or bytes in the arena).
 */
void session_answer(struct session *session, unsigned command, struct slice text, bool stable,
                    enum feedback_outcome outcome);

/* The codec's part of a session, see codec.h. */
bool session_queue_is_busy(const struct session *session);
bool session_queue_may_resume(const struct session *session);
bool session_queue_is_open(const struct session *session);
void session_queue_on_flushed(struct session *session);
void session_queue_on_expired(struct session *session);
void session_queue_cancel(struct session *session);

#endif
