/*
 * The access log: one line a request, sampled, collected in a buffer and written at the end of a
 * loop turn.
 */
#ifndef RINGWAY_DATA_ACCESS_LOG_H
#define RINGWAY_DATA_ACCESS_LOG_H

#include "data/request.h"

struct access_log;

/** The log that [plane]'s configuration asks for, or NULL when it is off. */
struct access_log *access_log_create(struct plane *plane);

/** Note [request], which has just ended, if its kind is wanted and the sample takes it. */
void access_log_request(struct access_log *log, const struct request *request, uint64_t now_us);

/** Write out what was noted. */
void access_log_flush(struct access_log *log);
void access_log_destroy(struct access_log **log);

#endif
