/*
 * HTTP/1 request heads: what is taken, what is refused and with which status, and that the answer
 * does not depend on how the bytes arrive.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/http1.h"

#define HEAD_MAX 1024u

static const struct http1_limits limits = {.head_max = HEAD_MAX};

static enum http1_parse parse(const char *text, struct http1_request *out)
{
    struct http1_scan scan = {0};

    return http1_request_parse(slice_of(text), &scan, &limits, out);
}

static void assert_slice(struct slice slice, const char *text)
{
    if (!slice_is(slice, text)) {
        fail_msg("'%.*s' is not '%s'", (int)slice.len, (const char *)slice.data, text);
    }
}

/* --- What is taken --- */

static void test_a_plain_request(void **state)
{
    static const char text[] = "GET /route?pool=a&key=b HTTP/1.1\r\nHost: localhost:9900\r\n"
                               "Accept:  text/html, */* \t\r\nX-Empty:\r\n\r\nGET /next";
    struct http1_request request;
    struct slice value;

    (void)state;
    assert_int_equal(parse(text, &request), HTTP1_PARSE_DONE);
    assert_slice(request.method, "GET");
    assert_slice(request.target, "/route?pool=a&key=b");
    assert_slice(request.path, "/route");
    assert_slice(request.query, "pool=a&key=b");
    assert_true(request.has_query);
    assert_slice(request.host, "localhost:9900");
    assert_int_equal(request.minor, 1);
    assert_int_equal(request.fields.n, 3);
    assert_slice(request.fields.list[1].name, "Accept");
    assert_slice(request.fields.list[1].value, "text/html, */*");
    assert_true(http1_find_field(&request.fields, "x-empty", &value));
    assert_slice(value, "");
    assert_false(http1_find_field(&request.fields, "x-other", &value));
    assert_true(request.keep_alive);
    assert_int_equal(request.head_len, sizeof text - 1 - strlen("GET /next"));
}

struct good_case {
    const char *text, *path, *query, *authority;
    bool keep_alive;
};

static const struct good_case good_cases[] = {
    {"GET / HTTP/1.0\r\n\r\n", "/", "", "", false},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "/", "", "", true},
    {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "/", "", "", false},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", "/", "", "", true},
    {"GET / HTTP/1.1\r\nhOST: h\r\nCONNECTION: foo ,\tClose\r\n\r\n", "/", "", "", false},
    {"GET / HTTP/1.1\r\nHost: h\r\nConnection: foo\r\nConnection: close\r\n\r\n", "/", "", "",
     false},
    {"GET / HTTP/1.9\r\nHost: h\r\n\r\n", "/", "", "", true},
    {"\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "/", "", "", true},
    {"GET /a?b?c HTTP/1.1\r\nHost: h\r\n\r\n", "/a", "b?c", "", true},
    {"GET /a? HTTP/1.1\r\nHost: h\r\n\r\n", "/a", "", "", true},
    {"GET http://h:1/a?b HTTP/1.1\r\nHost: h\r\n\r\n", "/a", "b", "h:1", true},
    {"GET HTTPS://h HTTP/1.1\r\nHost: h\r\n\r\n", "", "", "h", true},
    {"GET http://h?q HTTP/1.1\r\nHost: h\r\n\r\n", "", "q", "h", true},
    {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "", "", "", true},
    {"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", "", "", "h:443", true},
    {"b!ew~ / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "/", "", "", true},
    {"GET / HTTP/1.1\r\nHost: h\r\nX: \xff\xfe \xc3\xbc\r\n\r\n", "/", "", "", true},
};

static void test_good_requests(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof good_cases / sizeof *good_cases; i++) {
        const struct good_case *c = &good_cases[i];
        struct http1_request request;

        if (parse(c->text, &request) != HTTP1_PARSE_DONE) {
            fail_msg("refused: %s", c->text);
        }
        assert_slice(request.path, c->path);
        assert_slice(request.query, c->query);
        assert_slice(request.authority, c->authority);
        assert_int_equal(request.keep_alive, c->keep_alive);
        assert_int_equal(request.head_len, strlen(c->text));
    }
}

