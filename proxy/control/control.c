/*
 * The happy path: control_create() opens signals, timers and the admin server; control_run() pings
 * all workers once a second until SIGTERM; then drain.c says what to do, asked every few
 * milliseconds; DRAIN_STOP leaves the loop; control_destroy() closes all handles and runs the loop
 * until the last of them has said so.
 *
 * Failures: a worker that does not answer keeps its ping unanswered, which /livez shows. A log
 * that cannot be reopened stays as it is. An admin client can do no more than use up its bounds.
 */
#include "control/control.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "base/log.h"
#include "base/memory.h"
#include "control/admin.h"
#include "control/drain.h"
#include "control/view.h"

#define PING_INTERVAL_MS 1000u
/* How soon after the first ping the next is tried while a worker has not started. */
#define START_INTERVAL_MS 5u
#define DRAIN_INTERVAL_MS 5u

static const int signal_numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
#define N_SIGNALS (sizeof signal_numbers / sizeof *signal_numbers)

struct control {
    uv_loop_t loop;
    uv_signal_t signals[N_SIGNALS];
    uv_timer_t ping_timer, drain_timer;
    struct control_options options;
    uint64_t *pings_us;
    uint64_t started_us;
    double started_unix;
    struct drain drain;
    uint64_t closed_us; /* when the workers were told to drain */
    struct admin *admin;
};

static uint64_t now_us(void)
{
    return uv_hrtime() / 1000u;
}

static double unix_now(void)
{
    uv_timeval64_t now = {0};

    (void)uv_gettimeofday(&now);
    return (double)now.tv_sec + (double)now.tv_usec / 1e6;
}

static struct control_view view_of(const struct control *control)
{
    return (struct control_view){
        .topology = control->options.topology,
        .feedback = control->options.feedback,
        .pings_us = control->pings_us,
        .n_workers = control->options.n_workers,
        .started_us = control->started_us,
        .started_unix = control->started_unix,
        .now_us = now_us(),
        .draining = control->drain.state != DRAIN_SERVING,
    };
}

/* Whether every worker has woken up since it was told to drain. */
static bool has_settled(const struct control *control)
{
    uint32_t i;

    for (i = 0; i < control->options.n_workers; i++) {
        if (counter_get(&control->options.feedback[i]->heartbeat) < control->closed_us) {
            return false;
        }
    }
    return true;
}

static struct drain_load load_of(const struct control *control)
{
    struct control_view view = view_of(control);

    return (struct drain_load){
        .clients = view_process_sum(&view, offsetof(struct feedback, clients)),
        .requests = view_process_sum(&view, offsetof(struct feedback, requests_open)) +
                    view_process_sum(&view, offsetof(struct feedback, clients_blocked)),
        .settled = has_settled(control),
    };
}

static void ping(struct control *control, uint32_t index, uint64_t now)
{
    control->pings_us[index] = now;
    control->options.hooks.ping(control->options.hooks.arg, index, now);
}

/* Tell the workers to drain; the ping that follows is answered when they have. */
static void close_workers(struct control *control)
{
    uint32_t i;

    control->options.hooks.drain(control->options.hooks.arg);
    control->closed_us = now_us();
    for (i = 0; i < control->options.n_workers; i++) {
        ping(control, i, control->closed_us);
    }
}

static void advance_drain(struct control *control)
{
    struct drain_load load = load_of(control);

    switch (drain_tick(&control->drain, now_us(), load)) {
    case DRAIN_NOTHING:
        break;
    case DRAIN_CLOSE:
        log_info("draining: listeners and idle clients are closed, %llu clients are open",
                 (unsigned long long)load.clients);
        close_workers(control);
        break;
    case DRAIN_STOP:
        if (load.requests > 0) {
            log_warn("drain deadline passed with %llu requests open",
                     (unsigned long long)load.requests);
        }
        uv_stop(&control->loop);
        break;
    }
}

static void on_drain_timer(uv_timer_t *timer)
{
    advance_drain(timer->data);
}

static void begin_drain(struct control *control, bool stop)
{
    drain_begin(&control->drain, now_us(), stop);
    (void)uv_timer_start(&control->drain_timer, on_drain_timer, 0, DRAIN_INTERVAL_MS);
}

/* POST /drain */
static void on_drain_request(void *arg)
{
    struct control *control = arg;

    if (control->drain.state == DRAIN_SERVING) {
        log_info("draining: asked for by the admin API");
    }
    begin_drain(control, false);
}

