/*
 * The HTTP codec's corpus. Limits: a head of 2 KiB, a body of 64 KiB; a buffer of 8 KiB, so that
 * bodies come in several parts. Everything under /up may be upgraded; there is no host nowhere.
 */
#ifndef RINGWAY_TESTS_SUPPORT_CODEC_CORPUS_HTTP_H
#define RINGWAY_TESTS_SUPPORT_CODEC_CORPUS_HTTP_H

#include "codec_corpus.h"
#include "fake_http.h"

#define CORPUS_DATE "Date: " HTTP_TEXT_DATE "\r\n"
#define CORPUS_VIA  "Via: 1.1 ringway-00000000\r\n"
#define CORPUS_OLD  "Via: 1.0 ringway-00000000\r\n"
#define CORPUS_HOST "Host: h\r\n"
#define CORPUS_OK   "HTTP/1.1 200 OK\r\n"

/* What shards answer. */
static const struct fake_page corpus_http_pages[] = {
    {"/echo", FAKE_PAGE_ECHO, NULL, NULL},
    {"/up/no", FAKE_PAGE_ECHO, NULL, NULL},
    {"/up", FAKE_PAGE_TUNNEL, NULL,
     "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nwelcome "},
    {"/len", FAKE_PAGE_TEXT, NULL, CORPUS_OK CORPUS_DATE "Content-Length: 5\r\n\r\nhello"},
    {"/empty", FAKE_PAGE_TEXT, NULL, CORPUS_OK CORPUS_DATE "Content-Length: 0\r\n\r\n"},
    {"/chunked", FAKE_PAGE_TEXT, NULL,
     CORPUS_OK CORPUS_DATE "Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n"
                           "5;ext=1\r\nhello\r\n006\r\n world\r\n0\r\nX-Sum: 1\r\n"
                           "Content-Length: 9\r\n\r\n"},
    {"/hop", FAKE_PAGE_TEXT, NULL,
     CORPUS_OK "X-A: 1\r\nConnection: keep-alive, x-hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\n"
               "set-cookie: a=1\r\nSet-Cookie: b=2\r\nX-B:2\r\nContent-Length: 2\r\n\r\nok"},
    {"/close", FAKE_PAGE_CLOSES, NULL, CORPUS_OK CORPUS_DATE "\r\nuntil the end"},
    {"/last", FAKE_PAGE_CLOSES, NULL,
     CORPUS_OK CORPUS_DATE "Connection: close\r\nContent-Length: 4\r\n\r\nlast"},
    {"/old", FAKE_PAGE_CLOSES, NULL, "HTTP/1.0 200 OK\r\n" CORPUS_DATE "\r\nold"},
    {"/kept", FAKE_PAGE_TEXT, NULL,
     "HTTP/1.0 200 OK\r\n" CORPUS_DATE "Connection: keep-alive\r\nContent-Length: 4\r\n\r\nkept"},
    {"/204", FAKE_PAGE_TEXT, NULL, "HTTP/1.1 204 No Content\r\n" CORPUS_DATE "\r\n"},
    {"/304", FAKE_PAGE_TEXT, NULL,
     "HTTP/1.1 304 Not Modified\r\n" CORPUS_DATE "ETag: \"x\"\r\nContent-Length: 77\r\n\r\n"},
    {"/hints", FAKE_PAGE_ECHO,
     "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n", NULL},
    {"/continue", FAKE_PAGE_ECHO, "HTTP/1.1 100 Continue\r\n\r\n", NULL},
    {"/more", FAKE_PAGE_TEXT, NULL,
     CORPUS_OK CORPUS_DATE "Content-Length: 5\r\n\r\nhello" CORPUS_OK "Content-Length: 4\r\n\r\n"
                           "evil"},
    {"/garbage", FAKE_PAGE_TEXT, NULL, "HTTP/9 200 OK\r\n\r\n"},
    {"/switch", FAKE_PAGE_TEXT, NULL,
     "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"},
    {"/early", FAKE_PAGE_EARLY, NULL,
     "HTTP/1.1 403 Forbidden\r\n" CORPUS_DATE "Content-Length: 2\r\n\r\nno"},
    {"*", FAKE_PAGE_TEXT, NULL, CORPUS_OK CORPUS_DATE "Content-Length: 0\r\n\r\n"},
    {"/", FAKE_PAGE_ECHO, NULL, NULL},
    {NULL, FAKE_PAGE_TEXT, NULL, NULL},
};