static void test_what_frames_a_body(void **state)
{
    struct http1_request request;

    (void)state;
    assert_int_equal(parse("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 007\r\n"
                           "Expect: 100-Continue\r\n\r\n",
                           &request),
                     HTTP1_PARSE_DONE);
    assert_true(request.has_content_length);
    assert_int_equal(request.content_length, 7);
    assert_true(request.expect_continue);
    assert_int_equal(
        parse("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", &request),
        HTTP1_PARSE_DONE);
    assert_int_equal(request.body, HTTP1_BODY_CHUNKED);
    assert_false(request.has_content_length);
    assert_int_equal(request.content_length, 0);
    assert_int_equal(parse("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", &request),
                     HTTP1_PARSE_DONE);
    assert_false(request.expect_continue);
}

/* --- What is refused --- */

struct bad_case {
    int status;
    const char *text;
};

#define OK_LINE "GET / HTTP/1.1\r\nHost: h\r\n"

static const struct bad_case bad_cases[] = {
    /* line ends */
    {400, "GET / HTTP/1.1\nHost: h\n\n"},
    {400, "GET / HTTP/1.1\r\nHost: h\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: h\r\n\n"},
    {400, "GET / HTTP/1.1\rHost: h\r\n\r\n"},
    {400, OK_LINE "X: a\rb\r\n\r\n"},
    {400, OK_LINE "X: a\r\r\n\r\n"},
    {400, "\n"},
    {400, "\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"},
    /* request line */
    {400, " GET / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET  / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET /  HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET / HTTP/1.1 \r\nHost: h\r\n\r\n"},
    {400, "GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET\r\n\r\n"},
    {400, "GET /\r\n\r\n"},
    {400, "GET / \r\n\r\n"},
    {400, "GET HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "G(T / HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET / http/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET / HTTP/1\r\nHost: h\r\n\r\n"},
    {400, "GET / HTTP/1.10\r\nHost: h\r\n\r\n"},
    {400, "GET / HTTP/11\r\nHost: h\r\n\r\n"},
    {505, "GET / HTTP/2.0\r\nHost: h\r\n\r\n"},
    {505, "GET / HTTP/0.9\r\nHost: h\r\n\r\n"},
    {505, "PRI * HTTP/2.0\r\n\r\n"},
    /* target */
    {400, "GET /a\x7f HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET /a\x01 HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET /\xc3\xbc HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET a HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET * HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET http:///a HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "GET http://u@h/a HTTP/1.1\r\nHost: h\r\n\r\n"},
    {400, "CONNECT /a HTTP/1.1\r\nHost: h\r\n\r\n"},
    /* fields */
    {400, OK_LINE "X : a\r\n\r\n"},
    {400, OK_LINE " X: a\r\n\r\n"},
    {400, OK_LINE "X: a\r\n b\r\n\r\n"},
    {400, OK_LINE "X: a\r\n\tb\r\n\r\n"},
    {400, OK_LINE ": a\r\n\r\n"},
    {400, OK_LINE "X\r\n\r\n"},
    {400, OK_LINE "X(: a\r\n\r\n"},
    {400, OK_LINE "X: a\x01\r\n\r\n"},
    {400, OK_LINE "X: a\x7f\r\n\r\n"},
    /* Host */
    {400, "GET / HTTP/1.1\r\n\r\n"},
    {400, OK_LINE "Host: h\r\n\r\n"},
    {400, "GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"},
    /* body framing */
    {400, OK_LINE "Content-Length: \r\n\r\n"},
    {400, OK_LINE "Content-Length: -1\r\n\r\n"},
    {400, OK_LINE "Content-Length: +1\r\n\r\n"},
    {400, OK_LINE "Content-Length: 1 2\r\n\r\n"},
    {400, OK_LINE "Content-Length: 1, 2\r\n\r\n"},
    {400, OK_LINE "Content-Length: 0x1\r\n\r\n"},
    {400, OK_LINE "Content-Length: 1\r\nContent-Length: 2\r\n\r\n"},
    {400, OK_LINE "Content-Length: 9999999999999999999\r\n\r\n"},
    {400, OK_LINE "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"},
};

static void test_bad_requests(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof bad_cases / sizeof *bad_cases; i++) {
        const struct bad_case *c = &bad_cases[i];
        struct http1_request request;

        if (parse(c->text, &request) != HTTP1_PARSE_ERROR) {
            fail_msg("not refused: %s", c->text);
        }
        if (request.status != c->status) {
            fail_msg("%d instead of %d: %s", request.status, c->status, c->text);
        }
        assert_non_null(request.error);
    }
}

static void test_nul_is_refused_everywhere(void **state)
{
    static const char text[] = "GET /a HTTP/1.1\r\nHost: h\r\nX: y\r\n\r\n";
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
    assert_int_equal(parse("GET / HTTP/1.1\n", &request), HTTP1_PARSE_ERROR);
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: h\n", &request), HTTP1_PARSE_ERROR);
}

/* --- Lengths --- */

static void test_too_long(void **state)
{
    static char text[4 * HEAD_MAX];
    struct http1_request request;

    (void)state;
    memset(text, 'a', HEAD_MAX - 1);
    assert_int_equal(parse(text, &request), HTTP1_PARSE_MORE);
    memset(text, 'a', HEAD_MAX);
    assert_int_equal(parse(text, &request), HTTP1_PARSE_ERROR);
    assert_int_equal(request.status, 414);
    (void)snprintf(text, sizeof text, "%sX: ", OK_LINE);
    memset(text + strlen(text), 'a', HEAD_MAX);
    assert_int_equal(parse(text, &request), HTTP1_PARSE_ERROR);
    assert_int_equal(request.status, 431);
}

/* A head of exactly the allowed length passes, also with bytes behind it; one more does not. */
static void test_the_longest_head(void **state)
{
    static char text[2 * HEAD_MAX];
    struct http1_request request;
    size_t used = (size_t)snprintf(text, sizeof text, "%sX: ", OK_LINE);

    (void)state;
    memset(text + used, 'a', HEAD_MAX - 4 - used);
    memcpy(text + HEAD_MAX - 4, "\r\n\r\nmore", 9);
    assert_int_equal(parse(text, &request), HTTP1_PARSE_DONE);
    assert_int_equal(request.head_len, HEAD_MAX);
    memcpy(text + HEAD_MAX - 4, "a\r\n\r\n", 6);
    assert_int_equal(parse(text, &request), HTTP1_PARSE_ERROR);
    assert_int_equal(request.status, 431);
}

static void test_too_many_fields(void **state)
{
    static char text[HEAD_MAX];
    struct http1_request request;
    size_t used = (size_t)snprintf(text, sizeof text, OK_LINE), i;

    (void)state;
    for (i = 1; i < HTTP1_FIELDS_MAX; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "X: y\r\n");
    }
    memcpy(text + used, "\r\n", 3);
    assert_int_equal(parse(text, &request), HTTP1_PARSE_DONE);
    assert_int_equal(request.fields.n, HTTP1_FIELDS_MAX);
    memcpy(text + used, "X: y\r\n\r\n", 9);
    assert_int_equal(parse(text, &request), HTTP1_PARSE_ERROR);
    assert_int_equal(request.status, 431);
}

/* --- Pieces --- */

/* Parse [text] as it grows by [step] bytes. */
static enum http1_parse parse_in_pieces(const char *text, size_t step, struct http1_request *out)
{
    struct http1_scan scan = {0};
    enum http1_parse result = HTTP1_PARSE_MORE;
    size_t len = strlen(text), n;

    for (n = step < len ? step : len; result == HTTP1_PARSE_MORE;
         n = n + step < len ? n + step : len) {
        result = http1_request_parse(slice_make(text, n), &scan, &limits, out);
        if (n == len) {
            break;
        }
    }
    return result;
}

static void assert_same_in_pieces(const char *text)
{
    struct http1_request whole = {0}, pieces = {0};
    enum http1_parse result = parse(text, &whole);
    size_t step;

    for (step = 1; step < strlen(text); step++) {
        assert_int_equal(parse_in_pieces(text, step, &pieces), result);
        if (result == HTTP1_PARSE_ERROR) {
            assert_int_equal(pieces.status, whole.status);
        } else {
            assert_int_equal(pieces.head_len, whole.head_len);
            assert_int_equal(pieces.fields.n, whole.fields.n);
        }
    }
}

static void test_pieces_do_not_matter(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof good_cases / sizeof *good_cases; i++) {
        assert_same_in_pieces(good_cases[i].text);
    }
    for (i = 0; i < sizeof bad_cases / sizeof *bad_cases; i++) {
        assert_same_in_pieces(bad_cases[i].text);
    }
}

