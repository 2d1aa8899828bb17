/*
 * A replica's connections and health, with real but short times: late replies, ejection and
 * return, refused and slow connections, host names, full queues, and where requests go instead.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/fake_resolver.h"
#include "support/plane_rig.h"

/* Two shards in a pool with [options]; then the pool "spare" with one shard. */
#define YAML(options)                                                                              \
    "workers: 1\n"                                                                                 \
    "admin: off\n"                                                                                 \
    "log: {level: error}\n"                                                                        \
    "pools:\n"                                                                                     \
    "  - name: p\n" options "    shards:\n"                                                        \
    "      - {name: a, replicas: 'unix:${DIR}/s0'}\n"                                              \
    "      - {name: b, replicas: 'unix:${DIR}/s1'}\n"                                              \
    "  - name: spare\n"                                                                            \
    "    timeouts: {request: 2s}\n"                                                                \
    "    shards: [{name: x, replicas: 'unix:${DIR}/s2'}]\n"                                        \
    "listeners: [{bind: 'unix:${DIR}/listener', pool: p}]\n"

#define TIMED_OUT   "SERVER_ERROR shard a timed out\r\n"
#define UNAVAILABLE "SERVER_ERROR shard a unavailable\r\n"
#define BUSY        "SERVER_ERROR shard a busy\r\n"

static struct rig rig;
static struct rig_client *client;
static struct fake_shard *shard_a;
static struct upstream *replica_a;
static char key[64], other_key[64], text[512], reply[512];

static void start(const char *yaml)
{
    rig_init(&rig, yaml, 3);
    RIG_UNTIL(&rig, rig_is_connected(&rig));
    client = rig_connect(&rig);
    shard_a = &rig.shards[0];
    replica_a = rig_upstream(&rig, 0, 0);
    rig_key_on(&rig, 0, 0, "a", key);
    rig_key_on(&rig, 0, 1, "b", other_key);
}

static int stop(void **state)
{
    (void)state;
    rig_deinit(&rig);
    return 0;
}

static const char *line(const char *command, const char *of)
{
    snprintf(text, sizeof(text), "%s %s\r\n", command, of);
    return text;
}

static void get(const char *of, const char *answer)
{
    rig_ask(&rig, client, line("get", of), answer);
}

static void set(const char *of, const char *value, const char *answer)
{
    snprintf(text, sizeof(text), "set %s 0 0 %zu\r\n%s\r\n", of, strlen(value), value);
    rig_ask(&rig, client, text, answer);
}

static const char *value_of(const char *of, const char *value)
{
    snprintf(reply, sizeof(reply), "VALUE %s 0 %zu\r\n%s\r\nEND\r\n", of, strlen(value), value);
    return reply;
}

static struct feedback_replica *figures(void)
{
    return &rig.feedback->pools[0].replicas[0];
}

/* ---- late replies ------------------------------------------------------------------------ */

static const char short_times[] = YAML("    timeouts: {request: 120ms, connect: 400ms}\n"
                                       "    health: {eject_after: 0, retry_after: 20ms}\n");

static void test_a_late_reply_is_swallowed(void **state)
{
    (void)state;
    start(short_times);
    set(key, "first", "STORED\r\n");
    shard_a->mute = true;
    get(key, TIMED_OUT);
    assert_int_equal(replica_a->conns[0].n_pending, 1);
    shard_a->mute = false;
    rig_settle(&rig);
    assert_int_equal(replica_a->conns[0].n_pending, 0);
    assert_int_equal(rig.feedback->pools[0].late_replies, 1);
    set(key, "second", "STORED\r\n");
    get(key, value_of(key, "second"));
    assert_int_equal(shard_a->n_accepted, 1); /* all on the same connection */
    assert_int_equal(figures()->disconnects, 0);
}

