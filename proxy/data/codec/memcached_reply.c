#include <stdio.h>

#include "data/codec/memcached.h"
#include "data/fanout.h"

/* A value up to this long is passed on when it is whole, so that a shard that fails half-way costs
 * an error line; a longer one is passed on as it comes, and then costs the client's connection. */
#define WHOLE_MAX_BYTES (16u * 1024u)

static const char value_end[] = "\r\nEND\r\n"; /* classic; a meta value ends after the CRLF */

#define END_LEN  5u /* END and CRLF */
#define CRLF_LEN 2u

static bool is_classic(const struct request *request)
{
    return memcache_command_class((enum memcache_command)request->command) ==
           MEMCACHE_CLASS_RETRIEVAL;
}

static void count_key(struct upstream_conn *conn, bool hit)
{
    struct feedback_shard *shard = conn->upstream->shard_feedback;

    counter_add(hit ? &shard->keys_hit : &shard->keys_missed, 1);
}

/* The first request is answered in full. */
static void finish(struct upstream_conn *conn, enum feedback_outcome outcome, struct slice error)
{
    struct plane *plane = conn->upstream->plane;
    struct request *request = upstream_conn_pop(conn, outcome);

    if (request->done) {
        request_release(plane, request);
    } else if (request->is_leg) {
        fanout_leg_done(plane, request, outcome, error);
    } else {
        request_finish(plane, request, outcome);
    }
}

static void write_bytes(struct upstream_conn *conn, struct slice bytes, bool stable)
{
    request_write(conn->upstream->plane, conn->first, bytes, stable);
}

/* ---- lines ------------------------------------------------------------------------------- */

static enum feedback_outcome outcome_of(enum memcache_command command,
                                        enum memcache_reply_type type)
{
    switch (type) {
    case MEMCACHE_REPLY_VALUE:
        return FEEDBACK_HIT;
    case MEMCACHE_REPLY_HD:
    case MEMCACHE_REPLY_VA:
        return command == MEMCACHE_MG ? FEEDBACK_HIT : FEEDBACK_OK;
    case MEMCACHE_REPLY_END:
    case MEMCACHE_REPLY_EN:
    case MEMCACHE_REPLY_NF:
    case MEMCACHE_REPLY_NOT_FOUND:
        return FEEDBACK_MISS;
    case MEMCACHE_REPLY_NOT_STORED:
    case MEMCACHE_REPLY_EXISTS:
    case MEMCACHE_REPLY_NS:
    case MEMCACHE_REPLY_EX:
        return FEEDBACK_NOT_OK;
    case MEMCACHE_REPLY_ERROR:
    case MEMCACHE_REPLY_CLIENT_ERROR:
        return FEEDBACK_CLIENT_ERROR;
    case MEMCACHE_REPLY_SERVER_ERROR:
        return FEEDBACK_SERVER_ERROR;
    case MEMCACHE_REPLY_STORED:
    case MEMCACHE_REPLY_DELETED:
    case MEMCACHE_REPLY_TOUCHED:
    case MEMCACHE_REPLY_OK:
    case MEMCACHE_REPLY_NUMBER:
    case MEMCACHE_REPLY_VERSION:
    case MEMCACHE_REPLY_ME:
    case MEMCACHE_REPLY_MN:
    case MEMCACHE_N_REPLY_TYPES:
        break;
    }
    return FEEDBACK_OK;
}

/* A shard that refuses a line may not have read the value behind it: what follows is in doubt. Not
 * so when it knows ms: it then reads the value even if it refuses a flag. */
static bool leaves_doubt(enum memcache_command command, enum memcache_reply_type type)
{
    switch (memcache_command_class(command)) {
    case MEMCACHE_CLASS_STORAGE:
        return type == MEMCACHE_REPLY_ERROR || type == MEMCACHE_REPLY_CLIENT_ERROR;
    case MEMCACHE_CLASS_META_SET:
        return type == MEMCACHE_REPLY_ERROR;
    case MEMCACHE_CLASS_RETRIEVAL:
    case MEMCACHE_CLASS_SINGLE:
    case MEMCACHE_CLASS_META:
    case MEMCACHE_CLASS_LOCAL:
    case MEMCACHE_CLASS_FANOUT:
        break;
    }
    return false;
}

