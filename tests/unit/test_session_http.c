/*
 * An HTTP client's connection: what it owns, its time limits, pauses, refusals and its end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/codec_corpus_http.h"
#include "support/plane_rig.h"

static const char yaml[] = "workers: 1\n"
                           "admin: off\n"
                           "log: {level: error}\n"
                           "limits: {max_clients: 3, stream_buffer: 8KiB}\n"
                           "timeouts: {idle: 300ms, header: 200ms, body: 250ms}\n"
                           "pools:\n"
                           "  - name: p\n"
                           "    protocol: http\n"
                           "    timeouts: {response: 5s, connect: 1s, keep_alive: 1h}\n"
                           "    shards: [{name: a, replicas: 'unix:${DIR}/s0'}]\n"
                           "listeners: [{bind: 'unix:${DIR}/listener', protocol: http, pool: p}]\n";

#define GET_LEN "GET /len HTTP/1.1\r\n" CORPUS_HOST "\r\n"

static struct rig rig;

static int start(void **state)
{
    (void)state;
    rig_init(&rig, yaml, 1);
    fake_http_init(&rig.shards[0], corpus_http_pages);
    RIG_UNTIL(&rig, rig_is_connected(&rig));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    rig_deinit(&rig);
    return 0;
}

static void send_text(struct rig_client *client, const char *text)
{
    client->received.len = 0;
    rig_send(&rig, client, slice_of(text));
    rig_settle(&rig);
}

static bool has_status(const struct rig_client *client, const char *status)
{
    return client->received.len > 12 && memcmp(client->received.data + 9, status, 3) == 0;
}

/* The session of the only client. */
static struct session *session_of_client(void)
{
    for (unsigned phase = 0; phase < SESSION_N_PHASES; phase++) {
        const struct list *sessions = &rig.plane.phases[phase];

        if (sessions->next != sessions) {
            struct session *session = LIST_ENTRY(sessions->next, struct session, all);

            assert_int_equal(session->phase, phase);
            return session;
        }
    }
    fail_msg("there is no client");
    return NULL;
}

static unsigned phase_of_client(void)
{
    return session_of_client()->phase;
}

static void test_an_idle_session_owns_nothing(void **state)
{
    struct rig_client *client = rig_connect(&rig);
    const struct session *session;

    (void)state;
    rig_ask(&rig, client, GET_LEN, CORPUS_HELLO);
    session = session_of_client();
    assert_null(session->in.data);
    assert_null(session->out.queue.head);
    assert_null(session->exchange);
    assert_int_equal(session->scan.scanned, 0);
    send_text(client, "GET /");
    assert_non_null(session->in.data);
}

/* Which time limit holds, and when. */
static void test_phases(void **state)
{
    struct rig_client *client = rig_connect(&rig);

    (void)state;
    rig_settle(&rig);
    assert_int_equal(phase_of_client(), SESSION_PHASE_IDLE);
    send_text(client, "GET /len HTT");
    assert_int_equal(phase_of_client(), SESSION_PHASE_HEAD);
    rig.shards[0].mute = true;
    send_text(client, "P/1.1\r\n" CORPUS_HOST "\r\n");
    assert_int_equal(phase_of_client(), SESSION_PHASE_WAIT);
    rig.shards[0].mute = false;
    rig_settle(&rig);
    assert_int_equal(phase_of_client(), SESSION_PHASE_IDLE);
    send_text(client, "POST /echo HTTP/1.1\r\n" CORPUS_HOST "Content-Length: 3\r\n\r\na");
    assert_int_equal(phase_of_client(), SESSION_PHASE_BODY);
    rig.shards[0].mute = true;
    send_text(client, "bc");
    assert_int_equal(phase_of_client(), SESSION_PHASE_WAIT);
    rig.shards[0].mute = false;
    rig_settle(&rig);
    assert_int_equal(phase_of_client(), SESSION_PHASE_IDLE);
    send_text(client, "GET /len HTTP/1.1\r\nno field\r\n\r\n");
    assert_true(has_status(client, "400"));
    assert_int_equal(phase_of_client(), SESSION_PHASE_LINGER);
}

/* Between requests a client is closed without a word; one that pipelined a head's beginning is
 * not idle. */
static void test_idle_clients(void **state)
{
    struct rig_client *client = rig_connect(&rig);
    uint64_t since_ms;

    (void)state;
    rig_run_ms(&rig, 150);
    rig_ask(&rig, client, GET_LEN, CORPUS_HELLO);
    client->received.len = 0;
    since_ms = rig_now_ms();
    RIG_UNTIL(&rig, client->eof);
    assert_in_range(rig_now_ms() - since_ms, 290, 3000);
    assert_int_equal(client->received.len, 0);
    assert_int_equal(rig.feedback->clients_idle_closed, 1);
}

