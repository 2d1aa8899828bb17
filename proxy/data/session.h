/*
 * A client connection. Requests are answered in the order in which they came, whatever the order in
 * which shards answer.
 *
 * Story: bytes arrive in the worker's arena and are parsed there; only an unfinished rest is copied
 * into the session's own buffer, which is freed as soon as it is empty. Parsing pauses, and reading
 * stops, while too many requests are open or too much output waits; it goes on when the client has
 * caught up. A client whose waiting output exceeds limits.client_output is closed.
 * A client that half-closes still gets every reply. When we end the connection after an answer, we
 * stop sending first and wait for the client's end, so that no reply is lost to a reset.
 */
#ifndef RINGWAY_DATA_SESSION_H
#define RINGWAY_DATA_SESSION_H

#include "data/codec.h"
#include "data/inbuf.h"
#include "data/listener.h"
#include "data/plane.h"
#include "data/request.h"

enum session_state {
    SESSION_OPEN,
    SESSION_ENDING,    /* no more input is parsed; closes when every reply is sent */
    SESSION_LINGERING, /* everything is sent and our side shut; waiting for the client's end */
    SESSION_CLOSED,    /* uv_close called */
};

struct session {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } io;
    struct plane *plane;
    const struct listener *listener;
    struct list all, dirty, waiting; /* links in the plane's lists; dead in all, lingering in
                                        waiting */
    struct request *first, *last;    /* open requests, oldest first */
    struct outlet out;
    size_t held_bytes;    /* replies that wait for earlier ones */
    size_t first_bytes;   /* written so far by the first request */
    size_t largest_bytes; /* written by one request since the output was last empty: the most */
    struct inbuf in;      /* input that is not parsed yet */
    size_t scanned;       /* codec: bytes of the input known to hold no line end */
    uint64_t swallow;     /* bytes of input to drop */
    uint64_t id;
    uint64_t active_us; /* last time that bytes came; LINGERING: since when */
    uint32_t n_open;
    uint32_t n_work; /* the work of the open requests: keys and legs, see struct request */
    uint8_t state;   /* enum session_state */
    bool reading, eof;
    bool paused;
    bool blocked; /* output waits for the client to read; counted in feedback.clients_blocked */
    char *peer;   /* the client's address as text, once the access log has asked; owned */
};

/** Serve the client that [listener] accepted as [fd], which now belongs to the session; refuses it
 * when the process has too many. */
void session_accept(struct plane *plane, const struct listener *listener, int fd);

/** The protocol that the session speaks. */
const struct codec *session_codec(const struct session *session);

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

/** Parse no more input; close when every reply is sent. */
void session_end(struct session *session);

/** Close at once: replies that are not sent are lost, open requests are cancelled. */
void session_close(struct session *session);

/** Have the session looked at when the turn ends. */
void session_touch(struct session *session);

/** End of turn: send what is queued, and close if that was the last. */
void session_flush(struct session *session);

/** Go on parsing what waited. */
void session_resume(struct session *session);

/** If [bytes] are all of the session's waiting input, give that buffer away; else NULL. */
void *session_take_input(struct session *session, struct slice bytes);

/** The client's address as text; valid as long as the session. */
const char *session_peer(struct session *session);

/** Close sessions that were idle for too long or lingered long enough. Arms the idle timer. */
void session_check_idle(struct plane *plane);

/** End of turn: close the handles of sessions that session_close() was called for. */
void session_bury(struct plane *plane);

#endif
