/*
 * HTTP exchanges with slow peers, whose bytes wait where they come from; and tunnels.
 */
#include "support/http_rig.h"

static char text[1024];

/* ---- tunnels ----------------------------------------------------------------------------- */

static struct rig_client *open_tunnel(void)
{
    struct rig_client *client = rig_connect(&rig);

    ask(client, "GET /up HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n");
    assert_true(has_status(&answer, "101"));
    assert_int_equal(rig.feedback->http_upgrades, 1);
    client->received.len = 0;
    return client;
}

static void test_a_tunnel_ends_with_either_side(void **state)
{
    struct rig_client *client = open_tunnel();

    (void)state;
    rig_send(&rig, client, slice_of("a"));
    RIG_UNTIL(&rig, client->received.len == 1);
    fake_shard_say(&rig.shards[0], "bye", 3);
    rig.shards[0].conns[0].ends = true;
    RIG_UNTIL(&rig, client->eof);
    assert_true(slice_is(slice_make(client->received.data, client->received.len), "abye"));
    check_nothing_is_left(client);
    client = open_tunnel();
    rig_send(&rig, client, slice_of("the last words"));
    assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
    RIG_UNTIL(&rig, client->eof);
    assert_true(
        slice_is(slice_make(client->received.data, client->received.len), "the last words"));
    check_nothing_is_left(client);
    client = open_tunnel();
    check_nothing_is_left(client);
    client = open_tunnel();
    fake_shard_close_conns(&rig.shards[0]);
    RIG_UNTIL(&rig, client->eof);
    check_nothing_is_left(client);
}

/* What a client sent before it half-closed goes through the tunnel, although it came early. */
static void test_a_tunnel_for_a_client_that_has_half_closed(void **state)
{
    (void)state;
    for (unsigned muted = 0; muted < 2; muted++) {
        struct rig_client *client = rig_connect(&rig);

        rig_settle(&rig);
        rig.shards[0].mute = muted == 1;
        rig_send(&rig, client,
                 slice_of("GET /up HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n"
                          "Upgrade: echo\r\n\r\nearly words"));
        assert_int_equal(shutdown(client->fd, SHUT_WR), 0);
        rig_settle(&rig);
        rig.shards[0].mute = false;
        RIG_UNTIL(&rig, client->eof);
        assert_non_null(http_text_find(slice_make(client->received.data, client->received.len),
                                       "\r\n\r\nwelcome early words"));
        check_nothing_is_left(client);
    }
}

/* 101 before the request is whole: what follows would be taken for both, body and tunnel. */
static void test_no_tunnel_within_a_request(void **state)
{
    static const struct fake_page pages[] = {
        {"/up", FAKE_PAGE_ECHO,
         "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n", NULL},
        {NULL, FAKE_PAGE_TEXT, NULL, NULL},
    };
    struct rig_client *client = rig_connect(&rig);

    (void)state;
    fake_http_init(&rig.shards[0], pages);
    ask(client, "POST /up HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: echo\r\n"
                "Transfer-Encoding: chunked\r\n\r\n5\r\nab");
    assert_true(has_status(&answer, "502"));
    check_nothing_is_left(client);
}

/* ---- who is slow ------------------------------------------------------------------------- */

#define MUCH_BYTES (4u * 1024u * 1024u)
#define HELD_BYTES (3u * 8u * 1024u) /* half of the buffer, two reads of its size, and framing */

static char *much; /* a page of MUCH_BYTES of body */

static size_t queued_for_client(void)
{
    size_t bytes = 0;

    for (unsigned phase = 0; phase < SESSION_N_PHASES; phase++) {
        const struct list *sessions = &rig.plane.phases[phase];

        for (const struct list *link = sessions->next; link != sessions; link = link->next) {
            bytes += LIST_ENTRY(link, struct session, all)->out.queue.bytes;
        }
    }
    return bytes;
}

