/*
 * Multi-gets and flush_all over several shards when some of them fail, and who holds what meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/plane_rig.h"

#define YAML(options)                                                                              \
    "workers: 1\n"                                                                                 \
    "admin: off\n"                                                                                 \
    "limits: {max_item: 8MiB}\n"                                                                   \
    "pools:\n"                                                                                     \
    "  - name: p\n"                                                                                \
    "    timeouts: {request: 10s}\n" options "    shards:\n"                                       \
    "      - {name: a, replicas: 'unix:${DIR}/s0'}\n"                                              \
    "      - {name: b, replicas: 'unix:${DIR}/s1'}\n"                                              \
    "  - name: q\n"                                                                                \
    "    shards: [{name: x, replicas: 'unix:${DIR}/s2'}]\n"                                        \
    "listeners:\n"                                                                                 \
    "  - {bind: 'unix:${DIR}/listener', pool: p, routes: [{prefix: 'q:', pool: q}]}\n"

static struct rig rig;
static struct rig_client *client;
static char a1[64], a2[64], b1[64], text[512], expected[512];

static void start(const char *yaml)
{
    rig_init(&rig, yaml, 3);
    RIG_UNTIL(&rig, rig_is_connected(&rig));
    client = rig_connect(&rig);
    rig_key_on(&rig, 0, 0, "a", a1);
    rig_key_on(&rig, 0, 0, "z", a2);
    rig_key_on(&rig, 0, 1, "b", b1);
    snprintf(text, sizeof(text),
             "set %s 0 0 2\r\nA1\r\nset %s 0 0 2\r\nA2\r\nset %s 0 0 2\r\nB1\r\n", a1, a2, b1);
    rig_ask(&rig, client, text, "STORED\r\nSTORED\r\nSTORED\r\n");
    client->received.len = 0;
}

static int stop(void **state)
{
    (void)state;
    rig_deinit(&rig);
    return 0;
}

static const char *three(void)
{
    snprintf(text, sizeof(text), "get %s %s %s\r\n", a1, b1, a2);
    return text;
}

static bool got(const char *answer)
{
    return slice_is(slice_make(client->received.data, client->received.len), answer);
}

static const char *all_three(void)
{
    snprintf(expected, sizeof(expected),
             "VALUE %s 0 2\r\nA1\r\nVALUE %s 0 2\r\nB1\r\nVALUE %s 0 2\r\nA2\r\nEND\r\n", a1, b1,
             a2);
    return expected;
}

static const char *only_b(void)
{
    snprintf(expected, sizeof(expected), "VALUE %s 0 2\r\nB1\r\nEND\r\n", b1);
    return expected;
}

static uint64_t partial_misses(void)
{
    return rig.feedback->pools[0].partial_misses;
}

static void test_one_command_a_shard(void **state)
{
    uint32_t before[2];

    (void)state;
    start(YAML(""));
    before[0] = rig.shards[0].n_requests;
    before[1] = rig.shards[1].n_requests;
    rig_ask(&rig, client, three(), all_three());
    assert_int_equal(rig.shards[0].n_requests - before[0], 1);
    assert_int_equal(rig.shards[1].n_requests - before[1], 1);
    assert_int_equal(rig.shards[2].n_requests, 0);
    assert_int_equal(rig.feedback->pools[0].shards[0].keys_hit, 2);
    assert_int_equal(rig.feedback->pools[0].requests[MEMCACHE_GET][FEEDBACK_HIT], 1);
}

static void test_keys_of_two_pools(void **state)
{
    (void)state;
    start(YAML(""));
    rig_ask(&rig, client, "set q:1 0 0 1\r\n1\r\n", "STORED\r\n");
    assert_int_equal(rig.shards[2].n_requests, 1);
    snprintf(text, sizeof(text), "get %s q:1 q:2\r\n", b1);
    snprintf(expected, sizeof(expected), "VALUE %s 0 2\r\nB1\r\nVALUE q:1 0 1\r\n1\r\nEND\r\n", b1);
    rig_ask(&rig, client, text, expected);
}

/* What comes in its turn goes on at once. */
static void test_values_do_not_wait_for_those_behind(void **state)
{
    (void)state;
    start(YAML(""));
    rig.shards[1].mute = true;
    rig_send(&rig, client, slice_of(three()));
    rig_settle(&rig);
    snprintf(expected, sizeof(expected), "VALUE %s 0 2\r\nA1\r\n", a1);
    assert_true(got(expected));
    rig.shards[1].mute = false;
    rig_settle(&rig);
    assert_true(got(all_three()));
}

static void test_a_shard_that_fails_is_misses(void **state)
{
    (void)state;
    start(YAML(""));
    rig.shards[0].mute = true;
    rig_send(&rig, client, slice_of(three()));
    rig_settle(&rig);
    fake_shard_close_conns(&rig.shards[0]);
    rig_settle(&rig);
    assert_true(got(only_b()));
    assert_int_equal(partial_misses(), 2);
}

static void test_a_shard_that_fails_is_an_error(void **state)
{
    (void)state;
    start(YAML("    on_partial: error\n"));
    rig_ask(&rig, client, three(), all_three());
    client->received.len = 0;
    rig.shards[0].mute = true;
    rig_send(&rig, client, slice_of(three()));
    rig_settle(&rig);
    assert_int_equal(client->received.len, 0);
    fake_shard_close_conns(&rig.shards[0]);
    rig_settle(&rig);
    assert_true(got("SERVER_ERROR shard a unavailable\r\n"));
}

