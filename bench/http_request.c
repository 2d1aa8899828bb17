#include "http_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Read "METHOD /SIZE/... HTTP/1.x". */
static void parse_line(struct http_request *request, const char *line, size_t len)
{
    const char *path = memchr(line, ' ', len);
    const char *end = path != NULL ? memchr(path + 1, ' ', len - (size_t)(path + 1 - line)) : NULL;
    char *after = NULL;

    if (end == NULL || path[1] != '/' || path[2] < '0' || path[2] > '9') {
        return;
    }
    path++;
    request->answer_size = strtoull(path + 1, &after, 10);
    request->is_known = *after == '/' && request->answer_size <= HTTP_BODY_MAX_BYTES;
    if (end - after > HTTP_BODY_TAG_BYTES) {
        request->has_tag = true;
        memcpy(request->tag, end - HTTP_BODY_TAG_BYTES, HTTP_BODY_TAG_BYTES);
    }
    if (memcmp(end, " HTTP/1.0", 9) == 0) {
        request->closes = true;
    }
}

static bool is_field(const char *line, size_t len, const char *name, size_t n_name)
{
    return len > n_name && line[n_name] == ':' && strncasecmp(line, name, n_name) == 0;
}

static void parse_field(struct http_request *request, const char *line, size_t len)
{
    char first = (char)(*line | 0x20);

    /* Nearly every field is none of these. */
    if (first != 'c' && first != 't') {
        return;
    }
    if (is_field(line, len, "content-length", 14)) {
        request->body_size = strtoull(line + 15, NULL, 10);
    } else if (is_field(line, len, "connection", 10)) {
        const char *value = line + 11 + (line[11] == ' ');
        if (strncasecmp(value, "close", 5) == 0) {
            request->closes = true;
        } else if (strncasecmp(value, "keep-alive", 10) == 0) {
            request->closes = false;
        }
    } else if (is_field(line, len, "transfer-encoding", 17)) {
        request->is_known = false;
    }
}

void http_request_parse(struct http_request *request, const char *head, size_t len)
{
    const char *end = head + len;
    const char *line = head;

    memset(request, 0, sizeof(*request));
    while (line < end) {
        const char *next = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)((next != NULL ? next + 1 : end) - line);

        if (line == head) {
            parse_line(request, line, n);
        } else {
            parse_field(request, line, n);
        }
        line += n;
    }
}
