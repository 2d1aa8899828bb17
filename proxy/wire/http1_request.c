/*
 * Request heads.
 */
#include "wire/http1_parse.h"

static const struct slice methods[HTTP1_N_METHODS] = {
#define X(name, text) [HTTP1_##name] = {(const uint8_t *)(text), sizeof(text) - 1},
    HTTP1_METHODS(X)
#undef X
        [HTTP1_OTHER] = {(const uint8_t *)"OTHER", 5},
};

const char *http1_method_name(enum http1_method method)
{
    return (const char *)methods[method].data;
}

bool http1_method_is_idempotent(enum http1_method method)
{
    switch (method) {
    case HTTP1_GET:
    case HTTP1_HEAD:
    case HTTP1_PUT:
    case HTTP1_DELETE:
    case HTTP1_OPTIONS:
    case HTTP1_TRACE:
        return true;
    case HTTP1_POST:
    case HTTP1_PATCH:
    case HTTP1_CONNECT:
    case HTTP1_OTHER:
    case HTTP1_N_METHODS:
        break;
    }
    return false;
}

static enum http1_method find_method(struct slice text)
{
    unsigned i;

    for (i = 0; i < HTTP1_OTHER; i++) {
        if (slice_equal(text, methods[i])) {
            return (enum http1_method)i;
        }
    }
    return HTTP1_OTHER;
}

/* ---- the target -------------------------------------------------------------------------- */

static void split_path(struct slice text, struct http1_request *out)
{
    size_t mark = http1_find_byte(text, '?');

    out->path = slice_make(text.data, mark);
    out->has_query = mark < text.len;
    if (out->has_query) {
        out->query = slice_skip(text, mark + 1);
    }
}

static bool has_scheme(struct slice target, const char *scheme)
{
    size_t len = strlen(scheme);

    return target.len > len && http1_equal_lower(slice_make(target.data, len), slice_of(scheme));
}

/* `scheme://authority/path`. RFC 9112 3.2.2 */
static bool parse_absolute(struct http1_head *head, struct slice target, struct http1_request *out)
{
    struct slice rest;
    size_t end;

    if (has_scheme(target, "http://")) {
        rest = slice_skip(target, 7);
    } else if (has_scheme(target, "https://")) {
        rest = slice_skip(target, 8);
    } else {
        return http1_refuse(head, 400, "malformed request target");
    }
    for (end = 0; end < rest.len && rest.data[end] != '/' && rest.data[end] != '?';) {
        end++;
    }
    out->authority = slice_make(rest.data, end);
    if (end == 0 || rest.data[0] == ':' || !http1_is_authority(out->authority)) {
        return http1_refuse(head, 400, "malformed authority in the request target");
    }
    split_path(slice_skip(rest, end), out);
    return true;
}

/* `host:port`. RFC 9112 3.2.3 */
static bool parse_authority(struct http1_head *head, struct slice target, struct http1_request *out)
{
    if (target.data[0] == ':' || !http1_is_digit(target.data[target.len - 1]) ||
        !http1_is_authority(target) || memrchr(target.data, ':', target.len) == NULL) {
        return http1_refuse(head, 400, "malformed authority");
    }
    out->authority = target;
    return true;
}

/* Cut `#fragment` off [target]. */
static bool cut_fragment(struct http1_head *head, bool is_allowed, struct slice *target,
                         struct http1_request *out)
{
    size_t mark = http1_find_byte(*target, '#');

    if (mark == target->len) {
        return true;
    }
    out->has_fragment = true;
    out->fragment = slice_skip(*target, mark + 1);
    target->len = mark;
    if (!is_allowed || (mark > 0 && target->data[0] == '*') || out->method_id == HTTP1_CONNECT ||
        http1_find_byte(out->fragment, '#') < out->fragment.len) {
        return http1_refuse(head, 400, "fragment in the request target");
    }
    return true;
}

/* Visible bytes, one at least. RFC 9112 3.2 */
static bool parse_target(struct http1_head *head, bool allow_fragment, struct slice target,
                         struct http1_request *out)
{
    if (!cut_fragment(head, allow_fragment, &target, out)) {
        return false;
    }
    out->target = target;
    if (out->method_id == HTTP1_CONNECT) {
        return parse_authority(head, target, out);
    }
    if (target.len > 0 && target.data[0] == '/') {
        split_path(target, out);
        return true;
    }
    if (slice_is(target, "*")) {
        return out->method_id == HTTP1_OPTIONS ||
               http1_refuse(head, 400, "the target * is for OPTIONS only");
    }
    return parse_absolute(head, target, out);
}

/* ---- the head ---------------------------------------------------------------------------- */