/* The time of a head is counted from its first byte, however it dribbles in. */
static void test_slow_heads(void **state)
{
    static const char head[] = "GET /len HTTP/1.1\r\n" CORPUS_HOST "A: 1\r\nB: 2\r\n";
    struct rig_client *client = rig_connect(&rig);
    uint64_t since_ms = rig_now_ms();

    (void)state;
    for (size_t i = 0; i < sizeof(head) - 1 && !client->eof; i++) {
        rig_send(&rig, client, slice_make(head + i, 1));
        rig_run_ms(&rig, 20);
    }
    RIG_UNTIL(&rig, client->eof);
    assert_true(has_status(client, "408"));
    assert_in_range(rig_now_ms() - since_ms, 190, 3000);
    assert_int_equal(*feedback_http_answer(rig.feedback, 408), 1);
}

/* The time of a body is counted from its last byte. */
static void test_slow_bodies(void **state)
{
    struct rig_client *client = rig_connect(&rig);
    uint64_t since_ms;

    (void)state;
    send_text(client, "POST /echo HTTP/1.1\r\n" CORPUS_HOST "Content-Length: 9\r\n\r\n");
    for (unsigned i = 0; i < 4; i++) {
        rig_run_ms(&rig, 120);
        send_text(client, "x");
        assert_false(client->eof);
    }
    since_ms = rig_now_ms();
    RIG_UNTIL(&rig, client->eof);
    assert_true(has_status(client, "408"));
    assert_in_range(rig_now_ms() - since_ms, 240, 3000);
    rig_settle(&rig);
    rig_check_http(&rig, true);
    assert_int_equal(rig.shards[0].n_requests, 0);
}

/* A shard that thinks does not cost its client the connection. */
static void test_slow_shards(void **state)
{
    struct rig_client *client = rig_connect(&rig);

    (void)state;
    rig.shards[0].mute = true;
    send_text(client, GET_LEN);
    rig_run_ms(&rig, 700);
    assert_false(client->eof);
    rig.shards[0].mute = false;
    rig_settle(&rig);
    assert_true(slice_is(slice_make(client->received.data, client->received.len), CORPUS_HELLO));
}

/* While a request is under way, what follows it is not read beyond one buffer. */
static void test_pipelined_requests_wait(void **state)
{
    struct rig_client *client = rig_connect(&rig);
    struct bytes stream = {0}, expected = {0};
    const struct session *session;

    (void)state;
    rig.shards[0].mute = true;
    for (unsigned i = 0; i < 2000; i++) {
        bytes_add_text(&stream, GET_LEN);
        bytes_add_text(&expected, CORPUS_HELLO);
    }
    rig_send(&rig, client, slice_make(stream.data, stream.len));
    rig_settle(&rig);
    session = session_of_client();
    assert_true(session->paused);
    assert_false(session->reading);
    assert_in_range(session->in.len, 1, 2 * 8192);
    assert_int_equal(rig.feedback->requests_open, 1);
    assert_int_equal(rig.shards[0].n_requests, 1);
    rig.shards[0].mute = false;
    RIG_UNTIL(&rig, client->received.len >= expected.len);
    assert_int_equal(client->received.len, expected.len);
    assert_memory_equal(client->received.data, expected.data, expected.len);
    assert_int_equal(rig.shards[0].n_accepted, 1);
    bytes_free(&stream);
    bytes_free(&expected);
}

static void test_one_client_too_many(void **state)
{
    struct rig_client *clients[4];

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        clients[i] = rig_connect(&rig);
        rig_settle(&rig);
    }
    RIG_UNTIL(&rig, clients[3]->eof);
    assert_true(slice_is(slice_make(clients[3]->received.data, clients[3]->received.len),
                         codec_http.refusal));
    assert_true(has_status(clients[3], "503"));
    rig_ask(&rig, clients[2], GET_LEN, CORPUS_HELLO);
    assert_int_equal(rig.feedback->clients_refused, 1);
}

/* Idle clients are closed, others are answered first, and told that it was the last time. */
static void test_drain(void **state)
{
    struct rig_client *idle = rig_connect(&rig), *busy = rig_connect(&rig),
                      *half = rig_connect(&rig);

    (void)state;
    rig.shards[0].mute = true;
    rig_settle(&rig);
    send_text(busy, GET_LEN);
    send_text(half, "GET /len HTTP/1.1\r\n");
    plane_drain(&rig.plane);
    RIG_UNTIL(&rig, idle->eof);
    assert_int_equal(idle->received.len, 0);
    assert_false(busy->eof);
    assert_false(half->eof);
    rig.shards[0].mute = false;
    rig_send(&rig, half, slice_of(CORPUS_HOST "\r\n"));
    RIG_UNTIL(&rig, busy->eof && half->eof);
    assert_non_null(http_text_find(slice_make(busy->received.data, busy->received.len),
                                   "\r\nConnection: close\r\n"));
    assert_non_null(http_text_find(slice_make(half->received.data, half->received.len),
                                   "\r\nConnection: close\r\n"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_an_idle_session_owns_nothing),
        TEST(test_phases),
        TEST(test_idle_clients),
        TEST(test_slow_heads),
        TEST(test_slow_bodies),
        TEST(test_slow_shards),
        TEST(test_pipelined_requests_wait),
        TEST(test_one_client_too_many),
        TEST(test_drain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
