#include "data/codec/memcached.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "data/fanout.h"

#define LITERAL(text) slice_make(text, sizeof(text) - 1)

/* What goes to a shard: a line, and perhaps a value (or a line and a value as they came). */
struct message {
    struct slice line, value;
    bool line_stable, value_stable;
    void *heap; /* not NULL: the block that value lies in, which the connection frees */
};

/* ---- one shard --------------------------------------------------------------------------- */

static void send_message(struct upstream_conn *conn, const struct message *message)
{
    if (message->line.len > 0) {
        upstream_conn_write(conn, message->line, message->line_stable);
    }
    if (message->heap != NULL) {
        upstream_conn_give(conn, message->heap, message->value);
    } else if (message->value.len > 0) {
        upstream_conn_write(conn, message->value, message->value_stable);
    }
}

static void fail_routed(struct plane *plane, struct request *request, const struct route *route,
                        enum feedback_outcome why)
{
    struct feedback_shard *shard = &plane->feedback->pools[route->pool].shards[route->shard];

    counter_add(&shard->requests[request->command][why], 1);
    request->shard_pool = (uint16_t)route->pool;
    request->shard = (uint16_t)route->shard;
    request_fail(plane, request, why);
}

/* Put [request] on the connection that [key] goes to, or fail it. Returns whether it was sent. */
static bool route_message(struct plane *plane, struct request *request, struct slice key,
                          uint64_t session_id, const struct message *message)
{
    struct route route = router_route(plane, request->pool, key);
    enum feedback_outcome why = FEEDBACK_UNAVAILABLE;
    struct upstream_conn *conn = NULL;

    if (route.upstream != NULL) {
        conn = upstream_conn_for(route.upstream, session_id);
        why = upstream_conn_check(conn);
    }
    if (why != FEEDBACK_OK) {
        fail_routed(plane, request, &route, why);
        return false;
    }
    upstream_conn_push(conn, request);
    send_message(conn, message);
    return true;
}

static void dispatch(struct session *session, const struct memcache_request *parse,
                     struct message *message)
{
    struct plane *plane = session->plane;
    struct slice key = memcache_request_route_key(parse);
    uint32_t pool = topology_route(session->listener->config, key);
    struct request *request = request_create(plane, session, parse->command, pool, key);

    request->noreply = parse->noreply;
    request->quiet = parse->quiet;
    session_append(session, request);
    if (!route_message(plane, request, key, session->id, message)) {
        free(message->heap);
    }
}

/* The line to forward: as it came, or written anew into [room]. */
static struct slice forward_line(const struct memcache_request *parse, uint8_t *room)
{
    if (parse->verbatim) {
        return parse->line;
    }
    return slice_make(room, memcache_request_write_line(parse, room));
}

static size_t on_single(struct session *session, const struct memcache_request *parse, bool stable)
{
    uint8_t room[MEMCACHE_LINE_MAX + 2];
    uint8_t *line = parse->line.len <= MEMCACHE_LINE_MAX ? room : xmalloc(parse->line.len + 2);
    struct message message = {.line = forward_line(parse, line)};

    message.line_stable = stable && parse->verbatim;
    dispatch(session, parse, &message);
    if (line != room) {
        free(line);
    }
    return parse->line.len;
}

/* ---- values ------------------------------------------------------------------------------ */

/* memcached drops the old item when a new one is too large for it; so must the shard. */
static void delete_replaced(struct session *session, const struct memcache_request *parse)
{
    struct plane *plane = session->plane;
    struct slice key = memcache_request_route_key(parse);
    uint32_t pool = topology_route(session->listener->config, key);
    struct request *request;
    uint8_t line[MEMCACHE_LINE_MAX];
    int len;

    if (parse->base64_key) {
        len = snprintf((char *)line, sizeof(line), "md %.*s b\r\n", (int)parse->key.len,
                       (const char *)parse->key.data);
    } else {
        /* `delete noreply` would not be answered, see memcache_request_write_line() */
        len = snprintf((char *)line, sizeof(line), "delete %.*s%s\r\n", (int)parse->key.len,
                       (const char *)parse->key.data, slice_is(parse->key, "noreply") ? " 0" : "");
    }
    request =
        request_create(plane, NULL, parse->base64_key ? MEMCACHE_MD : MEMCACHE_DELETE, pool, key);
    request->done = true; /* nobody waits for it */
    request->outcome = FEEDBACK_OK;
    route_message(plane, request, key, session->id,
                  &(struct message){.line = slice_make(line, (size_t)len)});
}

