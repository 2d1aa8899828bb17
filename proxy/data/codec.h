/*
 * A protocol: how bytes of a client become requests, and how bytes of a shard become replies.
 *
 * A codec owns no connection and does no I/O: sessions and shard connections call it with bytes and
 * it calls request_*, exchange_*, session_* and upstream_* back. Adding one is adding a file and a
 * line in codecs.def.
 */
#ifndef RINGWAY_DATA_CODEC_H
#define RINGWAY_DATA_CODEC_H

#include "base/slice.h"
#include "data/plane.h"
#include "data/request.h"

enum codec_probe { CODEC_PROBE_MORE, CODEC_PROBE_GOOD, CODEC_PROBE_BAD };

/* How shards are spoken to on connections that are opened at start, kept, and carry many requests at
 * once, whose replies come in order (upstream_conn.h). */
struct codec_pipeline {
    /**
     * Take what a shard sent, for the requests in the connection's queue.
     *
     * Returns the bytes consumed, or -1 when the shard broke the protocol: the connection is then
     * closed and its requests fail.
     */
    ssize_t (*on_reply)(struct upstream_conn *conn, struct slice in, bool stable);

    /** Write the error that [why] stands for as [request]'s reply. */
    void (*write_failure)(struct plane *plane, struct request *request, enum feedback_outcome why);

    /** What to send a shard to see whether it lives, and what its answer [in] says. */
    const char *probe;
    enum codec_probe (*on_probe_reply)(struct slice in);
};

struct codec {
    const char *name;
    enum session_phase first_phase; /* of a new session */
    bool streams; /* bodies are passed on as they come: a read is limits.stream_buffer at most */

    /**
     * Parse at most one request, or a part of its body, from [in] and dispatch it.
     *
     * [stable] The bytes stay where they are until the end of the turn; otherwise they must be
     *          copied (or taken with session_take_input()).
     * Returns the bytes consumed; 0: more are needed, session->in.need may say how many in total.
     */
    size_t (*on_input)(struct session *session, struct slice in, bool stable);

    /** Must parsing pause, because the client is ahead? */
    bool (*is_busy)(const struct session *session);

    /** May it go on? Later than is_busy() ends, so that reading is not stopped and started often. */
    bool (*may_resume)(const struct session *session);

    /** Has the client something coming to it? */
    bool (*is_open)(const struct session *session);

    /** The client will send nothing more, and all that it sent has been parsed. */
    void (*on_input_end)(struct session *session);

    /** Output was sent; what waits still is in session->out. */
    void (*on_flushed)(struct session *session);

    /** The time limit of the session's phase is over. */
    void (*on_expired)(struct session *session);

    /** The session is being closed: nobody waits for its requests any more. */
    void (*cancel)(struct session *session);

    /** Sent to a client that is one too many, before the connection is closed. */
    const char *refusal;

    const struct codec_pipeline *pipeline; /* NULL: a connection has one request at a time */
};

#define X(name) extern const struct codec codec_##name;
#include "data/codecs.def"
#undef X

/** The codec of [protocol]. */
const struct codec *codec_of(enum config_protocol protocol);

#endif
