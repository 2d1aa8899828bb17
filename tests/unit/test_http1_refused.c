/*
 * HTTP/1 request heads that are refused, and with which status; limits; and that the answer does
 * not depend on how the bytes arrive.
 */
#include "support/http1_assert.h"
#include "support/http1_stream.h"

#define OK_LINE "GET / HTTP/1.1\r\nHost: h\r\n"
#define TE      "Transfer-Encoding: "
#define CL      "Content-Length: "

struct refused {
    int status;
    const char *text;
};

static const struct refused lines[] = {
    {400, "GET / HTTP/1.1\nHost: h\n\n"},
    {400, "GET / HTTP/1.1\r\nHost: h\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: h\r\n\n"},
    {400, "GET / HTTP/1.1\rHost: h\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n\rHost: h\r\n\r\n"},
    {400, OK_LINE "X: a\rb\r\n\r\n"},
    {400, OK_LINE "X: a\r\r\n\r\n"},
    {400, OK_LINE "X\r: a\r\n\r\n"},
    {400, "GET /a\rb HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "\rXGET / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "\r\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "\n"},
    {400, "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"},
};

static const struct refused request_lines[] = {
    {400, " GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET /  HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET / HTTP/1.1 \r\nHost: h\r\n\r\n"},
    {400, "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET /\tHTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET\r\n\r\n"},
    {400, "GET /\r\n\r\n"},
    {400, "GET / \r\n\r\n"},
    {400, "GET / H\r\n\r\n"},
    {400, "GET HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "G(T / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET / http/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET / HTTP/1\r\nHost: h\r\n\r\n"},
    {400, "GET / HTTP/1.10\r\nHost: h\r\n\r\n"},
    {400, "GET / HTTP/11\r\nHost: h\r\n\r\n"},
    {400, "GET / HTTP/1.x\r\nHost: h\r\n\r\n"},
    {400, "GET / HTTP/ 1.1\r\nHost: h\r\n\r\n"},
    {505, "GET / HTTP/2.0\r\nHost: h\r\n\r\n"},
    {505, "GET / HTTP/0.9\r\nHost: h\r\n\r\n"},
    {505, "PRI * HTTP/2.0\r\n\r\n"},
    {501, "MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM / HTTP/1.1\r\nHost: h\r\n\r\n"},
};

static const struct refused targets[] = {
    {400, "GET /a\x7f HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET /a\x01 HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET /\xc3\xbc HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET # HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET a HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET ?a HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET * HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "OPTIONS ** HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET http:/h/ HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET http:// HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET http://:80/a HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET http://u@h/a HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET http://u:p@h/a HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET http://h:8x/a HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET http://h\\@i/a HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET h:443 HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "CONNECT /a HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "CONNECT h HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "CONNECT h: HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "CONNECT :443 HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "CONNECT u@h:443 HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "CONNECT * HTTP/1.1\r\nHost: h\r\n\r\n"},
};

static const struct refused fields[] = {
    {400, OK_LINE "X : a\r\n\r\n"},
    {400, OK_LINE "X\t: a\r\n\r\n"},
    {400, OK_LINE " X: a\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n Host: h\r\n\r\n"},
    {400, OK_LINE "X: a\r\n b\r\n\r\n"},
    {400, OK_LINE "X: a\r\n\tb\r\n\r\n"},
    {400, OK_LINE "X: a\r\n \r\n\r\n"},
    {400, OK_LINE ": a\r\n\r\n"},
    {400, OK_LINE "X\r\n\r\n"},
    {400, OK_LINE "X(: a\r\n\r\n"},
    {400, OK_LINE "X\xe9: a\r\n\r\n"},
    {400, OK_LINE "X: a\x01\r\n\r\n"},
    {400, OK_LINE "X: a\x7f\r\n\r\n"},
    /* Host */
    {400, "GET / HTTP/1.1\r\n\r\n"},
    {400, "GET http://h/ HTTP/1.1\r\n\r\n"},
    {400, OK_LINE "Host: h\r\n\r\n"},
    {400, OK_LINE "hOsT:\r\n\r\n"},
    {400, "GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: []\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a%4\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: \xc3\xbc\r\n\r\n"},
};

static const struct refused framing[] = {
    {400, OK_LINE CL "\r\n\r\n"},
    {400, OK_LINE CL "-1\r\n\r\n"},
    {400, OK_LINE CL "+1\r\n\r\n"},
    {400, OK_LINE CL "1 2\r\n\r\n"},
    {400, OK_LINE CL "1a\r\n\r\n"},
    {400, OK_LINE CL "1.0\r\n\r\n"},
    {400, OK_LINE CL "0x1\r\n\r\n"},
    {400, OK_LINE CL "\"1\"\r\n\r\n"},
    {400, OK_LINE CL "1_0\r\n\r\n"},
    {400, OK_LINE CL "1,\r\n\r\n"},
    {400, OK_LINE CL ",1\r\n\r\n"},
    {400, OK_LINE CL "1;1\r\n\r\n"},
    {400, OK_LINE CL "1, 2\r\n\r\n"},
    {400, OK_LINE CL "1, 1, x\r\n\r\n"},
    {400, OK_LINE CL "1\r\n" CL "2\r\n\r\n"},
    {400, OK_LINE CL "0\r\n" CL "1\r\n\r\n"},
    {400, OK_LINE CL "1\r\n" CL "\r\n\r\n"},
    {400, OK_LINE CL "1000000000000000000\r\n\r\n"},
    {400, OK_LINE CL "9999999999999999999\r\n\r\n"},
    {400, OK_LINE CL "18446744073709551617\r\n\r\n"},
    {400, OK_LINE CL "1\r\n" TE "chunked\r\n\r\n"},
    {400, OK_LINE TE "chunked\r\n" CL "1\r\n\r\n"},
    {400, OK_LINE TE "chunked\r\n" CL "0\r\n\r\n"},
    {400, OK_LINE TE "gzip\r\n" CL "1\r\n\r\n"},
    {400, "POST / HTTP/1.0\r\n" TE "chunked\r\n\r\n"},
    {400, OK_LINE TE "\r\n\r\n"},
    {400, OK_LINE TE ",chunked\r\n\r\n"},
    {400, OK_LINE TE "chunked,\r\n\r\n"},
    {400, OK_LINE TE "gzip\r\n\r\n"},
    {400, OK_LINE TE "identity\r\n\r\n"},
    {400, OK_LINE TE "xchunked\r\n\r\n"},
    {400, OK_LINE TE "chunke\r\n\r\n"},
    {400, OK_LINE TE "\013chunked\r\n\r\n"},
    {400, OK_LINE TE "\"chunked\"\r\n\r\n"},
    {400, OK_LINE TE "chunked;q=1\r\n\r\n"},
    {400, OK_LINE TE "chunked, gzip\r\n\r\n"},
    {400, OK_LINE TE "chunked\r\n" TE "gzip\r\n\r\n"},
    {400, OK_LINE TE "chunked, chunked\r\n\r\n"},
    {400, OK_LINE TE "chunked\r\n" TE "chunked\r\n\r\n"},
    {400, OK_LINE TE "chunked, gzip, chunked\r\n\r\n"},
    {501, OK_LINE TE "gzip, chunked\r\n\r\n"},
    {501, OK_LINE TE "gzip\r\n" TE "chunked\r\n\r\n"},
    {501, OK_LINE TE "identity, chunked\r\n\r\n"},
};

static void assert_refused(const struct refused *cases, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        struct http1_request request;

        if (parse_request(cases[i].text, &request) != HTTP1_PARSE_ERROR) {
            fail_msg("not refused: %s", cases[i].text);
        }
        if (request.status != cases[i].status) {
            fail_msg("%d instead of %d: %s", request.status, cases[i].status, cases[i].text);
        }
        assert_non_null(request.error);
    }
}

static void test_line_ends(void **state)
{
    (void)state;
    assert_refused(lines, COUNT(lines));
}

static void test_request_lines(void **state)
{
    (void)state;
    assert_refused(request_lines, COUNT(request_lines));
}

static void test_targets(void **state)
{
    (void)state;
    assert_refused(targets, COUNT(targets));
}

static void test_fields(void **state)
{
    (void)state;
    assert_refused(fields, COUNT(fields));
}

static void test_framing(void **state)
{
    (void)state;
    assert_refused(framing, COUNT(framing));
}

static void test_nul_is_refused_everywhere(void **state)
{
    static const char text[] = "GET /a HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n";
    static const struct http1_limits limits = {.head_max = HTTP1_TEST_HEAD_MAX};
    char copy[sizeof text];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof text - 1; i++) {
        struct http1_request request;
        struct http1_scan scan = {0};

        memcpy(copy, text, sizeof text);
        copy[i] = '\0';
        assert_int_not_equal(
            http1_request_parse(slice_make(copy, sizeof text - 1), &scan, &limits, &request),
            HTTP1_PARSE_DONE);
    }
}

static void test_bad_line_ends_are_found_at_once(void **state)
{
    struct http1_request request;

    (void)state;
    assert_int_equal(parse_request("GET / HTTP/1.1\n", &request), HTTP1_PARSE_ERROR);
    assert_int_equal(parse_request("GET / HTTP/1.1\r\nHost: h\n", &request), HTTP1_PARSE_ERROR);
}

/* A client cannot make us compare thousands of options with every field. */
static void test_too_many_connection_options(void **state)
{
    char text[512] = OK_LINE "Connection: close, upgrade, keep-alive";
    struct http1_request request;
    int i;

    (void)state;
    for (i = 0; i < 32; i++) {
        (void)strcat(text, ",a");
    }
    (void)strcat(text, "\r\n\r\n");
    take_request(text, &request);
    memcpy(strstr(text, "close"), "other", 5);
    assert_int_equal(parse_request(text, &request), HTTP1_PARSE_ERROR);
    assert_int_equal(request.status, 400);
}

/* ---- limits ------------------------------------------------------------------------------ */

static void test_too_long(void **state)
{
    static char text[4 * HTTP1_TEST_HEAD_MAX];
    struct http1_request request;

    (void)state;
    memset(text, 'a', HTTP1_TEST_HEAD_MAX - 1);
    assert_int_equal(parse_request(text, &request), HTTP1_PARSE_MORE);
    memset(text, 'a', HTTP1_TEST_HEAD_MAX);
    assert_int_equal(parse_request(text, &request), HTTP1_PARSE_ERROR);
    assert_int_equal(request.status, 414);
    memcpy(text, "\r\nGET /", 7);
    assert_int_equal(parse_request(text, &request), HTTP1_PARSE_ERROR);
    assert_int_equal(request.status, 414);
    (void)snprintf(text, sizeof text, "%sX: ", OK_LINE);
    memset(text + strlen(text), 'a', HTTP1_TEST_HEAD_MAX);
    assert_int_equal(parse_request(text, &request), HTTP1_PARSE_ERROR);
    assert_int_equal(request.status, 431);
}

/* A head of exactly the allowed length passes, also with bytes behind it; one more does not. */
static void test_the_longest_head(void **state)
{
    static char text[2 * HTTP1_TEST_HEAD_MAX];
    struct http1_request request;
    size_t used = (size_t)snprintf(text, sizeof text, "%sX: ", OK_LINE);

    (void)state;
    memset(text + used, 'a', HTTP1_TEST_HEAD_MAX - 4 - used);
    memcpy(text + HTTP1_TEST_HEAD_MAX - 4, "\r\n\r\nmore", 9);
    assert_int_equal(parse_request(text, &request), HTTP1_PARSE_DONE);
    assert_int_equal(request.head_len, HTTP1_TEST_HEAD_MAX);
    memcpy(text + HTTP1_TEST_HEAD_MAX - 4, "a\r\n\r\n", 6);
    assert_int_equal(parse_request(text, &request), HTTP1_PARSE_ERROR);
    assert_int_equal(request.status, 431);
}

static void test_too_many_fields(void **state)
{
    static char text[HTTP1_TEST_HEAD_MAX];
    struct http1_request request;
    size_t used = (size_t)snprintf(text, sizeof text, OK_LINE), i;

    (void)state;
    for (i = 1; i < HTTP1_FIELDS_MAX; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "X: y\r\n");
    }
    memcpy(text + used, "\r\n", 3);
    assert_int_equal(parse_request(text, &request), HTTP1_PARSE_DONE);
    assert_int_equal(request.fields.n, HTTP1_FIELDS_MAX);
    memcpy(text + used, "X: y\r\n\r\n", 9);
    assert_int_equal(parse_request(text, &request), HTTP1_PARSE_ERROR);
    assert_int_equal(request.status, 431);
}

/* ---- pieces ------------------------------------------------------------------------------ */

static void assert_same_in_pieces(const char *text)
{
    struct http1_stream s = {.data = slice_of(text)};
    char *whole = http1_stream_text(s, s.data.len, s.data.len);
    size_t at;

    for (at = 1; at < s.data.len; at++) {
        char *pieces = http1_stream_text(s, at, at % 2 == 0 ? s.data.len : at);

        assert_string_equal(pieces, whole);
        free(pieces);
    }
    free(whole);
}

static void test_pieces_do_not_matter(void **state)
{
    static const struct {
        const struct refused *cases;
        size_t n;
    } tables[] = {{lines, COUNT(lines)},
                  {request_lines, COUNT(request_lines)},
                  {targets, COUNT(targets)},
                  {fields, COUNT(fields)},
                  {framing, COUNT(framing)}};
    size_t table, i;

    (void)state;
    for (table = 0; table < COUNT(tables); table++) {
        for (i = 0; i < tables[table].n; i++) {
            assert_same_in_pieces(tables[table].cases[i].text);
        }
    }
}

/* Nothing is written to until the head is whole. */
static void test_an_incomplete_head_needs_more(void **state)
{
    static const char text[] = "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n";
    static const struct http1_limits limits = {.head_max = HTTP1_TEST_HEAD_MAX};
    static struct http1_request request, untouched;
    struct http1_scan scan = {0};
    size_t n;

    (void)state;
    memset(&request, 0x55, sizeof request);
    untouched = request;
    for (n = 0; n < sizeof text - 1; n++) {
        assert_int_equal(http1_request_parse(slice_make(text, n), &scan, &limits, &request),
                         HTTP1_PARSE_MORE);
        assert_memory_equal(&request, &untouched, sizeof request);
    }
    assert_int_equal(http1_request_parse(slice_make(text, n), &scan, &limits, &request),
                     HTTP1_PARSE_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_request_lines),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_framing),
        cmocka_unit_test(test_nul_is_refused_everywhere),
        cmocka_unit_test(test_bad_line_ends_are_found_at_once),
        cmocka_unit_test(test_too_many_connection_options),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_the_longest_head),
        cmocka_unit_test(test_too_many_fields),
        cmocka_unit_test(test_pieces_do_not_matter),
        cmocka_unit_test(test_an_incomplete_head_needs_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