#define CORPUS_HELLO  CORPUS_OK CORPUS_DATE "Content-Length: 5\r\n" CORPUS_VIA "\r\nhello"
#define CORPUS_LENGTH CORPUS_OK CORPUS_DATE "Content-Length: "

/* Streams that are strings: {name, what is sent, what is answered, HEADs}. */
static const struct {
    const char *name, *in, *out;
    uint32_t n_bodiless;
} corpus_http_texts[] = {
    {"one GET", "GET /len HTTP/1.1\r\n" CORPUS_HOST "\r\n", CORPUS_HELLO, 0},
    {"ways to end a body",
     "GET /chunked HTTP/1.1\r\n" CORPUS_HOST "\r\nGET /close HTTP/1.1\r\n" CORPUS_HOST
     "\r\nGET /old HTTP/1.1\r\n" CORPUS_HOST "\r\nGET /kept HTTP/1.1\r\n" CORPUS_HOST
     "\r\nGET /empty HTTP/1.1\r\n" CORPUS_HOST "\r\nGET /last HTTP/1.1\r\n" CORPUS_HOST
     "\r\nGET /204 HTTP/1.1\r\n" CORPUS_HOST "\r\nGET /304 HTTP/1.1\r\n" CORPUS_HOST
     "\r\nGET /len HTTP/1.1\r\n" CORPUS_HOST "\r\n",
     CORPUS_OK CORPUS_DATE
     "Trailer: X-Sum\r\nTransfer-Encoding: chunked\r\n" CORPUS_VIA "\r\n<hello world>X-Sum: 1\r\n"
     "\r\n" CORPUS_OK CORPUS_DATE "Transfer-Encoding: chunked\r\n" CORPUS_VIA
     "\r\n<until the end>\r\n" CORPUS_OK CORPUS_DATE "Transfer-Encoding: chunked\r\n" CORPUS_OLD
     "\r\n<old>\r\n" CORPUS_LENGTH "4\r\n" CORPUS_OLD "\r\nkept" CORPUS_LENGTH "0\r\n" CORPUS_VIA
     "\r\n" CORPUS_LENGTH "4\r\n" CORPUS_VIA "\r\nlast"
     "HTTP/1.1 204 No Content\r\n" CORPUS_DATE CORPUS_VIA "\r\n"
     "HTTP/1.1 304 Not Modified\r\n" CORPUS_DATE "ETag: \"x\"\r\nContent-Length: 77\r\n" CORPUS_VIA
     "\r\n" CORPUS_HELLO,
     0},
    {"HEAD",
     "HEAD /echo HTTP/1.1\r\n" CORPUS_HOST "\r\nHEAD /304 HTTP/1.1\r\n" CORPUS_HOST
     "\r\nHEAD /len HTTP/1.1\r\nHost: nowhere\r\n\r\nGET /len HTTP/1.1\r\n" CORPUS_HOST "\r\n",
     CORPUS_LENGTH "11\r\n" CORPUS_VIA "\r\nHTTP/1.1 304 Not Modified\r\n" CORPUS_DATE
                   "ETag: \"x\"\r\nContent-Length: 77\r\n" CORPUS_VIA
                   "\r\nHTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\n"
                   "Content-Length: 28\r\nDate: *\r\n\r\n" CORPUS_HELLO,
     7},
    {"bodies of requests",
     "POST /echo/1 HTTP/1.1\r\n" CORPUS_HOST "Content-Length: 5\r\n\r\nfirst"
     "PUT /echo/22 HTTP/1.1\r\n" CORPUS_HOST "Transfer-Encoding: Chunked\r\n\r\n"
     "3;a=\"b\"\r\nsec\r\n03\r\nond\r\n0\r\nX-Sum: 9\r\nHost: evil\r\n\r\n"
     "PUT /echo/3 HTTP/1.1\r\n" CORPUS_HOST "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
     "POST /echo/4 HTTP/1.1\r\n" CORPUS_HOST "Content-Length: 0\r\n\r\n"
     "\r\nPOST /echo/5 HTTP/1.1\r\n" CORPUS_HOST "Content-Length: 2, 2\r\n\r\n\r\n"
     "GET /len HTTP/1.1\r\n" CORPUS_HOST "\r\n",
     CORPUS_LENGTH "18\r\n" CORPUS_VIA "\r\nPOST /echo/1\nfirst" CORPUS_LENGTH "31\r\n" CORPUS_VIA
                   "\r\nPUT /echo/22\nsecondX-Sum: 9\r\n\r\n" CORPUS_LENGTH "14\r\n" CORPUS_VIA
                   "\r\nPUT /echo/3\n\r\n" CORPUS_LENGTH "13\r\n" CORPUS_VIA
                   "\r\nPOST /echo/4\n" CORPUS_LENGTH "15\r\n" CORPUS_VIA
                   "\r\nPOST /echo/5\n\r\n" CORPUS_HELLO,
     0},
    {"forms of the target",
     "GET http://other/echo?x=1 HTTP/1.1\r\n" CORPUS_HOST "\r\n"
     "GET /echo/a%20b?q#no HTTP/1.1\r\n" CORPUS_HOST "\r\n",
     CORPUS_LENGTH "14\r\n" CORPUS_VIA "\r\nGET /echo?x=1\n"
                   "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n"
                   "Content-Length: 31\r\nConnection: close\r\nDate: *\r\n\r\n"
                   "fragment in the request target\n",
     0},
    {"no path at all",
     "GET http://anywhere HTTP/1.1\r\n" CORPUS_HOST "\r\n"
     "OPTIONS * HTTP/1.1\r\nHost: anywhere\r\n\r\nGET http://anywhere?q HTTP/1.1\r\nHost: "
     "x\r\n\r\n",
     CORPUS_LENGTH "6\r\n" CORPUS_VIA "\r\nGET /\n" CORPUS_LENGTH "0\r\n" CORPUS_VIA
                   "\r\n" CORPUS_LENGTH "8\r\n" CORPUS_VIA "\r\nGET /?q\n",
     0},
    {"hop by hop",
     "GET /hop HTTP/1.1\r\nConnection: x-a, host\r\nHost: h\r\nX-A: 1\r\nTE: trailers\r\nX-B: 2\r\n"
     "Keep-Alive: x\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: evil\r\n\r\n",
     CORPUS_OK
     "X-A: 1\r\nset-cookie: a=1\r\nSet-Cookie: b=2\r\nX-B: 2\r\nContent-Length: 2\r\n" CORPUS_VIA
     "Date: *\r\n\r\nok",
     0},
    {"interim responses",
     "GET /hints/1 HTTP/1.1\r\n" CORPUS_HOST "\r\nPOST /continue HTTP/1.1\r\n" CORPUS_HOST
     "Content-Length: 4\r\nExpect: 100-continue\r\n\r\nbody"
     "GET /len HTTP/1.1\r\n" CORPUS_HOST "\r\n",
     "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n" CORPUS_VIA
     "\r\nHTTP/1.1 102 Processing\r\n" CORPUS_VIA "\r\n" CORPUS_LENGTH "13\r\n" CORPUS_VIA
     "\r\nGET /hints/1\n"
     "HTTP/1.1 100 Continue\r\n" CORPUS_VIA "\r\n" CORPUS_LENGTH "19\r\n" CORPUS_VIA
     "\r\nPOST /continue\nbody" CORPUS_HELLO,
     0},
    {"HTTP/1.0 that is kept",
     "GET /hints/1 HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\nGET /len HTTP/1.0\r\n"
     "Connection: Keep-Alive\r\nHost: h\r\n\r\n",
     CORPUS_LENGTH "13\r\nConnection: keep-alive\r\n" CORPUS_VIA "\r\nGET /hints/1\n" CORPUS_LENGTH
                   "5\r\nConnection: keep-alive\r\n" CORPUS_VIA "\r\nhello",
     0},
    {"no route, and a body that nobody wants",
     "POST /len HTTP/1.1\r\nHost: nowhere\r\nContent-Length: 40\r\n\r\n"
     "GET /len HTTP/1.1\r\nHost: h\r\nno: body\r\n\r\nGET /len HTTP/1.1\r\n" CORPUS_HOST "\r\n",
     "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 28\r\n"
     "Date: *\r\n\r\nno route takes this request\n" CORPUS_HELLO,
     0},
    {"answers of our own that keep the connection",
     "TRACE /len HTTP/1.1\r\n" CORPUS_HOST
     "Max-Forwards: 0\r\n\r\nOPTIONS /len HTTP/1.1\r\n" CORPUS_HOST "max-forwards: 0\r\n\r\n"
     "GET /len HTTP/1.1\r\n" CORPUS_HOST "Via: 1.1 a, 1.1 ringway-00000000\r\n\r\n"
     "GET /len HTTP/1.1\r\n" CORPUS_HOST "Max-Forwards: 0\r\n\r\n",
     "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain; charset=utf-8\r\n"
     "Content-Length: 18\r\nDate: *\r\nAllow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS\r\n\r\n"
     "Max-Forwards is 0\n"
     "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
     "Content-Length: 18\r\nDate: *\r\n\r\nMax-Forwards is 0\n"
     "HTTP/1.1 508 Loop Detected\r\nContent-Type: text/plain; charset=utf-8\r\n"
     "Content-Length: 43\r\nDate: *\r\n\r\nthe request has been here before (see "
     "Via)\n" CORPUS_HELLO,
     0},
    {"a shard that speaks nonsense",
     "GET /garbage HTTP/1.1\r\n" CORPUS_HOST "\r\nGET /switch HTTP/1.1\r\n" CORPUS_HOST
     "\r\nGET /len HTTP/1.1\r\n" CORPUS_HOST "\r\n",
     "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\n"
     "Content-Length: 42\r\nDate: *\r\n\r\nshard %: malformed or unexpected response\n"
     "HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/plain; charset=utf-8\r\n"
     "Content-Length: 42\r\nDate: *\r\n\r\nshard %: malformed or unexpected "
     "response\n" CORPUS_HELLO,
     0},
    {"bytes after a response", "GET /more HTTP/1.1\r\n" CORPUS_HOST "\r\n", CORPUS_HELLO, 0},
    {"an upgrade that the shard declines",
     "GET /up/no HTTP/1.1\r\n" CORPUS_HOST "Connection: upgrade\r\nUpgrade: echo\r\n\r\n",
     CORPUS_LENGTH "11\r\n" CORPUS_VIA "\r\nGET /up/no\n", 0},
    {"an upgrade that the route does not allow",
     "GET /echo HTTP/1.1\r\n" CORPUS_HOST "Connection: upgrade\r\nUpgrade: echo\r\n\r\n"
     "GET /len HTTP/1.1\r\n" CORPUS_HOST "\r\n",
     CORPUS_LENGTH "10\r\n" CORPUS_VIA "\r\nGET /echo\n" CORPUS_HELLO, 0},
    {"a tunnel, with bytes right behind the heads",
     "GET /up HTTP/1.1\r\n" CORPUS_HOST "Connection: x, Upgrade\r\nUpgrade: echo\r\nX: 1\r\n\r\n"
     "GET /len HTTP/1.1\r\n\r\n0\r\n\r\nand so on",
     "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n" CORPUS_VIA
     "\r\nwelcome GET /len HTTP/1.1\r\n\r\n0\r\n\r\nand so on",
     0},
};

