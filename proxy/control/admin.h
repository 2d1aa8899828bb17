/*
 * The admin server: accepts connections and hands them to admin_conn, at most ADMIN_CONNS_MAX at
 * a time. What is answered is in endpoints.
 */
#ifndef RINGWAY_CONTROL_ADMIN_H
#define RINGWAY_CONTROL_ADMIN_H

#include <uv.h>

#include "control/endpoints.h"

/* Beyond it a connection is accepted and closed. */
#define ADMIN_CONNS_MAX 64u

struct admin;

struct admin_options {
    uv_loop_t *loop; /* borrowed, outlives the server */
    int fd;          /* a bound TCP or Unix socket; belongs to the server from here on */
    struct endpoints_source source;
};

/** Listen. Returns 0 or a negative errno; then the descriptor is closed. */
int admin_create(struct admin **out, const struct admin_options *options);

/**
 * Close listener and connections and clear the pointer; NULL is a no-op.
 *
 * The memory is freed by close callbacks: the loop must run once more.
 */
void admin_destroy(struct admin **admin);

#endif
