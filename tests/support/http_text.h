/*
 * HTTP/1.1 messages as tests read them: by text search, and without any of the proxy's parsers. Good
 * enough for what the proxy writes, which is always in the same form; whatever is not in that form
 * is an error.
 */
#ifndef RINGWAY_TESTS_SUPPORT_HTTP_TEXT_H
#define RINGWAY_TESTS_SUPPORT_HTTP_TEXT_H

#include "fake_memcache.h"
#include "memcache_stream.h"

#define HTTP_TEXT_DATE "Sun, 06 Nov 1994 08:49:37 GMT" /* of shards that know the time */

enum http_text_body { HTTP_TEXT_NONE, HTTP_TEXT_LENGTH, HTTP_TEXT_CHUNKED, HTTP_TEXT_CLOSE };

struct http_text {
    struct slice head; /* with its empty line */
    struct slice method, target;
    int status; /* 0: a request */
    enum http_text_body body;
    uint64_t length;
};

/* How a chunked body ends in the bytes at hand. */
enum http_text_end { HTTP_TEXT_MORE, HTTP_TEXT_WHOLE, HTTP_TEXT_BAD };

static inline const uint8_t *http_text_find(struct slice in, const char *what)
{
    return memmem(in.data, in.len, what, strlen(what));
}

/** The lines of a head called [name], in exactly this form: how many, and the first's value. */
static inline unsigned http_text_field(struct slice head, const char *name, struct slice *value)
{
    char line[80];
    size_t len = (size_t)snprintf(line, sizeof(line), "\r\n%s: ", name);
    const uint8_t *found = http_text_find(head, line);
    unsigned n = 0;

    *value = slice_make(NULL, 0);
    for (; found != NULL; found = http_text_find(head, line), n++) {
        head = slice_skip(head, (size_t)(found - head.data) + len);
        if (n == 0) {
            *value = slice_make(head.data, (size_t)(http_text_find(head, "\r\n") - head.data));
        }
    }
    return n;
}

static inline uint64_t http_text_number(struct slice text)
{
    char room[24] = "";

    if (text.len >= sizeof(room)) {
        return UINT64_MAX;
    }
    memcpy(room, text.data, text.len);
    return strtoull(room, NULL, 10);
}

/** The head at the start of [in]; false: it is not whole. [is_bodiless]: a response to HEAD. */
static inline bool http_text_head(struct slice in, bool is_request, bool is_bodiless,
                                  struct http_text *out)
{
    const uint8_t *end = http_text_find(in, "\r\n\r\n"), *space = http_text_find(in, " ");
    struct slice length, coding, rest;

    *out = (struct http_text){.body = HTTP_TEXT_NONE};
    if (end == NULL || space == NULL || space > end) {
        return false;
    }
    out->head = slice_make(in.data, (size_t)(end - in.data) + 4);
    rest = slice_skip(out->head, (size_t)(space - in.data) + 1);
    if (is_request) {
        out->method = slice_make(in.data, (size_t)(space - in.data));
        space = http_text_find(rest, " ");
        out->target = slice_make(rest.data, space == NULL ? 0 : (size_t)(space - rest.data));
    } else {
        out->status = (int)http_text_number(slice_make(rest.data, 3));
        is_bodiless = is_bodiless || out->status < 200 || out->status == 204 || out->status == 304;
    }
    if (is_bodiless) {
        return true;
    }
    if (http_text_field(out->head, "Transfer-Encoding", &coding) > 0) {
        out->body = HTTP_TEXT_CHUNKED;
    } else if (http_text_field(out->head, "Content-Length", &length) > 0) {
        out->length = http_text_number(length);
        out->body = out->length > 0 ? HTTP_TEXT_LENGTH : HTTP_TEXT_NONE;
    } else if (!is_request) {
        out->body = HTTP_TEXT_CLOSE;
    }
    return true;
}

/**
 * The chunked body at the start of [in]: its data, and its trailer section with the empty line, are
 * added to [data] and [trailers]. [*used] receives its length when it is whole. A size line must be
 * as the proxy writes it: lower case, no zeros in front, no extension.
 */
static inline enum http_text_end http_text_chunks(struct slice in, struct bytes *data,
                                                  struct bytes *trailers, size_t *used)
{
    struct slice rest = in;

