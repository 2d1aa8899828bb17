/*
 * Byte streams of HTTP/1 requests and responses, with their bodies, read in pieces as a connection
 * reads them; and what must hold of every head that a parser returns.
 */
#ifndef RINGWAY_TESTS_SUPPORT_HTTP1_STREAM_H
#define RINGWAY_TESTS_SUPPORT_HTTP1_STREAM_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/http1.h"

#define HTTP1_STREAM_HEAD_MAX 4096u
#define HTTP1_STREAM_MESSAGES 8u

#define HTTP1_MUST(condition)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: must hold: %s\n", __FILE__, __LINE__, #condition);             \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

enum http1_stream_phase {
    HTTP1_STREAM_HEAD,
    HTTP1_STREAM_DATA, /* left bytes */
    HTTP1_STREAM_CHUNKS,
    HTTP1_STREAM_TRAILERS,
    HTTP1_STREAM_REST,   /* of the connection is the body */
    HTTP1_STREAM_END,    /* no further message: another protocol, or the connection ends */
    HTTP1_STREAM_BROKEN, /* refused */
};

struct http1_stream_message {
    size_t start, head_len, end; /* offsets in the stream; end is 0 until the body is whole */
    int status;                  /* a response's */
    enum http1_body body;
    uint64_t content_length, body_len, body_hash;
    bool has_content_length, keep_alive, has_upgrade, is_connect;
    bool has_known_trailers; /* of HTTP1_NAMES */
};

/* All zero but for data and is_response at the beginning. */
struct http1_stream {
    struct slice data;
    bool is_response;
    bool to_head; /* the responses answer HEAD */
    bool allow_fragment;
    FILE *events;    /* NULL: nothing is written down */
    uint8_t *buffer; /* what has arrived, with line ends behind it as bait */
    size_t arrived, at;
    enum http1_stream_phase phase;
    struct http1_scan scan;
    struct http1_chunks chunks;
    uint64_t left;
    const char *error;
    size_t n_messages; /* heads accepted; the first HTTP1_STREAM_MESSAGES stand in [messages] */
    struct http1_stream_message messages[HTTP1_STREAM_MESSAGES];
    struct http1_stream_message now;
};

/* ---- what must hold -------------------------------------------------------------------------- */

static inline void http1_stream_check_inside(struct slice part, struct slice whole)
{
    HTTP1_MUST(part.len == 0 ||
               (part.data >= whole.data && part.data + part.len <= whole.data + whole.len));
    HTTP1_MUST(part.len == 0 || memchr(part.data, '\r', part.len) == NULL);
    HTTP1_MUST(part.len == 0 || memchr(part.data, '\n', part.len) == NULL);
    HTTP1_MUST(part.len == 0 || memchr(part.data, '\0', part.len) == NULL);
}

static inline bool http1_stream_is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

static inline const uint8_t *http1_stream_skip_blanks(const uint8_t *p)
{
    while (http1_stream_is_blank(*p)) {
        p++;
    }
    return p;
}

/* The field lines [p, end) are these fields and the white space around them, and nothing else. */
static inline void http1_stream_check_fields(const struct http1_fields *fields, const uint8_t *p,
                                             const uint8_t *end)
{
    struct slice lines = slice_make(p, (size_t)(end - p));
    HTTP1_MUST(fields->n <= HTTP1_FIELDS_MAX);
    for (size_t i = 0; i < fields->n; i++) {
        const struct http1_field *field = &fields->list[i];
        http1_stream_check_inside(field->name, lines);
        http1_stream_check_inside(field->value, lines);
        HTTP1_MUST(field->name.data == p && field->name.len > 0 && field->id < HTTP1_N_NAMES);
        HTTP1_MUST(memchr(p, ':', field->name.len) == NULL);
        HTTP1_MUST(memchr(p, ' ', field->name.len) == NULL);
        p = http1_stream_skip_blanks(p + field->name.len);
        HTTP1_MUST(*p == ':');
        p = http1_stream_skip_blanks(p + 1);
        HTTP1_MUST(field->value.data == p);
        p += field->value.len;
        HTTP1_MUST(field->value.len == 0 || !http1_stream_is_blank(p[-1]));
        p = http1_stream_skip_blanks(p);
        HTTP1_MUST(p[0] == '\r' && p[1] == '\n');
        p += 2;
    }
    HTTP1_MUST(end - p == 2 && p[0] == '\r' && p[1] == '\n');
}