/* Every request has its own clock; replies that are late are told from those that are not. */
static void test_late_and_timely_replies_on_one_connection(void **state)
{
    (void)state;
    start(short_times);
    set(key, "v", "STORED\r\n");
    shard_a->mute = true;
    rig_send(&rig, client, slice_of(line("delete", key)));
    client->received.len = 0;
    rig_run_ms(&rig, 70);
    rig_send(&rig, client, slice_of(line("delete", key)));
    RIG_UNTIL(&rig, client->received.len >= strlen(TIMED_OUT));
    shard_a->mute = false;
    RIG_UNTIL(&rig, client->received.len > strlen(TIMED_OUT));
    rig_settle(&rig);
    assert_true(slice_is(slice_make(client->received.data, client->received.len),
                         TIMED_OUT "NOT_FOUND\r\n"));
}

static void test_a_silent_connection_is_given_up(void **state)
{
    uint64_t since_ms;

    (void)state;
    start(short_times);
    shard_a->mute = true;
    since_ms = rig_now_ms();
    get(key, TIMED_OUT);
    RIG_UNTIL(&rig, figures()->disconnects == 1);
    assert_in_range(rig_now_ms() - since_ms, 239, 5000); /* two timeouts */
    fake_shard_close_conns(shard_a);
    shard_a->mute = false;
    RIG_UNTIL(&rig, rig_is_connected(&rig));
    set(key, "v", "STORED\r\n");
}

static void test_a_timeout_hits_one_client_and_one_shard(void **state)
{
    struct rig_client *bystander;

    (void)state;
    start(short_times);
    bystander = rig_connect(&rig);
    shard_a->mute = true;
    rig_send(&rig, client, slice_of(line("get", key)));
    for (unsigned i = 0; i < 20; i++) {
        rig_ask(&rig, bystander, line("get", other_key), "END\r\n");
        rig_run_ms(&rig, 3);
    }
    RIG_UNTIL(&rig, client->received.len > 0);
    assert_true(slice_is(slice_make(client->received.data, client->received.len), TIMED_OUT));
    assert_int_equal(rig_upstream(&rig, 0, 1)->failures, 0);
}

/* ---- ejection ---------------------------------------------------------------------------- */

#define EJECTS                                                                                     \
    "    timeouts: {request: 100ms, connect: 400ms}\n"                                             \
    "    health: {eject_after: 3, retry_after: 50ms}\n"

/* Requests that expire together are one failure, so it takes three rounds. */
static void eject_by_timeouts(void)
{
    shard_a->mute = true;
    assert_false(replica_a->ejected);
    for (unsigned i = 0; i < 200 && !replica_a->ejected; i++) {
        client->received.len = 0;
        snprintf(text, sizeof(text), "get %s\r\nget %s\r\nget %s\r\n", key, key, key);
        rig_send(&rig, client, slice_of(text));
        RIG_UNTIL(&rig, client->received.len >= 3 * strlen(TIMED_OUT));
        rig_run_ms(&rig, 5);
    }
    assert_true(replica_a->ejected);
    assert_int_equal(figures()->ejections, 1);
    assert_in_range(replica_a->failures, 3, 3);
}

static void test_ejection_and_return(void **state)
{
    uint32_t n_requests;

    (void)state;
    start(YAML(EJECTS));
    eject_by_timeouts();
    RIG_UNTIL(&rig, figures()->state == FEEDBACK_STATE_EJECTED);
    n_requests = shard_a->n_requests;
    get(key, UNAVAILABLE);
    assert_int_equal(shard_a->n_requests, n_requests); /* it gets no requests */
    RIG_UNTIL(&rig, replica_a->conns[0].state == UPSTREAM_CONN_PROBING);
    get(key, UNAVAILABLE);
    shard_a->mute = false;
    RIG_UNTIL(&rig, !replica_a->ejected);
    assert_int_equal(figures()->state, FEEDBACK_STATE_UP);
    assert_int_equal(figures()->consecutive_failures, 0);
    set(key, "v", "STORED\r\n");
    get(key, value_of(key, "v"));
}

