/*
 * HTTP/1.0 and HTTP/1.1 messages: bytes in, one validated head, chunk or trailer section out; and
 * the writer of heads. No I/O, no allocation, no copy: what is parsed are slices of the input.
 *
 * Strict where leniency has led to request smuggling: lines end in CRLF, never in a bare LF; a CR
 * stands before LF only; no folded lines, no space before the colon, no control bytes; one Host;
 * one Content-Length, of digits; never Content-Length and Transfer-Encoding together. Whoever
 * forwards a message writes a new head from what was parsed.
 *
 * Source: RFC 9110, RFC 9112.
 */
#ifndef RINGWAY_WIRE_HTTP1_H
#define RINGWAY_WIRE_HTTP1_H

#include "base/slice.h"

#define HTTP1_FIELDS_MAX     128u /* fields of a head, or of a trailer section */
#define HTTP1_METHOD_MAX     32u  /* longest method, in bytes */
#define HTTP1_LINE_SPARE_MAX 2u   /* bytes of the one empty line that may precede a request */
#define HTTP1_CHUNK_LINE_MAX 256u /* a chunk's size with its extensions */

/* Methods that mean something to a proxy. X(NAME, text) */
#define HTTP1_METHODS(X)                                                                           \
    X(GET, "GET")                                                                                  \
    X(HEAD, "HEAD")                                                                                \
    X(POST, "POST")                                                                                \
    X(PUT, "PUT")                                                                                  \
    X(DELETE, "DELETE")                                                                            \
    X(PATCH, "PATCH")                                                                              \
    X(OPTIONS, "OPTIONS")                                                                          \
    X(TRACE, "TRACE")                                                                              \
    X(CONNECT, "CONNECT")

enum http1_method {
#define X(name, text) HTTP1_##name,
    HTTP1_METHODS(X)
#undef X
        HTTP1_OTHER, /* any other token; see struct http1_request.method */
    HTTP1_N_METHODS
};

/* Fields that frame, route or end a message, or that a gateway writes itself; found by length and
 * case-insensitive comparison. X(NAME, text, always_hop): always_hop fields are never forwarded,
 * whatever Connection says. */
#define HTTP1_NAMES(X)                                                                             \
    X(CONNECTION, "connection", true)                                                              \
    X(CONTENT_LENGTH, "content-length", false)                                                     \
    X(COOKIE, "cookie", false)                                                                     \
    X(DATE, "date", false)                                                                         \
    X(EXPECT, "expect", false)                                                                     \
    X(FORWARDED, "forwarded", false)                                                               \
    X(HOST, "host", false)                                                                         \
    X(HTTP2_SETTINGS, "http2-settings", true)                                                      \
    X(KEEP_ALIVE, "keep-alive", true)                                                              \
    X(MAX_FORWARDS, "max-forwards", false)                                                         \
    X(PROXY_AUTHENTICATE, "proxy-authenticate", true)                                              \
    X(PROXY_AUTHENTICATION_INFO, "proxy-authentication-info", true)                                \
    X(PROXY_AUTHORIZATION, "proxy-authorization", true)                                            \
    X(PROXY_CONNECTION, "proxy-connection", true)                                                  \
    X(TE, "te", true)                                                                              \
    X(TRAILER, "trailer", false)                                                                   \
    X(TRANSFER_ENCODING, "transfer-encoding", true)                                                \
    X(UPGRADE, "upgrade", true)                                                                    \
    X(VIA, "via", false)                                                                           \
    X(X_FORWARDED_FOR, "x-forwarded-for", false)                                                   \
    X(X_FORWARDED_HOST, "x-forwarded-host", false)                                                 \
    X(X_FORWARDED_PROTO, "x-forwarded-proto", false)

enum http1_name {
    HTTP1_NAME_OTHER,
#define X(name, text, always_hop) HTTP1_NAME_##name,
    HTTP1_NAMES(X)
#undef X
        HTTP1_N_NAMES
};

struct http1_field {
    struct slice name;  /* a token, as received */
    struct slice value; /* without the white space around it; may be empty */
    uint8_t id;         /* enum http1_name */
    bool hop; /* hop by hop: always_hop, or named by Connection and not one of those that frame or
                 route (Host, Content-Length, X-Forwarded-*, Via, Forwarded, Cookie, Date,
                 Max-Forwards, Expect, Trailer: a Connection that names these is not obeyed) */
};

struct http1_fields {
    size_t n;
    struct http1_field list[HTTP1_FIELDS_MAX]; /* in the order received; only [n] are set */
};

/* How the body after a head ends. */
enum http1_body {
    HTTP1_BODY_NONE,
    HTTP1_BODY_LENGTH,  /* content_length bytes, 1 or more */
    HTTP1_BODY_CHUNKED, /* see struct http1_chunks */
    HTTP1_BODY_CLOSE    /* a response's: until the connection closes */
};

