/*
 * One connection of the admin server: reads a request, answers it, reads the next.
 */
#ifndef RINGWAY_CONTROL_ADMIN_CONN_H
#define RINGWAY_CONTROL_ADMIN_CONN_H

#include <uv.h>

#include "base/list.h"
#include "control/endpoints.h"
#include "wire/http1.h"

#define ADMIN_HEAD_MAX   8192u  /* bytes in a request head */
#define ADMIN_BODY_MAX   8192u  /* bytes in a request body, which is read and not looked at */
#define ADMIN_TIMEOUT_MS 10000u /* for a whole request to come, or an answer to be taken */
#define ADMIN_LINGER_MS  2000u  /* after the last answer, for the client to close */

enum admin_conn_state {
    ADMIN_CONN_READING,
    ADMIN_CONN_WRITING,
    ADMIN_CONN_LINGERING, /* all is said; what the client still sends is thrown away */
    ADMIN_CONN_CLOSING,
};

struct admin_conn {
    struct list link; /* of the server's connections */
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } peer;
    uv_timer_t timer;
    uv_write_t write;
    uv_shutdown_t shutdown;
    enum admin_conn_state state;
    unsigned n_handles; /* not yet closed */
    bool keep_alive;    /* after the answer that is being written */
    const struct endpoints_source *source;
    void *arg;
    void (*closed)(void *arg);
    struct http1_scan scan;
    struct endpoints_response response;
    char head[512]; /* of the answer */
    size_t in_len;
    uint8_t in[ADMIN_HEAD_MAX + ADMIN_BODY_MAX];
};

struct admin_conn_options {
    uv_stream_t *listener;                 /* has a connection to accept */
    const struct endpoints_source *source; /* outlives the connection */
    bool is_refused;                       /* accept it only to close it */
    void *arg;
    void (*closed)(void *arg); /* called once, as the last thing */
};

/** Accept a connection and serve it; it frees itself. Added to [list] unless it is refused. */
void admin_conn_open(const struct admin_conn_options *options, struct list *list);

/** Close at once. Harmless when it is closing already. */
void admin_conn_close(struct admin_conn *conn);

#endif
