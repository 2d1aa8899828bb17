/*
 * HTTP/1 response heads: what is taken, what is refused, and what follows.
 */
#include "support/http1_assert.h"
#include "support/http1_stream.h"

#define OK_LINE "HTTP/1.1 200 OK\r\n"
#define TE      "Transfer-Encoding: "
#define CL      "Content-Length: "

static void test_a_plain_response(void **state)
{
    static const char text[] = OK_LINE "Server: x\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                       "Content-Length: 5\r\nSet-Cookie: a=b\r\n"
                                       "Set-Cookie: c=d\r\n\r\nhello";
    struct http1_response response;
    struct slice value;

    (void)state;
    take_response(text, &response);
    assert_int_equal(response.status, 200);
    assert_slice(response.reason, "OK");
    assert_int_equal(response.minor, 1);
    assert_int_equal(response.body, HTTP1_BODY_LENGTH);
    assert_true(response.has_content_length && response.has_date && response.keep_alive);
    assert_false(response.has_upgrade);
    assert_int_equal(response.content_length, 5);
    assert_int_equal(response.head_len, sizeof text - 1 - strlen("hello"));
    assert_int_equal(response.fields.n, 5);
    assert_slice(response.fields.list[3].value, "a=b");
    assert_slice(response.fields.list[4].value, "c=d");
    assert_true(http1_find_field(&response.fields, "SERVER", &value));
    assert_slice(value, "x");
}

/* ---- the status line --------------------------------------------------------------------- */

static void test_status_lines(void **state)
{
    static const struct {
        const char *line;
        int status;
        const char *reason;
        unsigned minor;
    } cases[] = {
        {"HTTP/1.1 200 OK", 200, "OK", 1},
        {"HTTP/1.1 200 ", 200, "", 1},
        {"HTTP/1.1 200", 200, "", 1},
        {"HTTP/1.0 404 Not Found", 404, "Not Found", 0},
        {"HTTP/1.7 999 a\tb \xe9", 999, "a\tb \xe9", 1},
        {"HTTP/1.1 100 Continue", 100, "Continue", 1},
    };
    struct http1_response response;
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        char text[128];

        (void)snprintf(text, sizeof text, "%s\r\n\r\n", cases[i].line);
        take_response(text, &response);
        assert_int_equal(response.status, cases[i].status);
        assert_slice(response.reason, cases[i].reason);
        assert_int_equal(response.minor, cases[i].minor);
        assert_int_equal(response.head_len, strlen(text));
    }
}

static const char *const bad_lines[] = {
    "\r\nHTTP/1.1 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\n\r\n",
    "HTTP/1.1 200 OK\rX: y\r\n\r\n",
    "HTTP/1.1 200 O\rK\r\n\r\n",
    "HTTP/1.1 200 O\x01K\r\n\r\n",
    "HTTP/1.1 200 O\x7fK\r\n\r\n",
    "HTTP/1.1  200 OK\r\n\r\n",
    "HTTP/1.1\t200 OK\r\n\r\n",
    "HTTP/1.1 200\tOK\r\n\r\n",
    "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.1 2x0 OK\r\n\r\n",
    "HTTP/1.1 20x OK\r\n\r\n",
    "HTTP/1.1 099 OK\r\n\r\n",
    "HTTP/1.1 -20 OK\r\n\r\n",
    "HTTP/1.1 OK\r\n\r\n",
    "HTTP/1.1 \r\n\r\n",
    "HTTP/1.1\r\n\r\n",
    "HTTP/1.1 2\r\n\r\n",
    "HTTP/2.0 200 OK\r\n\r\n",
    "HTTP/2 200 OK\r\n\r\n",
    "HTTP/1.10 200 OK\r\n\r\n",
    "http/1.1 200 OK\r\n\r\n",
    " HTTP/1.1 200 OK\r\n\r\n",
    "ICY 200 OK\r\n\r\n",
    "H\r\n\r\n",
    "hello\r\n\r\n",
};