/* `HTTP/1.x` at [p]. */
static inline const uint8_t *http1_stream_check_version(const uint8_t *p)
{
    HTTP1_MUST(memcmp(p, "HTTP/1.", 7) == 0 && p[7] >= '0' && p[7] <= '9');
    return p + 8;
}

/* The request line is its parts and single spaces, and nothing else; returns where it ends. */
static inline const uint8_t *http1_stream_check_request_line(const struct http1_request *request,
                                                             struct slice in)
{
    const uint8_t *p = in.data;
    if (slice_starts_with(in, slice_of("\r\n"))) {
        p += 2;
    }
    HTTP1_MUST(request->method.data == p);
    p += request->method.len;
    HTTP1_MUST(*p == ' ' && request->target.data == p + 1);
    p += 1 + request->target.len;
    if (request->has_fragment) {
        HTTP1_MUST(*p == '#' && request->fragment.data == p + 1);
        p += 1 + request->fragment.len;
    }
    HTTP1_MUST(*p == ' ');
    p = http1_stream_check_version(p + 1);
    HTTP1_MUST(p[0] == '\r' && p[1] == '\n');
    return p + 2;
}

/* As http1_stream_check_request_line(). */
static inline const uint8_t *http1_stream_check_status_line(const struct http1_response *response,
                                                            struct slice in)
{
    const uint8_t *p = http1_stream_check_version(in.data);
    char status[8];
    snprintf(status, sizeof(status), " %d", response->status);
    HTTP1_MUST(memcmp(p, status, 4) == 0);
    p += p[4] == ' ' ? 5 : 4;
    HTTP1_MUST(response->reason.data == p);
    p += response->reason.len;
    HTTP1_MUST(p[0] == '\r' && p[1] == '\n');
    return p + 2;
}

static inline void http1_stream_check_request(const struct http1_request *request, struct slice in)
{
    struct slice head = slice_make(in.data, request->head_len);
    HTTP1_MUST(request->head_len <= in.len && request->head_len <= HTTP1_STREAM_HEAD_MAX);
    HTTP1_MUST(request->method.len > 0 && request->method.len <= HTTP1_METHOD_MAX);
    HTTP1_MUST(request->target.len > 0 && request->minor <= 1);
    HTTP1_MUST(request->has_host || request->minor == 0);
    HTTP1_MUST(!request->has_content_length || request->body != HTTP1_BODY_CHUNKED);
    HTTP1_MUST(request->body != HTTP1_BODY_CLOSE);
    HTTP1_MUST(request->body != HTTP1_BODY_LENGTH || request->content_length > 0);
    HTTP1_MUST(request->method_id != HTTP1_CONNECT || !request->keep_alive);
    http1_stream_check_inside(request->method, head);
    http1_stream_check_inside(request->target, head);
    http1_stream_check_inside(request->authority, request->target);
    http1_stream_check_inside(request->path, request->target);
    http1_stream_check_inside(request->query, request->target);
    http1_stream_check_inside(request->fragment, head);
    http1_stream_check_inside(request->host, head);
    http1_stream_check_fields(&request->fields, http1_stream_check_request_line(request, in),
                              in.data + head.len);
}

static inline void http1_stream_check_response(const struct http1_response *response,
                                               struct slice in)
{
    struct slice head = slice_make(in.data, response->head_len);
    HTTP1_MUST(response->head_len <= in.len && response->head_len <= HTTP1_STREAM_HEAD_MAX);
    HTTP1_MUST(response->status >= 100 && response->status <= 999 && response->minor <= 1);
    HTTP1_MUST(!response->has_content_length || response->body != HTTP1_BODY_CHUNKED);
    http1_stream_check_inside(response->reason, head);
    http1_stream_check_fields(&response->fields, http1_stream_check_status_line(response, in),
                              in.data + head.len);
}