static void refuse_value(struct session *session, const struct memcache_request *parse,
                         struct slice text, enum feedback_outcome outcome)
{
    if (!parse->noreply) {
        session_answer(session, parse->command, text, true, outcome);
    }
}

static bool ends_in_crlf(struct slice bytes)
{
    return bytes.data[bytes.len - 2] == '\r' && bytes.data[bytes.len - 1] == '\n';
}

/* [all] is the line and its value as they came. */
static void forward_value(struct session *session, const struct memcache_request *parse,
                          struct slice all, bool stable)
{
    uint8_t room[MEMCACHE_LINE_MAX + 2];
    struct message message = {.value = all, .value_stable = stable};

    if (!parse->verbatim) {
        message.line = forward_line(parse, room);
        message.value = slice_skip(all, parse->line.len);
    }
    if (!stable) {
        message.heap = session_take_input(session, all);
    }
    dispatch(session, parse, &message);
}

static size_t on_storage(struct session *session, const struct memcache_request *parse,
                         struct slice in, bool stable)
{
    size_t total = parse->line.len + (size_t)parse->value_len + 2;

    if (parse->value_len > session->plane->config->max_item_bytes) {
        if (parse->command == MEMCACHE_SET || parse->command == MEMCACHE_MS) {
            delete_replaced(session, parse);
        }
        refuse_value(session, parse, LITERAL("SERVER_ERROR object too large for cache\r\n"),
                     FEEDBACK_SERVER_ERROR);
        session->swallow = parse->value_len + 2;
        return parse->line.len;
    }
    if (in.len < total) {
        session->in.need = total;
        session->scanned = 0;
        return 0;
    }
    in.len = total;
    if (!ends_in_crlf(in)) {
        refuse_value(session, parse, LITERAL("CLIENT_ERROR bad data chunk\r\n"),
                     FEEDBACK_CLIENT_ERROR);
        return total;
    }
    forward_value(session, parse, in, stable);
    return total;
}

/* ---- answered here ----------------------------------------------------------------------- */

struct text {
    char *bytes;
    size_t len, room;
};

static void append_text(void *context, const char *bytes, size_t len)
{
    struct text *text = context;

    if (text->len + len > text->room) {
        text->room = (text->len + len) * 2;
        text->bytes = xrealloc(text->bytes, text->room);
    }
    memcpy(text->bytes + text->len, bytes, len);
    text->len += len;
}

/* memcached's groups of figures about its memory: Ringway holds no items, so each is empty. */
static bool is_about_items(struct slice group)
{
    return slice_is(group, "items") || slice_is(group, "slabs") || slice_is(group, "sizes") ||
           slice_is(group, "conns");
}

static void answer_stats(struct session *session, const struct memcache_request *parse)
{
    const struct plane_options *options = &session->plane->options;
    struct stats_source source = {options->topology, options->feedback, options->n_workers,
                                  options->baseline};
    struct text text = {0};

    if (slice_is(parse->args, "reset")) {
        stats_reset(&source);
        append_text(&text, "RESET\r\n", 7);
    } else if (slice_is(parse->args, "shards")) {
        stats_write_shards(&source, append_text, &text);
    } else if (slice_is(parse->args, "settings")) {
        stats_write_settings(&source, append_text, &text);
    } else if (is_about_items(parse->args)) {
        append_text(&text, "END\r\n", 5);
    } else if (parse->args.len == 0) {
        stats_write(&source, append_text, &text);
    } else {
        append_text(&text, "ERROR\r\n", 7);
    }
    session_answer(session, MEMCACHE_STATS, slice_make(text.bytes, text.len), false, FEEDBACK_OK);
    free(text.bytes);
}

