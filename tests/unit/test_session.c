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
static char key_a[64], key_b[64], text[512];

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

static bool got(const struct rig_client *client, const char *expected)
{
    return slice_is(slice_make(client->received.data, client->received.len), expected);
}

static void send_text(struct rig_client *client, const char *what)
{
    client->received.len = 0;
    rig_send(&rig, client, slice_of(what));
    rig_settle(&rig);
}

static void test_one_request(void **state)
{
    struct rig_client *client = rig_connect(&rig);

    (void)state;
    rig_ask(&rig, client, "set x 5 0 3\r\nabc\r\nget x\r\n",
            "STORED\r\nVALUE x 5 3\r\nabc\r\nEND\r\n");
}

/* An idle connection owns no buffer. */
static void test_an_idle_session_owns_nothing(void **state)
{
    struct rig_client *client = rig_connect(&rig);
    struct session *session;

    (void)state;
    rig_ask(&rig, client, "set x 5 0 3\r\nabc\r\nget x\r\n",
            "STORED\r\nVALUE x 5 3\r\nabc\r\nEND\r\n");
    session = LIST_ENTRY(rig.plane.phases[SESSION_PHASE_QUEUE].next, struct session, all);
    assert_null(session->in.data);
    assert_null(session->out.queue.head);
    assert_null(session->first);
    assert_int_equal(session->held_bytes, 0);
    for (uint32_t i = 0; i < 2; i++) {
        assert_null(rig_upstream(&rig, 0, i)->conns[0].in.data);
        assert_null(rig_upstream(&rig, 0, i)->conns[0].out.queue.head);
    }
    send_text(client, "set x 0 0 9999\r\nab");
    assert_non_null(session->in.data);
}

/* Replies leave in the order of the requests, whichever shard is first. */
static void test_order(void **state)
{
    struct rig_client *client = rig_connect(&rig);

    (void)state;
    rig.shards[0].mute = true;
    snprintf(text, sizeof(text), "delete %s\r\nget %s\r\nversion\r\nfoo\r\ndelete %s\r\n", key_a,
             key_b, key_b);
    send_text(client, text);
    assert_int_equal(client->received.len, 0);
    assert_int_equal(rig.feedback->requests_open, 5);
    rig.shards[0].mute = false;
    rig_settle(&rig);
    assert_true(got(client, "NOT_FOUND\r\nEND\r\nVERSION " MEMCACHE_VERSION_TEXT
                            "\r\nERROR\r\nNOT_FOUND\r\n"));
    assert_int_equal(rig.feedback->requests_open, 0);
}

/* mn says that everything before it, quiet or not, is done. */
static void test_mn_waits_for_quiet_requests(void **state)
{
    struct rig_client *client = rig_connect(&rig);

    (void)state;
    rig.shards[0].mute = true;
    snprintf(text, sizeof(text), "mg %s q v\r\nset %s 0 0 1 noreply\r\nx\r\nmn\r\n", key_a, key_b);
    send_text(client, text);
    assert_int_equal(client->received.len, 0);
    rig.shards[0].mute = false;
    rig_settle(&rig);
    assert_true(got(client, "MN\r\n"));
}

/* A slow shard delays nobody who does not ask it. */
static void test_another_client_is_not_delayed(void **state)
{
    struct rig_client *client = rig_connect(&rig), *other = rig_connect(&rig);

    (void)state;
    rig.shards[0].mute = true;
    snprintf(text, sizeof(text), "get %s\r\n", key_a);
    send_text(client, text);
    snprintf(text, sizeof(text), "get %s\r\n", key_b);
    rig_ask(&rig, other, text, "END\r\n");
    assert_int_equal(client->received.len, 0);
}

static void test_half_closed_clients_are_answered(void **state)
{
    struct rig_client *client = rig_connect(&rig);

    (void)state;
    rig.shards[0].mute = true;
    snprintf(text, sizeof(text), "get %s\r\nget %s\r\nget unfinished", key_a, key_b);
    send_text(client, text);
    assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
    rig_settle(&rig);
    assert_false(client->eof);
    rig.shards[0].mute = false;
    RIG_UNTIL(&rig, client->eof);
    assert_true(got(client, "END\r\nEND\r\n"));
    RIG_UNTIL(&rig, rig.feedback->clients == 0);
}

