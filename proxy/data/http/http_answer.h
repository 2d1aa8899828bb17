/*
 * Answers of our own: errors, and the few requests that are for a proxy itself.
 */
#ifndef RINGWAY_DATA_HTTP_HTTP_ANSWER_H
#define RINGWAY_DATA_HTTP_HTTP_ANSWER_H

#include "data/session.h"

struct http_answer {
    int status;
    const char *why; /* one line for a person, without its end; not NULL */
    bool is_head;    /* the request was HEAD: no body */
    bool close;      /* the connection ends with it */
};

/** Send [answer] to the client, count it, and end the session if it closes. */
void http_answer_send(struct session *session, const struct http_answer *answer);

/** The present time as a Date field's value; valid until the next turn. */
struct slice http_answer_date(struct plane *plane);

#endif
