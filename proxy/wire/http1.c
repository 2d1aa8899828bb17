#include "wire/http1.h"

#include <stdio.h>
#include <strings.h>

/* Field values: visible bytes, space, tab, and bytes above 0x7f. RFC 9110 5.5 */
static bool is_text(uint8_t byte)
{
    return byte >= 0x20 ? byte != 0x7f : byte == '\t';
}

static bool is_visible(uint8_t byte)
{
    return byte > 0x20 && byte < 0x7f;
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_alpha(uint8_t byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

/* RFC 9110 5.6.2 */
static bool is_token(struct slice text)
{
    size_t i;

    for (i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];

        if (!is_alpha(byte) && !is_digit(byte) &&
            (byte == 0 || strchr("!#$%&'*+-.^_`|~", byte) == NULL)) {
            return false;
        }
    }
    return text.len > 0;
}

static bool equal_nocase(struct slice text, const char *other)
{
    return text.len == strlen(other) && strncasecmp((const char *)text.data, other, text.len) == 0;
}

/* Position of [byte] in [text], or text.len. */
static size_t find_byte(struct slice text, uint8_t byte)
{
    const uint8_t *found = text.len == 0 ? NULL : memchr(text.data, byte, text.len);

    return found == NULL ? text.len : (size_t)(found - text.data);
}

static struct slice trim(struct slice text)
{
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text = slice_skip(text, 1);
    }
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t')) {
        text.len--;
    }
    return text;
}

static enum http1_parse fail(struct http1_request *out, int status, const char *error)
{
    out->status = status;
    out->error = error;
    return HTTP1_PARSE_ERROR;
}

/* 0, or -1 with the error in [out]: the sub-parsers' answer. */
static int refuse(struct http1_request *out, int status, const char *error)
{
    (void)fail(out, status, error);
    return -1;
}

/* `HTTP/1.x`. RFC 9112 2.3 */
static int parse_version(struct slice text, struct http1_request *out)
{
    if (text.len != 8 || !slice_starts_with(text, slice_of("HTTP/")) || !is_digit(text.data[5]) ||
        text.data[6] != '.' || !is_digit(text.data[7])) {
        return refuse(out, 400, "malformed HTTP version");
    }
    if (text.data[5] != '1') {
        return refuse(out, 505, "not HTTP/1.x");
    }
    out->minor = text.data[7] == '0' ? 0 : 1;
    return 0;
}

/* Split `/path?query`; a fragment never belongs into a request. */
static void split_path(struct slice text, struct http1_request *out)
{
    size_t mark = find_byte(text, '?');

    out->path = slice_make(text.data, mark);
    out->has_query = mark < text.len;
    if (out->has_query) {
        out->query = slice_skip(text, mark + 1);
    }
}

/* A host and port as Host and request targets carry it: nothing that ends an authority. */
static bool is_authority(struct slice text)
{
    size_t i;

    for (i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];

        if (!is_visible(byte) || strchr("\"#/<>?@\\^`{|}", byte) != NULL) {
            return false;
        }
    }
    return true;
}

/* `scheme://authority/path`. RFC 9112 3.2.2 */
static int parse_absolute(struct slice target, struct http1_request *out)
{
    struct slice rest;
    size_t end;

    if (target.len > 7 && strncasecmp((const char *)target.data, "http://", 7) == 0) {
        rest = slice_skip(target, 7);
    } else if (target.len > 8 && strncasecmp((const char *)target.data, "https://", 8) == 0) {
        rest = slice_skip(target, 8);
    } else {
        return refuse(out, 400, "malformed request target");
    }
    for (end = 0; end < rest.len && rest.data[end] != '/' && rest.data[end] != '?';) {
        end++;
    }
    out->authority = slice_make(rest.data, end);
    if (end == 0 || !is_authority(out->authority)) {
        return refuse(out, 400, "malformed authority in the request target");
    }
    split_path(slice_skip(rest, end), out);
    return 0;
}

/* RFC 9112 3.2 */
static int parse_target(struct slice target, struct http1_request *out)
{
    size_t i;

    for (i = 0; i < target.len; i++) {
        if (!is_visible(target.data[i]) || target.data[i] == '#') {
            return refuse(out, 400, "forbidden byte in the request target");
        }
    }
    out->target = target;
    if (slice_is(out->method, "CONNECT")) {
        out->authority = target;
        return is_authority(target) ? 0 : refuse(out, 400, "malformed authority");
    }
    if (slice_is(target, "*")) {
        return slice_is(out->method, "OPTIONS")
                   ? 0
                   : refuse(out, 400, "the target * is for OPTIONS only");
    }
    if (target.data[0] == '/') {
        split_path(target, out);
        return 0;
    }
    return parse_absolute(target, out);
}

