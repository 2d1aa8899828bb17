/*
 * Message heads on their way through a gateway: what goes, what is written anew, what is added.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "data/http/http_answer.h"
#include "data/http/http_head.h"
#include "support/http_site.h"

#define VIA   "Via: 1.1 ringway-0badcafe\r\n"
#define FOR   "X-Forwarded-For: 192.0.2.7\r\n"
#define PROTO "X-Forwarded-Proto: http\r\n"
#define ADDED FOR PROTO "X-Forwarded-Host: h\r\n" VIA "\r\n"
#define DATE  "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"

static struct plane plane;
static struct session session;
static struct exchange exchange;
static struct config_http_route route;
static uint8_t room[4096];

static int start(void **state)
{
    (void)state;
    memset(&plane, 0, sizeof(plane));
    memset(&session, 0, sizeof(session));
    memset(&exchange, 0, sizeof(exchange));
    memset(&route, 0, sizeof(route));
    snprintf(plane.via, sizeof(plane.via), "ringway-0badcafe");
    segment_pool_init(&plane.segments);
    session.plane = &plane;
    exchange.session = &session;
    exchange.route = &route;
    exchange.head = (struct http1_writer){.data = room, .max = sizeof(room)};
    return 0;
}

static int stop(void **state)
{
    (void)state;
    outq_clear(&session.out.queue, &plane.segments);
    segment_pool_deinit(&plane.segments);
    return 0;
}

/* ---- requests ---------------------------------------------------------------------------- */

/* The head that a shard gets for [head], from a client at 192.0.2.7. */
static const char *write_request(const char *head)
{
    struct message message;

    message_read(&message, head);
    exchange.head.len = 0;
    http_head_write_request(&exchange, &message.request, slice_of("192.0.2.7"));
    free(message.bytes);
    assert_false(exchange.head.overflowed);
    room[exchange.head.len] = '\0';
    return (const char *)room;
}

struct rewriting {
    const char *in, *out;
};

static void check_requests(const struct rewriting *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *found = write_request(cases[i].in);

        if (strcmp(found, cases[i].out) != 0) {
            fail_msg("%s became\n%s and not\n%s", cases[i].in, found, cases[i].out);
        }
    }
}

static void test_request_lines(void **state)
{
    static const struct rewriting cases[] = {
        {"GET /a%20b?x=1&y HTTP/1.1\r\n" HOST, "GET /a%20b?x=1&y HTTP/1.1\r\n" HOST ADDED},
        {"GET / HTTP/1.9\r\n" HOST, "GET / HTTP/1.1\r\n" HOST ADDED},
        {"purge /x? HTTP/1.1\r\n" HOST, "purge /x? HTTP/1.1\r\n" HOST ADDED},
        {"GET http://h/p?q HTTP/1.1\r\nHost: other\r\n", "GET /p?q HTTP/1.1\r\n" HOST ADDED},
        {"GET http://h HTTP/1.1\r\n" HOST, "GET / HTTP/1.1\r\n" HOST ADDED},
        {"GET http://h?q HTTP/1.1\r\n" HOST, "GET /?q HTTP/1.1\r\n" HOST ADDED},
        {"OPTIONS * HTTP/1.1\r\n" HOST, "OPTIONS * HTTP/1.1\r\n" HOST ADDED},
        {"OPTIONS http://h HTTP/1.1\r\n" HOST, "OPTIONS * HTTP/1.1\r\n" HOST ADDED},
        {"OPTIONS http://h/ HTTP/1.1\r\n" HOST, "OPTIONS / HTTP/1.1\r\n" HOST ADDED},
        {"GET / HTTP/1.0\r\n",
         "GET / HTTP/1.1\r\nHost: \r\n" FOR PROTO "Via: 1.0 ringway-0badcafe\r\n\r\n"},
    };

    (void)state;
    check_requests(cases, N_ELEMENTS(cases));
}

