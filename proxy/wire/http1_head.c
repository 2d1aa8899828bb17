/*
 * What the fields of a head say, in either direction: how long the body is, and what becomes of
 * the connection.
 */
#include "wire/http1_parse.h"

/* Connection options beside close, keep-alive and upgrade: each is compared with every field. */
#define OPTIONS_MAX 32u

bool http1_version_parse(struct http1_head *head, const uint8_t *p, size_t len)
{
    if (len < 8 || memcmp(p, "HTTP/", 5) != 0 || !http1_is_digit(p[5]) || p[6] != '.' ||
        !http1_is_digit(p[7])) {
        return http1_refuse(head, 400, "malformed HTTP version");
    }
    if (p[5] != '1') {
        return http1_refuse(head, 505, "not HTTP/1.x");
    }
    head->minor = p[7] == '0' ? 0 : 1;
    return true;
}

/* ---- Host -------------------------------------------------------------------------------- */

/* `[address]`; returns its length, or 0. RFC 3986 3.2.2 */
static size_t ip_literal_len(struct slice text)
{
    size_t i;

    for (i = 1; i < text.len && text.data[i] != ']'; i++) {
        if (!http1_is(text.data[i], HTTP1_REG_NAME) && text.data[i] != ':') {
            return 0;
        }
    }
    return i > 1 && i < text.len ? i + 1 : 0;
}

/* Letters, digits, some punctuation, escapes; returns its length. */
static size_t reg_name_len(struct slice text)
{
    size_t i = 0;

    while (i < text.len) {
        if (http1_is(text.data[i], HTTP1_REG_NAME)) {
            i++;
        } else if (text.data[i] == '%' && text.len - i > 2 &&
                   http1_hex_value(text.data[i + 1]) >= 0 &&
                   http1_hex_value(text.data[i + 2]) >= 0) {
            i += 3;
        } else {
            break;
        }
    }
    return i;
}

bool http1_is_authority(struct slice text)
{
    size_t i;

    if (text.len > 0 && text.data[0] == '[') {
        i = ip_literal_len(text);
        if (i == 0) {
            return false;
        }
    } else {
        i = reg_name_len(text);
    }
    if (i < text.len && text.data[i] == ':') {
        i++;
        while (i < text.len && http1_is_digit(text.data[i])) {
            i++;
        }
    }
    return i == text.len;
}

static bool note_host(struct http1_head *head, struct slice value)
{
    if (head->section != HTTP1_REQUEST_HEAD) {
        return true;
    }
    if (head->has_host) {
        return http1_refuse(head, 400, "more than one Host");
    }
    if (!http1_is_authority(value)) {
        return http1_refuse(head, 400, "malformed Host");
    }
    head->has_host = true;
    head->host = value;
    return true;
}

/* ---- framing ----------------------------------------------------------------------------- */

/* Digits only, below 10^18. */
static bool parse_length(struct slice text, uint64_t *length)
{
    uint64_t number = 0;
    size_t i;

    if (text.len == 0 || text.len > 18) {
        return false;
    }
    for (i = 0; i < text.len; i++) {
        if (!http1_is_digit(text.data[i])) {
            return false;
        }
        number = number * 10 + (uint64_t)(text.data[i] - '0');
    }
    *length = number;
    return true;
}

/* One number, or a list of the same. RFC 9112 6.3 */
static bool note_content_length(struct http1_head *head, struct slice value)
{
    struct http1_list list = {.rest = value};
    struct slice element;

    while (http1_list_next(&list, &element)) {
        uint64_t length;

        if (!parse_length(element, &length)) {
            return http1_refuse(head, 400, "malformed Content-Length");
        }
        if (head->has_content_length && length != head->content_length) {
            return http1_refuse(head, 400, "more than one Content-Length");
        }
        head->has_content_length = true;
        head->content_length = length;
    }
    return true;
}

