/*
 * The control loop: signals, pings, draining and the admin server, on an event loop in the main
 * thread. It reads the workers' counters and reaches the workers only through the hooks that it
 * is given; it knows nothing of clients, sessions or shards' connections.
 */
#ifndef RINGWAY_CONTROL_CONTROL_H
#define RINGWAY_CONTROL_CONTROL_H

#include "topology/feedback.h"
#include "topology/topology.h"

struct control;

/* What control asks of the workers. None may block. */
struct control_hooks {
    void *arg; /* passed to each */
    /* Make worker [index] store [ping_us] in feedback.heartbeat, from its own loop. [ping_us] is
       uv_hrtime() / 1000, so that the worker can tell how late it is. */
    void (*ping)(void *arg, uint32_t index, uint64_t ping_us);
    /* All workers: close listeners and idle clients, finish what is open. */
    void (*drain)(void *arg);
};

struct control_options {
    const struct topology *topology;  /* borrowed */
    struct feedback *const *feedback; /* n_workers; borrowed; read from control_run() on */
    uint32_t n_workers;
    int admin_fd; /* bound, not listening, belongs to control; -1: no admin server */
    struct control_hooks hooks;
};

/**
 * Open the loop, take over signals and listen on the admin address.
 *
 * From here on SIGTERM and SIGINT are noticed; they are acted on in control_run(). SIGPIPE is not
 * touched. Returns 0 or a negative errno; then options->admin_fd is closed.
 */
int control_create(struct control **out, const struct control_options *options);

/**
 * Run until the process is to stop: after SIGTERM or SIGINT and the drain that follows, or at once
 * after the second of them.
 *
 * Returns the exit code: 0, or 3 if requests were open when the time was over. The workers still
 * run; stopping them is the caller's business.
 */
int control_run(struct control *control);

/** Close everything and free; NULL is a no-op. */
void control_destroy(struct control **control);

#endif