static void test_fields_of_requests(void **state)
{
    static const struct rewriting cases[] = {
        /* Host comes first, the others stay in their order. */
        {"GET / HTTP/1.1\r\nB: 1\r\nA:2\r\n" HOST "b:  3 \r\nVia: 1.1 x\r\n",
         "GET / HTTP/1.1\r\n" HOST "B: 1\r\nA: 2\r\nb: 3\r\nVia: 1.1 x\r\n" ADDED},
        {"GET / HTTP/1.1\r\n" HOST
         "Connection: close, A\r\nA: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
         "Proxy-Connection: x\r\nProxy-Authorization: x\r\nUpgrade: x\r\nHTTP2-Settings: x\r\n",
         "GET / HTTP/1.1\r\n" HOST ADDED},
        /* A Connection that names what frames, routes or tells who forwarded is not obeyed. */
        {"POST / HTTP/1.1\r\nConnection: host, content-length, x-forwarded-for, via, "
         "cookie\r\n" HOST "Content-Length: 3\r\nCookie: c\r\nVia: 1.0 x\r\n",
         "POST / HTTP/1.1\r\n" HOST "Cookie: c\r\nVia: 1.0 x\r\nContent-Length: 3\r\n" ADDED},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 007, 7\r\nContent-Length: 7\r\n",
         "POST / HTTP/1.1\r\n" HOST "Content-Length: 7\r\n" ADDED},
        {"POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n",
         "POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n" ADDED},
        {"POST / HTTP/1.1\r\n" HOST "transfer-encoding: CHUNKED\r\nTrailer: X\r\n",
         "POST / HTTP/1.1\r\n" HOST "Trailer: X\r\nTransfer-Encoding: chunked\r\n" ADDED},
        {"POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 1\r\n",
         "POST / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\nContent-Length: 1\r\n" ADDED},
        {"POST / HTTP/1.0\r\n" HOST "Expect: 100-continue\r\nContent-Length: 1\r\n",
         "POST / HTTP/1.1\r\n" HOST "Content-Length: 1\r\n" FOR PROTO
         "X-Forwarded-Host: h\r\nVia: 1.0 ringway-0badcafe\r\n\r\n"},
    };

    (void)state;
    check_requests(cases, N_ELEMENTS(cases));
}

static void test_max_forwards(void **state)
{
    static const struct rewriting cases[] = {
        {"TRACE / HTTP/1.1\r\n" HOST "max-forwards: 10\r\n",
         "TRACE / HTTP/1.1\r\n" HOST "Max-Forwards: 9\r\n" ADDED},
        {"OPTIONS / HTTP/1.1\r\n" HOST "Max-Forwards: 01\r\n",
         "OPTIONS / HTTP/1.1\r\n" HOST "Max-Forwards: 0\r\n" ADDED},
        {"OPTIONS / HTTP/1.1\r\n" HOST "Max-Forwards: -1\r\n",
         "OPTIONS / HTTP/1.1\r\n" HOST "Max-Forwards: -1\r\n" ADDED},
        {"GET / HTTP/1.1\r\n" HOST "Max-Forwards: 3\r\n",
         "GET / HTTP/1.1\r\n" HOST "Max-Forwards: 3\r\n" ADDED},
    };

    (void)state;
    check_requests(cases, N_ELEMENTS(cases));
}

#define SAID "X-Forwarded-For: 10.0.0.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: me\r\n"

static void test_who_forwarded(void **state)
{
    static const struct rewriting strangers[] = {
        {"GET / HTTP/1.1\r\n" HOST SAID "Forwarded: for=10.0.0.1\r\nX-Forwarded-For: 10.0.0.2\r\n",
         "GET / HTTP/1.1\r\n" HOST ADDED},
    };
    static const struct rewriting friends[] = {
        {"GET / HTTP/1.1\r\n" HOST SAID
         "Forwarded: for=10.0.0.1\r\nX-Forwarded-For: 10.0.0.2, x\r\n",
         "GET / HTTP/1.1\r\n" HOST "X-Forwarded-Proto: https\r\nX-Forwarded-Host: me\r\n"
         "Forwarded: for=10.0.0.1\r\nX-Forwarded-For: 10.0.0.1, 10.0.0.2, x, 192.0.2.7\r\n" VIA
         "\r\n"},
        {"GET / HTTP/1.1\r\n" HOST "X-Forwarded-For:\r\n", "GET / HTTP/1.1\r\n" HOST ADDED},
        {"GET / HTTP/1.1\r\n" HOST, "GET / HTTP/1.1\r\n" HOST ADDED},
    };

    (void)state;
    check_requests(strangers, N_ELEMENTS(strangers));
    session.trusted = true;
    check_requests(friends, N_ELEMENTS(friends));
}

