/*
 * Requests of a load and the check of their answers: each answer whole, byte by byte, and with
 * another one behind it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cmd_load_protocol.h"

static struct load_items items;
static struct load_wire wire;

static int set_up(void **state)
{
    const struct load_items_options options = {
        .n = 1000, .prefix = "k", .key_bytes = 10, .value_bytes = 8};

    (void)state;
    load_items_init(&items, &options);
    wire = (struct load_wire){.items = &items, .verify = true, .host = "h:1", .path = "/p/"};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    load_items_deinit(&items);
    return 0;
}

/* What an answer comes to. */
struct verdict {
    enum load_feed feed;
    enum load_error error;
    uint32_t n_hits;
    size_t used;
};

/* Feed [answer] in pieces of [piece] bytes; what is not used is handed over again. */
static struct verdict feed(const struct load_request *request, struct slice answer, size_t piece)
{
    struct verdict verdict = {.feed = LOAD_FEED_MORE};
    struct load_parser parser;
    size_t seen = 0;

    load_parser_init(&parser);
    while (verdict.feed == LOAD_FEED_MORE && seen < answer.len) {
        size_t used = 0;

        seen = seen + piece < answer.len ? seen + piece : answer.len;
        verdict.feed =
            wire.protocol->feed(&wire, &parser, request,
                                slice_make(answer.data + verdict.used, seen - verdict.used), &used);
        verdict.used += used;
        assert_true(verdict.used <= seen);
    }
    verdict.error = parser.error;
    verdict.n_hits = parser.n_hits;
    return verdict;
}

static void check_whole(const struct load_request *request, struct slice answer,
                        enum load_error error, uint32_t n_hits)
{
    const size_t pieces[] = {1, 2, 7, 1000000};

    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
        struct verdict verdict = feed(request, answer, pieces[i]);

        assert_int_equal(verdict.feed, LOAD_FEED_DONE);
        assert_int_equal(verdict.error, error);
        assert_int_equal(verdict.n_hits, n_hits);
        assert_int_equal(verdict.used, answer.len);
    }
}

/* A right answer, also with the begin of the next one behind it. */
static void check_done(const struct load_request *request, const char *answer, size_t len,
                       enum load_error error, uint32_t n_hits)
{
    char *more = malloc(len + 5);
    struct verdict verdict;

    assert_non_null(more);
    memcpy(more, answer, len);
    memcpy(more + len, "END\r\n", 5);
    check_whole(request, slice_make(answer, len), error, n_hits);
    verdict = feed(request, slice_make(more, len + 5), len + 5);
    assert_int_equal(verdict.feed, LOAD_FEED_DONE);
    assert_int_equal(verdict.used, len);
    free(more);
}

static void check_broken(const struct load_request *request, const char *answer)
{
    const size_t pieces[] = {1, 1000000};

    for (size_t i = 0; i < 2; i++) {
        struct verdict verdict = feed(request, slice_of(answer), pieces[i]);

        assert_int_equal(verdict.feed, LOAD_FEED_BROKEN);
        assert_int_equal(verdict.error, LOAD_ERROR_PROTOCOL);
    }
}

/* "VALUE …" of key [i] at the end of [text]; returns the new length. */
static size_t add_value(char *text, size_t len, uint64_t i)
{
    size_t n_value;
    const char *value = load_items_value(&items, i, &n_value);

    len += (size_t)sprintf(text + len, "VALUE k%09u 0 %zu\r\n", (unsigned)i, n_value);
    memcpy(text + len, value, n_value);
    memcpy(text + len + n_value, "\r\n", 2);
    return len + n_value + 2;
}

static size_t add_text(char *text, size_t len, const char *more)
{
    memcpy(text + len, more, strlen(more));
    return len + strlen(more);
}

static void check_request(const struct load_request *request, const char *expected, size_t len)
{
    size_t max = wire.protocol->request_max(&wire, request);
    char *text = malloc(max);
    char *end = wire.protocol->write(&wire, request, text);

    assert_true((size_t)(end - text) <= max);
    assert_int_equal(end - text, len);
    assert_memory_equal(text, expected, len);
    free(text);
}