static void test_a_probe_that_is_not_answered(void **state)
{
    (void)state;
    start(YAML(EJECTS));
    eject_by_timeouts();
    RIG_UNTIL(&rig, figures()->connect_failures >= 2); /* probes that timed out */
    assert_true(replica_a->ejected);
    assert_int_equal(figures()->ejections, 1);
}

static bool answer_nonsense(struct fake_shard *shard, const struct memcache_request *r,
                            struct bytes *out)
{
    (void)shard;
    (void)r;
    bytes_add_text(out, "HTTP/1.1 400 Bad Request\r\n\r\n");
    return true;
}

static void test_a_probe_with_a_bad_answer(void **state)
{
    (void)state;
    start(YAML(EJECTS));
    eject_by_timeouts();
    shard_a->mute = false;
    shard_a->script = answer_nonsense;
    RIG_UNTIL(&rig, figures()->connect_failures >= 2);
    assert_true(replica_a->ejected);
    shard_a->script = NULL;
    RIG_UNTIL(&rig, !replica_a->ejected);
    set(key, "v", "STORED\r\n");
}

static void test_a_good_reply_starts_the_count_again(void **state)
{
    (void)state;
    start(YAML(EJECTS));
    for (unsigned i = 0; i < 3; i++) {
        shard_a->mute = true;
        snprintf(text, sizeof(text), "get %s\r\nget %s\r\n", key, key);
        rig_ask(&rig, client, text, TIMED_OUT TIMED_OUT);
        assert_int_equal(replica_a->failures, 1);
        shard_a->mute = false;
        rig_settle(&rig);
        get(key, "END\r\n");
        assert_int_equal(replica_a->failures, 0);
    }
    assert_int_equal(figures()->ejections, 0);
}

static void test_answers_that_break_the_protocol_eject(void **state)
{
    (void)state;
    start(YAML(EJECTS));
    shard_a->script = answer_nonsense;
    for (unsigned i = 0; i < 3; i++) {
        RIG_UNTIL(&rig, rig_is_connected(&rig));
        get(key, UNAVAILABLE);
        rig_settle(&rig);
    }
    assert_true(replica_a->ejected);
    assert_int_equal(figures()->protocol_errors, 3);
}

/* All connections of a replica go when it is ejected, and come back with it. */
static void test_several_connections(void **state)
{
    (void)state;
    start(YAML(EJECTS "    connections: 3\n"));
    RIG_UNTIL(&rig, fake_shard_n_conns(shard_a) == 3);
    eject_by_timeouts();
    RIG_UNTIL(&rig, fake_shard_n_conns(shard_a) <= 1);
    shard_a->mute = false;
    RIG_UNTIL(&rig, rig_is_connected(&rig));
    RIG_UNTIL(&rig, fake_shard_n_conns(shard_a) == 3);
}

/* ---- connecting -------------------------------------------------------------------------- */

static void test_refused_connections_back_off(void **state)
{
    uint64_t before;

    (void)state;
    start(YAML("    timeouts: {request: 50ms, connect: 50ms}\n"
               "    health: {eject_after: 0, retry_after: 100ms}\n"));
    fake_shard_stop(shard_a);
    RIG_UNTIL(&rig, figures()->connect_failures >= 1);
    RIG_UNTIL(&rig, replica_a->conns[0].state == UPSTREAM_CONN_WAITING);
    get(key, UNAVAILABLE);
    rig_run_ms(&rig, 250); /* 0, 10, 20, 40, 80, then every 75 to 100 ms */
    before = figures()->connect_failures;
    rig_run_ms(&rig, 500);
    assert_in_range(figures()->connect_failures - before, 2, 8);
    fake_shard_start(shard_a);
    RIG_UNTIL(&rig, rig_is_connected(&rig));
    set(key, "v", "STORED\r\n");
}