/* After quit our side is shut, and the rest waits for the client's end, a second at most. */
static void test_quit_lingers(void **state)
{
    struct rig_client *client = rig_connect(&rig), *rude = rig_connect(&rig);
    uint64_t since_ms;

    (void)state;
    rig.shards[0].mute = true;
    snprintf(text, sizeof(text), "get %s\r\nquit\r\nget %s\r\n", key_a, key_a);
    send_text(client, text);
    assert_false(client->eof);
    rig.shards[0].mute = false;
    RIG_UNTIL(&rig, client->eof);
    assert_true(got(client, "END\r\n"));
    assert_int_equal(rig.feedback->clients, 2);
    rig_hang_up(client);
    RIG_UNTIL(&rig, rig.feedback->clients == 1);
    since_ms = rig_now_ms();
    send_text(rude, "quit\r\nget x\r\n");
    RIG_UNTIL(&rig, rude->eof);
    RIG_UNTIL(&rig, rig.feedback->clients == 0);
    assert_in_range(rig_now_ms() - since_ms, 900, 5000);
}

/* The replies to a client that is gone are read and dropped; the connection goes on. */
static void test_a_client_that_goes_away(void **state)
{
    struct rig_client *client = rig_connect(&rig), *other = rig_connect(&rig);

    (void)state;
    rig.shards[0].mute = true;
    snprintf(text, sizeof(text), "get %s\r\nget %s %s\r\nset %s 0 0 1\r\nx\r\nset %s 0 0 99\r\nx",
             key_a, key_a, key_b, key_a, key_a);
    send_text(client, text);
    rig_hang_up(client);
    rig_settle(&rig);
    /* A client that only half-closed would look the same: it is gone when it cannot be written to. */
    rig.shards[0].mute = false;
    RIG_UNTIL(&rig, rig.feedback->clients == 1);
    RIG_UNTIL(&rig, rig.feedback->pools[0].replicas[0].in_flight == 0);
    snprintf(text, sizeof(text), "get %s\r\n", key_b);
    rig_ask(&rig, other, text, "END\r\n");
    assert_int_equal(rig.feedback->pools[0].replicas[0].disconnects, 0);
}

/* More than max_clients: told so, and closed. */
static void test_one_client_too_many(void **state)
{
    struct rig_client *clients[4];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        clients[i] = rig_connect(&rig);
        rig_settle(&rig);
    }
    RIG_UNTIL(&rig, clients[3]->eof);
    assert_true(got(clients[3], "ERROR Too many open connections\r\n"));
    rig_ask(&rig, clients[2], "mn\r\n", "MN\r\n");
    assert_int_equal(rig.feedback->clients_refused, 1);
    assert_int_equal(rig.n_clients, 3);
    rig_hang_up(clients[0]);
    RIG_UNTIL(&rig, rig.n_clients == 2);
    rig_hang_up(clients[3]);
    clients[3] = rig_connect(&rig);
    rig_ask(&rig, clients[3], "mn\r\n", "MN\r\n");
}

/* 5,000 requests to a shard that does not answer: 1,024 are taken, the rest waits. */
static void test_parsing_pauses(void **state)
{
    struct rig_client *client = rig_connect(&rig);
    struct bytes stream = {0}, expected = {0};

    (void)state;
    rig.shards[0].mute = true;
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(text, sizeof(text), "delete %s\r\n", key_a);
        bytes_add_text(&stream, text);
        bytes_add_text(&expected, "NOT_FOUND\r\n");
    }
    rig_send(&rig, client, slice_make(stream.data, stream.len));
    rig_settle(&rig);
    assert_int_equal(rig.feedback->requests_open, 1024);
    rig.shards[0].mute = false;
    RIG_UNTIL(&rig, client->received.len >= expected.len);
    assert_int_equal(client->received.len, expected.len);
    assert_memory_equal(client->received.data, expected.data, expected.len);
    bytes_free(&stream);
    bytes_free(&expected);
}

static void store(struct rig_client *client, const char *key, size_t len)
{
    struct bytes stream = {0};

    snprintf(text, sizeof(text), "set %s 0 0 %zu\r\n", key, len);
    bytes_add_text(&stream, text);
    for (size_t i = 0; i < len; i++) {
        bytes_add(&stream, "v", 1);
    }
    bytes_add_text(&stream, "\r\n");
    client->received.len = 0;
    rig_send(&rig, client, slice_make(stream.data, stream.len));
    RIG_UNTIL(&rig, client->received.len > 0);
    assert_true(got(client, "STORED\r\n"));
    bytes_free(&stream);
}