/* RFC 9112 6.1 */
static bool note_transfer_encoding(struct http1_head *head, struct slice value)
{
    struct http1_list list = {.rest = value};
    struct slice element;

    while (http1_list_next(&list, &element)) {
        if (element.len == 0) {
            return http1_refuse(head, 400, "malformed Transfer-Encoding");
        }
        head->n_codings++;
        head->is_chunked_last = http1_equal_lower(element, slice_of("chunked"));
        head->n_chunked += head->is_chunked_last;
    }
    return true;
}

static bool check_framing(struct http1_head *head)
{
    if (head->n_codings == 0) {
        return true;
    }
    if (head->has_content_length) {
        return http1_refuse(head, 400, "Content-Length and Transfer-Encoding");
    }
    if (head->minor == 0) {
        return http1_refuse(head, 400, "Transfer-Encoding in HTTP/1.0");
    }
    if (!head->is_chunked_last) {
        return http1_refuse(head, 400, "the last transfer coding is not chunked");
    }
    if (head->n_chunked > 1) {
        return http1_refuse(head, 400, "chunked twice");
    }
    if (head->n_codings > 1) {
        return http1_refuse(head, 501, "unknown transfer coding");
    }
    return true;
}

/* ---- Connection -------------------------------------------------------------------------- */

static bool note_connection(struct http1_head *head, struct slice value)
{
    struct http1_list list = {.rest = value};
    struct slice element;

    while (http1_list_next(&list, &element)) {
        if (http1_equal_lower(element, slice_of("close"))) {
            head->close = true;
        } else if (http1_equal_lower(element, slice_of("keep-alive"))) {
            head->keep_alive = true;
        } else if (http1_equal_lower(element, slice_of("upgrade"))) {
            head->upgrade = true;
        } else if (element.len > 0) {
            head->n_options++;
        }
    }
    if (head->n_options > OPTIONS_MAX) {
        return http1_refuse(head, 400, "too many Connection options");
    }
    return true;
}

static bool equal_names(struct slice a, struct slice b)
{
    size_t i;

    if (a.len != b.len) {
        return false;
    }
    for (i = 0; i < a.len; i++) {
        if (http1_lower_case[a.data[i]] != http1_lower_case[b.data[i]]) {
            return false;
        }
    }
    return true;
}

/* The fields that the options of [value] name end at this hop, but for those that the proxy knows
 * by name: of these, each has its own rule. */
static void mark_named(struct http1_fields *fields, struct slice value)
{
    struct http1_list list = {.rest = value};
    struct slice element;
    size_t i;

    while (http1_list_next(&list, &element)) {
        for (i = 0; i < fields->n; i++) {
            struct http1_field *field = &fields->list[i];

            if (field->id == HTTP1_NAME_OTHER && equal_names(field->name, element)) {
                field->hop = true;
            }
        }
    }
}

static void mark_hops(struct http1_fields *fields)
{
    size_t i;

    for (i = 0; i < fields->n; i++) {
        if (fields->list[i].id == HTTP1_NAME_CONNECTION) {
            mark_named(fields, fields->list[i].value);
        }
    }
}

/* ---- all of it --------------------------------------------------------------------------- */

bool http1_head_note(struct http1_head *head, const struct http1_field *field)
{
    switch (field->id) {
    case HTTP1_NAME_HOST:
        return note_host(head, field->value);
    case HTTP1_NAME_CONTENT_LENGTH:
        return note_content_length(head, field->value);
    case HTTP1_NAME_TRANSFER_ENCODING:
        return note_transfer_encoding(head, field->value);
    case HTTP1_NAME_CONNECTION:
        return note_connection(head, field->value);
    case HTTP1_NAME_UPGRADE:
        head->has_upgrade = head->has_upgrade || field->value.len > 0;
        return true;
    case HTTP1_NAME_DATE:
        head->has_date = true;
        return true;
    case HTTP1_NAME_EXPECT:
        head->expect_continue =
            head->expect_continue || http1_list_has(field->value, "100-continue");
        return true;
    default:
        return true;
    }
}

bool http1_head_finish(struct http1_head *head)
{
    if (head->n_options > 0) {
        mark_hops(head->fields);
    }
    head->has_upgrade = head->has_upgrade && head->upgrade && head->minor >= 1;
    return check_framing(head);
}