static void test_an_incomplete_head_needs_more(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    size_t n;

    (void)state;
    for (n = 0; n < sizeof text - 1; n++) {
        struct http1_request request;
        struct http1_scan scan = {0};

        assert_int_equal(http1_request_parse(slice_make(text, n), &scan, &limits, &request),
                         HTTP1_PARSE_MORE);
    }
}

/* --- Small things --- */

static void test_lists(void **state)
{
    (void)state;
    assert_true(http1_list_has(slice_of("a, b ,\tC"), "c"));
    assert_true(http1_list_has(slice_of("close"), "Close"));
    assert_false(http1_list_has(slice_of("closed, not-close"), "close"));
    assert_false(http1_list_has(slice_of(""), "close"));
    assert_false(http1_list_has(slice_of(",,"), "close"));
}

static void test_percent_decoding(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ""},       {"abc", "abc"},       {"a%20b", "a b"}, {"%41%4a%4A", "AJJ"},
        {"a+b", "a+b"}, {"%25%32%35", "%25"}, {"%", NULL},      {"a%4", NULL},
        {"%4g", NULL},  {"%g4", NULL},        {"%%41", NULL},   {"%c3%bc", "\xc3\xbc"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t out[16];
        ptrdiff_t n = http1_percent_decode(slice_of(cases[i].in), out);

        if (cases[i].out == NULL) {
            assert_int_equal(n, -1);
        } else {
            assert_slice(slice_make(out, (size_t)n), cases[i].out);
        }
    }
}