static void test_memcached_requests(void **state)
{
    uint64_t keys[] = {7, 999, 0};
    struct load_request request = {.keys = keys, .n_keys = 3};
    char set[64];
    size_t len, n_value;
    const char *value = load_items_value(&items, 7, &n_value);

    (void)state;
    wire.protocol = &load_memcached;
    check_request(&request, "get k000000007 k000000999 k000000000\r\n", 38);
    request = (struct load_request){.keys = keys, .n_keys = 1, .is_set = true};
    len = add_text(set, 0, "set k000000007 0 0 8\r\n");
    memcpy(set + len, value, n_value);
    len = add_text(set, len + n_value, "\r\n");
    check_request(&request, set, len);
}

static void test_memcached_hits_and_misses(void **state)
{
    uint64_t keys[] = {7, 8, 9};
    const struct load_request request = {.keys = keys, .n_keys = 3};
    char text[256];
    size_t len = 0;

    (void)state;
    wire.protocol = &load_memcached;
    check_done(&request, "END\r\n", 5, LOAD_ERROR_NONE, 0);
    len = add_value(text, 0, 9);
    len = add_value(text, len, 7);
    len = add_text(text, len, "END\r\n");
    check_done(&request, text, len, LOAD_ERROR_NONE, 2);
    len = add_value(text, 0, 7);
    len = add_value(text, len, 8);
    len = add_value(text, len, 9);
    len = add_text(text, len, "END\r\n");
    check_done(&request, text, len, LOAD_ERROR_NONE, 3);
}

static void test_memcached_wrong_values(void **state)
{
    uint64_t keys[] = {7, 8};
    const struct load_request request = {.keys = keys, .n_keys = 2};
    static const char other[] = "VALUE k000000007 0 8\r\n12345678\r\nEND\r\n";
    static const char shorter[] = "VALUE k000000007 0 2\r\n12\r\nEND\r\n";
    static const char empty[] = "VALUE k000000007 0 0\r\n\r\nEND\r\n";

    (void)state;
    wire.protocol = &load_memcached;
    check_done(&request, other, sizeof(other) - 1, LOAD_ERROR_VALUE, 1);
    check_done(&request, shorter, sizeof(shorter) - 1, LOAD_ERROR_VALUE, 1);
    check_done(&request, empty, sizeof(empty) - 1, LOAD_ERROR_VALUE, 1);
    wire.verify = false;
    check_done(&request, other, sizeof(other) - 1, LOAD_ERROR_NONE, 1);
    check_done(&request, empty, sizeof(empty) - 1, LOAD_ERROR_NONE, 1);
    wire.verify = true;
}

static void test_memcached_errors(void **state)
{
    uint64_t keys[] = {7, 8};
    const struct load_request get = {.keys = keys, .n_keys = 2};
    const struct load_request set = {.keys = keys, .n_keys = 1, .is_set = true};
    char text[256];
    size_t len;

    (void)state;
    wire.protocol = &load_memcached;
    check_done(&set, "STORED\r\n", 8, LOAD_ERROR_NONE, 0);
    check_done(&set, "SERVER_ERROR out of memory\r\n", 28, LOAD_ERROR_REPLY, 0);
    check_done(&get, "ERROR\r\n", 7, LOAD_ERROR_REPLY, 0);
    /* An error after a value ends the answer. */
    len = add_value(text, 0, 7);
    len = add_text(text, len, "SERVER_ERROR shard down\r\n");
    check_done(&get, text, len, LOAD_ERROR_REPLY, 1);
    check_broken(&set, "NOT_STORED\r\n");
    check_broken(&set, "END\r\n");
    check_broken(&get, "STORED\r\n");
    check_broken(&get, "HTTP/1.1 400 Bad Request\r\n");
    check_broken(&get, "VALUE k000000009 0 8\r\n12345678\r\nEND\r\n");
    check_broken(&get, "VALUE other 0 8\r\n12345678\r\nEND\r\n");
    len = add_value(text, 0, 7);
    len = add_value(text, len, 7);
    text[len] = '\0';
    assert_int_equal(feed(&get, slice_make(text, len), len).feed, LOAD_FEED_BROKEN);
    len = add_value(text, 0, 7);
    text[len - 1] = 'x'; /* no line end behind the value */
    assert_int_equal(feed(&get, slice_make(text, len), 1).feed, LOAD_FEED_BROKEN);
}

