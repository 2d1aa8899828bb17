#include "data/http/http_answer.h"

#include <stdio.h>
#include <time.h>

struct slice http_answer_date(struct plane *plane)
{
    struct timespec now;

    if (plane->date_turn_us != plane_now(plane)) {
        plane->date_turn_us = plane_now(plane);
        clock_gettime(CLOCK_REALTIME_COARSE, &now);
        if (now.tv_sec != plane->date_s) {
            plane->date_s = now.tv_sec;
            http1_format_date((uint64_t)now.tv_sec, plane->date);
        }
    }
    return slice_make(plane->date, HTTP1_DATE_BYTES);
}

static const char *more_fields(int status)
{
    switch (status) {
    case 405:
        return "Allow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS\r\n";
    case 503:
        return "Retry-After: 1\r\n";
    default:
        return "";
    }
}

void http_answer_send(struct session *session, const struct http_answer *answer)
{
    struct plane *plane = session->plane;
    struct slice date = http_answer_date(plane);
    char fields[128], text[1024], body[512];
    struct http1_answer head = {.status = answer->status,
                                .content_type = "text/plain; charset=utf-8",
                                .keep_alive = !answer->close,
                                .fields = fields};
    size_t len;
    int body_len = snprintf(body, sizeof(body), "%s\n", answer->why);

    head.content_length = (uint64_t)body_len < sizeof(body) ? (uint64_t)body_len : sizeof(body) - 1;
    snprintf(fields, sizeof(fields), "Date: %.*s\r\n%s", (int)date.len, (const char *)date.data,
             more_fields(answer->status));
    len = http1_answer_write(&head, text, sizeof(text));
    outq_copy(&session->out.queue, &plane->segments, slice_make(text, len));
    if (!answer->is_head) {
        outq_copy(&session->out.queue, &plane->segments,
                  slice_make(body, (size_t)head.content_length));
    }
    counter_add(feedback_http_answer(plane->feedback, answer->status), 1);
    session_touch(session);
    if (answer->close) {
        session_end(session);
    }
}