static void hide_if_quiet(struct request *request, enum memcache_reply_type type)
{
    if (request->quiet && !memcache_reply_shown_when_quiet(request->command, type)) {
        request->noreply = true;
    }
}

static ssize_t take_line(struct upstream_conn *conn, const struct memcache_reply *reply,
                         bool stable)
{
    struct request *request = conn->first;
    enum memcache_command command = request->command;
    bool doubt = leaves_doubt(command, reply->type);
    struct slice error = slice_make(NULL, 0);
    enum feedback_outcome outcome = outcome_of(command, reply->type);

    if (reply->type == MEMCACHE_REPLY_END && !request->is_leg) {
        count_key(conn, false);
    }
    if (reply->type == MEMCACHE_REPLY_END && request->got_value) {
        outcome = FEEDBACK_HIT;
    }
    hide_if_quiet(request, reply->type);
    if (request->is_leg && memcache_reply_is_error(reply->type)) {
        error = reply->line;
    } else if (!request->is_leg) {
        write_bytes(conn, reply->line, stable);
    }
    finish(conn, outcome, error);
    return doubt ? -1 : (ssize_t)reply->line.len;
}

/* ---- values ------------------------------------------------------------------------------ */

static bool ends_well(struct slice in, size_t value_end_at, const char *end, size_t end_len)
{
    return memcmp(in.data + value_end_at, end, end_len) == 0;
}

/* The value does not fit what has come: wait for the rest, or begin to pass it on. */
static ssize_t begin_value(struct upstream_conn *conn, const struct memcache_reply *reply,
                           size_t total, bool stable)
{
    if (total <= WHOLE_MAX_BYTES) {
        conn->in.need = total;
        return 0;
    }
    hide_if_quiet(conn->first, reply->type);
    write_bytes(conn, reply->line, stable);
    conn->in_value = true;
    conn->value_left = reply->value_len;
    return (ssize_t)reply->line.len;
}

/* VALUE … END of a single key, or VA: [end] is what must stand behind the value's bytes. */
static ssize_t take_value(struct upstream_conn *conn, const struct memcache_reply *reply,
                          struct slice in, bool stable)
{
    struct request *request = conn->first;
    bool classic = is_classic(request);
    size_t end_len = classic ? CRLF_LEN + END_LEN : CRLF_LEN;
    size_t value_end_at = reply->line.len + (size_t)reply->value_len;

    if (in.len < value_end_at + end_len) {
        return begin_value(conn, reply, value_end_at + end_len, stable);
    }
    if (!ends_well(in, value_end_at, value_end, end_len)) {
        return -1;
    }
    hide_if_quiet(request,
                  reply->type); /* not before: a shard that fails now is an error to show */
    write_bytes(conn, slice_make(in.data, value_end_at + end_len), stable);
    if (classic) {
        count_key(conn, true);
    }
    finish(conn, outcome_of(request->command, reply->type), slice_make(NULL, 0));
    return (ssize_t)(value_end_at + end_len);
}

/* More of a long value. */
static ssize_t pass_value(struct upstream_conn *conn, struct slice in, bool stable)
{
    struct request *request = conn->first;
    bool classic = is_classic(request);
    size_t end_len = classic ? CRLF_LEN + END_LEN : CRLF_LEN;

    if (conn->value_left > 0) {
        in.len = conn->value_left < in.len ? (size_t)conn->value_left : in.len;
        write_bytes(conn, in, stable);
        conn->value_left -= in.len;
        return (ssize_t)in.len;
    }
    if (in.len < end_len) {
        conn->in.need = end_len;
        return 0;
    }
    if (!ends_well(in, 0, value_end, end_len)) {
        return -1;
    }
    write_bytes(conn, slice_make(in.data, end_len), stable);
    conn->in_value = false;
    if (classic) {
        count_key(conn, true);
    }
    finish(conn, classic || request->command == MEMCACHE_MG ? FEEDBACK_HIT : FEEDBACK_OK,
           slice_make(NULL, 0));
    return (ssize_t)end_len;
}

/* More of a value that nobody gets. */
static ssize_t skip_value(struct upstream_conn *conn, struct slice in)
{
    size_t n = conn->skip_left < in.len ? (size_t)conn->skip_left : in.len;

    conn->skip_left -= n;
    return (ssize_t)n;
}