struct http1_request {
    enum http1_method method_id;
    struct slice method; /* a token; methods are case-sensitive */
    struct slice target; /* as received: origin, absolute, authority or asterisk form, without the
                            fragment */
    struct slice authority; /* absolute and authority form: host and port; else empty */
    struct slice path;      /* origin and absolute form: begins with '/', or is empty; else empty */
    struct slice query;     /* what follows '?', without it */
    struct slice fragment;  /* what follows '#', without it */
    struct slice host;      /* the authority, else the value of Host; may be empty */
    bool has_query, has_fragment, has_host;
    unsigned minor; /* of HTTP/1.minor: 0 or 1; a higher one counts as 1 */
    enum http1_body body;
    bool has_content_length;
    uint64_t content_length;    /* below 10^18; 0 when absent */
    bool expect_continue;       /* Expect: 100-continue, in HTTP/1.1 */
    bool has_upgrade;           /* an Upgrade field, which Connection names; in HTTP/1.1 */
    bool keep_alive;            /* the connection may serve another request */
    size_t head_len;            /* bytes consumed, the empty lines included */
    int status;                 /* HTTP1_PARSE_ERROR: what to answer: 400, 414, 431, 501 or 505 */
    const char *error;          /* HTTP1_PARSE_ERROR: why, a static string */
    struct http1_fields fields; /* last: the parser clears what stands before it */
};

struct http1_response {
    int status;          /* 100..999 */
    struct slice reason; /* may be empty */
    unsigned minor;
    enum http1_body body; /* as the fields say; see http1_response_body() for what it is */
    bool has_content_length;
    uint64_t content_length;
    bool has_date, has_upgrade;
    bool keep_alive; /* as Connection and the version say, whatever the body */
    size_t head_len;
    const char *error; /* HTTP1_PARSE_ERROR: why, a static string */
    struct http1_fields fields;
};

/* How far a head has been looked through; all zero at the first byte of a message. */
struct http1_scan {
    uint32_t line_start; /* where the first line without LF begins */
    uint32_t scanned;    /* bytes in which lines have been looked for */
};

struct http1_limits {
    size_t head_max;     /* bytes: 414 beyond it within the request line, else 431 */
    bool allow_fragment; /* a '#' in the target is not an error */
};

enum http1_parse {
    HTTP1_PARSE_MORE,  /* the head is not complete */
    HTTP1_PARSE_DONE,  /* *out holds a valid head */
    HTTP1_PARSE_ERROR, /* close after answering: where the next message begins is unknown */
};

/**
 * Parse the request head at the start of [in].
 *
 * [in]   Bytes received, borrowed; *out points into it. May hold more than the head.
 * [scan] In and out: zeroed for a new message, handed back with the same bytes and more after
 *        HTTP1_PARSE_MORE; makes a head that comes byte by byte cost O(length) in total.
 * [out]  Filled according to the answer; untouched on HTTP1_PARSE_MORE.
 *
 * Refused: 400 for a malformed or ambiguous head, both Content-Length and Transfer-Encoding,
 * differing Content-Length (an identical list is one), Transfer-Encoding in HTTP/1.0, one whose last
 * coding is not chunked or that has it twice; 501 for a method longer than HTTP1_METHOD_MAX and for
 * another coding than chunked; 505 for another version than HTTP/1.x; 400 for an invalid or missing
 * Host, and for more Connection options than anybody needs. CONNECT is parsed, as one that has no
 * body and ends the connection, whatever its fields say; refusing it is the caller's business. A
 * line that ends in a bare LF is found before the head is complete.
 *
 * Reads nothing past [in]. Cost: O(head), one pass over the bytes that are new.
 */
enum http1_parse http1_request_parse(struct slice in, struct http1_scan *scan,
                                     const struct http1_limits *limits, struct http1_request *out);

/**
 * Parse the response head at the start of [in]. As http1_request_parse(), but: no empty line before
 * it, white space between a field's name and its colon is dropped, [head_max] is the only limit.
 */
enum http1_parse http1_response_parse(struct slice in, struct http1_scan *scan, size_t head_max,
                                      struct http1_response *out);

/** What follows [response], which answers a request with [method]. RFC 9112 6.3 */
enum http1_body http1_response_body(const struct http1_response *response,
                                    enum http1_method method);

/**
 * Parse the trailer section at the start of [in], which follows the last chunk: field lines and an
 * empty line, or the empty line alone. As the head parsers. [*len] receives the bytes consumed,
 * [*error] why it was refused.
 */
enum http1_parse http1_trailers_parse(struct slice in, struct http1_scan *scan, size_t max,
                                      struct http1_fields *out, size_t *len, const char **error);

/** May a field of a trailer section be forwarded? Not if it frames, routes, or ends at this hop. */
bool http1_trailer_is_allowed(const struct http1_field *field);

/* ---- chunked bodies ---------------------------------------------------------------------- */

/* Where in a chunked body we are; all zero at its first byte. The members are the decoder's. */
struct http1_chunks {
    uint64_t left; /* bytes of the chunk's data to come */
    uint32_t line; /* bytes of the size line seen */
    uint8_t state;
};