static const char *const bad_heads[] = {
    OK_LINE "X: a\n\r\n",
    OK_LINE "X: a\r\n b\r\n\r\n",
    OK_LINE " X: a\r\n\r\n",
    OK_LINE "X: a\rb\r\n\r\n",
    OK_LINE "X: a\x01\r\n\r\n",
    OK_LINE "X\r\n\r\n",
    OK_LINE ": a\r\n\r\n",
    OK_LINE " : a\r\n\r\n",
    OK_LINE "X Y: a\r\n\r\n",
    OK_LINE "X(: a\r\n\r\n",
    OK_LINE CL "1\r\n" CL "2\r\n\r\n",
    OK_LINE CL "1, 2\r\n\r\n",
    OK_LINE CL "\r\n\r\n",
    OK_LINE CL "-1\r\n\r\n",
    OK_LINE CL "1x\r\n\r\n",
    OK_LINE CL "1000000000000000000\r\n\r\n",
    OK_LINE CL "1\r\n" TE "chunked\r\n\r\n",
    OK_LINE TE "gzip, chunked\r\n\r\n",
    OK_LINE TE "gzip\r\n\r\n",
    OK_LINE TE "identity\r\n\r\n",
    OK_LINE TE "chunked, gzip\r\n\r\n",
    OK_LINE TE "chunked, chunked\r\n\r\n",
    OK_LINE TE "\r\n\r\n",
    "HTTP/1.0 200 OK\r\n" TE "chunked\r\n\r\n",
    "HTTP/1.1 204 No Content\r\n" TE "gzip\r\n\r\n",
};

static void assert_refused(const char *const *texts, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        struct http1_response response;

        if (parse_response(texts[i], &response) != HTTP1_PARSE_ERROR) {
            fail_msg("not refused: %s", texts[i]);
        }
        assert_non_null(response.error);
    }
}

static void test_bad_status_lines(void **state)
{
    (void)state;
    assert_refused(bad_lines, COUNT(bad_lines));
}

static void test_bad_heads(void **state)
{
    (void)state;
    assert_refused(bad_heads, COUNT(bad_heads));
}

static void test_nul_is_refused_everywhere(void **state)
{
    static const char text[] = OK_LINE "X : y\r\n\r\n";
    char copy[sizeof text];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof text - 1; i++) {
        struct http1_response response;
        struct http1_scan scan = {0};

        memcpy(copy, text, sizeof text);
        copy[i] = '\0';
        assert_int_not_equal(http1_response_parse(slice_make(copy, sizeof text - 1), &scan,
                                                  HTTP1_TEST_HEAD_MAX, &response),
                             HTTP1_PARSE_DONE);
    }
}

/* ---- fields ------------------------------------------------------------------------------ */

static void test_space_before_the_colon_is_dropped(void **state)
{
    struct http1_response response;

    (void)state;
    take_response(OK_LINE "Content-Length \t: 3\r\nX : y\r\n\r\n", &response);
    assert_slice(response.fields.list[0].name, "Content-Length");
    assert_int_equal(response.fields.list[0].id, HTTP1_NAME_CONTENT_LENGTH);
    assert_int_equal(response.content_length, 3);
    assert_slice(response.fields.list[1].name, "X");
}

static void test_hop_by_hop_fields(void **state)
{
    struct http1_response response;

    (void)state;
    take_response(OK_LINE "Connection: X-A, content-length, set-cookie\r\nx-a: 1\r\n"
                          "Content-Length: 1\r\nKeep-Alive: timeout=5\r\nSet-Cookie: a\r\n"
                          "Proxy-Authenticate: b\r\nDate: c\r\n\r\n",
                  &response);
    assert_names(&response.fields, true,
                 "Connection x-a Keep-Alive Set-Cookie Proxy-Authenticate ");
    assert_names(&response.fields, false, "Content-Length Date ");
    assert_int_equal(response.content_length, 1);
}

/* A shard's Host means nothing. */
static void test_host_in_a_response(void **state)
{
    struct http1_response response;

    (void)state;
    take_response(OK_LINE "Host: a b\r\nHost: c\r\n\r\n", &response);
    assert_int_equal(response.fields.n, 2);
}