/* The first time a connection is lost it is opened again at once. */
static void test_a_lost_connection_is_opened_at_once(void **state)
{
    uint64_t since_ms;

    (void)state;
    start(YAML("    health: {eject_after: 3, retry_after: 10s}\n"));
    set(key, "v", "STORED\r\n");
    since_ms = rig_now_ms();
    fake_shard_close_conns(shard_a);
    RIG_UNTIL(&rig, figures()->connects == 2);
    assert_in_range(rig_now_ms() - since_ms, 0, 1000);
    get(key, value_of(key, "v"));
    assert_int_equal(replica_a->failures, 0); /* nobody was hit */
}

static void test_requests_on_a_lost_connection_fail_at_once(void **state)
{
    (void)state;
    start(YAML("    timeouts: {request: 10s}\n"));
    shard_a->mute = true;
    client->received.len = 0;
    snprintf(text, sizeof(text), "get %s\r\nget %s\r\nget %s\r\n", key, other_key, key);
    rig_send(&rig, client, slice_of(text));
    rig_settle(&rig);
    fake_shard_close_conns(shard_a);
    rig_settle(&rig);
    assert_true(slice_is(slice_make(client->received.data, client->received.len),
                         UNAVAILABLE "END\r\n" UNAVAILABLE));
    assert_int_equal(replica_a->failures, 1);
}

/* ---- host names -------------------------------------------------------------------------- */

/* Shard a has a name. It listens at the last of [ports]; the others refuse. */
#define NAMED(options)                                                                             \
    "workers: 1\n"                                                                                 \
    "admin: off\n"                                                                                 \
    "log: {level: error}\n"                                                                        \
    "pools:\n"                                                                                     \
    "  - name: p\n" options "    shards: [{name: a, replicas: 'replica.test:11211'}]\n"            \
    "listeners: [{bind: 'unix:${DIR}/listener', pool: p}]\n"

static uint16_t ports[3];
static int refusing[2];

static void start_named(const char *yaml)
{
    memset(&resolver, 0, sizeof(resolver));
    rig_init(&rig, yaml, 1);
    client = rig_connect(&rig);
    shard_a = &rig.shards[0];
    replica_a = rig_upstream(&rig, 0, 0);
    refusing[0] = resolver_bind(&ports[0]);
    refusing[1] = resolver_bind(&ports[1]);
    fake_shard_stop(shard_a);
    shard_a->listen_fd = resolver_bind(&ports[2]);
    assert_int_equal(listen(shard_a->listen_fd, 64), 0);
    strcpy(key, "a");
    RIG_UNTIL(&rig, resolver.asked != NULL);
    assert_string_equal(resolver.host, "replica.test");
    assert_string_equal(resolver.service, "11211");
}

static int stop_named(void **state)
{
    if (resolver.asked != NULL) {
        resolver_answer(UV_EAI_AGAIN, NULL, 0);
    }
    (void)close(refusing[0]);
    (void)close(refusing[1]);
    return stop(state);
}

static void test_requests_wait_for_the_look_up(void **state)
{
    (void)state;
    start_named(NAMED("    timeouts: {request: 10s, connect: 10s}\n"));
    client->received.len = 0;
    rig_send(&rig, client, slice_of(line("get", key)));
    rig_settle(&rig);
    assert_int_equal(replica_a->conns[0].n_pending, 1);
    assert_int_equal(figures()->state, FEEDBACK_STATE_CONNECTING);
    resolver_answer(0, &ports[2], 1);
    RIG_UNTIL(&rig, client->received.len > 0);
    assert_true(slice_is(slice_make(client->received.data, client->received.len), "END\r\n"));
    assert_int_equal(figures()->state, FEEDBACK_STATE_UP);
    assert_int_equal(figures()->connect_failures, 0);
}

static void test_connections_share_a_look_up(void **state)
{
    (void)state;
    start_named(NAMED("    connections: 3\n"));
    resolver_answer(0, &ports[2], 1);
    RIG_UNTIL(&rig, fake_shard_n_conns(shard_a) == 3);
    RIG_UNTIL(&rig, rig_is_connected(&rig));
    assert_int_equal(resolver.n_lookups, 1);
}