    for (;;) {
        const uint8_t *end = http_text_find(rest, "\r\n");
        size_t size = 0, line;

        if (end == NULL) {
            return rest.len > 16 ? HTTP_TEXT_BAD : HTTP_TEXT_MORE;
        }
        line = (size_t)(end - rest.data);
        for (size_t i = 0; i < line; i++) {
            const char *digits = "0123456789abcdef", *digit = strchr(digits, rest.data[i]);

            if (digit == NULL || *digit == '\0' || (i == 0 && line > 1 && *digit == '0')) {
                return HTTP_TEXT_BAD;
            }
            size = size * 16 + (size_t)(digit - digits);
        }
        if (line == 0 || line > 8) {
            return HTTP_TEXT_BAD;
        }
        rest = slice_skip(rest, line + 2);
        if (size == 0) {
            break;
        }
        bytes_add(data, rest.data, rest.len < size ? rest.len : size);
        if (rest.len < size + 2) {
            return HTTP_TEXT_MORE;
        }
        if (memcmp(rest.data + size, "\r\n", 2) != 0) {
            return HTTP_TEXT_BAD;
        }
        rest = slice_skip(rest, size + 2);
    }
    if (!slice_starts_with(rest, slice_of("\r\n"))) {
        const uint8_t *end = http_text_find(rest, "\r\n\r\n");

        if (end == NULL) {
            return HTTP_TEXT_MORE;
        }
        bytes_add(trailers, rest.data, (size_t)(end - rest.data) + 2);
        rest = slice_skip(rest, (size_t)(end - rest.data) + 2);
    }
    bytes_add_text(trailers, "\r\n");
    *used = in.len - rest.len + 2;
    return HTTP_TEXT_WHOLE;
}

/* ---- comparing --------------------------------------------------------------------------- */

/* A head without the time of day. */
static inline void http_text_add_head(struct slice head, struct bytes *out)
{
    struct slice date;

    if (http_text_field(head, "Date", &date) == 0 || slice_is(date, HTTP_TEXT_DATE)) {
        bytes_add(out, head.data, head.len);
        return;
    }
    MUST(date.len == strlen(HTTP_TEXT_DATE));
    bytes_add(out, head.data, (size_t)(date.data - head.data));
    bytes_add_text(out, "*");
    head = slice_skip(head, (size_t)(date.data - head.data) + date.len);
    bytes_add(out, head.data, head.len);
}

static inline size_t http_text_add_body(const struct http_text *message, struct slice in,
                                        struct bytes *out)
{
    struct bytes trailers = {0};
    size_t used = in.len;
    enum http_text_end end;

    switch (message->body) {
    case HTTP_TEXT_NONE:
        return 0;
    case HTTP_TEXT_LENGTH:
        used = in.len < message->length ? in.len : (size_t)message->length;
        bytes_add(out, in.data, used);
        return used;
    case HTTP_TEXT_CLOSE:
        bytes_add(out, in.data, in.len);
        return in.len;
    case HTTP_TEXT_CHUNKED:
        break;
    }
    bytes_add_text(out, "<");
    end = http_text_chunks(in, out, &trailers, &used);
    if (end == HTTP_TEXT_WHOLE) {
        bytes_add_text(out, ">");
        bytes_add(out, trailers.data, trailers.len);
    } else if (end == HTTP_TEXT_BAD) {
        bytes_add_text(out, "(malformed chunk)");
    }
    bytes_free(&trailers);
    return used;
}

/**
 * The messages in [in] without what depends on how their bytes came: `<data>trailers` for chunked
 * bodies, `*` for the time of day. What is incomplete is shown as far as it goes.
 *
 * [n_bodiless] Bit n: final response number n, from 0, answers HEAD.
 */
static inline void http_text_canonical(struct slice in, bool is_request, uint32_t n_bodiless,
                                       struct bytes *out)
{
    struct http_text message;
    unsigned n_final = 0;

    out->len = 0;
    while (in.len > 0) {
        if (!http_text_head(in, is_request, n_final < 32 && n_bodiless >> n_final & 1, &message)) {
            bytes_add(out, in.data, in.len);
            return;
        }
        http_text_add_head(message.head, out);
        in = slice_skip(in, message.head.len);
        if (message.status == 101 ||
            (is_request && http_text_find(message.head, "\r\nConnection: upgrade\r\n") != NULL)) {
            bytes_add(out, in.data, in.len);
            return;
        }
        in = slice_skip(in, http_text_add_body(&message, in, out));
        n_final += message.status >= 200;
    }
}

#endif
