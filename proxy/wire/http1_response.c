/*
 * Response heads.
 */
#include "wire/http1_parse.h"

/* `HTTP/1.x 200 reason` CRLF at *p, and step over it; the reason may be missing, with or without
 * the space before it. RFC 9112 4 */
static bool parse_status_line(struct http1_head *head, const uint8_t **p, const uint8_t *end,
                              struct http1_response *out)
{
    const uint8_t *at = *p, *stop;

    if (!http1_version_parse(head, at, (size_t)(end - at))) {
        return false;
    }
    if (end - at < 14 || at[8] != ' ' || at[9] < '1' || at[9] > '9' || !http1_is_digit(at[10]) ||
        !http1_is_digit(at[11]) || (at[12] != ' ' && at[12] != '\r')) {
        return http1_refuse(head, 400, "malformed status line");
    }
    out->status = (at[9] - '0') * 100 + (at[10] - '0') * 10 + (at[11] - '0');
    at += at[12] == ' ' ? 13 : 12;
    stop = http1_text_end(at, end);
    if (stop[0] != '\r' || stop[1] != '\n') {
        return http1_refuse(head, 400, "forbidden byte in the reason phrase");
    }
    out->reason = http1_between(at, stop);
    *p = stop + 2;
    return true;
}

static void fill(const struct http1_head *head, struct http1_response *out)
{
    out->minor = head->minor;
    out->has_content_length = head->has_content_length;
    out->content_length = head->content_length;
    out->has_date = head->has_date;
    out->has_upgrade = head->has_upgrade;
    out->keep_alive = http1_head_keeps_alive(head);
    if (head->n_codings > 0) {
        out->body = HTTP1_BODY_CHUNKED;
    } else if (!head->has_content_length) {
        out->body = HTTP1_BODY_CLOSE;
    } else {
        out->body = head->content_length > 0 ? HTTP1_BODY_LENGTH : HTTP1_BODY_NONE;
    }
}

static enum http1_parse refuse(struct http1_response *out, const char *error)
{
    out->error = error;
    return HTTP1_PARSE_ERROR;
}

enum http1_parse http1_response_parse(struct slice in, struct http1_scan *scan, size_t head_max,
                                      struct http1_response *out)
{
    struct slice lines = slice_make(in.data, in.len < head_max ? in.len : head_max);
    struct http1_head head = {.section = HTTP1_RESPONSE_HEAD, .fields = &out->fields};
    const uint8_t *p = in.data, *end;

    if (in.len == 0) {
        return HTTP1_PARSE_MORE;
    }
    switch (http1_scan_lines(lines, scan, HTTP1_RESPONSE_HEAD)) {
    case HTTP1_PARSE_MORE:
        return in.len < head_max ? HTTP1_PARSE_MORE : refuse(out, "response head too long");
    case HTTP1_PARSE_ERROR:
        return refuse(out, "a line does not end in CRLF, or is empty");
    case HTTP1_PARSE_DONE:
        break;
    }
    memset(out, 0, offsetof(struct http1_response, fields));
    out->head_len = scan->line_start;
    end = p + scan->line_start;
    if (!parse_status_line(&head, &p, end, out) || !http1_fields_parse(&head, p, end) ||
        !http1_head_finish(&head)) {
        return refuse(out, head.error);
    }
    fill(&head, out);
    return HTTP1_PARSE_DONE;
}

enum http1_body http1_response_body(const struct http1_response *response, enum http1_method method)
{
    if (method == HTTP1_HEAD || response->status < 200 || response->status == 204 ||
        response->status == 304) {
        return HTTP1_BODY_NONE;
    }
    return response->body;
}