#define UPGRADE "Connection: x, upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\nX: 1\r\n"

static void test_upgrades(void **state)
{
    static const struct rewriting refused[] = {
        {"GET / HTTP/1.1\r\n" HOST UPGRADE, "GET / HTTP/1.1\r\n" HOST ADDED},
    };
    static const struct rewriting allowed[] = {
        {"GET / HTTP/1.1\r\n" HOST UPGRADE,
         "GET / HTTP/1.1\r\n" HOST
         "Connection: upgrade\r\nUpgrade: websocket\r\nUpgrade: h2c\r\n" ADDED},
    };

    (void)state;
    check_requests(refused, 1);
    assert_false(exchange.upgrades);
    route.upgrade = true;
    check_requests(allowed, 1);
    assert_true(exchange.upgrades);
    (void)write_request("GET / HTTP/1.1\r\n" HOST "Upgrade: websocket\r\n");
    assert_false(exchange.upgrades); /* Connection does not name it */
    (void)write_request("GET / HTTP/1.0\r\n" HOST UPGRADE);
    assert_false(exchange.upgrades);
}

/* By these positions the access log and `host: replica` find the parts. */
static void test_where_the_parts_are(void **state)
{
    (void)state;
    (void)write_request("DELETE http://host:81/x?y HTTP/1.1\r\nHost: other\r\nA: 1\r\n");
    assert_slice(slice_make(room, exchange.method_len), "DELETE", "method");
    assert_slice(slice_make(room + exchange.method_len + 1, exchange.target_len), "/x?y", "target");
    assert_slice(slice_make(room + exchange.host_at, exchange.host_len), "Host: host:81\r\n",
                 "host");
}

static void test_a_head_that_does_not_fit(void **state)
{
    struct message message;

    (void)state;
    exchange.head.max = 40;
    message_read(&message, "GET / HTTP/1.1\r\n" HOST);
    http_head_write_request(&exchange, &message.request, slice_of("192.0.2.7"));
    assert_true(exchange.head.overflowed);
    assert_true(exchange.head.len <= 40);
    free(message.bytes);
}

/* ---- loops ------------------------------------------------------------------------------- */

static void test_loops_and_last_hops(void **state)
{
    static const struct {
        const char *head;
        bool is_loop, is_last;
    } cases[] = {
        {"GET / HTTP/1.1\r\n" HOST, false, false},
        {"GET / HTTP/1.1\r\n" HOST "Via: 1.1 ringway-0badcaff\r\n", false, false},
        {"GET / HTTP/1.1\r\n" HOST "Via: 1.0 a\r\nVia: 1.1 b, 1.1 ringway-0badcafe (x)\r\n", true,
         false},
        {"GET / HTTP/1.1\r\n" HOST "X: 1.1 ringway-0badcafe\r\nMax-Forwards: 0\r\n", false, false},
        {"TRACE / HTTP/1.1\r\n" HOST "Max-Forwards: 0\r\n", false, true},
        {"OPTIONS / HTTP/1.1\r\n" HOST "max-forwards: 00\r\n", false, true},
        {"OPTIONS / HTTP/1.1\r\n" HOST "Max-Forwards: 1\r\n", false, false},
        {"OPTIONS / HTTP/1.1\r\n" HOST "Max-Forwards:\r\n", false, false},
        {"OPTIONS / HTTP/1.1\r\n" HOST "Max-Forwards: 00000000000000000000\r\n", false, false},
    };

    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        struct message message;

        message_read(&message, cases[i].head);
        if (http_head_is_loop(&plane, &message.request) != cases[i].is_loop ||
            http_head_is_last(&message.request) != cases[i].is_last) {
            fail_msg("%s", cases[i].head);
        }
        free(message.bytes);
    }
}

