/*
 * The end of a head, its field lines, and trailers.
 */
#include "wire/http1_parse.h"

enum http1_parse http1_scan_lines(struct slice in, struct http1_scan *scan,
                                  enum http1_section section)
{
    for (;;) {
        size_t start = scan->line_start, lf;

        lf = scan->scanned + http1_find_byte(slice_skip(in, scan->scanned), '\n');
        if (lf == in.len) {
            scan->scanned = (uint32_t)in.len;
            return HTTP1_PARSE_MORE;
        }
        if (lf == start || in.data[lf - 1] != '\r') {
            return HTTP1_PARSE_ERROR;
        }
        scan->line_start = scan->scanned = (uint32_t)lf + 1;
        if (lf - start > 1) {
            continue;
        }
        if (start == 0 && section == HTTP1_REQUEST_HEAD) {
            continue;
        }
        if ((start == 0 && section == HTTP1_RESPONSE_HEAD) ||
            (start == HTTP1_LINE_SPARE_MAX && section == HTTP1_REQUEST_HEAD)) {
            return HTTP1_PARSE_ERROR;
        }
        return HTTP1_PARSE_DONE;
    }
}

/* ---- names ------------------------------------------------------------------------------- */

#define NAME_LEN_MAX 25u

static const struct {
    struct slice text;
    bool always_hop;
} names[HTTP1_N_NAMES] = {
#define X(name, text, always_hop)                                                                  \
    [HTTP1_NAME_##name] = {{(const uint8_t *)(text), sizeof(text) - 1}, always_hop},
    HTTP1_NAMES(X)
#undef X
};

/* The names that have a length: one, two, or none. */
static const uint8_t names_of_length[NAME_LEN_MAX + 1][2] = {
    [2] = {HTTP1_NAME_TE},
    [3] = {HTTP1_NAME_VIA},
    [4] = {HTTP1_NAME_HOST, HTTP1_NAME_DATE},
    [6] = {HTTP1_NAME_COOKIE, HTTP1_NAME_EXPECT},
    [7] = {HTTP1_NAME_UPGRADE, HTTP1_NAME_TRAILER},
    [9] = {HTTP1_NAME_FORWARDED},
    [10] = {HTTP1_NAME_CONNECTION, HTTP1_NAME_KEEP_ALIVE},
    [12] = {HTTP1_NAME_MAX_FORWARDS},
    [14] = {HTTP1_NAME_CONTENT_LENGTH, HTTP1_NAME_HTTP2_SETTINGS},
    [15] = {HTTP1_NAME_X_FORWARDED_FOR},
    [16] = {HTTP1_NAME_PROXY_CONNECTION, HTTP1_NAME_X_FORWARDED_HOST},
    [17] = {HTTP1_NAME_TRANSFER_ENCODING, HTTP1_NAME_X_FORWARDED_PROTO},
    [18] = {HTTP1_NAME_PROXY_AUTHENTICATE},
    [19] = {HTTP1_NAME_PROXY_AUTHORIZATION},
    [25] = {HTTP1_NAME_PROXY_AUTHENTICATION_INFO},
};

static enum http1_name find_name(struct slice name)
{
    size_t i;

    if (name.len > NAME_LEN_MAX) {
        return HTTP1_NAME_OTHER;
    }
    for (i = 0; i < 2; i++) {
        uint8_t id = names_of_length[name.len][i];

        if (id != HTTP1_NAME_OTHER && http1_equal_lower(name, names[id].text)) {
            return (enum http1_name)id;
        }
    }
    return HTTP1_NAME_OTHER;
}

/* ---- lines ------------------------------------------------------------------------------- */

/* `name: value` at *p, and step over it. The line holds a CR, which no name and no value does, so
 * nothing runs beyond it. RFC 9112 5 */
static bool parse_line(struct http1_head *head, const uint8_t **p, const uint8_t *end,
                       struct http1_field *field)
{
    const uint8_t *at = *p, *stop;

    while (http1_is(*at, HTTP1_TOKEN)) {
        at++;
    }
    field->name = http1_between(*p, at);
    if (head->section == HTTP1_RESPONSE_HEAD) {
        while (http1_is_blank(*at)) {
            at++;
        }
    }
    if (*at != ':' || field->name.len == 0) {
        return http1_refuse(
            head, 400, http1_is_blank(**p) ? "folded header line" : "malformed header field name");
    }
    at++;
    while (http1_is_blank(*at)) {
        at++;
    }
    stop = http1_text_end(at, end);
    if (stop[0] != '\r' || stop[1] != '\n') {
        return http1_refuse(head, 400, "forbidden byte in a header field");
    }
    *p = stop + 2;
    while (stop > at && http1_is_blank(stop[-1])) {
        stop--;
    }
    field->value = http1_between(at, stop);
    field->id = (uint8_t)find_name(field->name);
    field->hop = names[field->id].always_hop;
    return true;
}

bool http1_fields_parse(struct http1_head *head, const uint8_t *p, const uint8_t *end)
{
    struct http1_fields *fields = head->fields;

    fields->n = 0;
    while (end - p > 2) {
        struct http1_field *field;

        if (fields->n == HTTP1_FIELDS_MAX) {
            return http1_refuse(head, 431, "too many header fields");
        }
        field = &fields->list[fields->n];
        if (!parse_line(head, &p, end, field)) {
            return false;
        }
        fields->n++;
        if (field->id != HTTP1_NAME_OTHER && head->section != HTTP1_TRAILERS &&
            !http1_head_note(head, field)) {
            return false;
        }
    }
    return true;
}

/* ---- trailers ---------------------------------------------------------------------------- */

enum http1_parse http1_trailers_parse(struct slice in, struct http1_scan *scan, size_t max,
                                      struct http1_fields *out, size_t *len, const char **error)
{
    struct slice lines = slice_make(in.data, in.len < max ? in.len : max);
    struct http1_head head = {.section = HTTP1_TRAILERS, .fields = out};

    switch (http1_scan_lines(lines, scan, HTTP1_TRAILERS)) {
    case HTTP1_PARSE_MORE:
        if (in.len < max) {
            return HTTP1_PARSE_MORE;
        }
        *error = "trailer section too long";
        return HTTP1_PARSE_ERROR;
    case HTTP1_PARSE_ERROR:
        *error = "a line of the trailer section does not end in CRLF";
        return HTTP1_PARSE_ERROR;
    case HTTP1_PARSE_DONE:
        break;
    }
    *len = scan->line_start;
    if (!http1_fields_parse(&head, in.data, in.data + *len)) {
        *error = head.error;
        return HTTP1_PARSE_ERROR;
    }
    return HTTP1_PARSE_DONE;
}

bool http1_trailer_is_allowed(const struct http1_field *field)
{
    /* Beside those that the proxy knows: authentication, and how to process the content.
     * RFC 9110 6.5.1 */
    static const char *const forbidden[] = {
        "authorization", "cache-control", "content-encoding", "content-range",
        "content-type",  "range",         "set-cookie",       "www-authenticate",
    };
    size_t i;

    if (field->id != HTTP1_NAME_OTHER || field->hop) {
        return false;
    }
    for (i = 0; i < sizeof forbidden / sizeof *forbidden; i++) {
        if (http1_equal_lower(field->name, slice_of(forbidden[i]))) {
            return false;
        }
    }
    return true;
}