enum http1_chunk {
    HTTP1_CHUNK_MORE,  /* all of [in] is consumed */
    HTTP1_CHUNK_DATA,  /* [data] is set, 1 byte or more; call again with what follows */
    HTTP1_CHUNK_LAST,  /* the last chunk's line is consumed: http1_trailers_parse() what follows */
    HTTP1_CHUNK_ERROR, /* malformed: the end of the body is unknown */
};

/**
 * Decode the next piece of a chunked body.
 *
 * [used] Receives the bytes of [in] consumed; [data] the piece, borrowed from [in].
 *
 * Sizes are 1 to 15 hexadecimal digits; extensions are skipped, HTTP1_CHUNK_LINE_MAX bytes a line
 * at most, and may hold no control byte but a tab; CRLF exactly. Cost: O(consumed).
 */
enum http1_chunk http1_chunks_next(struct http1_chunks *chunks, struct slice in, size_t *used,
                                   struct slice *data);

/* ---- fields ------------------------------------------------------------------------------ */

/** The value of the first field called [name], compared without case; false if there is none. */
bool http1_find_field(const struct http1_fields *fields, const char *name, struct slice *value);

/** Whether the comma-separated list [value] holds [token], compared without case. RFC 9110 5.6.1 */
bool http1_list_has(struct slice value, const char *token);

/** The value of cookie [name] (case-sensitive) in the Cookie field's value [cookies]; the first.
 * RFC 6265 4.2 */
bool http1_cookie_find(struct slice cookies, struct slice name, struct slice *value);

/**
 * Decode percent-encoding: %41 is A; everything else, also '+', stays as it is.
 *
 * [out] At least [in].len bytes. Returns the bytes written, or -1 if a '%' is not followed by two
 * hexadecimal digits. The result may hold any byte, NUL too.
 */
ptrdiff_t http1_percent_decode(struct slice in, uint8_t *out);

/**
 * The raw value of [name] in the query `a=1&b=2`: the first, compared as received.
 *
 * Returns false if there is none; `a` without '=' has the empty value.
 */
bool http1_query_find(struct slice query, struct slice name, struct slice *value);

/**
 * [path] with unreserved characters decoded, other escapes in upper case, and dot segments removed;
 * never longer. [out] At least [path].len bytes. Returns the bytes written. RFC 3986 6.2.2
 */
size_t http1_path_normalize(struct slice path, uint8_t *out);

const char *http1_method_name(enum http1_method method); /* "OTHER" for HTTP1_OTHER */

/** May a request with [method] be sent again without another effect? RFC 9110 9.2.2 */
bool http1_method_is_idempotent(enum http1_method method);

/* ---- writing ----------------------------------------------------------------------------- */

/* Bytes written into the caller's block; what does not fit is dropped and [overflowed] says so. */
struct http1_writer {
    uint8_t *data;
    size_t len, max;
    bool overflowed;
};

static inline void http1_put(struct http1_writer *writer, struct slice bytes)
{
    if (writer->max - writer->len < bytes.len) {
        writer->overflowed = true;
        return;
    }
    if (bytes.len > 0) {
        memcpy(writer->data + writer->len, bytes.data, bytes.len);
        writer->len += bytes.len;
    }
}

/** A literal or other terminated string. */
static inline void http1_put_text(struct http1_writer *writer, const char *text)
{
    http1_put(writer, slice_of(text));
}

/** `name: value` CRLF. */
static inline void http1_put_field(struct http1_writer *writer, struct slice name,
                                   struct slice value)
{
    http1_put(writer, name);
    http1_put(writer, slice_make(": ", 2));
    http1_put(writer, value);
    http1_put(writer, slice_make("\r\n", 2));
}

/** [number] in decimal; in hexadecimal for chunk sizes. */
void http1_put_number(struct http1_writer *writer, uint64_t number);
void http1_put_hex(struct http1_writer *writer, uint64_t number);

#define HTTP1_DATE_BYTES 29u

/** `Sun, 06 Nov 1994 08:49:37 GMT`, HTTP1_DATE_BYTES bytes, no NUL. [seconds] since 1970, UTC. */
void http1_format_date(uint64_t seconds, char out[HTTP1_DATE_BYTES]);

/* An answer that is not a shard's: the admin server's, or an error of the proxy. */
struct http1_answer {
    int status;
    const char *content_type; /* NULL: none */
    uint64_t content_length;
    bool keep_alive;    /* else Connection: close */
    const char *fields; /* more lines, each with its CRLF; NULL: none. Trusted. */
};

/**
 * Write the head of an answer, with its empty line, to [out] of [max] bytes.
 *
 * Returns the bytes written, or 0 if there is not enough room.
 */
size_t http1_answer_write(const struct http1_answer *answer, char *out, size_t max);

/** The reason phrase of a status code, "Unknown" for those that are not known here. */
const char *http1_reason(int status);

#endif
