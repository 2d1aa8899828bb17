/*
 * HTTP exchanges that go wrong, at every byte: whatever a shard or a client does, a client gets the
 * right response, an error, or a response that it can see to be incomplete; what must not be sent
 * twice is not; and nothing is left behind.
 */
#include "support/http_rig.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static struct bytes right;
static char text[1024];
static size_t n_runs;

/* ---- a shard that dies ------------------------------------------------------------------- */

struct death {
    const char *method, *path;
    bool kept;              /* on a connection that has been used before */
    bool has_body;          /* a part of the body was sent to the shard */
    uint32_t n_deaths;      /* one, or as many as it is asked */
    uint64_t at;            /* before this byte of the response */
    uint64_t head_end, end; /* of the shard's response: of the final head, and of all */
};

static void explain(const struct death *death, const char *what)
{
    fail_msg("%s %s, kept %d, %u deaths before byte %u of %u: %s; the client got: %.*s",
             death->method, death->path, death->kept, death->n_deaths, (unsigned)death->at,
             (unsigned)death->end, what, (int)answer.len, (const char *)answer.data);
}

static bool is_idempotent(const struct death *death)
{
    return strcmp(death->method, "POST") != 0;
}

/* May it be, must it be sent again? On another connection if this one was an old one; or to another
 * replica. */
static bool is_sent_again(const struct death *death)
{
    return death->at == 0 && is_idempotent(death) && !death->has_body &&
           (death->kept || rig.n_shards > 1);
}

static void check_death(const struct death *death, bool eof)
{
    bool again = is_sent_again(death);
    bool is_right = answer.len == right.len && memcmp(answer.data, right.data, right.len) == 0;
    bool is_part = answer.len < right.len && memcmp(answer.data, right.data, answer.len) == 0;

    if (n_heads() > (again ? 2u : 1u)) {
        explain(death, "sent too often");
    }
    if (death->at >= death->end || (again && death->n_deaths == 1)) {
        if (!is_right || eof) {
            explain(death, "not the right response");
        }
    } else if (death->at < death->head_end) {
        /* What came before the final head may have been passed on. */
        if (http_text_find(slice_make(answer.data, answer.len), "HTTP/1.1 502 ") == NULL || eof) {
            explain(death, "not answered 502");
        }
    } else if (!is_part || !eof) {
        explain(death, "not cut off");
    }
}

static void die(struct death *death)
{
    struct rig_client *client;

    set_connections(death->kept);
    for (size_t i = 0; i < rig.n_shards; i++) {
        rig.shards[i].die_at = death->at;
    }
    rig.shards[0].n_deaths = death->at < death->end ? death->n_deaths > 0 : 0;
    if (death->n_deaths > 1) {
        for (size_t i = 0; i < rig.n_shards; i++) {
            rig.shards[i].n_deaths = death->at < death->end ? death->n_deaths : 0;
        }
    }
    client = rig_connect(&rig);
    snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: h\r\n%s", death->method, death->path,
             death->has_body ? "Content-Length: 3\r\n\r\nabc" : "\r\n");
    ask(client, text);
    check_death(death, client->eof);
    n_runs++;
    check_nothing_is_left(client);
    rig_check_http(&rig, true);
}

/* What the whole response is, and how the shard wrote it. */
static void learn(struct death *death)
{
    struct rig_client *client = rig_connect(&rig);
    struct http_text head;
    struct slice sent;

    snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: h\r\n%s", death->method, death->path,
             death->has_body ? "Content-Length: 3\r\n\r\nabc" : "\r\n");
    rig.shards[0].mute = true;
    ask(client, text);
    for (size_t i = 0; i < FAKE_CONNS_MAX; i++) {
        const struct bytes *out = &rig.shards[0].conns[i].out;

        if (out->len > 0) {
            sent = slice_make(out->data, out->len);
            death->end = out->len;
        }
    }
    assert_true(death->end > 0);
    do {
        assert_true(http_text_head(sent, false, false, &head));
        sent = slice_skip(sent, head.head.len);
    } while (head.status < 200);
    death->head_end = death->end - sent.len;
    rig.shards[0].mute = false;
    rig_settle(&rig);
    http_text_canonical(slice_make(client->received.data, client->received.len), false, 0, &right);
    check_nothing_is_left(client);
}

