/*
 * The admin API as a table: path and method in, status and body out. No I/O.
 */
#ifndef RINGWAY_CONTROL_ENDPOINTS_H
#define RINGWAY_CONTROL_ENDPOINTS_H

#include "base/slice.h"
#include "control/body.h"
#include "control/view.h"

/* Where the documents get their figures and orders go. */
struct endpoints_source {
    void *arg; /* passed to each */
    struct control_view (*view)(void *arg);
    void (*drain)(void *arg); /* begin to drain without stopping */
};

struct endpoints_request {
    struct slice method, path, query; /* borrowed; path and query as received */
};

struct endpoints_response {
    int status;
    const char *content_type; /* static */
    const char *fields;       /* static header lines, or NULL */
    struct body body;         /* freed by the caller with body_deinit() */
};

/** Answer one request. HEAD is answered as GET, whole; leaving out the body is the caller's. */
void endpoints_answer(const struct endpoints_source *source,
                      const struct endpoints_request *request, struct endpoints_response *out);

/** Answer with [status] and one line. */
void endpoints_answer_line(struct endpoints_response *out, int status, const char *line);

#endif