static bool answer_error(struct fake_shard *shard, const struct memcache_request *r,
                         struct bytes *out)
{
    (void)shard;
    (void)r;
    bytes_add_text(out, "SERVER_ERROR out of memory writing get response\r\n");
    return true;
}

static void test_an_error_line_of_a_shard(void **state)
{
    (void)state;
    start(YAML("    on_partial: error\n"));
    rig.shards[0].script = answer_error;
    rig_ask(&rig, client, three(), "SERVER_ERROR out of memory writing get response\r\n");
    rig_deinit(&rig);
    start(YAML(""));
    rig.shards[0].script = answer_error;
    rig_ask(&rig, client, three(), only_b());
    assert_int_equal(rig.feedback->pools[0].replicas[0].disconnects, 0);
}

static bool answer_unasked(struct fake_shard *shard, const struct memcache_request *r,
                           struct bytes *out)
{
    (void)shard;
    (void)r;
    bytes_add_text(out, "VALUE unasked 0 1\r\nx\r\nEND\r\n");
    return true;
}

static bool answer_out_of_order(struct fake_shard *shard, const struct memcache_request *r,
                                struct bytes *out)
{
    char line[256];

    (void)shard;
    (void)r;
    snprintf(line, sizeof(line), "VALUE %s 0 1\r\nx\r\nVALUE %s 0 1\r\ny\r\nEND\r\n", a2, a1);
    bytes_add_text(out, line);
    return true;
}

static void test_values_that_were_not_asked_for(void **state)
{
    (void)state;
    start(YAML(""));
    rig.shards[0].script = answer_unasked;
    rig_ask(&rig, client, three(), only_b());
    assert_int_equal(rig.feedback->pools[0].replicas[0].protocol_errors, 1);
    RIG_UNTIL(&rig, rig_is_connected(&rig));
    rig.shards[0].script = answer_out_of_order;
    snprintf(expected, sizeof(expected), "VALUE %s 0 2\r\nB1\r\nVALUE %s 0 1\r\nx\r\nEND\r\n", b1,
             a2);
    rig_ask(&rig, client, three(), expected);
    assert_int_equal(rig.feedback->pools[0].replicas[0].protocol_errors, 2);
}

static void test_the_client_goes_meanwhile(void **state)
{
    (void)state;
    start(YAML(""));
    rig.shards[0].mute = true;
    rig_send(&rig, client, slice_of(three()));
    rig_settle(&rig);
    rig_hang_up(client);
    rig_settle(&rig);
    rig.shards[0].mute = false;
    RIG_UNTIL(&rig, rig.feedback->pools[0].replicas[0].in_flight == 0);
    RIG_UNTIL(&rig, rig.feedback->requests_open == 0);
    client = rig_connect(&rig);
    rig_ask(&rig, client, three(), all_three());
}

static void test_every_shard_fails(void **state)
{
    (void)state;
    start(YAML("    health: {retry_after: 1h}\n"));
    fake_shard_stop(&rig.shards[0]);
    fake_shard_stop(&rig.shards[1]);
    RIG_UNTIL(&rig, rig_upstream(&rig, 0, 0)->conns[0].state == UPSTREAM_CONN_WAITING &&
                        rig_upstream(&rig, 0, 1)->conns[0].state == UPSTREAM_CONN_WAITING);
    rig_ask(&rig, client, three(), "END\r\n");
    assert_int_equal(partial_misses(), 3);
    snprintf(text, sizeof(text), "get %s\r\n", a1);
    rig_ask(&rig, client, text, "SERVER_ERROR shard a unavailable\r\n");
}

static void test_flush_all(void **state)
{
    (void)state;
    start(YAML(""));
    rig_ask(&rig, client, "flush_all\r\n", "CLIENT_ERROR flush_all not allowed\r\n");
    rig_ask(&rig, client, "flush_all noreply\r\nmn\r\n", "MN\r\n");
    rig_ask(&rig, client, three(), all_three());
}

/* Values of a later key that come first are held, in the order of their keys. */
static void test_large_values_that_come_first(void **state)
{
    struct bytes stream = {0};
    size_t len = 3000000;

    (void)state;
    start(YAML(""));
    snprintf(text, sizeof(text), "set %s 0 0 %zu\r\n", b1, len);
    bytes_add_text(&stream, text);
    for (size_t i = 0; i < len; i++) {
        bytes_add(&stream, "w", 1);
    }
    bytes_add_text(&stream, "\r\n");
    rig_send(&rig, client, slice_make(stream.data, stream.len));
    RIG_UNTIL(&rig, client->received.len == 8);
    client->received.len = 0;
    rig.shards[0].mute = true;
    rig_send(&rig, client, slice_of(three()));
    rig_settle(&rig);
    assert_int_equal(client->received.len, 0);
    rig.shards[0].mute = false;
    RIG_UNTIL(&rig, client->received.len > len + 60);
    rig_settle(&rig);
    assert_memory_equal(client->received.data + client->received.len - 11, "\r\nA2\r\nEND\r\n", 11);
    bytes_free(&stream);
}

#define TEST(name) cmocka_unit_test_teardown(name, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_command_a_shard),
        TEST(test_keys_of_two_pools),
        TEST(test_values_do_not_wait_for_those_behind),
        TEST(test_a_shard_that_fails_is_misses),
        TEST(test_a_shard_that_fails_is_an_error),
        TEST(test_an_error_line_of_a_shard),
        TEST(test_values_that_were_not_asked_for),
        TEST(test_the_client_goes_meanwhile),
        TEST(test_every_shard_fails),
        TEST(test_flush_all),
        TEST(test_large_values_that_come_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