static size_t on_local(struct session *session, const struct memcache_request *parse,
                       struct slice in)
{
    switch (parse->command) {
    case MEMCACHE_MN:
        session_answer(session, MEMCACHE_MN, LITERAL("MN\r\n"), true, FEEDBACK_OK);
        break;
    case MEMCACHE_VERSION:
        session_answer(session, MEMCACHE_VERSION, LITERAL("VERSION " MEMCACHE_VERSION_TEXT "\r\n"),
                       true, FEEDBACK_OK);
        break;
    case MEMCACHE_VERBOSITY:
        if (!parse->noreply) {
            session_answer(session, MEMCACHE_VERBOSITY, LITERAL("OK\r\n"), true, FEEDBACK_OK);
        }
        break;
    case MEMCACHE_STATS:
        answer_stats(session, parse);
        break;
    default: /* quit; the other classes never come here */
        session_end(session);
        return in.len;
    }
    return parse->line.len;
}

/* ---- dispatch by class ------------------------------------------------------------------- */

static size_t on_request(struct session *session, const struct memcache_request *parse,
                         struct slice in, bool stable)
{
    switch (memcache_command_class(parse->command)) {
    case MEMCACHE_CLASS_RETRIEVAL:
        if (parse->n_keys > 1) {
            fanout_multiget(session, parse);
            return parse->line.len;
        }
        return on_single(session, parse, stable);
    case MEMCACHE_CLASS_SINGLE:
    case MEMCACHE_CLASS_META:
        return on_single(session, parse, stable);
    case MEMCACHE_CLASS_STORAGE:
    case MEMCACHE_CLASS_META_SET:
        return on_storage(session, parse, in, stable);
    case MEMCACHE_CLASS_LOCAL:
        return on_local(session, parse, in);
    case MEMCACHE_CLASS_FANOUT:
        fanout_flush_all(session, parse);
        break;
    }
    return parse->line.len;
}

static void answer_error(struct session *session, const char *error)
{
    char line[128];
    int len;

    counter_add(&session->plane->feedback->bad_requests, 1);
    if (error != NULL) {
        len = snprintf(line, sizeof(line), "%s\r\n", error);
        session_answer(session, REQUEST_NO_COMMAND, slice_make(line, (size_t)len), false,
                       FEEDBACK_CLIENT_ERROR);
    }
}

static size_t on_input(struct session *session, struct slice in, bool stable)
{
    struct memcache_request parse;

    switch (memcache_request_parse(in, &session->scanned, session->plane->config->max_line_bytes,
                                   &parse)) {
    case MEMCACHE_PARSE_MORE:
        return 0;
    case MEMCACHE_PARSE_REQUEST:
        session->scanned = 0;
        return on_request(session, &parse, in, stable);
    case MEMCACHE_PARSE_ERROR:
        session->scanned = 0;
        session->swallow = parse.swallow;
        answer_error(session, parse.error);
        return parse.line.len;
    case MEMCACHE_PARSE_CLOSE:
        answer_error(session, parse.error);
        session_end(session);
        break;
    }
    return in.len;
}

static const struct codec_pipeline pipeline = {
    .on_reply = memcached_on_reply,
    .write_failure = memcached_write_failure,
    .probe = "version\r\n",
    .on_probe_reply = memcached_on_probe_reply,
};

const struct codec codec_memcached = {
    .name = "memcached",
    .first_phase = SESSION_PHASE_QUEUE,
    .on_input = on_input,
    .is_busy = session_queue_is_busy,
    .may_resume = session_queue_may_resume,
    .is_open = session_queue_is_open,
    .on_input_end = session_end,
    .on_flushed = session_queue_on_flushed,
    .on_expired = session_queue_on_expired,
    .cancel = session_queue_cancel,
    .pipeline = &pipeline,
    .refusal = "ERROR Too many open connections\r\n",
};
