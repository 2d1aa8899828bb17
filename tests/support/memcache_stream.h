/*
 * Byte streams of memcached requests and replies, read in pieces as a session or an upstream
 * connection reads them; and what must hold of every request and reply that a parser returns.
 */
#ifndef RINGWAY_TESTS_SUPPORT_MEMCACHE_STREAM_H
#define RINGWAY_TESTS_SUPPORT_MEMCACHE_STREAM_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/memcache_reply.h"
#include "wire/memcache_request.h"

#define STREAM_LINE_MAX 4096u

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #condition);             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* ---- what must hold -------------------------------------------------------------------------- */

static inline bool stream_is_inside(struct slice part, struct slice whole)
{
    return part.data >= whole.data && part.data + part.len <= whole.data + whole.len;
}

static inline void stream_check_key(struct slice key)
{
    MUST(key.len >= 1 && key.len <= MEMCACHE_KEY_MAX);
    MUST(memchr(key.data, '\n', key.len) == NULL);
    MUST(memchr(key.data, '\r', key.len) == NULL);
    MUST(memchr(key.data, '\0', key.len) == NULL);
    MUST(memchr(key.data, ' ', key.len) == NULL);
}

static inline void stream_check_keys(const struct memcache_request *request)
{
    uint32_t n = 0;
    struct slice rest = request->keys;
    MUST(stream_is_inside(rest, request->line));
    struct slice key = memcache_keys_next(&rest);
    MUST(slice_equal(key, request->key));
    for (; key.len > 0; key = memcache_keys_next(&rest)) {
        stream_check_key(key);
        MUST(stream_is_inside(key, request->line));
        n++;
    }
    MUST(n == request->n_keys && n >= 1 && rest.len == 0);
}

/* A shard takes the written line for the same request, and answers it. */
static inline void stream_check_written(const struct memcache_request *request)
{
    uint8_t *line = malloc(request->line.len + 2);
    MUST(line != NULL);
    size_t len = memcache_request_write_line(request, line);
    MUST(len <= request->line.len + 2);
    struct slice written = {line, len};
    MUST(!request->verbatim || slice_equal(written, request->line));

    struct memcache_request again;
    size_t scanned = 0;
    MUST(memcache_request_parse(written, &scanned, STREAM_LINE_MAX + 2, &again) ==
         MEMCACHE_PARSE_REQUEST);
    MUST(again.command == request->command && again.line.len == len);
    MUST(!again.noreply && !again.quiet);
    MUST(again.verbatim || line[len - 2] != '\r');
    MUST(again.base64_key == request->base64_key && again.vivify == request->vivify);
    MUST(again.return_cas == request->return_cas && again.value_len == request->value_len);
    MUST(slice_equal(again.key, request->key));
    MUST(slice_equal(memcache_request_route_key(&again), memcache_request_route_key(request)));
    free(line);
}

static inline void stream_check_request(const struct memcache_request *request)
{
    enum memcache_class class = memcache_command_class(request->command);
    MUST(request->error == NULL && request->swallow == 0);
    MUST(request->line.data[request->line.len - 1] == '\n');
    if (class == MEMCACHE_CLASS_LOCAL) {
        return;
    }
    if (class == MEMCACHE_CLASS_RETRIEVAL) {
        stream_check_keys(request);
    } else if (class != MEMCACHE_CLASS_FANOUT) {
        stream_check_key(request->key);
        MUST(stream_is_inside(request->key, request->line));
    }
    if (class == MEMCACHE_CLASS_STORAGE || class == MEMCACHE_CLASS_META_SET) {
        MUST(request->value_len <= INT32_MAX - 2);
    }
    if (request->base64_key) {
        MUST(request->key_decoded_len >= 1 && request->key_decoded_len <= MEMCACHE_KEY_MAX);
    }
    if (request->n_keys <= 1) {
        stream_check_written(request);
    }
}

static inline void stream_check_error(const struct memcache_request *request)
{
    MUST(request->swallow <= INT32_MAX);
    if (request->error != NULL) {
        struct slice error = slice_of(request->error);
        MUST(slice_is(error, "ERROR") || slice_starts_with(error, slice_of("CLIENT_ERROR ")));
        MUST(memchr(error.data, '\n', error.len) == NULL);
    }
}

static inline void stream_check_reply(const struct memcache_reply *reply, struct slice in)
{
    MUST(reply->type < MEMCACHE_N_REPLY_TYPES);
    MUST(reply->line.data == in.data && reply->line.len <= in.len);
    MUST(reply->line.len <= MEMCACHE_REPLY_LINE_MAX);
    MUST(reply->line.data[reply->line.len - 1] == '\n');
    MUST(reply->line.data[reply->line.len - 2] == '\r');
    MUST(reply->value_len <= INT32_MAX);
    if (reply->type == MEMCACHE_REPLY_VALUE) {
        stream_check_key(reply->key);
        MUST(stream_is_inside(reply->key, reply->line));
    } else {
        MUST(reply->key.len == 0 && !reply->has_cas);
        MUST(reply->type == MEMCACHE_REPLY_VA || reply->value_len == 0);
    }
}

