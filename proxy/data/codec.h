/*
 * A protocol: how bytes of a client become requests, and how bytes of a shard become replies.
 *
 * A codec owns no connection and does no I/O: sessions and shard connections call it with bytes and
 * it calls request_*, session_* and upstream_* back. Adding one is adding a file and a line in
 * codecs.def.
 */
#ifndef RINGWAY_DATA_CODEC_H
#define RINGWAY_DATA_CODEC_H

#include "base/slice.h"
#include "data/plane.h"
#include "data/request.h"

enum codec_probe { CODEC_PROBE_MORE, CODEC_PROBE_GOOD, CODEC_PROBE_BAD };

struct codec {
    const char *name;

    /**
     * Parse at most one request from [in] and dispatch it.
     *
     * [stable] The bytes stay where they are until the end of the turn; otherwise they must be
     *          copied (or taken with session_take_input()).
     * Returns the bytes consumed; 0: more are needed, session->in.need may say how many in total.
     */
    size_t (*on_input)(struct session *session, struct slice in, bool stable);

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

    /** Sent to a client that is one too many, before the connection is closed. */
    const char *refusal;
};

#define X(name) extern const struct codec codec_##name;
#include "data/codecs.def"
#undef X

/** The codec of [protocol]. */
const struct codec *codec_of(enum config_protocol protocol);

#endif
