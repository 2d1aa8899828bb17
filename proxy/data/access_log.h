/*
 * The access log: one line a request, sampled, collected in a buffer and written at the end of a
 * loop turn.
 */
#ifndef RINGWAY_DATA_ACCESS_LOG_H
#define RINGWAY_DATA_ACCESS_LOG_H

#include "data/request.h"

struct access_log;

/* What a line says about an HTTP exchange. All borrowed, for the call only. */
struct access_http {
    const char *client;                /* address as text */
    struct slice method, target, host; /* as received; may be empty; a long one is shortened */
    struct slice key;                  /* what the ring was asked for; may be empty */
    uint32_t pool;                     /* UINT32_MAX: no route */
    uint32_t shard;                    /* of [pool]; REQUEST_NO_SHARD: not routed */
    const char *replica;               /* address as text, or NULL */
    int status;                        /* 0: none was sent */
    enum feedback_http_result result;
    uint64_t bytes_received, bytes_sent; /* bodies */
    uint64_t upstream_us;                /* dispatch to the response's head; 0: none came */
    uint64_t duration_us;
    uint32_t retries;
};

/** The log that [plane]'s configuration asks for, or NULL when it is off. */
struct access_log *access_log_create(struct plane *plane);

/** Note [request], which has just ended, if its kind is wanted and the sample takes it. */
void access_log_request(struct access_log *log, const struct request *request, uint64_t now_us);

/**
 * Is an exchange to be noted, by the kind and the sample that the log is for? Ask once for each.
 *
 * [is_error] It was cut or cancelled, its status is 500 or above, or it is a 4xx of our own.
 */
bool access_log_wants(struct access_log *log, bool is_error);

/** Note [entry], an exchange that has just ended and that access_log_wants(). */
void access_log_http(struct access_log *log, const struct access_http *entry);

/** Write out what was noted. */
void access_log_flush(struct access_log *log);
void access_log_destroy(struct access_log **log);

#endif
