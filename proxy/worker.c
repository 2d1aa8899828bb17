#include "worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/log.h"
#include "base/memory.h"
#include "data/plane.h"

struct worker {
    struct plane plane;
    pthread_t thread;
    uv_async_t wake;
    _Atomic uint64_t ping_us;
    _Atomic bool drain, stop;
    bool drained, stopped; /* the worker's own: done already */
};

static void answer_ping(struct worker *worker)
{
    struct feedback *feedback = worker->plane.feedback;
    uint64_t ping_us = atomic_load(&worker->ping_us);

    if (ping_us != counter_get(&feedback->heartbeat)) {
        uint64_t now_us = uv_hrtime() / 1000;

        gauge_set(&feedback->loop_lag_us, now_us > ping_us ? now_us - ping_us : 0);
        gauge_set(&feedback->heartbeat, ping_us);
    }
}

static void on_wake(uv_async_t *wake)
{
    struct worker *worker = wake->data;

    if (atomic_load(&worker->drain) && !worker->drained) {
        worker->drained = true;
        plane_drain(&worker->plane);
    }
    answer_ping(worker); /* after the drain: an answer says that listeners are closed */
    if (atomic_load(&worker->stop) && !worker->stopped) {
        worker->stopped = true;
        plane_stop(&worker->plane);
        uv_close((uv_handle_t *)&worker->wake, NULL);
    }
}

static void *run(void *argument)
{
    struct worker *worker = argument;

    (void)prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0); /* batch_delay is short: wake up on time */
    uv_run(&worker->plane.loop, UV_RUN_DEFAULT);
    return NULL;
}

static int start_thread(struct worker *worker, uint32_t index)
{
    char name[16];
    int err = pthread_create(&worker->thread, NULL, run, worker);

    if (err != 0) {
        return -err;
    }
    snprintf(name, sizeof(name), "worker-%u", (unsigned)index % 1000u);
    pthread_setname_np(worker->thread, name);
    return 0;
}

/* Close what a failed start has opened; nothing runs yet. */
static void abandon(struct worker *worker, bool has_wake)
{
    plane_stop(&worker->plane);
    if (has_wake) {
        uv_close((uv_handle_t *)&worker->wake, NULL);
    }
    if (worker->plane.is_open) {
        uv_run(&worker->plane.loop, UV_RUN_DEFAULT);
    }
    plane_deinit(&worker->plane);
    free(worker);
}

int worker_start(struct worker **out, const struct worker_options *options)
{
    struct worker *worker = xcalloc(1, sizeof(*worker));
    struct plane_options plane = {.topology = options->topology,
                                  .index = options->index,
                                  .n_workers = options->n_workers,
                                  .feedback = options->feedback,
                                  .baseline = options->baseline,
                                  .listen_fds = options->listen_fds,
                                  .n_clients = options->n_clients,
                                  .max_clients = options->max_clients,
                                  .instance = options->instance};
    int err = plane_init(&worker->plane, &plane);

    if (err != 0) {
        abandon(worker, false);
        return err;
    }
    err = uv_async_init(&worker->plane.loop, &worker->wake, on_wake);
    if (err != 0) {
        abandon(worker, false);
        return err;
    }
    worker->wake.data = worker;
    err = start_thread(worker, options->index);
    if (err != 0) {
        abandon(worker, true);
        return err;
    }
    *out = worker;
    return 0;
}

void worker_ping(struct worker *worker, uint64_t ping_us)
{
    atomic_store(&worker->ping_us, ping_us);
    uv_async_send(&worker->wake);
}

void worker_drain(struct worker *worker)
{
    atomic_store(&worker->drain, true);
    uv_async_send(&worker->wake);
}

void worker_stop(struct worker *worker)
{
    atomic_store(&worker->stop, true);
    uv_async_send(&worker->wake);
}

void worker_join(struct worker **worker)
{
    if (*worker == NULL) {
        return;
    }
    pthread_join((*worker)->thread, NULL);
    plane_deinit(&(*worker)->plane);
    free(*worker);
    *worker = NULL;
}
