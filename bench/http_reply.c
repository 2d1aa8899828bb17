#include "http_reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char ok_line[] = "HTTP/1.1 200 ";

/* The value of the field [name] if [line] is one; NULL otherwise. */
static const char *field_value(const char *line, size_t len, const char *name)
{
    size_t n = strlen(name);

    if (len <= n || line[n] != ':' || strncasecmp(line, name, n) != 0) {
        return NULL;
    }
    line += n + 1;
    return *line == ' ' ? line + 1 : line;
}

static enum http_reply_result broken(struct http_reply *reply, const char *what, const char *text,
                                     size_t len)
{
    /* [text] may be in head[] itself. */
    char message[128] = "";
    const char *line_end = memchr(text, '\r', len);
    size_t shown = line_end != NULL ? (size_t)(line_end - text) : len;

    snprintf(message, sizeof(message), "%s: %.*s", what, (int)(shown < 80 ? shown : 80), text);
    memcpy(reply->head, message, sizeof(message));
    return HTTP_REPLY_BROKEN;
}

/* Check a head, its last empty line included. */
static enum http_reply_result check_head(struct http_reply *reply,
                                         const struct http_reply_rules *rules, const char *head,
                                         size_t len)
{
    const char *end = head + len;
    const char *line = memchr(head, '\n', len);
    uint64_t size = UINT64_MAX;
    bool closes = false;

    if (len < sizeof(ok_line) || memcmp(head, ok_line, sizeof(ok_line) - 1) != 0) {
        return broken(reply, "status", head, len);
    }
    while (line != NULL && ++line < end) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)((next != NULL ? next : end) - line);
        const char *value;

        if ((value = field_value(line, n, "content-length")) != NULL) {
            size = strtoull(value, NULL, 10);
        } else if ((value = field_value(line, n, "connection")) != NULL) {
            closes = strncasecmp(value, "close", 5) == 0;
        }
        line = next;
    }
    if (size != rules->size) {
        return broken(reply, "no such Content-Length as expected", head, len);
    }
    if (closes && !rules->closes) {
        return broken(reply, "Connection: close, not asked for", head, len);
    }
    return HTTP_REPLY_DONE;
}

/* Find the end of the head, which may have begun in an earlier read. */
static enum http_reply_result feed_head(struct http_reply *reply,
                                        const struct http_reply_rules *rules, const char **at,
                                        const char *end)
{
    size_t len = (size_t)(end - *at);
    const char *text = *at;
    const char *blank;
    size_t kept = reply->n_head;
    size_t n_head;

    if (kept > 0) {
        size_t room = HTTP_REPLY_MAX_HEAD - kept;
        memcpy(reply->head + kept, *at, len < room ? len : room);
        text = reply->head;
        len = kept + (len < room ? len : room);
    }
    blank = memmem(text, len, "\r\n\r\n", 4);
    if (blank == NULL) {
        if (len >= HTTP_REPLY_MAX_HEAD) {
            return broken(reply, "head without an end", text, len);
        }
        if (kept == 0) {
            memcpy(reply->head, text, len);
        }
        reply->n_head = len;
        *at = end;
        return HTTP_REPLY_MORE;
    }
    n_head = (size_t)(blank - text) + 4;
    *at += n_head - kept;
    reply->in_body = true;
    return check_head(reply, rules, text, n_head);
}

static bool body_is_right(const struct http_reply *reply, const struct http_reply_rules *rules,
                          const char *tag, const char *text, size_t len)
{
    uint64_t offset = reply->body_at;

    size_t tag_end = rules->size >= HTTP_BODY_TAG_BYTES ? HTTP_BODY_TAG_BYTES : 0;

    for (; len > 0 && offset < tag_end; offset++, text++, len--) {
        if (*text != tag[offset]) {
            return false;
        }
    }
    return http_body_matches(rules->body, offset, text, len);
}

void http_reply_init(struct http_reply *reply)
{
    reply->in_body = false;
    reply->body_at = 0;
    reply->n_head = 0;
}

enum http_reply_result http_reply_feed(struct http_reply *reply,
                                       const struct http_reply_rules *rules, const char *tag,
                                       const char **at, const char *end)
{
    uint64_t left;
    size_t len;

    if (!reply->in_body) {
        enum http_reply_result result = feed_head(reply, rules, at, end);
        if (result != HTTP_REPLY_DONE) {
            return result;
        }
    }
    left = rules->size - reply->body_at;
    len = (size_t)(end - *at);
    len = len < left ? len : (size_t)left;
    if (!body_is_right(reply, rules, tag, *at, len)) {
        return broken(reply, "wrong body", *at, len);
    }
    reply->body_at += len;
    *at += len;
    if (reply->body_at < rules->size) {
        return HTTP_REPLY_MORE;
    }
    http_reply_init(reply);
    return HTTP_REPLY_DONE;
}