static void test_a_name_is_not_found_at_first(void **state)
{
    (void)state;
    start_named(NAMED("    health: {eject_after: 0, retry_after: 50ms}\n"));
    resolver_answer(UV_EAI_NONAME, NULL, 0);
    rig_settle(&rig);
    assert_int_equal(figures()->connect_failures, 1);
    RIG_UNTIL(&rig, resolver.asked != NULL);
    resolver_answer(0, &ports[2], 1);
    RIG_UNTIL(&rig, rig_is_connected(&rig));
    set(key, "v", "STORED\r\n");
}

/* Slower than the timeout: requests fail meanwhile, and the answer is used when it comes. */
static void test_a_slow_look_up(void **state)
{
    struct upstream_conn *conn;

    (void)state;
    start_named(NAMED("    timeouts: {request: 2s, connect: 20ms}\n"
                      "    health: {eject_after: 0, retry_after: 10s}\n"));
    conn = &replica_a->conns[0];
    RIG_UNTIL(&rig, figures()->connect_failures >= 6 && conn->state == UPSTREAM_CONN_WAITING);
    get(key, UNAVAILABLE);
    RIG_UNTIL(&rig, conn->state == UPSTREAM_CONN_WAITING);
    assert_int_equal(resolver.n_lookups, 1);
    resolver_answer(0, &ports[2], 1);
    assert_int_equal(conn->state, UPSTREAM_CONN_CONNECTING); /* at once */
    RIG_UNTIL(&rig, rig_is_connected(&rig));
    get(key, "END\r\n");
}

static void test_addresses_that_refuse_are_passed_over(void **state)
{
    (void)state;
    start_named(NAMED("    timeouts: {request: 10s, connect: 5s}\n"
                      "    health: {eject_after: 5, retry_after: 10s}\n"));
    resolver_answer(0, ports, 3);
    RIG_UNTIL(&rig, rig_is_connected(&rig));
    assert_int_equal(figures()->connect_failures, 2);
    assert_int_equal(replica_a->conns[0].backoff_us, 10000); /* not doubled: there were others */
    set(key, "v", "STORED\r\n");
}

/* ---- full queues ------------------------------------------------------------------------- */

static void test_busy_at_max_pending(void **state)
{
    (void)state;
    start(YAML("    timeouts: {request: 10s}\n"
               "    max_pending: 2\n"));
    shard_a->mute = true;
    client->received.len = 0;
    snprintf(text, sizeof(text), "get %s\r\nget %s\r\nget %s\r\nget %s\r\n", key, key, key,
             other_key);
    rig_send(&rig, client, slice_of(text));
    rig_settle(&rig);
    assert_int_equal(replica_a->conns[0].n_pending, 2);
    shard_a->mute = false;
    rig_settle(&rig);
    assert_true(slice_is(slice_make(client->received.data, client->received.len),
                         "END\r\nEND\r\n" BUSY "END\r\n"));
    get(key, "END\r\n");
    assert_int_equal(replica_a->failures, 0);
}

static void test_busy_at_max_queue(void **state)
{
    static char value[300000];
    struct bytes stream = {0};
    bool busy = false;

    (void)state;
    start(YAML("    timeouts: {request: 10s}\n"
               "    max_queue: 512KiB\n"));
    memset(value, 'v', sizeof(value) - 1);
    shard_a->deaf = true;
    for (unsigned i = 0; i < 8; i++) {
        snprintf(text, sizeof(text), "set %s 0 0 %zu\r\n", key, sizeof(value) - 1);
        bytes_add_text(&stream, text);
        bytes_add_text(&stream, value);
        bytes_add_text(&stream, "\r\n");
    }
    client->received.len = 0;
    rig_send(&rig, client, slice_make(stream.data, stream.len));
    rig_settle(&rig);
    assert_true(replica_a->conns[0].out.queue.bytes <= 512 * 1024 + sizeof(value) + 400);
    shard_a->deaf = false;
    RIG_UNTIL(&rig, rig.feedback->requests_open == 0);
    rig_settle(&rig);
    bytes_add(&client->received, "", 1);
    busy = strstr((const char *)client->received.data, "STORED\r\n" BUSY) != NULL;
    assert_true(busy);
    bytes_free(&stream);
}

