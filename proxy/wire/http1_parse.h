/*
 * What the parts of the HTTP/1.1 parser share: classes of bytes, the end of a head, and what the
 * fields of a head say. Private to wire/. Nothing here allocates or reads past what it is given.
 */
#ifndef RINGWAY_WIRE_HTTP1_PARSE_H
#define RINGWAY_WIRE_HTTP1_PARSE_H

#include "wire/http1.h"

/* ---- bytes ------------------------------------------------------------------------------- */

enum http1_class {
    HTTP1_TOKEN = 1,       /* RFC 9110 5.6.2 */
    HTTP1_VISIBLE = 2,     /* US-ASCII without space and control bytes */
    HTTP1_TEXT = 4,        /* field values: visible, space, tab, 0x80 and above. RFC 9110 5.5 */
    HTTP1_REG_NAME = 8,    /* a host name without its escapes. RFC 3986 3.2.2 */
    HTTP1_UNRESERVED = 16, /* RFC 3986 2.3 */
};

extern const uint8_t http1_classes[256];
extern const uint8_t http1_lower_case[256];

static inline bool http1_is(uint8_t byte, enum http1_class class)
{
    return (http1_classes[byte] & class) != 0;
}

static inline bool http1_is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static inline bool http1_is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t';
}

/** 0..15, or -1. */
static inline int http1_hex_value(uint8_t byte)
{
    if (http1_is_digit(byte)) {
        return byte - '0';
    }
    byte = http1_lower_case[byte];
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

static inline struct slice http1_between(const uint8_t *from, const uint8_t *to)
{
    return (struct slice){from, (size_t)(to - from)};
}

/** Position of [byte] in [text], or text.len. */
static inline size_t http1_find_byte(struct slice text, uint8_t byte)
{
    const uint8_t *found = text.len == 0 ? NULL : memchr(text.data, byte, text.len);

    return found == NULL ? text.len : (size_t)(found - text.data);
}

/** Without the white space around it. */
static inline struct slice http1_trim(struct slice text)
{
    while (text.len > 0 && http1_is_blank(text.data[0])) {
        text = slice_skip(text, 1);
    }
    while (text.len > 0 && http1_is_blank(text.data[text.len - 1])) {
        text.len--;
    }
    return text;
}

/** Compared without case; [lower] is in lower case. */
static inline bool http1_equal_lower(struct slice text, struct slice lower)
{
    size_t i;

    if (text.len != lower.len) {
        return false;
    }
    for (i = 0; i < text.len; i++) {
        if (http1_lower_case[text.data[i]] != lower.data[i]) {
            return false;
        }
    }
    return true;
}

/** The first byte of [p, end) that is not HTTP1_TEXT, or [end]. */
const uint8_t *http1_text_end(const uint8_t *p, const uint8_t *end);

/**
 * Take the next element off the comma-separated [list], without the white space around it; it may
 * be empty. False when there is none left.
 */
struct http1_list {
    struct slice rest;
    bool is_at_end;
};

bool http1_list_next(struct http1_list *list, struct slice *element);

/* ---- the end of a head ------------------------------------------------------------------- */

/* What is parsed; and what an empty line means before any other line. */
enum http1_section {
    HTTP1_REQUEST_HEAD,  /* one is skipped */
    HTTP1_RESPONSE_HEAD, /* malformed */
    HTTP1_TRAILERS,      /* the end */
};

/**
 * Look for the empty line that ends the head at the start of [in]; scan->line_start is then its
 * length. HTTP1_PARSE_ERROR for a LF without CR before it, and for an empty line where none may
 * be. After HTTP1_PARSE_DONE every LF up to there has its CR.
 */
enum http1_parse http1_scan_lines(struct slice in, struct http1_scan *scan,
                                  enum http1_section section);

/* ---- a head ------------------------------------------------------------------------------ */

/* What the fields of a head say. */
struct http1_head {
    struct http1_fields *fields;
    unsigned minor;
    enum http1_section section;
    bool has_host, has_date, has_upgrade, has_content_length, expect_continue;
    struct slice host;
    uint64_t content_length;
    /* Transfer-Encoding */
    unsigned n_codings, n_chunked;
    bool is_chunked_last;
    /* Connection */
    unsigned n_options; /* those other than the three below */
    bool close, keep_alive, upgrade;
    /* when refused */
    int status;
    const char *error;
};

static inline bool http1_refuse(struct http1_head *head, int status, const char *error)
{
    head->status = status;
    head->error = error;
    return false;
}

/**
 * Parse the field lines [p, end), which http1_scan_lines() went over and which end in an empty
 * line, into head->fields, and note what they say. False when refused: head->status, head->error.
 */
bool http1_fields_parse(struct http1_head *head, const uint8_t *p, const uint8_t *end);

/** Note what [field], one of HTTP1_NAMES, says of framing and of the connection. As http1_fields_parse(). */
bool http1_head_note(struct http1_head *head, const struct http1_field *field);

/** What only all the fields together tell. Call once, after the last. As http1_fields_parse(). */
bool http1_head_finish(struct http1_head *head);

/** May the connection carry another message after this one? */
static inline bool http1_head_keeps_alive(const struct http1_head *head)
{
    return !head->close && (head->minor >= 1 || head->keep_alive);
}

/** A host with or without a port; not userinfo; may be empty. RFC 3986 3.2 */
bool http1_is_authority(struct slice text);

/**
 * The version `HTTP/1.x` at [p], 8 bytes; head->minor. False when refused, with the status 400 or
 * 505. RFC 9112 2.3
 */
bool http1_version_parse(struct http1_head *head, const uint8_t *p, size_t len);

#endif