static void test_keep_alive(void **state)
{
    static const struct {
        const char *text;
        bool keep_alive;
    } cases[] = {
        {OK_LINE "\r\n", true},
        {OK_LINE "Connection: close\r\n\r\n", false},
        {OK_LINE "Connection: Keep-Alive\r\n\r\n", true},
        {"HTTP/1.0 200 OK\r\n\r\n", false},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", true},
        {"HTTP/1.0 200 OK\r\nConnection: keep-alive, close\r\n\r\n", false},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        struct http1_response response;

        take_response(cases[i].text, &response);
        assert_int_equal(response.keep_alive, cases[i].keep_alive);
    }
}

static void test_upgrade(void **state)
{
    static const char line[] = "HTTP/1.1 101 Switching Protocols\r\n";
    struct http1_response response;
    char text[128];

    (void)state;
    (void)snprintf(text, sizeof text, "%sConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", line);
    take_response(text, &response);
    assert_true(response.has_upgrade);
    (void)snprintf(text, sizeof text, "%sUpgrade: websocket\r\n\r\n", line);
    take_response(text, &response);
    assert_false(response.has_upgrade);
}

/* ---- what follows ------------------------------------------------------------------------ */

struct body_case {
    const char *text;
    enum http1_body to_get, to_head;
};

static const struct body_case body_cases[] = {
    {OK_LINE "\r\n", HTTP1_BODY_CLOSE, HTTP1_BODY_NONE},
    {OK_LINE CL "0\r\n\r\n", HTTP1_BODY_NONE, HTTP1_BODY_NONE},
    {OK_LINE CL "5\r\n\r\n", HTTP1_BODY_LENGTH, HTTP1_BODY_NONE},
    {OK_LINE CL "5, 5\r\n" CL "5\r\n\r\n", HTTP1_BODY_LENGTH, HTTP1_BODY_NONE},
    {OK_LINE TE "chunked\r\n\r\n", HTTP1_BODY_CHUNKED, HTTP1_BODY_NONE},
    {"HTTP/1.0 200 OK\r\n\r\n", HTTP1_BODY_CLOSE, HTTP1_BODY_NONE},
    {"HTTP/1.1 100 Continue\r\n" CL "5\r\n\r\n", HTTP1_BODY_NONE, HTTP1_BODY_NONE},
    {"HTTP/1.1 101 Switching Protocols\r\n\r\n", HTTP1_BODY_NONE, HTTP1_BODY_NONE},
    {"HTTP/1.1 199 x\r\n" TE "chunked\r\n\r\n", HTTP1_BODY_NONE, HTTP1_BODY_NONE},
    {"HTTP/1.1 204 No Content\r\n" CL "5\r\n\r\n", HTTP1_BODY_NONE, HTTP1_BODY_NONE},
    {"HTTP/1.1 204 No Content\r\n" TE "chunked\r\n\r\n", HTTP1_BODY_NONE, HTTP1_BODY_NONE},
    {"HTTP/1.1 205 Reset Content\r\n" CL "5\r\n\r\n", HTTP1_BODY_LENGTH, HTTP1_BODY_NONE},
    {"HTTP/1.1 304 Not Modified\r\n" CL "5\r\n\r\n", HTTP1_BODY_NONE, HTTP1_BODY_NONE},
    {"HTTP/1.1 304 Not Modified\r\n\r\n", HTTP1_BODY_NONE, HTTP1_BODY_NONE},
    {"HTTP/1.1 404 Not Found\r\n" CL "5\r\n\r\n", HTTP1_BODY_LENGTH, HTTP1_BODY_NONE},
};

static void test_bodies(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(body_cases); i++) {
        const struct body_case *c = &body_cases[i];
        struct http1_response response;

        take_response(c->text, &response);
        if (http1_response_body(&response, HTTP1_GET) != c->to_get ||
            http1_response_body(&response, HTTP1_OTHER) != c->to_get ||
            http1_response_body(&response, HTTP1_HEAD) != c->to_head) {
            fail_msg("another body: %s", c->text);
        }
    }
}