#define CORPUS_OWN "Content-Type: text/plain; charset=utf-8\r\nContent-Length: "
#define CORPUS_END "\r\nConnection: close\r\nDate: *\r\n\r\n"

/* Streams that end the connection, what follows is not looked at. */
static const struct {
    const char *name, *in, *out;
} corpus_http_ends[] = {
    {"Connection: close",
     "GET /len HTTP/1.1\r\nConnection: close\r\n" CORPUS_HOST
     "\r\nGET /len HTTP/1.1\r\n" CORPUS_HOST "\r\n",
     CORPUS_LENGTH "5\r\nConnection: close\r\n" CORPUS_VIA "\r\nhello"},
    {"HTTP/1.0", "GET /len HTTP/1.0\r\nHost: h\r\n\r\nGET /len HTTP/1.0\r\n\r\n",
     CORPUS_LENGTH "5\r\nConnection: close\r\n" CORPUS_VIA "\r\nhello"},
    {"chunks for an HTTP/1.0 client",
     "GET /chunked HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\nGET /len HTTP/1.0\r\n\r\n",
     CORPUS_OK CORPUS_DATE "Trailer: X-Sum\r\nConnection: close\r\n" CORPUS_VIA "\r\nhello world"},
    {"both of HTTP/1.0", "GET /old HTTP/1.0\r\n\r\n",
     CORPUS_OK CORPUS_DATE "Connection: close\r\n" CORPUS_OLD "\r\nold"},
    {"CONNECT, and what may be a tunnel's",
     "CONNECT h:80 HTTP/1.1\r\n" CORPUS_HOST "\r\nGET /len HTTP/1.1\r\n" CORPUS_HOST "\r\n",
     "HTTP/1.1 405 Method Not Allowed\r\n" CORPUS_OWN "48\r\nConnection: close\r\nDate: *\r\n"
     "Allow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS\r\n\r\n"
     "CONNECT is not served: this is no forward proxy\n"},
    {"no Host", "GET /len HTTP/1.1\r\n\r\nGET /len HTTP/1.1\r\n" CORPUS_HOST "\r\n",
     "HTTP/1.1 400 Bad Request\r\n" CORPUS_OWN "8" CORPUS_END "no Host\n"},
    {"the second request is bad",
     "GET /len HTTP/1.1\r\n" CORPUS_HOST "\r\nGET /len HTTP/2.0\r\n" CORPUS_HOST "\r\n",
     CORPUS_HELLO "HTTP/1.1 505 HTTP Version Not Supported\r\n" CORPUS_OWN "13" CORPUS_END
                  "not HTTP/1.x\n"},
    {"a chunk that is none",
     "POST /echo HTTP/1.1\r\n" CORPUS_HOST
     "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0x3\r\nabc",
     "HTTP/1.1 400 Bad Request\r\n" CORPUS_OWN "38" CORPUS_END
     "malformed chunk in the request's body\n"},
    {"a body that is too large",
     "POST /echo HTTP/1.1\r\n" CORPUS_HOST "Content-Length: 65537\r\n\r\nabc",
     "HTTP/1.1 413 Content Too Large\r\n" CORPUS_OWN "56" CORPUS_END
     "the request body is larger than limits.max_request_body\n"},
    {"an answer before the body",
     "POST /early HTTP/1.1\r\n" CORPUS_HOST "Content-Length: 30\r\n\r\nnot all of it",
     "HTTP/1.1 403 Forbidden\r\n" CORPUS_DATE
     "Content-Length: 2\r\nConnection: close\r\n" CORPUS_VIA "\r\nno"},
};