/* ---- reading in pieces ----------------------------------------------------------------------- */

/* What has arrived so far stands in a buffer of its own, with line ends behind it as bait. */
struct stream {
    struct slice data;
    uint8_t *buffer;
    size_t arrived;
    size_t at;
    size_t scanned;
    uint64_t skip;
    bool closed;
    FILE *events;
};

static inline void stream_describe(struct stream *s, enum memcache_parse parse,
                                   const struct memcache_request *r)
{
    fprintf(s->events, "%zu: %d line %zu error %s swallow %" PRIu64 "\n", s->at, (int)parse,
            parse == MEMCACHE_PARSE_CLOSE ? 0 : r->line.len, r->error != NULL ? r->error : "-",
            r->swallow);
    if (parse == MEMCACHE_PARSE_REQUEST) {
        fprintf(s->events,
                "command %d bits %d%d%d%d%d%d key %td+%zu keys %u %td+%zu value %" PRIu64,
                (int)r->command, r->noreply, r->quiet, r->base64_key, r->return_cas, r->vivify,
                r->verbatim, r->key.data - r->line.data, r->key.len, r->n_keys,
                r->keys.data - r->line.data, r->keys.len, r->value_len);
        fprintf(s->events, " args '%.*s' decoded '%.*s'\n", (int)r->args.len,
                (const char *)r->args.data, (int)r->key_decoded_len, (const char *)r->key_decoded);
    }
}

/* Drop what is left of a value; false when more must arrive. */
static inline bool stream_skip(struct stream *s)
{
    uint64_t here = s->arrived - s->at;
    uint64_t n = s->skip < here ? s->skip : here;
    s->at += (size_t)n;
    s->skip -= n;
    return s->skip == 0;
}

static inline void stream_requests(struct stream *s)
{
    while (!s->closed && stream_skip(s) && s->at < s->arrived) {
        struct slice in = {s->buffer + s->at, s->arrived - s->at};
        struct memcache_request request;
        enum memcache_parse parse =
            memcache_request_parse(in, &s->scanned, STREAM_LINE_MAX, &request);
        if (parse == MEMCACHE_PARSE_MORE) {
            MUST(s->scanned == in.len);
            return;
        }
        MUST(request.line.data == in.data && request.line.len <= in.len);
        stream_describe(s, parse, &request);
        s->closed = parse == MEMCACHE_PARSE_CLOSE;
        s->skip = request.swallow;
        if (parse == MEMCACHE_PARSE_REQUEST) {
            MUST(s->scanned == 0);
            stream_check_request(&request);
            enum memcache_class class = memcache_command_class(request.command);
            bool value = class == MEMCACHE_CLASS_STORAGE || class == MEMCACHE_CLASS_META_SET;
            s->skip = value ? request.value_len + 2 : 0;
        } else {
            stream_check_error(&request);
        }
        s->at += request.line.len;
    }
}

static inline void stream_replies(struct stream *s)
{
    while (!s->closed && stream_skip(s) && s->at < s->arrived) {
        struct slice in = {s->buffer + s->at, s->arrived - s->at};
        struct memcache_reply reply;
        int parsed = memcache_reply_parse(in, &reply);
        if (parsed == 0) {
            return;
        }
        if (parsed < 0) {
            s->closed = true;
            fprintf(s->events, "%zu: closed\n", s->at);
            return;
        }
        stream_check_reply(&reply, in);
        fprintf(s->events, "%zu: type %d line %zu key '%.*s' cas %d value %" PRIu64 "\n", s->at,
                (int)reply.type, reply.line.len, (int)reply.key.len, (const char *)reply.key.data,
                reply.has_cas, reply.value_len);
        bool value = reply.type == MEMCACHE_REPLY_VALUE || reply.type == MEMCACHE_REPLY_VA;
        s->skip = value ? reply.value_len + 2 : 0;
        s->at += reply.line.len;
    }
}

/**
 * Read [data] as pieces of [first] bytes, then of [piece] bytes each, with [read].
 *
 * Returns a text of all that was found, for comparing; to be freed.
 */
static inline char *stream_run(struct slice data, size_t first, size_t piece,
                               void (*read)(struct stream *))
{
    char *text = NULL;
    size_t text_len = 0;
    struct stream s = {.data = data, .buffer = malloc(data.len + 1)};
    s.events = open_memstream(&text, &text_len);
    MUST(s.buffer != NULL && s.events != NULL);
    memset(s.buffer, '\n', data.len + 1);
    for (size_t n = first; s.arrived < data.len; n = piece) {
        n = n < data.len - s.arrived ? n : data.len - s.arrived;
        memcpy(s.buffer + s.arrived, data.data + s.arrived, n);
        s.arrived += n;
        read(&s);
    }
    fclose(s.events);
    free(s.buffer);
    return text;
}

#endif