/* ---- writing down ---------------------------------------------------------------------------- */

static inline void http1_stream_put(struct http1_stream *s, const char *label, struct slice text)
{
    if (s->events != NULL) {
        fprintf(s->events, " %s '%.*s'", label, (int)text.len, (const char *)text.data);
    }
}

static inline void http1_stream_put_fields(struct http1_stream *s,
                                           const struct http1_fields *fields)
{
    for (size_t i = 0; i < fields->n && s->events != NULL; i++) {
        fprintf(s->events, "\n  %d%c", fields->list[i].id, fields->list[i].hop ? 'h' : ' ');
        http1_stream_put(s, "", fields->list[i].name);
        http1_stream_put(s, "", fields->list[i].value);
    }
}

static inline void http1_stream_put_head(struct http1_stream *s)
{
    const struct http1_stream_message *m = &s->now;
    if (s->events != NULL) {
        fprintf(s->events, "\n%zu+%zu: status %d body %d length %d %" PRIu64 " keep %d upgrade %d",
                m->start, m->head_len, m->status, (int)m->body, m->has_content_length,
                m->content_length, m->keep_alive, m->has_upgrade);
    }
}

/* The text that has been written of the same stream cut otherwise is the same. */
static inline void http1_stream_put_end(struct http1_stream *s)
{
    fprintf(s->events, "\nends in %d at %zu body %" PRIu64 " %" PRIx64 " left %" PRIu64 ": %s\n",
            (int)s->phase, s->phase == HTTP1_STREAM_BROKEN ? 0 : s->at, s->now.body_len,
            s->now.body_hash, s->left, s->error == NULL ? "-" : s->error);
}

/* ---- reading --------------------------------------------------------------------------------- */

static inline void http1_stream_break(struct http1_stream *s, int status, const char *error)
{
    HTTP1_MUST(error != NULL);
    s->error = error;
    s->phase = HTTP1_STREAM_BROKEN;
    if (s->events != NULL) {
        fprintf(s->events, "\nrefused with %d", status);
    }
}

static inline void http1_stream_add_body(struct http1_stream *s, struct slice data)
{
    uint64_t hash = s->now.body_hash;
    for (size_t i = 0; i < data.len; i++) {
        hash = (hash ^ data.data[i]) * UINT64_C(0x100000001b3);
    }
    s->now.body_hash = hash;
    s->now.body_len += data.len;
}

static inline void http1_stream_note(struct http1_stream *s)
{
    if (s->n_messages > 0 && s->n_messages <= HTTP1_STREAM_MESSAGES) {
        s->messages[s->n_messages - 1] = s->now;
    }
}

/* The message is whole. */
static inline void http1_stream_finish(struct http1_stream *s)
{
    bool is_interim = s->is_response && s->now.status < 200 && s->now.status != 101;
    s->now.end = s->at;
    s->scan = (struct http1_scan){0};
    s->phase = HTTP1_STREAM_HEAD;
    if ((!s->now.keep_alive && !is_interim) || s->now.is_connect || s->now.status == 101) {
        s->phase = HTTP1_STREAM_END;
    }
    if (s->events != NULL) {
        fprintf(s->events, "\n  whole: %" PRIu64 " %" PRIx64, s->now.body_len, s->now.body_hash);
    }
    http1_stream_note(s);
}

static inline void http1_stream_begin_body(struct http1_stream *s)
{
    s->at += s->now.head_len;
    s->now.body_hash = UINT64_C(0xcbf29ce484222325);
    s->n_messages++;
    http1_stream_note(s);
    switch (s->now.body) {
    case HTTP1_BODY_NONE:
        http1_stream_finish(s);
        break;
    case HTTP1_BODY_LENGTH:
        s->phase = HTTP1_STREAM_DATA;
        s->left = s->now.content_length;
        break;
    case HTTP1_BODY_CHUNKED:
        s->phase = HTTP1_STREAM_CHUNKS;
        s->chunks = (struct http1_chunks){0};
        break;
    case HTTP1_BODY_CLOSE:
        s->phase = HTTP1_STREAM_REST;
        break;
    }
}