/* ---- responses --------------------------------------------------------------------------- */

/* Add the head that the client gets for [head] to its output. */
static void write_response(const char *head)
{
    struct http1_response response = {0};
    struct http1_scan scan = {0};
    size_t len = strlen(head);
    char *bytes = malloc(len + 2);

    assert_non_null(bytes);
    memcpy(bytes, head, len);
    memcpy(bytes + len, "\r\n", 2);
    assert_int_equal(http1_response_parse(slice_make(bytes, len + 2), &scan, 4096, &response),
                     HTTP1_PARSE_DONE);
    exchange.response.kind = http1_response_body(&response, exchange.method);
    http_head_write_response(&exchange, &response);
    free(bytes);
}

static void check_response(const char *head, const char *expected)
{
    uint8_t found[4096];
    uv_buf_t buf;
    size_t len;

    write_response(head);
    assert_int_equal(outq_peek(&session.out.queue, &buf, 1, &len), 1);
    assert_int_equal(len, session.out.queue.bytes);
    memcpy(found, buf.base, len);
    outq_clear(&session.out.queue, &plane.segments);
    assert_slice(slice_make(found, len), expected, head);
}

static void test_responses(void **state)
{
    (void)state;
    exchange.client_minor = 1;
    exchange.keep_alive = true;
    check_response("HTTP/1.1 200 Fine \xe9\r\nB: 1\r\n" DATE "A :2\r\nContent-Length: 5\r\n",
                   "HTTP/1.1 200 Fine \xe9\r\nB: 1\r\n" DATE "A: 2\r\nContent-Length: 5\r\n" VIA
                   "\r\n");
    check_response("HTTP/1.0 200\r\n" DATE "Connection: keep-alive, A\r\nA: 1\r\nKeep-Alive: x\r\n"
                   "Proxy-Authenticate: x\r\nUpgrade: x\r\nContent-Length: 0\r\n",
                   "HTTP/1.1 200 \r\n" DATE
                   "Content-Length: 0\r\nVia: 1.0 ringway-0badcafe\r\n\r\n");
    check_response("HTTP/1.1 304 Same\r\n" DATE
                   "Content-Length: 7\r\nSet-Cookie: a\r\nset-cookie: b\r\n",
                   "HTTP/1.1 304 Same\r\n" DATE
                   "Set-Cookie: a\r\nset-cookie: b\r\nContent-Length: 7\r\n" VIA "\r\n");
    check_response("HTTP/1.1 103 Early\r\nLink: x\r\n",
                   "HTTP/1.1 103 Early\r\nLink: x\r\n" VIA "\r\n");
    check_response("HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: ws\r\n",
                   "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: ws\r\n" VIA "\r\n");
    exchange.method = HTTP1_HEAD;
    check_response("HTTP/1.1 200 OK\r\n" DATE "Transfer-Encoding: chunked\r\n",
                   "HTTP/1.1 200 OK\r\n" DATE "Transfer-Encoding: chunked\r\n" VIA "\r\n");
    exchange.client_minor = 0;
    check_response("HTTP/1.1 200 OK\r\n" DATE "Transfer-Encoding: chunked\r\n",
                   "HTTP/1.1 200 OK\r\n" DATE "Connection: keep-alive\r\n" VIA "\r\n");
}