static void die_everywhere(const char *method, const char *path, bool has_body)
{
    struct death death = {.method = method, .path = path, .has_body = has_body};

    set_connections(false);
    n_runs = 0;
    learn(&death);
    for (unsigned kept = 0; kept < 2; kept++) {
        for (unsigned n = 1; n < 3; n++) {
            for (uint64_t at = 0; at <= death.end; at++) {
                death.kept = kept == 1;
                death.n_deaths = n;
                death.at = at;
                die(&death);
            }
        }
    }
    print_message("%s %s: %zu runs\n", method, path, n_runs);
    bytes_free(&right);
}

static void test_a_shard_that_dies(void **state)
{
    (void)state;
    die_everywhere("GET", "/len", false);
    die_everywhere("GET", "/chunked", false);
    die_everywhere("GET", "/hints", false);
    die_everywhere("DELETE", "/304", false);
    die_everywhere("POST", "/len", true);
    die_everywhere("PUT", "/chunked", true);
}

static void test_a_replica_that_dies(void **state)
{
    (void)state;
    die_everywhere("GET", "/len", false);
    die_everywhere("GET", "/chunked", false);
    die_everywhere("POST", "/len", true);
}

/* ---- connections that were kept for too long --------------------------------------------- */

/* The shard closes the idle connection; the proxy has not seen that yet when the request comes. */
static struct rig_client *ask_stale(const char *request, bool request_first)
{
    struct rig_client *client;

    set_connections(true);
    client = rig_connect(&rig);
    rig_settle(&rig);
    if (request_first) {
        rig_send(&rig, client, slice_of(request));
        fake_shard_close_conns(&rig.shards[0]);
    } else {
        fake_shard_close_conns(&rig.shards[0]);
        rig_send(&rig, client, slice_of(request));
    }
    rig_settle(&rig);
    http_text_canonical(slice_make(client->received.data, client->received.len), false, 0, &answer);
    return client;
}

static void test_a_stale_connection(void **state)
{
    static const char *const requests[] = {
        "GET /len HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /len HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /len HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
        "PUT /len HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
        "PUT /len HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "PUT /len HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(requests); i++) {
        for (unsigned first = 0; first < 2; first++) {
            struct rig_client *client = ask_stale(requests[i], first == 1);

            if (!has_status(&answer, "200") || client->eof) {
                fail_msg("%s: %.*s", requests[i], (int)answer.len, (const char *)answer.data);
            }
            assert_int_equal(n_heads(), 1);
            assert_int_equal(rig.shards[0].n_requests, 1);
            check_nothing_is_left(client);
        }
    }
}