/* A client that reads slowly gets everything, as long as it asks for one thing at a time. */
static void test_one_large_answer_to_a_slow_client(void **state)
{
    struct rig_client *client = rig_connect(&rig);
    size_t len = 1024 * 1024;

    (void)state;
    store(client, key_a, len);
    snprintf(text, sizeof(text), "get %s\r\n", key_a);
    client->blind = true;
    send_text(client, text);
    client->blind = false;
    RIG_UNTIL(&rig, client->received.len > len &&
                        client->received.data[client->received.len - 1] == '\n');
    assert_memory_equal(client->received.data + client->received.len - 7, "\r\nEND\r\n", 7);
    assert_int_equal(rig.feedback->clients_overflowed, 0);
}

/* A client that asks on and on without reading is closed, and only it. */
static void test_a_client_that_does_not_read(void **state)
{
    struct rig_client *client = rig_connect(&rig), *other = rig_connect(&rig);

    (void)state;
    store(client, key_a, 500000);
    client->blind = true;
    rig.shards[0].mute = true; /* so that all are in flight before the first is answered */
    for (unsigned i = 0; i < 40; i++) {
        snprintf(text, sizeof(text), "get %s\r\n", key_a);
        rig_send(&rig, client, slice_of(text));
    }
    rig_settle(&rig);
    rig.shards[0].mute = false;
    RIG_UNTIL(&rig, rig.feedback->clients_overflowed == 1);
    rig_ask(&rig, other, "mn\r\n", "MN\r\n");
    RIG_UNTIL(&rig, rig.feedback->clients == 1);
}

/* A shard that dies in a value that was begun: the client is cut off; in a short one it is told. */
static void test_a_value_that_breaks_off(void **state)
{
    struct rig_client *client = rig_connect(&rig), *other = rig_connect(&rig);

    (void)state;
    rig.shards[0].piece = 30000;
    store(other, key_a, 100000);
    snprintf(text, sizeof(text), "get %s\r\n", key_a);
    rig_send(&rig, client, slice_of(text));
    client->received.len = 0;
    RIG_UNTIL(&rig, client->received.len > 0);
    fake_shard_close_conns(&rig.shards[0]);
    RIG_UNTIL(&rig, client->eof);
    assert_int_equal(rig.feedback->clients_cut, 1);
    RIG_UNTIL(&rig, rig_is_connected(&rig));
    store(other, key_a, 10000);
    rig.shards[0].piece = 5000;
    snprintf(text, sizeof(text), "get %s\r\n", key_a);
    rig_send(&rig, other, slice_of(text));
    other->received.len = 0;
    for (unsigned i = 0; i < 3; i++) {
        (void)rig_turn(&rig);
    }
    fake_shard_close_conns(&rig.shards[0]);
    rig_settle(&rig);
    assert_true(got(other, "SERVER_ERROR shard a unavailable\r\n"));
}

/* Draining: idle clients are closed, busy ones are answered first. */
static void test_drain(void **state)
{
    struct rig_client *idle = rig_connect(&rig), *busy = rig_connect(&rig),
                      *half = rig_connect(&rig);

    (void)state;
    rig.shards[0].mute = true;
    rig_settle(&rig);
    snprintf(text, sizeof(text), "get %s\r\n", key_a);
    send_text(busy, text);
    send_text(half, "version");
    plane_drain(&rig.plane);
    RIG_UNTIL(&rig, idle->eof);
    assert_false(busy->eof);
    assert_false(half->eof);
    rig.shards[0].mute = false;
    rig_send(&rig, half, slice_of("\r\n"));
    RIG_UNTIL(&rig, busy->eof && half->eof);
    assert_true(got(busy, "END\r\n"));
    assert_true(got(half, "VERSION " MEMCACHE_VERSION_TEXT "\r\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_request),
        TEST(test_an_idle_session_owns_nothing),
        TEST(test_order),
        TEST(test_mn_waits_for_quiet_requests),
        TEST(test_another_client_is_not_delayed),
        TEST(test_half_closed_clients_are_answered),
        TEST(test_quit_lingers),
        TEST(test_a_client_that_goes_away),
        TEST(test_one_client_too_many),
        TEST(test_parsing_pauses),
        TEST(test_one_large_answer_to_a_slow_client),
        TEST(test_a_client_that_does_not_read),
        TEST(test_a_value_that_breaks_off),
        TEST(test_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
