/*
 * The control loop with signals of its own process and workers that are only counters.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "control/control.h"
#include "support/control_fixture.h"

#define TICK_US 30000u /* between the signals of a test */

struct run {
    struct fixture f;
    bool answers[FIXTURE_WORKERS]; /* pings */
    unsigned n_pings[FIXTURE_WORKERS];
    unsigned n_drains;
    bool closes_on_drain; /* clients go away when asked */
    const int *signals;   /* sent one after another, 0 ends */
};

static void on_ping(void *arg, uint32_t index, uint64_t ping_us)
{
    struct run *run = arg;

    run->n_pings[index]++;
    if (run->answers[index]) {
        gauge_set(&run->f.feedback[index]->heartbeat, ping_us);
    }
}

static void on_drain(void *arg)
{
    struct run *run = arg;

    run->n_drains++;
    if (run->closes_on_drain) {
        gauge_set(&run->f.feedback[0]->clients, 0);
        gauge_set(&run->f.feedback[0]->requests_open, 0);
    }
}

static void *send_signals(void *arg)
{
    const int *signals = arg;

    for (; *signals != 0; signals++) {
        (void)usleep(TICK_US);
        (void)kill(getpid(), *signals);
    }
    return NULL;
}

/* Run until the signals end it; returns the exit code. */
static int run_control(struct run *run)
{
    struct control_options options = {
        .topology = run->f.topology,
        .feedback = run->f.feedback,
        .n_workers = FIXTURE_WORKERS,
        .admin_fd = -1,
        .hooks = {.arg = run, .ping = on_ping, .drain = on_drain},
    };
    struct control *control;
    pthread_t thread;
    int code;

    assert_int_equal(control_create(&control, &options), 0);
    assert_int_equal(pthread_create(&thread, NULL, send_signals, (void *)(uintptr_t)run->signals),
                     0);
    code = control_run(control);
    assert_int_equal(pthread_join(thread, NULL), 0);
    control_destroy(&control);
    assert_null(control);
    return code;
}

static int set_up(void **state)
{
    struct run *run = calloc(1, sizeof *run);
    uint32_t i;

    assert_non_null(run);
    fixture_init(&run->f);
    run->f.config->drain_delay_us = 0;
    run->f.config->drain_timeout_us = 50000;
    for (i = 0; i < FIXTURE_WORKERS; i++) {
        run->f.feedback[i]->heartbeat = 0;
        run->answers[i] = true;
    }
    gauge_set(&run->f.feedback[0]->clients, 2);
    gauge_set(&run->f.feedback[0]->requests_open, 1);
    *state = run;
    return 0;
}

static int tear_down(void **state)
{
    struct run *run = *state;

    fixture_deinit(&run->f);
    free(run);
    return 0;
}

static void test_sigterm_drains_and_stops(void **state)
{
    static const int signals[] = {SIGTERM, 0};
    struct run *run = *state;

    run->signals = signals;
    run->closes_on_drain = true;
    assert_int_equal(run_control(run), 0);
    assert_int_equal(run->n_drains, 1);
    assert_int_equal(run->n_pings[0], 2); /* at the start, and to know that it has drained */
    assert_int_equal(run->n_pings[1], 2);
}

static void test_open_requests_at_the_deadline_are_code_3(void **state)
{
    static const int signals[] = {SIGINT, 0};
    struct run *run = *state;

    run->signals = signals;
    assert_int_equal(run_control(run), 3);
    assert_int_equal(run->n_drains, 1);
}

static void test_idle_clients_at_the_deadline_are_code_0(void **state)
{
    static const int signals[] = {SIGTERM, 0};
    struct run *run = *state;

    run->signals = signals;
    gauge_set(&run->f.feedback[0]->requests_open, 0);
    assert_int_equal(run_control(run), 0);
}

static void test_the_second_signal_means_now(void **state)
{
    static const int signals[] = {SIGTERM, SIGINT, 0};
    struct run *run = *state;

    run->signals = signals;
    run->f.config->drain_delay_us = UINT64_C(60000000);
    assert_int_equal(run_control(run), 3);
    assert_int_equal(run->n_drains, 0);
}

static void test_hangup_and_log_rotation_do_not_stop(void **state)
{
    static const int signals[] = {SIGHUP, SIGUSR1, SIGHUP, SIGTERM, 0};
    struct run *run = *state;

    run->signals = signals;
    run->closes_on_drain = true;
    assert_int_equal(run_control(run), 0);
}

/* And it gets the drain timeout to show that it has closed its listeners. */
static void test_a_worker_that_does_not_answer_is_not_asked_again(void **state)
{
    static const int signals[] = {SIGHUP, SIGHUP, SIGTERM, 0};
    struct run *run = *state;

    run->signals = signals;
    run->closes_on_drain = true;
    run->answers[1] = false;
    assert_int_equal(run_control(run), 0);
    assert_int_equal(run->n_pings[1], 2); /* the second is that of the drain */
}

static void test_destroy_of_nothing(void **state)
{
    struct control *control = NULL;

    (void)state;
    control_destroy(&control);
}

static int quiet_log(void **state)
{
    static const struct log_options options = {.level = LOG_ERROR};

    (void)state;
    return log_init(&options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sigterm_drains_and_stops, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_open_requests_at_the_deadline_are_code_3, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_idle_clients_at_the_deadline_are_code_0, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_second_signal_means_now, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hangup_and_log_rotation_do_not_stop, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_worker_that_does_not_answer_is_not_asked_again,
                                        set_up, tear_down),
        cmocka_unit_test(test_destroy_of_nothing),
    };

    return cmocka_run_group_tests(tests, quiet_log, NULL);
}
