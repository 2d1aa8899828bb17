/*
 * Draining under a clock of the test: delay, deadline, who may stop what, and the exit code.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "control/drain.h"

#define DELAY_US   UINT64_C(5000000)
#define TIMEOUT_US UINT64_C(10000000)
#define START_US   UINT64_C(1000000)

static const struct drain_load idle = {0, 0, true}, quiet = {3, 0, true}, busy = {3, 2, true},
                               unsettled = {0, 0, false};

static struct drain begun(bool stop)
{
    struct drain drain;

    drain_init(&drain, DELAY_US, TIMEOUT_US);
    drain_begin(&drain, START_US, stop);
    return drain;
}

/* A drain that has closed listeners, START_US + DELAY_US after the beginning. */
static struct drain closing(bool stop)
{
    struct drain drain = begun(stop);

    assert_int_equal(drain_tick(&drain, START_US + DELAY_US, busy), DRAIN_CLOSE);
    return drain;
}

static void test_nothing_happens_before_it_begins(void **state)
{
    struct drain drain;

    (void)state;
    drain_init(&drain, 0, 0);
    assert_int_equal(drain_tick(&drain, START_US, idle), DRAIN_NOTHING);
    assert_int_equal(drain.state, DRAIN_SERVING);
    assert_int_equal(drain_exit_code(&drain), 0);
}

static void test_the_delay_is_kept_even_when_idle(void **state)
{
    struct drain drain = begun(true);

    (void)state;
    assert_int_equal(drain.state, DRAIN_DELAY);
    assert_int_equal(drain_tick(&drain, START_US + DELAY_US - 1, idle), DRAIN_NOTHING);
    assert_int_equal(drain_tick(&drain, START_US + DELAY_US, idle), DRAIN_CLOSE);
    assert_int_equal(drain_tick(&drain, START_US + DELAY_US, idle), DRAIN_STOP);
    assert_int_equal(drain_exit_code(&drain), 0);
}

static void test_without_delay_it_closes_at_once(void **state)
{
    struct drain drain;

    (void)state;
    drain_init(&drain, 0, TIMEOUT_US);
    drain_begin(&drain, START_US, true);
    assert_int_equal(drain_tick(&drain, START_US, busy), DRAIN_CLOSE);
}

static void test_it_waits_for_clients(void **state)
{
    struct drain drain = closing(true);
    uint64_t closed_us = START_US + DELAY_US;

    (void)state;
    assert_int_equal(drain_tick(&drain, closed_us + 1, busy), DRAIN_NOTHING);
    assert_int_equal(drain_tick(&drain, closed_us + 2, quiet), DRAIN_NOTHING);
    assert_int_equal(drain_tick(&drain, closed_us + 3, idle), DRAIN_STOP);
    assert_int_equal(drain_tick(&drain, closed_us + 4, idle), DRAIN_NOTHING);
    assert_int_equal(drain_exit_code(&drain), 0);
}

static void test_it_waits_until_nobody_can_join(void **state)
{
    struct drain drain = closing(true);
    uint64_t closed_us = START_US + DELAY_US;

    (void)state;
    assert_int_equal(drain_tick(&drain, closed_us + 1, unsettled), DRAIN_NOTHING);
    assert_int_equal(drain_tick(&drain, closed_us + TIMEOUT_US, unsettled), DRAIN_STOP);
    assert_int_equal(drain_exit_code(&drain), 0);
}

static void test_open_requests_at_the_deadline_are_told(void **state)
{
    struct drain drain = closing(true);
    uint64_t deadline_us = START_US + DELAY_US + TIMEOUT_US;

    (void)state;
    assert_int_equal(drain_tick(&drain, deadline_us - 1, busy), DRAIN_NOTHING);
    assert_int_equal(drain_tick(&drain, deadline_us, busy), DRAIN_STOP);
    assert_int_equal(drain_exit_code(&drain), 3);
}

static void test_clients_without_requests_at_the_deadline_are_fine(void **state)
{
    struct drain drain = closing(true);

    (void)state;
    assert_int_equal(drain_tick(&drain, START_US + DELAY_US + TIMEOUT_US, quiet), DRAIN_STOP);
    assert_int_equal(drain_exit_code(&drain), 0);
}

static void test_without_stop_it_stays(void **state)
{
    struct drain drain = closing(false);

    (void)state;
    assert_int_equal(drain_tick(&drain, START_US + DELAY_US + 100 * TIMEOUT_US, busy),
                     DRAIN_NOTHING);
    assert_int_equal(drain_tick(&drain, START_US + DELAY_US + 101 * TIMEOUT_US, idle),
                     DRAIN_NOTHING);
    assert_int_equal(drain.state, DRAIN_CLOSING);
}

static void test_a_later_stop_gets_the_whole_timeout(void **state)
{
    struct drain drain = closing(false);
    uint64_t asked_us = START_US + DELAY_US + 50 * TIMEOUT_US;

    (void)state;
    drain_begin(&drain, asked_us, true);
    assert_int_equal(drain_tick(&drain, asked_us, busy), DRAIN_NOTHING);
    assert_int_equal(drain_tick(&drain, asked_us + TIMEOUT_US - 1, busy), DRAIN_NOTHING);
    assert_int_equal(drain_tick(&drain, asked_us + TIMEOUT_US, busy), DRAIN_STOP);
}

static void test_a_stop_during_the_delay_does_not_restart_it(void **state)
{
    struct drain drain = begun(false);

    (void)state;
    drain_begin(&drain, START_US + DELAY_US - 1, true);
    assert_int_equal(drain_tick(&drain, START_US + DELAY_US, busy), DRAIN_CLOSE);
    assert_int_equal(drain_tick(&drain, START_US + DELAY_US + TIMEOUT_US - 1, busy), DRAIN_NOTHING);
    assert_int_equal(drain_tick(&drain, START_US + DELAY_US + TIMEOUT_US, busy), DRAIN_STOP);
}

static void test_asking_again_changes_nothing(void **state)
{
    struct drain drain = closing(true);

    (void)state;
    drain_begin(&drain, START_US + DELAY_US + TIMEOUT_US - 1, true);
    drain_begin(&drain, START_US + DELAY_US + TIMEOUT_US - 1, false);
    assert_int_equal(drain_tick(&drain, START_US + DELAY_US + TIMEOUT_US, quiet), DRAIN_STOP);
}

static void test_stopping_now(void **state)
{
    struct drain drain = begun(true);

    (void)state;
    drain_stop_now(&drain, busy);
    assert_int_equal(drain_exit_code(&drain), 3);
    drain_stop_now(&drain, quiet);
    assert_int_equal(drain_exit_code(&drain), 0);
    assert_int_equal(drain.state, DRAIN_STOPPED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_happens_before_it_begins),
        cmocka_unit_test(test_the_delay_is_kept_even_when_idle),
        cmocka_unit_test(test_without_delay_it_closes_at_once),
        cmocka_unit_test(test_it_waits_for_clients),
        cmocka_unit_test(test_it_waits_until_nobody_can_join),
        cmocka_unit_test(test_open_requests_at_the_deadline_are_told),
        cmocka_unit_test(test_clients_without_requests_at_the_deadline_are_fine),
        cmocka_unit_test(test_without_stop_it_stays),
        cmocka_unit_test(test_a_later_stop_gets_the_whole_timeout),
        cmocka_unit_test(test_a_stop_during_the_delay_does_not_restart_it),
        cmocka_unit_test(test_asking_again_changes_nothing),
        cmocka_unit_test(test_stopping_now),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