static void test_queries(void **state)
{
    struct slice query = slice_of("a=1&bc=2=3&d&e=&a=9"), value;

    (void)state;
    assert_true(http1_query_find(query, slice_of("a"), &value));
    assert_slice(value, "1");
    assert_true(http1_query_find(query, slice_of("bc"), &value));
    assert_slice(value, "2=3");
    assert_true(http1_query_find(query, slice_of("d"), &value));
    assert_slice(value, "");
    assert_true(http1_query_find(query, slice_of("e"), &value));
    assert_slice(value, "");
    assert_false(http1_query_find(query, slice_of("b"), &value));
    assert_false(http1_query_find(slice_make(NULL, 0), slice_of("b"), &value));
}

static void test_responses(void **state)
{
    static const char expected[] = "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain\r\n"
                                   "Content-Length: 12\r\nConnection: close\r\nAllow: GET\r\n\r\n";
    struct http1_answer answer = {405, "text/plain", 12, false, "Allow: GET\r\n"};
    char out[256];
    size_t n = http1_answer_write(&answer, out, sizeof out);

    (void)state;
    assert_slice(slice_make(out, n), expected);
    assert_int_equal(http1_answer_write(&answer, out, n - 1), 0);
    assert_int_equal(http1_answer_write(&answer, out, n), n);
    answer = (struct http1_answer){.status = 204, .keep_alive = true};
    n = http1_answer_write(&answer, out, sizeof out);
    assert_slice(slice_make(out, n), "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n");
    assert_string_equal(http1_reason(799), "Unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_request),
        cmocka_unit_test(test_good_requests),
        cmocka_unit_test(test_what_frames_a_body),
        cmocka_unit_test(test_bad_requests),
        cmocka_unit_test(test_nul_is_refused_everywhere),
        cmocka_unit_test(test_bad_line_ends_are_found_at_once),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_the_longest_head),
        cmocka_unit_test(test_too_many_fields),
        cmocka_unit_test(test_pieces_do_not_matter),
        cmocka_unit_test(test_an_incomplete_head_needs_more),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_percent_decoding),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_responses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
