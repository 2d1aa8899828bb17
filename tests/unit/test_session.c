/*
 * A client's connection: order, half-close, quit, pauses, limits, and who else is hit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/plane_rig.h"

static const char yaml[] = "workers: 1\n"
                           "admin: off\n"
                           "log: {level: error}\n"
                           "limits: {max_item: 1MiB, max_clients: 3, client_output: 64KiB}\n"
                           "pools:\n"
                           "  - name: p\n"
                           "    timeouts: {request: 5s, connect: 1s}\n"
                           "    shards:\n"
                           "      - {name: a, replicas: 'unix:${DIR}/s0'}\n"
                           "      - {name: b, replicas: 'unix:${DIR}/s1'}\n"
                           "listeners: [{bind: 'unix:${DIR}/listener', pool: p}]\n";

static struct rig rig;
static char key_a[64], key_b[64];

static int start(void **state)
{
    (void)state;
    rig_init(&rig, yaml, 2);
    RIG_UNTIL(&rig, rig_is_connected(&rig));
    rig_key_on(&rig, 0, 0, "k", key_a);
    rig_key_on(&rig, 0, 1, "k", key_b);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    rig_deinit(&rig);
    return 0;
}

static void test_one_request(void **state)
{
    struct rig_client *client = rig_connect(&rig);

    (void)state;
    rig_ask(&rig, client, "set x 5 0 3\r\nabc\r\nget x\r\n", "STORED\r\nVALUE x 5 3\r\nabc\r\nEND\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_request, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