static inline void corpus_http_fill(struct bytes *to, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        bytes_add(to, &"the quick brown fox\n"[i % 20], 1);
    }
}

static inline void corpus_http_line(struct bytes *to, const char *format, size_t number)
{
    char text[256];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(text, sizeof(text), format, number);
#pragma GCC diagnostic pop
    bytes_add_text(to, text);
}

static inline void corpus_http_pipeline(struct corpus *corpus)
{
    struct corpus_stream *s = corpus_add(corpus, "60 GETs in one piece, over all shards");

    for (size_t i = 100; i < 160; i++) {
        corpus_http_line(&s->in, "GET /echo/%zu HTTP/1.1\r\n" CORPUS_HOST "\r\n", i);
        corpus_http_line(&s->out, CORPUS_LENGTH "14\r\n" CORPUS_VIA "\r\nGET /echo/%zu\n", i);
    }
}

static inline void corpus_http_large_bodies(struct corpus *corpus)
{
    struct corpus_stream *s = corpus_add(corpus, "bodies of more than the buffer");
    size_t len = 20000;

    corpus_http_line(&s->in, "POST /echo/1 HTTP/1.1\r\n" CORPUS_HOST "Content-Length: %zu\r\n\r\n",
                     len);
    corpus_http_fill(&s->in, len);
    corpus_http_line(&s->out, CORPUS_LENGTH "%zu\r\n" CORPUS_VIA "\r\nPOST /echo/1\n", len + 13);
    corpus_http_fill(&s->out, len);
    corpus_http_line(
        &s->in, "POST /echo/2 HTTP/1.1\r\n" CORPUS_HOST "Transfer-Encoding: chunked\r\n\r\n%zX\r\n",
        len);
    corpus_http_fill(&s->in, len);
    bytes_add_text(&s->in, "\r\n0\r\n\r\nGET /len HTTP/1.1\r\n" CORPUS_HOST "\r\n");
    corpus_http_line(&s->out, CORPUS_LENGTH "%zu\r\n" CORPUS_VIA "\r\nPOST /echo/2\n", len + 15);
    corpus_http_fill(&s->out, len);
    bytes_add_text(&s->out, "\r\n" CORPUS_HELLO);
}