/* `METHOD target HTTP/1.x` CRLF with single spaces at *p, and step over it. The line holds a CR,
 * so nothing runs beyond it. RFC 9112 3 */
static bool parse_request_line(struct http1_head *head, const struct http1_limits *limits,
                               const uint8_t **p, const uint8_t *end, struct http1_request *out)
{
    const uint8_t *at = *p, *start = at;
    struct slice target;

    while (http1_is(*at, HTTP1_TOKEN)) {
        at++;
    }
    out->method = http1_between(start, at);
    if (*at != ' ' || out->method.len == 0) {
        return http1_refuse(head, 400, "malformed method");
    }
    out->method_id = find_method(out->method);
    start = ++at;
    while (http1_is(*at, HTTP1_VISIBLE)) {
        at++;
    }
    target = http1_between(start, at);
    if (*at != ' ' || target.len == 0) {
        return http1_refuse(head, 400, "malformed request target");
    }
    at++;
    if (!http1_version_parse(head, at, (size_t)(end - at))) {
        return false;
    }
    if (at[8] != '\r' || at[9] != '\n') {
        return http1_refuse(head, 400, "malformed request line");
    }
    *p = at + 10;
    if (out->method.len > HTTP1_METHOD_MAX) {
        return http1_refuse(head, 501, "method too long");
    }
    return parse_target(head, limits->allow_fragment, target, out);
}

/* Parse the complete head [p, end). */
static bool parse_head(struct http1_head *head, const struct http1_limits *limits, const uint8_t *p,
                       const uint8_t *end, struct http1_request *out)
{
    if (p[0] == '\r' && p[1] == '\n') {
        p += 2;
    }
    if (!parse_request_line(head, limits, &p, end, out) || !http1_fields_parse(head, p, end) ||
        !http1_head_finish(head)) {
        return false;
    }
    if (head->minor >= 1 && !head->has_host) {
        return http1_refuse(head, 400, "no Host");
    }
    return true;
}

static void fill(const struct http1_head *head, struct http1_request *out)
{
    out->has_host = head->has_host || out->authority.len > 0;
    out->host = out->authority.len > 0 ? out->authority : head->host;
    out->minor = head->minor;
    out->has_content_length = head->has_content_length;
    out->content_length = head->content_length;
    out->expect_continue = head->expect_continue && head->minor >= 1;
    out->has_upgrade = head->has_upgrade;
    /* What follows CONNECT is not HTTP, whatever its fields say. RFC 9110 9.3.6 */
    out->keep_alive = http1_head_keeps_alive(head) && out->method_id != HTTP1_CONNECT;
    if (out->method_id == HTTP1_CONNECT) {
        out->body = HTTP1_BODY_NONE;
    } else if (head->n_codings > 0) {
        out->body = HTTP1_BODY_CHUNKED;
    } else {
        out->body = head->content_length > 0 ? HTTP1_BODY_LENGTH : HTTP1_BODY_NONE;
    }
}

static enum http1_parse refuse(struct http1_request *out, int status, const char *error)
{
    out->status = status;
    out->error = error;
    return HTTP1_PARSE_ERROR;
}

/* The head is longer than allowed: tell which part of it. */
static enum http1_parse refuse_length(const struct http1_scan *scan, struct http1_request *out)
{
    if (scan->line_start <= HTTP1_LINE_SPARE_MAX) {
        return refuse(out, 414, "request line too long");
    }
    return refuse(out, 431, "request head too long");
}

enum http1_parse http1_request_parse(struct slice in, struct http1_scan *scan,
                                     const struct http1_limits *limits, struct http1_request *out)
{
    struct slice lines = slice_make(in.data, in.len < limits->head_max ? in.len : limits->head_max);
    struct http1_head head = {.section = HTTP1_REQUEST_HEAD, .fields = &out->fields};

    if (in.len == 0) {
        return HTTP1_PARSE_MORE;
    }
    switch (http1_scan_lines(lines, scan, HTTP1_REQUEST_HEAD)) {
    case HTTP1_PARSE_MORE:
        return in.len < limits->head_max ? HTTP1_PARSE_MORE : refuse_length(scan, out);
    case HTTP1_PARSE_ERROR:
        return refuse(out, 400, "a line does not end in CRLF, or is empty");
    case HTTP1_PARSE_DONE:
        break;
    }
    memset(out, 0, offsetof(struct http1_request, fields));
    out->head_len = scan->line_start;
    if (!parse_head(&head, limits, in.data, in.data + scan->line_start, out)) {
        return refuse(out, head.status, head.error);
    }
    fill(&head, out);
    return HTTP1_PARSE_DONE;
}
