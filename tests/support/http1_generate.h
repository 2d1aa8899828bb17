/*
 * Random streams of HTTP/1 messages: mostly well formed, made of what parsers disagree about, and
 * then damaged a little.
 */
#ifndef RINGWAY_TESTS_SUPPORT_HTTP1_GENERATE_H
#define RINGWAY_TESTS_SUPPORT_HTTP1_GENERATE_H

#include "wire/http1.h"

#define GENERATE_MAX 8192u

struct generator {
    uint64_t seed;
    uint8_t bytes[GENERATE_MAX];
    struct http1_writer out;
};

/* Source: Vigna, splitmix64. */
static inline uint64_t generate_number(struct generator *g)
{
    uint64_t x = g->seed += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/** 0..n-1 */
static inline size_t generate_below(struct generator *g, size_t n)
{
    return (size_t)(generate_number(g) % n);
}

/** True once in [n] times. */
static inline bool generate_once_in(struct generator *g, size_t n)
{
    return generate_below(g, n) == 0;
}

static inline void generate_text(struct generator *g, const char *text)
{
    http1_put_text(&g->out, text);
}

/* ---- heads ----------------------------------------------------------------------------------- */

static inline void generate_request_line(struct generator *g)
{
    static const char *const methods[] = {
        "GET",      "GET", "POST", "POST",    "HEAD",  "PUT",      "DELETE", "PATCH", "OPTIONS",
        "PROPFIND", "get", "BREW", "CONNECT", "TRACE", "M-SEARCH", "LOCK",   "SOURCE"};
    static const char *const targets[] = {
        "/",        "/a/b?c=d",      "/a?b?c",     "//a",        "*",        "http://h/a",
        "http://h", "https://h:1?",  "http://h?q", "/%41%zz",    "h:443",    "/a#b",
        "/|{}^`\"", "/a\\b",         "ftp://h/",   "http://u@h", "a",        "/a;b=c/../d",
        "?a",       "http://[::1]/", "/?",         "[::1]:80",   "/a<b>'$!", "http:///a"};
    static const char *const versions[] = {"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1",
                                           "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0"};
    if (generate_once_in(g, 20)) {
        generate_text(g, "\r\n");
    }
    generate_text(g, generate_once_in(g, 3) ? methods[generate_below(g, 17)] : "POST");
    generate_text(g, " ");
    generate_text(g, generate_once_in(g, 3) ? targets[generate_below(g, 24)] : "/key?a=1");
    generate_text(g, " ");
    generate_text(g, versions[generate_below(g, generate_once_in(g, 5) ? 8 : 6)]);
    generate_text(g, "\r\n");
    if (!generate_once_in(g, 30)) {
        generate_text(g, generate_once_in(g, 8) ? "hOST:[::1]:80\r\n" : "Host: h\r\n");
    }
}

static inline void generate_status_line(struct generator *g)
{
    static const char *const lines[] = {"HTTP/1.1 200 OK",
                                        "HTTP/1.1 200 OK",
                                        "HTTP/1.1 200 OK",
                                        "HTTP/1.0 200 OK",
                                        "HTTP/1.1 200",
                                        "HTTP/1.1 200 ",
                                        "HTTP/1.1 404 Not Found",
                                        "HTTP/1.1 204 No Content",
                                        "HTTP/1.1 304 Not Modified",
                                        "HTTP/1.1 100 Continue",
                                        "HTTP/1.1 103 Early Hints",
                                        "HTTP/1.1 101 Switching Protocols",
                                        "HTTP/1.1 999 \xe9\t!",
                                        "HTTP/1.3 200 OK",
                                        "HTTP/1.1 20 OK",
                                        "HTTP/1.1 0200 OK",
                                        "HTTP/2.0 200 OK",
                                        "HTTP/1.1 200\tOK"};
    generate_text(g, lines[generate_below(g, generate_once_in(g, 4) ? 18 : 8)]);
    generate_text(g, "\r\n");
}

/* Fields that frame nothing, or should not. */
static inline void generate_field(struct generator *g)
{
    static const char *const lines[] = {
        "Accept: */*",
        "X-Empty:",
        "X-Blank:  \t ",
        "X-High: \xe9\xff",
        "x!#$%&'*+-.^_`|~: 1",
        "Cookie: a=b; c=d",
        "Upgrade: websocket",
        "Upgrade:",
        "Upgrade-Insecure-Requests: 1",
        "Connection: upgrade",
        "Connection: close",
        "Connection: Keep-Alive",
        "Connection: keep-alive, close",
        "Connection: close\t",
        "Connection: x-a ,CLOSE , y",
        "Connection: closed, xclose",
        "Connection: ,",
        "Connection:",
        "Connection: upgrade,keep-alive",
        "Connection: \"close\"",
        "Connection: close;a",
        "Connection: a close",
        "Proxy-Connection: close",
        "Content-Length-X: 5",
        "XContent-Length: 5",
        "Content-Lengt: 5",
        "Transfer-Encodin: chunked",
        "Transfer-Encoding-X: chunked",
        "TE: chunked",
        "Trailer: X-Sum",
        "Expect: 100-continue",
        "Date: now",
        "X-Space : 1",
        "X-Fold: a\r\n b",
        " X-First: a",
        "X-Colons: :a:b:",
        ": none",
    };
    generate_text(g, lines[generate_below(g, generate_once_in(g, 8) ? 37 : 32)]);
    generate_text(g, "\r\n");
}

enum generate_body { GENERATE_NONE, GENERATE_LENGTH, GENERATE_CHUNKED };

/* Fields that frame; 5 bytes are to follow a length. */
static inline enum generate_body generate_framing(struct generator *g)
{
    static const char *const lengths[] = {"Content-Length: 5",
                                          "content-length:5",
                                          "Content-Length: 005",
                                          "Content-Length: 5 ",
                                          "Content-Length:\t5",
                                          "Content-Length: 5\t",
                                          "Content-Length: 5, 5",
                                          "Content-Length: +5",
                                          "Content-Length: 5\r\nContent-Length: 5",
                                          "Content-Length: 5\r\nContent-Length: 6",
                                          "Content-Length: 0x5",
                                          "Content-Length: 5 5",
                                          "Content-Length:",
                                          "Content-Length : 5",
                                          "Content-Length: 5\r\nTransfer-Encoding: x",
                                          "Content-Length: 18446744073709551621"};
    static const char *const codings[] = {
        "Transfer-Encoding: chunked",
        "transfer-encoding:CHUNKED",
        "Transfer-Encoding:  chunked ",
        "Transfer-Encoding: chunked\t",
        "Transfer-Encoding:\tchunked",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: ,chunked",
        "Transfer-Encoding: chunked,",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunkedx",
        "Transfer-Encoding: chunked;a=b",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: \013chunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding:\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked"};
    size_t plain = generate_once_in(g, 5) ? 16 : 3;
    switch (generate_below(g, 4)) {
    case 0:
        generate_text(g, lengths[generate_below(g, plain)]);
        generate_text(g, "\r\n");
        return GENERATE_LENGTH;
    case 1:
    case 2:
        generate_text(g, codings[generate_below(g, plain)]);
        generate_text(g, "\r\n");
        return GENERATE_CHUNKED;
    default:
        return GENERATE_NONE;
    }
}

/* ---- bodies ---------------------------------------------------------------------------------- */

static inline void generate_chunk(struct generator *g)
{
    static const char *const chunks[] = {"5\r\nhello\r\n",
                                         "00005\r\nhello\r\n",
                                         "A\r\n0123456789\r\n",
                                         "a\r\n0\r\n\r\n0\r\n\r\n\r\n",
                                         "1\r\n\n\r\n",
                                         "2\r\n\r\n\r\n",
                                         "5;a\r\nhello\r\n",
                                         "5;a=b\r\nhello\r\n",
                                         "5;a=\"b;\\\"c\"\r\nhello\r\n",
                                         "5; a\r\nhello\r\n",
                                         "5;\r\nhello\r\n",
                                         "5 \r\nhello\r\n",
                                         "5\nhello\r\n",
                                         "0x5\r\nhello\r\n",
                                         "+5\r\nhello\r\n",
                                         "5\r\nhello\n",
                                         "5\r\nhello!\r\n",
                                         "-5\r\nhello\r\n",
                                         "5;a\nb\r\nhello\r\n",
                                         "5;a\rb\r\nhello\r\n",
                                         " 5\r\nhello\r\n",
                                         "10000000000000005\r\nhello\r\n",
                                         "5_0\r\nhello\r\n",
                                         "5;a=b;c\r\nhello\r\n"};
    generate_text(g, chunks[generate_below(g, generate_once_in(g, 6) ? 24 : 6)]);
}

static inline void generate_chunks(struct generator *g)
{
    static const char *const ends[] = {"0\r\n\r\n",
                                       "0\r\nX-Sum: 1\r\n\r\n",
                                       "000\r\nX: 1\r\nY:\r\n\r\n",
                                       "0;a\r\n\r\n",
                                       "0\r\nContent-Length: 5\r\n\r\n",
                                       "0\r\nTransfer-Encoding: chunked\r\n\r\n",
                                       "0\r\nConnection: close\r\n\r\n",
                                       "0\r\nX: 1\r\n 2\r\n\r\n",
                                       "0\r\nX : 1\r\n\r\n",
                                       "0\r\n",
                                       "0\n\n",
                                       "0\r\n\n",
                                       ""};
    size_t n;
    for (n = generate_below(g, 4); n > 0; n--) {
        generate_chunk(g);
    }
    generate_text(g, ends[generate_below(g, generate_once_in(g, 4) ? 13 : 3)]);
}

/* ---- streams --------------------------------------------------------------------------------- */

static inline void generate_message(struct generator *g, bool is_response)
{
    enum generate_body body;
    size_t n;
    if (is_response) {
        generate_status_line(g);
    } else {
        generate_request_line(g);
    }
    for (n = generate_below(g, 3); n > 0; n--) {
        generate_field(g);
    }
    body = generate_framing(g);
    for (n = generate_below(g, 3); n > 0; n--) {
        generate_field(g);
    }
    generate_text(g, "\r\n");
    if (body == GENERATE_LENGTH) {
        generate_text(g, generate_once_in(g, 4) ? "\r\n\r\n\n" : "hello");
    } else if (body == GENERATE_CHUNKED) {
        generate_chunks(g);
    }
}

/* Change, insert, drop or repeat a few bytes. */
static inline void generate_damage(struct generator *g)
{
    static const char nasty[] = "\r\n\r\n \t:;,=0159aA-+_\"#?@/\\\0\x01\x0b\x7f\x80\xff";
    uint8_t byte = (uint8_t)nasty[generate_below(g, sizeof nasty)];
    size_t at = generate_below(g, g->out.len);
    size_t rest = g->out.len - at;
    size_t n = 1 + generate_below(g, rest < 8 ? rest : 8);
    switch (generate_below(g, 4)) {
    case 0:
        g->bytes[at] = byte;
        break;
    case 1:
        g->bytes[at] = (uint8_t)(g->bytes[at] ^ (1u << generate_below(g, 8)));
        break;
    case 2: /* drop */
        memmove(g->bytes + at, g->bytes + at + n, rest - n);
        g->out.len -= n;
        break;
    default: /* insert, or repeat */
        if (g->out.len + n > GENERATE_MAX) {
            break;
        }
        memmove(g->bytes + at + n, g->bytes + at, rest);
        g->out.len += n;
        if (generate_once_in(g, 2)) {
            memset(g->bytes + at, byte, n);
        }
        break;
    }
}

/** The next stream, one to three messages; borrowed until the next call. */
static inline struct slice generate_stream(struct generator *g, bool is_response)
{
    size_t n;
    g->out = (struct http1_writer){.data = g->bytes, .max = GENERATE_MAX};
    for (n = 1 + generate_below(g, 3); n > 0; n--) {
        generate_message(g, is_response);
    }
    if (generate_once_in(g, 3)) {
        for (n = 1 + generate_below(g, 3); n > 0 && g->out.len > 0; n--) {
            generate_damage(g);
        }
    }
    return slice_make(g->bytes, g->out.len);
}

#endif