static inline void corpus_http_endless_chunks(struct corpus *corpus)
{
    struct corpus_stream *s = corpus_add(corpus, "chunks without an end");

    bytes_add_text(&s->in,
                   "POST /echo HTTP/1.1\r\n" CORPUS_HOST "Transfer-Encoding: chunked\r\n\r\n");
    for (size_t i = 0; i < 70; i++) {
        bytes_add_text(&s->in, "400\r\n");
        corpus_http_fill(&s->in, 1024);
        bytes_add_text(&s->in, "\r\n");
    }
    bytes_add_text(&s->out, "HTTP/1.1 413 Content Too Large\r\n" CORPUS_OWN "56" CORPUS_END
                            "the request body is larger than limits.max_request_body\n");
    s->closes = s->is_loose = true;
}

static inline void corpus_http_long_heads(struct corpus *corpus)
{
    struct corpus_stream *s = corpus_add(corpus, "a head that is too long");

    bytes_add_text(&s->in, "GET /len HTTP/1.1\r\n" CORPUS_HOST "X: ");
    corpus_http_fill(&s->in, 19);
    while (s->in.len < 2200) {
        bytes_add_text(&s->in, "x");
    }
    bytes_add_text(&s->out, "HTTP/1.1 431 Request Header Fields Too Large\r\n" CORPUS_OWN
                            "22" CORPUS_END "request head too long\n");
    s->closes = true;
    s = corpus_add(corpus, "a target that is too long");
    bytes_add_text(&s->in, "GET /len");
    while (s->in.len < 2200) {
        bytes_add_text(&s->in, "x");
    }
    bytes_add_text(&s->out, "HTTP/1.1 414 URI Too Long\r\n" CORPUS_OWN "22" CORPUS_END
                            "request line too long\n");
    s->closes = true;
}

