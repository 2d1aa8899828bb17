/*
 * HTTP/1.0 and HTTP/1.1 messages: bytes in, one validated request head out; one response head in,
 * bytes out. No I/O, no allocation, no copy: what is parsed are slices of the input. Bodies are
 * the caller's business.
 *
 * Strict where leniency has led to request smuggling: lines end in CRLF, never in a bare LF; a CR
 * stands before LF only; no folded lines, no space before the colon, no control bytes; one Host;
 * one Content-Length, of digits; never Content-Length and Transfer-Encoding together.
 *
 * Source: RFC 9110, RFC 9112.
 */
#ifndef RINGWAY_WIRE_HTTP1_H
#define RINGWAY_WIRE_HTTP1_H

#include "base/slice.h"

#define HTTP1_FIELDS_MAX     64u /* header fields in a request */
#define HTTP1_LINE_SPARE_MAX 2u  /* bytes of the one empty line that may precede a request */

struct http1_field {
    struct slice name;  /* a token, as received */
    struct slice value; /* without the white space around it; may be empty */
};

struct http1_request {
    struct slice method;    /* a token; methods are case-sensitive */
    struct slice target;    /* as received: origin, absolute, authority or asterisk form */
    struct slice authority; /* absolute and authority form: host and port; else empty */
    struct slice path;      /* origin and absolute form: begins with '/', or is empty; else empty */
    struct slice query;     /* what follows '?', without it */
    bool has_query;
    unsigned minor; /* of HTTP/1.minor: 0 or 1; a higher one counts as 1 */
    struct http1_field fields[HTTP1_FIELDS_MAX];
    size_t n_fields;
    struct slice host; /* value of Host; may be empty */
    bool has_host;
    bool has_content_length;
    uint64_t content_length;    /* 0 when absent */
    bool has_transfer_encoding; /* look into the fields for which */
    bool expect_continue;       /* Expect: 100-continue */
    bool keep_alive;            /* the connection may serve another request */
    size_t head_len;            /* bytes consumed, the empty line included */
    int status;                 /* HTTP1_PARSE_ERROR: what to answer: 400, 414, 431 or 505 */
    const char *error;          /* HTTP1_PARSE_ERROR: why, a static string */
};

/* How far a head has been looked through; all zero at the first byte of a message. */
struct http1_scan {
    size_t line_start; /* where the first line without LF begins */
    size_t scanned;    /* bytes in which lines have been looked for */
};

enum http1_parse {
    HTTP1_PARSE_MORE,    /* the head is not complete */
    HTTP1_PARSE_REQUEST, /* *out holds a valid head */
    HTTP1_PARSE_ERROR, /* answer out->status and close: where the next request begins is unknown */
};

/**
 * Parse the request head at the start of [in].
 *
 * [in]       Bytes received, borrowed; *out points into it. May hold more than the head.
 * [scan]     In and out: zeroed for a new message, handed back with the same bytes and more after
 *            HTTP1_PARSE_MORE; makes a head that comes byte by byte cost O(length) in total.
 * [head_max] Longest head accepted, in bytes: 414 beyond it in the request line, else 431.
 * [out]      Filled according to the answer; untouched on HTTP1_PARSE_MORE.
 *
 * Returns one of enum http1_parse. A malformed line end is found before the head is complete.
 * Reads nothing past [in]. Cost: O(head).
 */
enum http1_parse http1_request_parse(struct slice in, struct http1_scan *scan, size_t head_max,
                                     struct http1_request *out);

/** The value of the first field called [name], compared without case; false if there is none. */
bool http1_find_field(const struct http1_request *request, const char *name, struct slice *value);

/** Whether the comma-separated list [value] holds [token], compared without case. RFC 9110 5.6.1 */
bool http1_list_has(struct slice value, const char *token);

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
bool http1_query_find(struct slice query, const char *name, struct slice *value);

struct http1_response {
    int status;
    const char *content_type; /* NULL: none */
    uint64_t content_length;
    bool keep_alive;    /* else Connection: close */
    const char *fields; /* more lines, each with its CRLF; NULL: none. Trusted. */
};

/**
 * Write a response head, with its empty line, to [out] of [max] bytes.
 *
 * Returns the bytes written, or 0 if there is not enough room.
 */
size_t http1_response_write(const struct http1_response *response, char *out, size_t max);

/** The reason phrase of a status code, "Unknown" for those that are not known here. */
const char *http1_reason(int status);

#endif