/* `METHOD target HTTP/1.x`, single spaces. RFC 9112 3 */
static int parse_request_line(struct slice line, struct http1_request *out)
{
    size_t first = find_byte(line, ' '), second;
    struct slice rest;

    out->method = slice_make(line.data, first);
    if (!is_token(out->method)) {
        return refuse(out, 400, "malformed method");
    }
    if (first == line.len) {
        return refuse(out, 400, "malformed request line");
    }
    rest = slice_skip(line, first + 1);
    second = find_byte(rest, ' ');
    if (second == 0 || second == rest.len) {
        return refuse(out, 400, "malformed request line");
    }
    if (parse_version(slice_skip(rest, second + 1), out) < 0) {
        return -1;
    }
    return parse_target(slice_make(rest.data, second), out);
}

/* Digits only, below 2^63. RFC 9112 6.3 */
static int parse_content_length(struct slice value, struct http1_request *out)
{
    uint64_t number = 0;
    size_t i;

    if (out->has_content_length) {
        return refuse(out, 400, "more than one Content-Length");
    }
    if (value.len == 0 || value.len > 18) {
        return refuse(out, 400, "malformed Content-Length");
    }
    for (i = 0; i < value.len; i++) {
        if (!is_digit(value.data[i])) {
            return refuse(out, 400, "malformed Content-Length");
        }
        number = number * 10 + (uint64_t)(value.data[i] - '0');
    }
    out->has_content_length = true;
    out->content_length = number;
    return 0;
}

static int parse_host(struct slice value, struct http1_request *out)
{
    if (out->has_host) {
        return refuse(out, 400, "more than one Host");
    }
    if (!is_authority(value)) {
        return refuse(out, 400, "malformed Host");
    }
    out->has_host = true;
    out->host = value;
    return 0;
}

/* Note what the fields that frame a message say. */
static int interpret_field(const struct http1_field *field, struct http1_request *out)
{
    if (equal_nocase(field->name, "Content-Length")) {
        return parse_content_length(field->value, out);
    }
    if (equal_nocase(field->name, "Host")) {
        return parse_host(field->value, out);
    }
    if (equal_nocase(field->name, "Transfer-Encoding")) {
        out->has_transfer_encoding = true;
    } else if (equal_nocase(field->name, "Expect")) {
        out->expect_continue = equal_nocase(field->value, "100-continue");
    }
    return 0;
}

/* `name: value`. RFC 9112 5 */
static int parse_field(struct slice line, struct http1_request *out)
{
    struct http1_field *field;
    size_t colon = find_byte(line, ':'), i;

    if (out->n_fields == HTTP1_FIELDS_MAX) {
        return refuse(out, 431, "too many header fields");
    }
    if (line.data[0] == ' ' || line.data[0] == '\t') {
        return refuse(out, 400, "folded header line");
    }
    field = &out->fields[out->n_fields];
    field->name = slice_make(line.data, colon);
    if (colon == line.len || !is_token(field->name)) {
        return refuse(out, 400, "malformed header field name");
    }
    field->value = trim(slice_skip(line, colon + 1));
    for (i = 0; i < field->value.len; i++) {
        if (!is_text(field->value.data[i])) {
            return refuse(out, 400, "forbidden byte in a header field");
        }
    }
    out->n_fields++;
    return interpret_field(field, out);
}

/* Whether any Connection field holds [token]. */
static bool connection_has(const struct http1_request *request, const char *token)
{
    size_t i;

    for (i = 0; i < request->n_fields; i++) {
        if (equal_nocase(request->fields[i].name, "Connection") &&
            http1_list_has(request->fields[i].value, token)) {
            return true;
        }
    }
    return false;
}

/* What only the whole head tells. */
static int check_head(struct http1_request *out)
{
    if (out->minor >= 1 && !out->has_host) {
        return refuse(out, 400, "no Host");
    }
    if (out->has_transfer_encoding && out->has_content_length) {
        return refuse(out, 400, "Content-Length and Transfer-Encoding");
    }
    if (out->has_transfer_encoding && out->minor == 0) {
        return refuse(out, 400, "Transfer-Encoding in HTTP/1.0");
    }
    out->expect_continue = out->expect_continue && out->minor >= 1;
    out->keep_alive =
        !connection_has(out, "close") && (out->minor >= 1 || connection_has(out, "keep-alive"));
    return 0;
}

/* Parse the complete head [in], which ends in an empty line and holds CR only before LF. */
static int parse_head(struct slice in, struct http1_request *out)
{
    struct slice rest = in;
    bool first = true;

    *out = (struct http1_request){.head_len = in.len};
    if (slice_starts_with(rest, slice_of("\r\n"))) {
        rest = slice_skip(rest, 2);
    }
    while (rest.len > 2) {
        struct slice line = slice_make(rest.data, find_byte(rest, '\r'));

        if ((first ? parse_request_line(line, out) : parse_field(line, out)) < 0) {
            return -1;
        }
        first = false;
        rest = slice_skip(rest, line.len + 2);
    }
    return check_head(out);
}

/* A line, without its end, may hold no CR. */
static bool has_bare_cr(struct slice line)
{
    return find_byte(line, '\r') < line.len;
}

enum http1_scan_result { SCAN_MORE, SCAN_END, SCAN_BAD };