/* ---- somewhere else ---------------------------------------------------------------------- */

static void test_on_shard_down_next(void **state)
{
    (void)state;
    start(YAML(EJECTS "    on_shard_down: next\n"));
    eject_by_timeouts();
    set(key, "elsewhere", "STORED\r\n");
    get(key, value_of(key, "elsewhere"));
    assert_non_null(fake_find(&rig.shards[1].cache, slice_of(key)));
    assert_int_equal(rig.feedback->pools[0].failovers, 2);
    shard_a->mute = false;
    RIG_UNTIL(&rig, !replica_a->ejected);
    get(key, "END\r\n"); /* at home again */
}

static void test_on_shard_down_next_without_a_next(void **state)
{
    struct upstream *replica_b;

    (void)state;
    start(YAML(EJECTS "    on_shard_down: next\n"));
    replica_b = rig_upstream(&rig, 0, 1);
    eject_by_timeouts();
    rig.shards[1].mute = true;
    for (unsigned i = 0; i < 200 && !replica_b->ejected; i++) {
        client->received.len = 0;
        rig_send(&rig, client, slice_of(line("get", other_key)));
        RIG_UNTIL(&rig, client->received.len > 0);
        rig_run_ms(&rig, 5);
    }
    assert_true(replica_b->ejected && replica_a->ejected);
    client->received.len = 0;
    get(key, UNAVAILABLE);
}

static void test_on_shard_down_pool(void **state)
{
    (void)state;
    start(YAML(EJECTS "    on_shard_down: spare\n"));
    eject_by_timeouts();
    set(key, "spared", "STORED\r\n");
    get(key, value_of(key, "spared"));
    assert_non_null(fake_find(&rig.shards[2].cache, slice_of(key)));
    get(other_key, "END\r\n"); /* of a shard that is up: stays where it is */
    assert_int_equal(rig.shards[2].n_requests, 2);
    rig.shards[2].mute = true;
    rig_send(&rig, client, slice_of(line("get", key)));
    client->received.len = 0;
    rig_settle(&rig);
    fake_shard_close_conns(&rig.shards[2]);
    rig_settle(&rig);
    assert_true(slice_is(slice_make(client->received.data, client->received.len),
                         "SERVER_ERROR shard x unavailable\r\n"));
}

#define TEST(name)       cmocka_unit_test_teardown(name, stop)
#define NAMED_TEST(name) cmocka_unit_test_teardown(name, stop_named)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_late_reply_is_swallowed),
        TEST(test_late_and_timely_replies_on_one_connection),
        TEST(test_a_silent_connection_is_given_up),
        TEST(test_a_timeout_hits_one_client_and_one_shard),
        TEST(test_ejection_and_return),
        TEST(test_a_probe_that_is_not_answered),
        TEST(test_a_probe_with_a_bad_answer),
        TEST(test_a_good_reply_starts_the_count_again),
        TEST(test_answers_that_break_the_protocol_eject),
        TEST(test_several_connections),
        TEST(test_refused_connections_back_off),
        TEST(test_a_lost_connection_is_opened_at_once),
        TEST(test_requests_on_a_lost_connection_fail_at_once),
        NAMED_TEST(test_requests_wait_for_the_look_up),
        NAMED_TEST(test_connections_share_a_look_up),
        NAMED_TEST(test_a_name_is_not_found_at_first),
        NAMED_TEST(test_a_slow_look_up),
        NAMED_TEST(test_addresses_that_refuse_are_passed_over),
        TEST(test_busy_at_max_pending),
        TEST(test_busy_at_max_queue),
        TEST(test_on_shard_down_next),
        TEST(test_on_shard_down_next_without_a_next),
        TEST(test_on_shard_down_pool),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