static size_t queued_for_shard(void)
{
    const struct http_pool *pool = rig_upstream(&rig, 0, 0)->http;
    size_t bytes = 0;

    for (const struct list *link = pool->all.next; link != &pool->all; link = link->next) {
        bytes += LIST_ENTRY(link, struct http_conn, all)->out.queue.bytes;
    }
    return bytes;
}

static void make_much(const char *head)
{
    size_t len = strlen(head);

    much = malloc(len + MUCH_BYTES + 1);
    assert_non_null(much);
    memcpy(much, head, len);
    for (size_t i = 0; i < MUCH_BYTES; i++) {
        much[len + i] = (char)('a' + i % 23);
    }
    much[len + MUCH_BYTES] = '\0';
}

/* The shard's bytes wait at the shard. */
static void test_a_client_that_reads_slowly(void **state)
{
    static struct fake_page pages[2];
    struct rig_client *client = rig_connect(&rig);
    size_t most = 0;

    (void)state;
    snprintf(text, sizeof(text), CORPUS_OK CORPUS_DATE "Content-Length: %u\r\n\r\n", MUCH_BYTES);
    make_much(text);
    pages[0] = (struct fake_page){.path = "/much", .kind = FAKE_PAGE_TEXT, .answer = much};
    fake_http_init(&rig.shards[0], pages);
    client->blind = true;
    rig_send(&rig, client, slice_of("GET /much HTTP/1.1\r\nHost: h\r\n\r\n"));
    for (unsigned i = 0; i < 200; i++) {
        (void)rig_turn(&rig);
        most = queued_for_client() > most ? queued_for_client() : most;
    }
    assert_in_range(most, 1, HELD_BYTES);
    assert_true(rig.shards[0].conns[0].out.len > MUCH_BYTES / 2);
    client->blind = false;
    RIG_UNTIL(&rig, client->received.len > MUCH_BYTES && rig.feedback->requests_open == 0);
    assert_memory_equal(client->received.data + client->received.len - MUCH_BYTES,
                        much + strlen(much) - MUCH_BYTES, MUCH_BYTES);
    check_nothing_is_left(client);
    free(much);
}

/* The client's bytes wait at the client. */
static void test_a_shard_that_reads_slowly(void **state)
{
    struct rig_client *client = rig_connect(&rig);
    struct slice rest;
    size_t most = 0;

    (void)state;
    snprintf(text, sizeof(text), "POST /len HTTP/1.1\r\nHost: h\r\nContent-Length: %u\r\n\r\n",
             MUCH_BYTES);
    make_much(text);
    rest = slice_of(much);
    rig.shards[0].deaf = true;
    for (unsigned i = 0; i < 200; i++) {
        ssize_t n = send(client->fd, rest.data, rest.len, MSG_NOSIGNAL);

        rest = slice_skip(rest, n > 0 ? (size_t)n : 0);
        (void)rig_turn(&rig);
        most = queued_for_shard() > most ? queued_for_shard() : most;
    }
    assert_in_range(most, 1, HELD_BYTES);
    assert_true(rest.len > MUCH_BYTES / 2);
    rig.shards[0].deaf = false;
    rig_send(&rig, client, rest);
    RIG_UNTIL(&rig, client->received.len > 0 && rig.feedback->requests_open == 0);
    assert_true(slice_is(slice_make(client->received.data, client->received.len), CORPUS_HELLO));
    assert_memory_equal(rig.shards[0].received.data + rig.shards[0].received.len - MUCH_BYTES,
                        much + strlen(much) - MUCH_BYTES, MUCH_BYTES);
    check_nothing_is_left(client);
    free(much);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_tunnel_ends_with_either_side),
        TEST(test_a_tunnel_for_a_client_that_has_half_closed),
        TEST(test_no_tunnel_within_a_request),
        TEST(test_a_client_that_reads_slowly),
        TEST(test_a_shard_that_reads_slowly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