static void test_the_ends_of_responses(void **state)
{
    (void)state;
    exchange.client_minor = 1;
    exchange.chunked_out = true;
    check_response("HTTP/1.1 200 OK\r\n" DATE,
                   "HTTP/1.1 200 OK\r\n" DATE
                   "Transfer-Encoding: chunked\r\nConnection: close\r\n" VIA "\r\n");
    exchange.keep_alive = true;
    check_response("HTTP/1.1 200 OK\r\n" DATE "Transfer-Encoding: chunked\r\n",
                   "HTTP/1.1 200 OK\r\n" DATE "Transfer-Encoding: chunked\r\n" VIA "\r\n");
    exchange.chunked_out = false;
    exchange.client_minor = 0;
    check_response("HTTP/1.1 200 OK\r\n" DATE "Content-Length: 1\r\n",
                   "HTTP/1.1 200 OK\r\n" DATE "Content-Length: 1\r\nConnection: keep-alive\r\n" VIA
                   "\r\n");
}

/* A Date is added to a final response that has none, and never a second one. */
static void test_dates(void **state)
{
    char expected[256];
    struct slice date;

    (void)state;
    exchange.client_minor = 1;
    exchange.keep_alive = true;
    plane.turn_open = true;
    plane.now_us = 5;
    date = http_answer_date(&plane);
    snprintf(expected, sizeof(expected),
             "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n" VIA "Date: %.*s\r\n\r\n", (int)date.len,
             (const char *)date.data);
    check_response("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n", expected);
}

static void test_the_shard_is_told(void **state)
{
    struct site site;

    (void)state;
    site_open(&site, "{key: '{uri}', pool: web}", "");
    plane.options.topology = site.topology;
    exchange.client_minor = 1;
    exchange.keep_alive = true;
    exchange.shard_pool = 1;
    exchange.shard = 2;
    route.debug = true;
    check_response("HTTP/1.1 200 OK\r\n" DATE "Content-Length: 1\r\n",
                   "HTTP/1.1 200 OK\r\n" DATE "Content-Length: 1\r\n" VIA
                   "X-Ringway-Shard: c\r\n\r\n");
    check_response("HTTP/1.1 102 OK\r\n", "HTTP/1.1 102 OK\r\n" VIA "\r\n");
    site_close(&site);
}

/* The shortest fields grow most: still there is room for all of them. */
static void test_many_short_fields(void **state)
{
    char head[2048] = "HTTP/1.1 200\r\n";

    (void)state;
    for (size_t i = 0; i < HTTP1_FIELDS_MAX; i++) {
        strcat(head, "a:\r\n");
    }
    plane.turn_open = true;
    write_response(head);
    assert_true(session.out.queue.bytes > strlen(head) + HTTP1_FIELDS_MAX);
    assert_memory_equal(session.out.queue.tail->data + session.out.queue.tail->len - 4, "\r\n\r\n",
                        4);
}

/* ---- trailers ---------------------------------------------------------------------------- */

static void test_trailers(void **state)
{
    static const char in[] = "X-Sum: 1\r\nContent-Length: 3\r\nHost: h\r\nTransfer-Encoding: x\r\n"
                             "Connection: x\r\ny:2\r\n\r\n";
    struct http1_writer out = {.data = room, .max = sizeof(room)};
    struct http1_scan scan = {0};
    struct http1_fields fields;
    const char *error;
    size_t len;

    (void)state;
    assert_int_equal(http1_trailers_parse(slice_of(in), &scan, 4096, &fields, &len, &error),
                     HTTP1_PARSE_DONE);
    http_head_write_trailers(&out, &fields);
    assert_slice(slice_make(room, out.len), "X-Sum: 1\r\ny: 2\r\n\r\n", "trailers");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_request_lines),
        TEST(test_fields_of_requests),
        TEST(test_max_forwards),
        TEST(test_who_forwarded),
        TEST(test_upgrades),
        TEST(test_where_the_parts_are),
        TEST(test_a_head_that_does_not_fit),
        TEST(test_loops_and_last_hops),
        TEST(test_responses),
        TEST(test_the_ends_of_responses),
        TEST(test_dates),
        TEST(test_the_shard_is_told),
        TEST(test_many_short_fields),
        TEST(test_trailers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