/* A VALUE for one key of a multi-get. */
static ssize_t take_leg_value(struct upstream_conn *conn, const struct memcache_reply *reply,
                              struct slice in, bool stable)
{
    struct request *request = conn->first;
    size_t total = reply->line.len + (size_t)reply->value_len + CRLF_LEN;

    if (reply->value_len > FANOUT_HELD_MAX) {
        conn->skip_left = reply->value_len + CRLF_LEN;
        return request->done || fanout_value_too_large(request, reply->key)
                   ? (ssize_t)reply->line.len
                   : -1;
    }
    if (in.len < total) {
        conn->in.need = total;
        return 0;
    }
    if (!ends_well(in, total - CRLF_LEN, value_end, CRLF_LEN)) {
        return -1;
    }
    count_key(conn, true);
    request->got_value = true;
    if (!request->done && !fanout_value(conn->upstream->plane, request, reply->key,
                                        slice_make(in.data, total), stable)) {
        return -1;
    }
    return (ssize_t)total;
}

static ssize_t take_classic_value(struct upstream_conn *conn, const struct memcache_reply *reply,
                                  struct slice in, bool stable)
{
    struct request *request = conn->first;
    bool wants_cas = request->command == MEMCACHE_GETS || request->command == MEMCACHE_GATS;

    if (reply->has_cas != wants_cas) {
        return -1;
    }
    if (request->is_leg) {
        return take_leg_value(conn, reply, in, stable);
    }
    if (!slice_equal(reply->key, slice_make(request->key, request->key_len))) {
        return -1;
    }
    return take_value(conn, reply, in, stable);
}

static ssize_t take_reply(struct upstream_conn *conn, struct slice in, bool stable)
{
    struct memcache_reply reply;
    int parsed = memcache_reply_parse(in, &reply);

    if (parsed <= 0) {
        return parsed;
    }
    if (!memcache_reply_fits(conn->first->command, reply.type)) {
        return -1;
    }
    if (reply.type == MEMCACHE_REPLY_VALUE) {
        return take_classic_value(conn, &reply, in, stable);
    }
    if (reply.type == MEMCACHE_REPLY_VA) {
        return take_value(conn, &reply, in, stable);
    }
    return take_line(conn, &reply, stable);
}

ssize_t memcached_on_reply(struct upstream_conn *conn, struct slice in, bool stable)
{
    size_t done = 0;

    while (done < in.len) {
        struct slice rest = slice_skip(in, done);
        ssize_t used;

        if (conn->first == NULL) {
            return -1; /* bytes that nobody asked for */
        }
        used = conn->skip_left > 0 ? skip_value(conn, rest)
               : conn->in_value    ? pass_value(conn, rest, stable)
                                   : take_reply(conn, rest, stable);
        if (used <= 0) {
            return used < 0 ? -1 : (ssize_t)done;
        }
        done += (size_t)used;
    }
    return (ssize_t)done;
}

/* ---- failures and probes ----------------------------------------------------------------- */

size_t memcached_failure_line(char *line, size_t size, const char *shard, enum feedback_outcome why)
{
    const char *what = why == FEEDBACK_TIMEOUT ? "timed out"
                       : why == FEEDBACK_BUSY  ? "busy"
                                               : "unavailable";

    return (size_t)snprintf(line, size, "SERVER_ERROR shard %s %s\r\n", shard, what);
}

void memcached_write_failure(struct plane *plane, struct request *request,
                             enum feedback_outcome why)
{
    const struct topology_pool *pool = &plane->options.topology->pools[request->shard_pool];
    char line[HASHRING_MAX_NAME_BYTES + 64];
    size_t len =
        memcached_failure_line(line, sizeof(line), pool->shards[request->shard].config->name, why);

    request_write(plane, request, slice_make(line, len), false);
}

enum codec_probe memcached_on_probe_reply(struct slice in)
{
    struct memcache_reply reply;
    int parsed = memcache_reply_parse(in, &reply);

    if (parsed == 0) {
        return CODEC_PROBE_MORE;
    }
    return parsed > 0 && reply.type == MEMCACHE_REPLY_VERSION && reply.line.len == in.len
               ? CODEC_PROBE_GOOD
               : CODEC_PROBE_BAD;
}