static void test_http_requests(void **state)
{
    uint64_t keys[] = {7};
    struct load_request request = {.keys = keys, .n_keys = 1};
    static const char get[] =
        "GET /p/k000000007 HTTP/1.1\r\nHost: h:1\r\nUser-Agent: ringway-bench\r\n\r\n";
    char put[256];
    size_t len, n_value;
    const char *value = load_items_value(&items, 7, &n_value);

    (void)state;
    wire.protocol = &load_http;
    check_request(&request, get, sizeof(get) - 1);
    request.is_set = true;
    len = add_text(put, 0,
                   "PUT /p/k000000007 HTTP/1.1\r\nHost: h:1\r\nUser-Agent: ringway-bench\r\n"
                   "Content-Length: 8\r\n\r\n");
    memcpy(put + len, value, n_value);
    check_request(&request, put, len + n_value);
}

static void test_http_answers(void **state)
{
    uint64_t keys[] = {7};
    const struct load_request get = {.keys = keys, .n_keys = 1};
    const struct load_request put = {.keys = keys, .n_keys = 1, .is_set = true};
    char text[256];
    size_t len, n_value;
    const char *value = load_items_value(&items, 7, &n_value);

    (void)state;
    wire.protocol = &load_http;
    len = add_text(text, 0,
                   "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n");
    memcpy(text + len, value, n_value);
    check_done(&get, text, len + n_value, LOAD_ERROR_NONE, 1);
    text[len] = (char)~text[len];
    check_done(&get, text, len + n_value, LOAD_ERROR_VALUE, 1);

    len = add_text(text, 0, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n");
    memcpy(text + len, value, 5);
    len = add_text(text, len + 5, "\r\n3;x=y\r\n");
    memcpy(text + len, value + 5, 3);
    len = add_text(text, len + 3, "\r\n0\r\nTrailer: t\r\n\r\n");
    check_done(&get, text, len, LOAD_ERROR_NONE, 1);

    len = add_text(text, 0, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone");
    check_done(&get, text, len, LOAD_ERROR_NONE, 0);
    check_done(&put, text, len, LOAD_ERROR_REPLY, 0);
    len = add_text(text, 0, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfour");
    check_done(&get, text, len, LOAD_ERROR_VALUE, 1);
    check_done(&put, text, len, LOAD_ERROR_NONE, 0);
    len = add_text(text, 0, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n");
    check_done(&get, text, len, LOAD_ERROR_REPLY, 0);
    check_broken(&get, "ERROR\r\n");
    check_broken(&get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxx\r\n");
    check_broken(&get,
                 "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n");
}

/* A body without a length ends with the connection. */
static void test_http_until_close(void **state)
{
    uint64_t keys[] = {7};
    const struct load_request get = {.keys = keys, .n_keys = 1};
    static const char head[] = "HTTP/1.1 200 OK\r\n\r\n";
    struct load_parser parser;
    size_t used, n_value;
    const char *value = load_items_value(&items, 7, &n_value);

    (void)state;
    wire.protocol = &load_http;
    load_parser_init(&parser);
    assert_int_equal(load_http.feed(&wire, &parser, &get, slice_of(head), &used), LOAD_FEED_MORE);
    assert_int_equal(load_http.feed(&wire, &parser, &get, slice_make(value, 8), &used),
                     LOAD_FEED_MORE);
    assert_true(load_http.at_end(&wire, &parser));
    assert_int_equal(parser.error, LOAD_ERROR_NONE);
    assert_true(parser.closes);

    load_parser_init(&parser);
    assert_int_equal(load_http.feed(&wire, &parser, &get, slice_of(head), &used), LOAD_FEED_MORE);
    assert_int_equal(load_http.feed(&wire, &parser, &get, slice_make(value, 7), &used),
                     LOAD_FEED_MORE);
    assert_true(load_http.at_end(&wire, &parser));
    assert_int_equal(parser.error, LOAD_ERROR_VALUE);

    load_parser_init(&parser);
    assert_int_equal(load_http.feed(&wire, &parser, &get, slice_make(head, 5), &used),
                     LOAD_FEED_MORE);
    assert_false(load_http.at_end(&wire, &parser));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memcached_requests),
        cmocka_unit_test(test_memcached_hits_and_misses),
        cmocka_unit_test(test_memcached_wrong_values),
        cmocka_unit_test(test_memcached_errors),
        cmocka_unit_test(test_http_requests),
        cmocka_unit_test(test_http_answers),
        cmocka_unit_test(test_http_until_close),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