/* Look for the empty line that ends the head; scan->line_start is then the head's length. */
static enum http1_scan_result scan_lines(struct slice in, struct http1_scan *scan)
{
    for (;;) {
        struct slice fresh = slice_skip(in, scan->scanned);
        size_t lf = scan->scanned + find_byte(fresh, '\n');
        size_t start = scan->line_start;
        bool is_empty;

        if (lf == in.len) {
            scan->scanned = in.len;
            return SCAN_MORE;
        }
        if (lf == start || in.data[lf - 1] != '\r' ||
            has_bare_cr(slice_make(in.data + start, lf - 1 - start))) {
            return SCAN_BAD;
        }
        scan->line_start = scan->scanned = lf + 1;
        is_empty = lf - start == 1;
        if (is_empty && start == HTTP1_LINE_SPARE_MAX) { /* a second one before the request */
            return SCAN_BAD;
        }
        if (is_empty && start > 0) {
            return SCAN_END;
        }
    }
}

/* The head is longer than allowed: tell which part of it. */
static enum http1_parse fail_too_long(const struct http1_scan *scan, struct http1_request *out)
{
    if (scan->line_start <= HTTP1_LINE_SPARE_MAX) {
        return fail(out, 414, "request line too long");
    }
    return fail(out, 431, "request head too long");
}

enum http1_parse http1_request_parse(struct slice in, struct http1_scan *scan, size_t head_max,
                                     struct http1_request *out)
{
    struct slice head = slice_make(in.data, in.len < head_max ? in.len : head_max);

    if (in.len == 0) {
        return HTTP1_PARSE_MORE;
    }
    switch (scan_lines(head, scan)) {
    case SCAN_MORE:
        return in.len < head_max ? HTTP1_PARSE_MORE : fail_too_long(scan, out);
    case SCAN_BAD:
        return fail(out, 400, "a line does not end in CRLF, or holds a CR");
    case SCAN_END:
        break;
    }
    head.len = scan->line_start;
    return parse_head(head, out) < 0 ? HTTP1_PARSE_ERROR : HTTP1_PARSE_REQUEST;
}

bool http1_find_field(const struct http1_request *request, const char *name, struct slice *value)
{
    size_t i;

    for (i = 0; i < request->n_fields; i++) {
        if (equal_nocase(request->fields[i].name, name)) {
            *value = request->fields[i].value;
            return true;
        }
    }
    return false;
}

bool http1_list_has(struct slice value, const char *token)
{
    while (value.len > 0) {
        size_t comma = find_byte(value, ',');

        if (equal_nocase(trim(slice_make(value.data, comma)), token)) {
            return true;
        }
        value = slice_skip(value, comma < value.len ? comma + 1 : comma);
    }
    return false;
}

static int hex_value(uint8_t byte)
{
    if (is_digit(byte)) {
        return byte - '0';
    }
    byte |= 0x20;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

ptrdiff_t http1_percent_decode(struct slice in, uint8_t *out)
{
    size_t i = 0;
    ptrdiff_t n = 0;

    while (i < in.len) {
        int high, low;

        if (in.data[i] != '%') {
            out[n++] = in.data[i++];
            continue;
        }
        if (in.len - i < 3) {
            return -1;
        }
        high = hex_value(in.data[i + 1]);
        low = hex_value(in.data[i + 2]);
        if (high < 0 || low < 0) {
            return -1;
        }
        out[n++] = (uint8_t)(high * 16 + low);
        i += 3;
    }
    return n;
}

bool http1_query_find(struct slice query, const char *name, struct slice *value)
{
    while (query.len > 0) {
        size_t end = find_byte(query, '&');
        struct slice pair = slice_make(query.data, end);
        size_t equals = find_byte(pair, '=');

        if (slice_is(slice_make(pair.data, equals), name)) {
            *value = slice_skip(pair, equals < pair.len ? equals + 1 : equals);
            return true;
        }
        query = slice_skip(query, end < query.len ? end + 1 : end);
    }
    return false;
}

const char *http1_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {100, "Continue"},
        {200, "OK"},
        {204, "No Content"},
        {400, "Bad Request"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {503, "Service Unavailable"},
        {505, "HTTP Version Not Supported"},
    };
    size_t i;

    for (i = 0; i < sizeof reasons / sizeof *reasons; i++) {
        if (reasons[i].status == status) {
            return reasons[i].reason;
        }
    }
    return "Unknown";
}

size_t http1_response_write(const struct http1_response *response, char *out, size_t max)
{
    const char *type = response->content_type;
    int n = snprintf(out, max, "HTTP/1.1 %d %s\r\n%s%s%sContent-Length: %llu\r\n%s%s\r\n",
                     response->status, http1_reason(response->status),
                     type == NULL ? "" : "Content-Type: ", type == NULL ? "" : type,
                     type == NULL ? "" : "\r\n", (unsigned long long)response->content_length,
                     response->keep_alive ? "" : "Connection: close\r\n",
                     response->fields == NULL ? "" : response->fields);

    return n < 0 || (size_t)n >= max ? 0 : (size_t)n;
}