/* The length that a body would have had can be passed on. */
static void test_the_length_of_no_body_is_known(void **state)
{
    struct http1_response response;

    (void)state;
    take_response("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", &response);
    assert_true(response.has_content_length);
    assert_int_equal(response.content_length, 5);
}

/* ---- limits and pieces ------------------------------------------------------------------- */

static void test_the_longest_head(void **state)
{
    static char text[2 * HTTP1_TEST_HEAD_MAX];
    struct http1_response response;
    size_t used = (size_t)snprintf(text, sizeof text, "%sX: ", OK_LINE);

    (void)state;
    memset(text + used, 'a', HTTP1_TEST_HEAD_MAX - 4 - used);
    memcpy(text + HTTP1_TEST_HEAD_MAX - 4, "\r\n\r\nmore", 9);
    take_response(text, &response);
    assert_int_equal(response.head_len, HTTP1_TEST_HEAD_MAX);
    memcpy(text + HTTP1_TEST_HEAD_MAX - 4, "a\r\n\r\n", 6);
    assert_int_equal(parse_response(text, &response), HTTP1_PARSE_ERROR);
    text[HTTP1_TEST_HEAD_MAX - 1] = '\0';
    assert_int_equal(parse_response(text, &response), HTTP1_PARSE_MORE);
}

static void test_too_many_fields(void **state)
{
    static char text[HTTP1_TEST_HEAD_MAX];
    struct http1_response response;
    size_t used = (size_t)snprintf(text, sizeof text, OK_LINE), i;

    (void)state;
    for (i = 0; i < HTTP1_FIELDS_MAX; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "X: y\r\n");
    }
    memcpy(text + used, "\r\n", 3);
    take_response(text, &response);
    assert_int_equal(response.fields.n, HTTP1_FIELDS_MAX);
    memcpy(text + used, "X: y\r\n\r\n", 9);
    assert_int_equal(parse_response(text, &response), HTTP1_PARSE_ERROR);
}

static void assert_same_in_pieces(const char *text)
{
    struct http1_stream s = {.data = slice_of(text), .is_response = true};
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
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(bad_lines); i++) {
        assert_same_in_pieces(bad_lines[i]);
    }
    for (i = 0; i < COUNT(bad_heads); i++) {
        assert_same_in_pieces(bad_heads[i]);
    }
    for (i = 0; i < COUNT(body_cases); i++) {
        assert_same_in_pieces(body_cases[i].text);
    }
}

static void test_an_incomplete_head_needs_more(void **state)
{
    static const char text[] = OK_LINE "X: y\r\n\r\n";
    static struct http1_response response, untouched;
    struct http1_scan scan = {0};
    size_t n;

    (void)state;
    memset(&response, 0x55, sizeof response);
    untouched = response;
    for (n = 0; n < sizeof text - 1; n++) {
        assert_int_equal(
            http1_response_parse(slice_make(text, n), &scan, HTTP1_TEST_HEAD_MAX, &response),
            HTTP1_PARSE_MORE);
        assert_memory_equal(&response, &untouched, sizeof response);
    }
    assert_int_equal(
        http1_response_parse(slice_make(text, n), &scan, HTTP1_TEST_HEAD_MAX, &response),
        HTTP1_PARSE_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_response),
        cmocka_unit_test(test_status_lines),
        cmocka_unit_test(test_bad_status_lines),
        cmocka_unit_test(test_bad_heads),
        cmocka_unit_test(test_nul_is_refused_everywhere),
        cmocka_unit_test(test_space_before_the_colon_is_dropped),
        cmocka_unit_test(test_hop_by_hop_fields),
        cmocka_unit_test(test_host_in_a_response),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_upgrade),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_the_length_of_no_body_is_known),
        cmocka_unit_test(test_the_longest_head),
        cmocka_unit_test(test_too_many_fields),
        cmocka_unit_test(test_pieces_do_not_matter),
        cmocka_unit_test(test_an_incomplete_head_needs_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