/* The name of a shard depends on the ring, and is not what is tested here. */
static inline void corpus_http_hide_shards(struct bytes *text)
{
    static const char before[] = "\nshard ";
    uint8_t *at = text->data;

    while ((at = memmem(at, text->len - (size_t)(at - text->data), before, 7)) != NULL) {
        at[7] = '%';
        at += 7;
    }
}

static inline void corpus_http_canonical(const struct corpus_stream *stream, struct slice in,
                                         bool is_request, struct bytes *out)
{
    http_text_canonical(in, is_request, stream->n_bodiless, out);
    if (!is_request && out->len > 0) {
        corpus_http_hide_shards(out);
    }
}

static inline void corpus_http_prepare(struct fake_shard *shard)
{
    fake_http_init(shard, corpus_http_pages);
}

static inline void corpus_http_configure(struct corpus *corpus)
{
    corpus->limits = "max_request_header: 2KiB, max_request_body: 64KiB, stream_buffer: 8KiB";
    corpus->timeouts = "header: 60s, body: 60s";
    corpus->listener = "routes: [{match: {path_prefix: /up}, upgrade: true, pool: p},\n"
                       "  {match: {host: h}, pool: p}, {match: {host: other}, pool: p},\n"
                       "  {match: {host: anywhere}, pool: p}, {match: {path_prefix: /old}, "
                       "pool: p}]";
    corpus->pool = "connections: 16, health: {eject_after: 0, retry_after: 1h}";
    corpus->other_pool = "connections: 0, balance_factor: 125, on_shard_down: next, "
                         "health: {eject_after: 0, retry_after: 1h}";
    corpus->pool_timeouts = "request: 60s, response: 60s, connect: 10s, keep_alive: 1h";
    corpus->prepare = corpus_http_prepare;
    corpus->canonical = corpus_http_canonical;
}

static inline void codec_corpus_http(struct corpus *corpus)
{
    corpus_http_configure(corpus);
    for (size_t i = 0; i < sizeof(corpus_http_texts) / sizeof(corpus_http_texts[0]); i++) {
        struct corpus_stream *s = corpus_add(corpus, corpus_http_texts[i].name);

        bytes_add_text(&s->in, corpus_http_texts[i].in);
        bytes_add_text(&s->out, corpus_http_texts[i].out);
        s->n_bodiless = corpus_http_texts[i].n_bodiless;
        s->closes = strcmp(s->name, "forms of the target") == 0;
    }
    for (size_t i = 0; i < sizeof(corpus_http_ends) / sizeof(corpus_http_ends[0]); i++) {
        struct corpus_stream *s = corpus_add(corpus, corpus_http_ends[i].name);

        bytes_add_text(&s->in, corpus_http_ends[i].in);
        bytes_add_text(&s->out, corpus_http_ends[i].out);
        s->closes = true;
        s->is_loose = memmem(s->in.data, s->in.len, "POST", 4) != NULL;
    }
    corpus_http_pipeline(corpus);
    corpus_http_large_bodies(corpus);
    corpus_http_endless_chunks(corpus);
    corpus_http_long_heads(corpus);
}

#endif