static inline bool http1_stream_read_request(struct http1_stream *s, struct slice in)
{
    const struct http1_limits limits = {HTTP1_STREAM_HEAD_MAX, s->allow_fragment};
    struct http1_request r;
    enum http1_parse parse = http1_request_parse(in, &s->scan, &limits, &r);
    if (parse == HTTP1_PARSE_ERROR) {
        HTTP1_MUST(r.status == 400 || r.status == 414 || r.status == 431 || r.status == 501 ||
                   r.status == 505);
        http1_stream_break(s, r.status, r.error);
    }
    if (parse != HTTP1_PARSE_DONE) {
        return false;
    }
    http1_stream_check_request(&r, in);
    s->now = (struct http1_stream_message){
        .start = s->at,
        .head_len = r.head_len,
        .body = r.body,
        .content_length = r.content_length,
        .has_content_length = r.has_content_length,
        .keep_alive = r.keep_alive,
        .has_upgrade = r.has_upgrade,
        .is_connect = r.method_id == HTTP1_CONNECT,
    };
    http1_stream_put_head(s);
    http1_stream_put(s, http1_method_name(r.method_id), r.method);
    http1_stream_put(s, "target", r.target);
    http1_stream_put(s, "authority", r.authority);
    http1_stream_put(s, "path", r.path);
    http1_stream_put(s, r.has_query ? "query" : "no query", r.query);
    http1_stream_put(s, r.has_fragment ? "fragment" : "no fragment", r.fragment);
    http1_stream_put(s, r.has_host ? "host" : "no host", r.host);
    http1_stream_put_fields(s, &r.fields);
    http1_stream_begin_body(s);
    return true;
}

static inline bool http1_stream_read_response(struct http1_stream *s, struct slice in)
{
    struct http1_response r;
    enum http1_parse parse = http1_response_parse(in, &s->scan, HTTP1_STREAM_HEAD_MAX, &r);
    if (parse == HTTP1_PARSE_ERROR) {
        http1_stream_break(s, 0, r.error);
    }
    if (parse != HTTP1_PARSE_DONE) {
        return false;
    }
    http1_stream_check_response(&r, in);
    s->now = (struct http1_stream_message){
        .start = s->at,
        .head_len = r.head_len,
        .status = r.status,
        .body = http1_response_body(&r, s->to_head ? HTTP1_HEAD : HTTP1_GET),
        .content_length = r.content_length,
        .has_content_length = r.has_content_length,
        .keep_alive = r.keep_alive,
        .has_upgrade = r.has_upgrade,
    };
    http1_stream_put_head(s);
    http1_stream_put(s, "reason", r.reason);
    http1_stream_put_fields(s, &r.fields);
    http1_stream_begin_body(s);
    return true;
}

static inline bool http1_stream_read_data(struct http1_stream *s, struct slice in)
{
    size_t n = s->left < in.len ? (size_t)s->left : in.len;
    http1_stream_add_body(s, slice_make(in.data, n));
    s->at += n;
    s->left -= n;
    if (s->left == 0) {
        http1_stream_finish(s);
    }
    return true;
}

static inline bool http1_stream_read_chunk(struct http1_stream *s, struct slice in)
{
    struct slice data;
    size_t used;
    enum http1_chunk chunk = http1_chunks_next(&s->chunks, in, &used, &data);
    HTTP1_MUST(used <= in.len);
    switch (chunk) {
    case HTTP1_CHUNK_MORE:
        HTTP1_MUST(used == in.len);
        break;
    case HTTP1_CHUNK_DATA:
        HTTP1_MUST(data.len > 0 && data.data + data.len == in.data + used);
        http1_stream_add_body(s, data);
        break;
    case HTTP1_CHUNK_LAST:
        s->phase = HTTP1_STREAM_TRAILERS;
        s->scan = (struct http1_scan){0};
        break;
    case HTTP1_CHUNK_ERROR:
        HTTP1_MUST(http1_chunks_next(&s->chunks, in, &used, &data) == HTTP1_CHUNK_ERROR);
        http1_stream_break(s, 0, "malformed chunk");
        return false;
    }
    s->at += used;
    return true;
}