/* The first asks to drain and stop, the next one means now. */
static void stop_by_signal(struct control *control, int number)
{
    const char *name = number == SIGINT ? "SIGINT" : "SIGTERM";

    if (!control->drain.stopping) {
        log_info("%s: draining, then stopping", name);
        begin_drain(control, true);
        return;
    }
    log_warn("%s again: stopping at once", name);
    drain_stop_now(&control->drain, load_of(control));
    uv_stop(&control->loop);
}

static void reopen_log(void)
{
    int result = log_reopen();

    if (result < 0) {
        log_error("the log file cannot be reopened: %s", strerror(-result));
    } else {
        log_info("SIGUSR1: log reopened");
    }
}

static void on_signal(uv_signal_t *handle, int number)
{
    switch (number) {
    case SIGHUP:
        log_warn("SIGHUP: this version cannot reload its configuration; restart it");
        break;
    case SIGUSR1:
        reopen_log();
        break;
    case SIGTERM:
    case SIGINT:
        stop_by_signal(handle->data, number);
        break;
    default: /* nothing else is registered */
        break;
    }
}

/* A worker gets its next ping when it has answered the last: an unanswered one tells its age. */
static void ping_all(struct control *control)
{
    uint64_t now = now_us();
    bool all_started = true;
    uint32_t i;

    for (i = 0; i < control->options.n_workers; i++) {
        uint64_t answered = counter_get(&control->options.feedback[i]->heartbeat);

        all_started = all_started && answered != 0;
        if (answered == control->pings_us[i] && now - answered >= PING_INTERVAL_MS * 1000u / 2u) {
            ping(control, i, now);
        }
    }
    uv_timer_set_repeat(&control->ping_timer, all_started ? PING_INTERVAL_MS : START_INTERVAL_MS);
}

static void on_ping_timer(uv_timer_t *timer)
{
    ping_all(timer->data);
}

static struct control_view on_view_request(void *arg)
{
    return view_of(arg);
}

static int open_signals(struct control *control)
{
    size_t i;
    int result = 0;

    for (i = 0; i < N_SIGNALS && result == 0; i++) {
        result = uv_signal_init(&control->loop, &control->signals[i]);
        control->signals[i].data = control;
        if (result == 0) {
            result = uv_signal_start(&control->signals[i], on_signal, signal_numbers[i]);
        }
    }
    return result;
}

static int open_admin(struct control *control)
{
    struct admin_options options = {
        .loop = &control->loop,
        .fd = control->options.admin_fd,
        .source = {.arg = control, .view = on_view_request, .drain = on_drain_request},
    };

    return options.fd < 0 ? 0 : admin_create(&control->admin, &options);
}

/* Open all that stands in the loop; what was opened before a failure is closed with the loop. */
static int open_handles(struct control *control)
{
    int result;

    (void)uv_timer_init(&control->loop, &control->ping_timer);
    (void)uv_timer_init(&control->loop, &control->drain_timer);
    control->ping_timer.data = control->drain_timer.data = control;
    result = open_admin(control);
    return result < 0 ? result : open_signals(control);
}

int control_create(struct control **out, const struct control_options *options)
{
    struct control *control = xcalloc(1, sizeof *control);
    const struct config *config = options->topology->config;
    int result;

    *out = NULL;
    control->options = *options;
    control->started_us = now_us();
    control->started_unix = unix_now();
    control->pings_us = xcalloc(options->n_workers, sizeof *control->pings_us);
    drain_init(&control->drain, config->drain_delay_us, config->drain_timeout_us);
    result = uv_loop_init(&control->loop);
    if (result < 0) {
        goto err_after_alloc;
    }
    result = open_handles(control);
    if (result < 0) {
        control_destroy(&control);
        return result;
    }
    *out = control;
    return 0;

err_after_alloc:
    if (options->admin_fd >= 0) {
        (void)close(options->admin_fd);
    }
    free(control->pings_us);
    free(control);
    return result;
}

int control_run(struct control *control)
{
    (void)uv_timer_start(&control->ping_timer, on_ping_timer, 0, START_INTERVAL_MS);
    (void)uv_run(&control->loop, UV_RUN_DEFAULT);
    return drain_exit_code(&control->drain);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

void control_destroy(struct control **control)
{
    if (*control == NULL) {
        return;
    }
    admin_destroy(&(*control)->admin);
    uv_walk(&(*control)->loop, close_handle, NULL);
    (void)uv_run(&(*control)->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&(*control)->loop) != 0) {
        abort();
    }
    free((*control)->pings_us);
    free(*control);
    *control = NULL;
}
