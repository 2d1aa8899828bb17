/*
 * An HTTP shard: a fake_shard.h with pages, canned answers by the beginning of the target. It takes
 * nothing but what a proxy should send: anything else is a violation.
 */
#ifndef RINGWAY_TESTS_SUPPORT_FAKE_HTTP_H
#define RINGWAY_TESTS_SUPPORT_FAKE_HTTP_H

#include "fake_shard.h"
#include "http_text.h"

enum fake_page_kind {
    FAKE_PAGE_TEXT,   /* [answer], once the request is whole */
    FAKE_PAGE_CLOSES, /* and then the connection is closed */
    FAKE_PAGE_ECHO,   /* the method, target, body and trailers of the request */
    FAKE_PAGE_EARLY,  /* [answer] before the body, and nothing more is read from the connection */
    FAKE_PAGE_TUNNEL, /* [answer] to an upgrade, and from then on all bytes are sent back; an echo to
                         other requests */
};

struct fake_page {
    const char *path; /* what the target begins with */
    enum fake_page_kind kind;
    const char *interim; /* sent upon the head; NULL: nothing */
    const char *answer;
};

static inline const struct fake_page *fake_page_of(const struct fake_page *pages,
                                                   struct slice target)
{
    while (pages->path != NULL && !slice_starts_with(target, slice_of(pages->path))) {
        pages++;
    }
    return pages->path == NULL ? NULL : pages;
}

static inline void fake_http_echo(const struct http_text *request, const struct bytes *data,
                                  const struct bytes *trailers, struct bytes *out)
{
    char head[160];
    size_t len = request->method.len + 1 + request->target.len + 1 + data->len + trailers->len;

    snprintf(head, sizeof(head),
             "HTTP/1.1 200 OK\r\nDate: " HTTP_TEXT_DATE "\r\nContent-Length: %zu\r\n\r\n", len);
    bytes_add_text(out, head);
    if (slice_is(request->method, "HEAD")) {
        return;
    }
    bytes_add(out, request->method.data, request->method.len);
    bytes_add_text(out, " ");
    bytes_add(out, request->target.data, request->target.len);
    bytes_add_text(out, "\n");
    bytes_add(out, data->data, data->len);
    bytes_add(out, trailers->data, trailers->len);
}

/* What every request of a proxy must have. */
static inline void fake_http_check_head(struct fake_shard *shard, const struct http_text *request)
{
    struct slice value, head = request->head;

    if (http_text_find(
            slice_make(head.data, (size_t)(http_text_find(head, "\r\n") + 2 - head.data)),
            " HTTP/1.1\r\n") == NULL ||
        http_text_field(head, "Host", &value) != 1 || http_text_field(head, "Via", &value) == 0 ||
        http_text_field(head, "X-Forwarded-For", &value) != 1) {
        fake_violate(&shard->cache, "a request head without what it must have");
    }
    if (http_text_field(head, "Content-Length", &value) +
                http_text_field(head, "Transfer-Encoding", &value) >
            1 ||
        memchr(head.data, '\0', head.len) != NULL) {
        fake_violate(&shard->cache, "a request that is framed twice");
    }
    if (http_text_field(head, "Connection", &value) > 0 && !slice_is(value, "upgrade")) {
        fake_violate(&shard->cache, "Connection was passed on");
    }
}

/* The body of [request] at [in]; false: it is not whole. */
static inline bool fake_http_body(struct fake_shard *shard, const struct http_text *request,
                                  struct slice in, struct bytes *data, struct bytes *trailers,
                                  size_t *used)
{
    *used = 0;
    if (request->body == HTTP_TEXT_CHUNKED) {
        enum http_text_end end;

        if (in.len < 4 || memcmp(in.data + in.len - 4, "\r\n\r\n", 4) != 0) {
            return false; /* a cheap look: nothing follows a request before it is answered */
        }
        end = http_text_chunks(in, data, trailers, used);

        if (end == HTTP_TEXT_BAD) {
            fake_violate(&shard->cache, "a malformed chunk");
        }
        return end == HTTP_TEXT_WHOLE;
    }
    if (in.len < request->length) {
        return false;
    }
    *used = (size_t)request->length;
    bytes_add(data, in.data, *used);
    return true;
}

static inline void fake_http_answer(struct fake_conn *conn, const struct fake_page *page,
                                    const struct http_text *request, const struct bytes *data,
                                    const struct bytes *trailers)
{
    bool upgrades = http_text_find(request->head, "\r\nConnection: upgrade\r\n") != NULL;

    if (page->kind == FAKE_PAGE_ECHO || (page->kind == FAKE_PAGE_TUNNEL && !upgrades)) {
        fake_http_echo(request, data, trailers, &conn->out);
        return;
    }
    bytes_add_text(&conn->out, page->answer);
    conn->ends = page->kind == FAKE_PAGE_CLOSES;
    conn->tunnels = page->kind == FAKE_PAGE_TUNNEL;
}

/* Upon the head. Returns whether the rest of the request is of interest. */
static inline bool fake_http_hear(struct fake_shard *shard, struct fake_conn *conn,
                                  const struct fake_page *page, const struct http_text *request)
{
    if (!conn->heard) {
        conn->heard = true;
        fake_http_check_head(shard, request);
        bytes_add_text(&conn->out, page->interim == NULL ? "" : page->interim);
        if (page->kind == FAKE_PAGE_EARLY) {
            bytes_add_text(&conn->out, page->answer);
            conn->garbled = true;
        }
    }
    return !conn->garbled;
}

/* A fake_take_fn; script_context are the pages, of which the last has no path. */
static inline bool fake_http_take(struct fake_shard *shard, struct fake_conn *conn)
{
    struct slice in = slice_make(conn->in.data, conn->in.len);
    struct bytes data = {0}, trailers = {0};
    const struct fake_page *page;
    struct http_text request;
    size_t used;
    bool is_whole;

    if (conn->tunnels) {
        bytes_add(&conn->out, in.data, in.len);
        conn->in.len = 0;
        return false;
    }
    if (!http_text_head(in, true, false, &request)) {
        return false;
    }
    page = fake_page_of(shard->script_context, request.target);
    if (page == NULL) {
        fake_violate(&shard->cache, "a request for a page that there is not");
        conn->garbled = true;
        return false;
    }
    if (!fake_http_hear(shard, conn, page, &request)) {
        return false;
    }
    is_whole =
        fake_http_body(shard, &request, slice_skip(in, request.head.len), &data, &trailers, &used);
    if (is_whole) {
        shard->n_requests++;
        fake_http_answer(conn, page, &request, &data, &trailers);
        bytes_drop(&conn->in, request.head.len + used);
        conn->heard = false;
    }
    bytes_free(&data);
    bytes_free(&trailers);
    return is_whole;
}

/** Make [shard] an HTTP server of [pages]. */
static inline void fake_http_init(struct fake_shard *shard, const struct fake_page *pages)
{
    shard->take = fake_http_take;
    shard->script_context = (void *)(uintptr_t)pages;
}

#endif