static inline bool http1_stream_read_trailers(struct http1_stream *s, struct slice in)
{
    struct http1_fields fields;
    const char *error;
    size_t len;
    enum http1_parse parse =
        http1_trailers_parse(in, &s->scan, HTTP1_STREAM_HEAD_MAX, &fields, &len, &error);
    if (parse == HTTP1_PARSE_ERROR) {
        http1_stream_break(s, 0, error);
    }
    if (parse != HTTP1_PARSE_DONE) {
        return false;
    }
    HTTP1_MUST(len <= in.len && len <= HTTP1_STREAM_HEAD_MAX);
    http1_stream_check_fields(&fields, in.data, in.data + len);
    http1_stream_put_fields(s, &fields);
    for (size_t i = 0; i < fields.n; i++) {
        s->now.has_known_trailers |= fields.list[i].id != HTTP1_NAME_OTHER;
    }
    s->at += len;
    http1_stream_finish(s);
    return true;
}

static inline bool http1_stream_read_rest(struct http1_stream *s, struct slice in)
{
    http1_stream_add_body(s, in);
    http1_stream_note(s);
    s->at += in.len;
    return true;
}

/* One step; false when more must arrive, or nothing more can come. */
static inline bool http1_stream_step(struct http1_stream *s)
{
    struct slice in = {s->buffer + s->at, s->arrived - s->at};
    if (in.len == 0) {
        return false;
    }
    switch (s->phase) {
    case HTTP1_STREAM_HEAD:
        return s->is_response ? http1_stream_read_response(s, in)
                              : http1_stream_read_request(s, in);
    case HTTP1_STREAM_DATA:
        return http1_stream_read_data(s, in);
    case HTTP1_STREAM_CHUNKS:
        return http1_stream_read_chunk(s, in);
    case HTTP1_STREAM_TRAILERS:
        return http1_stream_read_trailers(s, in);
    case HTTP1_STREAM_REST:
        return http1_stream_read_rest(s, in);
    case HTTP1_STREAM_END:
    case HTTP1_STREAM_BROKEN:
        return false;
    }
    return false;
}

/** Read s->data as pieces of [first] bytes, then of [piece] bytes each. */
static inline void http1_stream_run(struct http1_stream *s, size_t first, size_t piece)
{
    s->buffer = malloc(s->data.len + 1);
    HTTP1_MUST(s->buffer != NULL && first > 0 && piece > 0);
    memset(s->buffer, '\n', s->data.len + 1);
    for (size_t n = first; s->arrived < s->data.len; n = piece) {
        n = n < s->data.len - s->arrived ? n : s->data.len - s->arrived;
        memcpy(s->buffer + s->arrived, s->data.data + s->arrived, n);
        s->arrived += n;
        while (http1_stream_step(s)) {
        }
    }
    free(s->buffer);
    s->buffer = NULL;
}

/** As http1_stream_run(); returns a text of all that was found, for comparing; to be freed. */
static inline char *http1_stream_text(struct http1_stream s, size_t first, size_t piece)
{
    char *text = NULL;
    size_t text_len = 0;
    s.events = open_memstream(&text, &text_len);
    HTTP1_MUST(s.events != NULL);
    http1_stream_run(&s, first, piece);
    http1_stream_put_end(&s);
    fclose(s.events);
    return text;
}

/** What is found in the stream does not depend on where it is cut. It is not empty. */
static inline void http1_stream_check_cuts(struct http1_stream s)
{
    size_t size = s.data.len;
    char *whole = http1_stream_text(s, size, size);
    char *pieces = http1_stream_text(s, 1 + size % 5, 1 + size % 11);

    HTTP1_MUST(strcmp(whole, pieces) == 0);
    free(whole);
    free(pieces);
}

#endif