/* What is retried is complete, its framing too. */
static void test_an_empty_chunked_body_is_not_sent_by_halves(void **state)
{
    struct rig_client *client;

    (void)state;
    set_connections(true);
    client = rig_connect(&rig);
    rig.shards[0].die_at = 0;
    rig.shards[0].n_deaths = 1;
    ask(client, "PUT /len HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    assert_true(answer.len > 0);
    assert_true(rig.shards[0].n_requests == n_heads()); /* no request without its end */
    check_nothing_is_left(client);
}

static void test_unasked_bytes_close_an_idle_connection(void **state)
{
    struct rig_client *client;

    (void)state;
    set_connections(true);
    fake_shard_say(&rig.shards[0], CORPUS_OK "Content-Length: 4\r\n\r\nevil", 42);
    rig_settle(&rig);
    assert_int_equal(rig_upstream(&rig, 0, 0)->http->n_open, 0);
    client = rig_connect(&rig);
    ask(client, "GET /len HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_true(slice_is(slice_make(answer.data, answer.len), CORPUS_HELLO));
    check_nothing_is_left(client);
}

/* In one piece with the response or later, they are never used, nor is the connection. */
static void test_bytes_after_a_response_close_the_connection(void **state)
{
    uint64_t n_errors = 0;

    (void)state;
    for (uint64_t cut = 0; cut < 120; cut++) {
        struct rig_client *client;

        set_connections(false);
        rig.shards[0].cut = cut;
        client = rig_connect(&rig);
        ask(client, "GET /more HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_true(slice_is(slice_make(answer.data, answer.len), CORPUS_HELLO));
        assert_int_equal(rig_upstream(&rig, 0, 0)->http->n_open, 0);
        assert_int_equal(rig.feedback->pools[0].replicas[0].protocol_errors, ++n_errors);
        ask(client, "GET /len HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_true(slice_is(slice_make(answer.data, answer.len), CORPUS_HELLO));
        check_nothing_is_left(client);
    }
    rig.shards[0].cut = 0;
}

static void test_nobody_listens(void **state)
{
    static const char *const methods[] = {"GET", "POST"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rig_client *client;

        set_connections(false);
        fake_shard_stop(&rig.shards[0]);
        client = rig_connect(&rig);
        snprintf(text, sizeof(text), "%s /len HTTP/1.1\r\nHost: h\r\n\r\n", methods[i]);
        ask(client, text);
        assert_true(has_status(&answer, rig.n_shards == 1 ? "503" : "200"));
        check_nothing_is_left(client);
        fake_shard_start(&rig.shards[0]);
    }
}

/* ---- clients that go away ---------------------------------------------------------------- */

static const char *const departures[] = {
    "GET /chunked HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /hints HTTP/1.1\r\nHost: h\r\n\r\n",
    "GET /close HTTP/1.0\r\nHost: h\r\n\r\n",
    "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n01234567890123456789",
    "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    "POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc",
    "GET /up HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\nabcdef",
    "GET /len HTTP/1.1\r\nHost: h\r\n\r\nGET /len HTTP/1.1\r\nHost: h\r\n\r\nGET /l",
};

/* After [n] bytes of the request, with the shard's answer on its way or not. */
static void leave(const char *request, size_t n, bool muted, bool half)
{
    struct rig_client *client = rig_connect(&rig);
    struct slice part = slice_make(request, n);

    rig.shards[0].mute = muted;
    rig_send(&rig, client, part);
    rig_settle(&rig);
    rig_check_http(&rig, false);
    if (half) {
        assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
    } else {
        rig_hang_up(client);
    }
    rig_settle(&rig);
    rig.shards[0].mute = false;
    if (half) {
        RIG_UNTIL(&rig, client->eof);
    }
    check_nothing_is_left(client);
}

static void test_a_client_that_leaves(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(departures); i++) {
        size_t len = strlen(departures[i]);

        for (size_t n = 0; n <= len; n++) {
            for (unsigned how = 0; how < 4; how++) {
                forget();
                leave(departures[i], n, (how & 1) != 0, (how & 2) != 0);
            }
        }
    }
}

/* After so many bytes of the response, of which the shard sends one a turn. */
static void test_a_client_that_leaves_while_it_is_answered(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(departures); i++) {
        for (size_t turns = 1; turns < 260; turns += 1 + turns / 20) {
            struct rig_client *client = rig_connect(&rig);

            forget();
            rig.shards[0].piece = 1;
            rig_send(&rig, client, slice_of(departures[i]));
            for (size_t turn = 0; turn < turns; turn++) {
                (void)rig_turn(&rig);
            }
            rig_check_http(&rig, false);
            rig_hang_up(client);
            check_nothing_is_left(client);
        }
    }
}

/* A client that half-closes is answered all the same. */
static void test_half_closed_clients_are_answered(void **state)
{
    struct rig_client *client = rig_connect(&rig);

    (void)state;
    rig.shards[0].mute = true;
    rig_send(&rig, client,
             slice_of("GET /len HTTP/1.1\r\nHost: h\r\n\r\n"
                      "GET /len HTTP/1.1\r\nHost: h\r\n\r\nGET /unfinished"));
    assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
    rig_settle(&rig);
    assert_false(client->eof);
    rig.shards[0].mute = false;
    RIG_UNTIL(&rig, client->eof);
    assert_true(slice_is(slice_make(client->received.data, client->received.len),
                         CORPUS_HELLO CORPUS_HELLO));
    check_nothing_is_left(client);
}

#define TEST(name)     cmocka_unit_test_setup_teardown(name, start, stop)
#define TEST_TWO(name) cmocka_unit_test_setup_teardown(name, start_two, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_shard_that_dies),
        TEST_TWO(test_a_replica_that_dies),
        TEST(test_a_stale_connection),
        TEST(test_an_empty_chunked_body_is_not_sent_by_halves),
        TEST(test_unasked_bytes_close_an_idle_connection),
        TEST(test_bytes_after_a_response_close_the_connection),
        TEST(test_nobody_listens),
        TEST_TWO(test_nobody_listens),
        TEST(test_a_client_that_leaves),
        TEST(test_a_client_that_leaves_while_it_is_answered),
        TEST(test_half_closed_clients_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
