/*
 * HTTP/1 request heads: what is taken and how it is understood. What is refused: see
 * test_http1_refused.c.
 */
#include "support/http1_assert.h"

#define HEAD(line) line "\r\nHost: h\r\n"

static void test_a_plain_request(void **state)
{
    static const char text[] = "GET /route?pool=a&key=b HTTP/1.1\r\nHost: localhost:9900\r\n"
                               "Accept:  text/html, */* \t\r\nX-Empty:\r\n\r\nGET /next";
    struct http1_request request;
    struct slice value;

    (void)state;
    take_request(text, &request);
    assert_slice(request.method, "GET");
    assert_int_equal(request.method_id, HTTP1_GET);
    assert_slice(request.target, "/route?pool=a&key=b");
    assert_slice(request.path, "/route");
    assert_slice(request.query, "pool=a&key=b");
    assert_true(request.has_query);
    assert_slice(request.host, "localhost:9900");
    assert_int_equal(request.minor, 1);
    assert_int_equal(request.fields.n, 3);
    assert_slice(request.fields.list[1].name, "Accept");
    assert_slice(request.fields.list[1].value, "text/html, */*");
    assert_int_equal(request.fields.list[1].id, HTTP1_NAME_OTHER);
    assert_true(http1_find_field(&request.fields, "x-empty", &value));
    assert_slice(value, "");
    assert_false(http1_find_field(&request.fields, "x-other", &value));
    assert_true(request.keep_alive);
    assert_int_equal(request.body, HTTP1_BODY_NONE);
    assert_false(request.has_fragment || request.has_upgrade || request.expect_continue);
    assert_int_equal(request.head_len, sizeof text - 1 - strlen("GET /next"));
}

/* ---- the request line -------------------------------------------------------------------- */

struct line_case {
    const char *line, *path, *query, *authority;
};

static const struct line_case line_cases[] = {
    {"GET / HTTP/1.1", "/", "", ""},
    {"\r\nGET / HTTP/1.1", "/", "", ""},
    {"GET /a?b?c HTTP/1.1", "/a", "b?c", ""},
    {"GET /a? HTTP/1.1", "/a", "", ""},
    {"GET //a/../b HTTP/1.1", "//a/../b", "", ""},
    {"GET /%41%zz|{}^ HTTP/1.1", "/%41%zz|{}^", "", ""},
    {"GET http://x:1/a?b HTTP/1.1", "/a", "b", "x:1"},
    {"GET HTTPS://x HTTP/1.1", "", "", "x"},
    {"GET http://x?q HTTP/1.1", "", "q", "x"},
    {"GET http://[::1]:80/ HTTP/1.1", "/", "", "[::1]:80"},
    {"OPTIONS * HTTP/1.1", "", "", ""},
    {"OPTIONS /a HTTP/1.1", "/a", "", ""},
    {"CONNECT x:443 HTTP/1.1", "", "", "x:443"},
};

static void test_targets(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(line_cases); i++) {
        const struct line_case *c = &line_cases[i];
        struct http1_request request;
        char text[128];

        (void)snprintf(text, sizeof text, HEAD("%s") "\r\n", c->line);
        take_request(text, &request);
        assert_slice(request.path, c->path);
        assert_slice(request.query, c->query);
        assert_int_equal(request.has_query, strchr(c->line, '?') != NULL);
        assert_slice(request.authority, c->authority);
        assert_int_equal(request.head_len, strlen(text));
    }
}

static void test_the_authority_replaces_host(void **state)
{
    struct http1_request request;
    struct slice value;

    (void)state;
    take_request(HEAD("GET http://other:8/ HTTP/1.1") "\r\n", &request);
    assert_slice(request.host, "other:8");
    assert_true(http1_find_field(&request.fields, "host", &value));
    assert_slice(value, "h");
    take_request("GET http://other/ HTTP/1.0\r\n\r\n", &request);
    assert_true(request.has_host);
    assert_slice(request.host, "other");
}

static void test_hosts(void **state)
{
    static const char *const hosts[] = {"",        "h",       "h:",        "h:80", "127.0.0.1:80",
                                        "[::1]",   "[::1]:8", "a_b.c-d~e", "x%41", "a,b;c=d",
                                        "[v1.a:b]"};
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(hosts); i++) {
        struct http1_request request;
        char text[128];

        (void)snprintf(text, sizeof text, "GET / HTTP/1.1\r\nhOST: %s\r\n\r\n", hosts[i]);
        take_request(text, &request);
        assert_true(request.has_host);
        assert_slice(request.host, hosts[i]);
    }
}

static void test_methods(void **state)
{
    static const char *const texts[] = {
#define X(name, text) text,
        HTTP1_METHODS(X)
#undef X
    };
    struct http1_request request;
    unsigned i;

    (void)state;
    for (i = 0; i < HTTP1_OTHER; i++) {
        const char *target = i == HTTP1_CONNECT ? "h:1" : "/";
        char text[128];

        (void)snprintf(text, sizeof text, HEAD("%s %s HTTP/1.1") "\r\n", texts[i], target);
        take_request(text, &request);
        assert_int_equal(request.method_id, i);
        assert_slice(request.method, texts[i]);
        assert_string_equal(http1_method_name((enum http1_method)i), texts[i]);
    }
    take_request(HEAD("get / HTTP/1.1") "\r\n", &request);
    assert_int_equal(request.method_id, HTTP1_OTHER);
    take_request(HEAD("b!ew~ / HTTP/1.1") "\r\n", &request);
    assert_int_equal(request.method_id, HTTP1_OTHER);
    assert_slice(request.method, "b!ew~");
    take_request(HEAD("MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM / HTTP/1.1") "\r\n", &request);
    assert_int_equal(request.method.len, HTTP1_METHOD_MAX);
    assert_string_equal(http1_method_name(HTTP1_OTHER), "OTHER");
}

static void test_idempotent_methods(void **state)
{
    (void)state;
    assert_true(http1_method_is_idempotent(HTTP1_GET));
    assert_true(http1_method_is_idempotent(HTTP1_HEAD));
    assert_true(http1_method_is_idempotent(HTTP1_PUT));
    assert_true(http1_method_is_idempotent(HTTP1_DELETE));
    assert_true(http1_method_is_idempotent(HTTP1_OPTIONS));
    assert_true(http1_method_is_idempotent(HTTP1_TRACE));
    assert_false(http1_method_is_idempotent(HTTP1_POST));
    assert_false(http1_method_is_idempotent(HTTP1_PATCH));
    assert_false(http1_method_is_idempotent(HTTP1_CONNECT));
    assert_false(http1_method_is_idempotent(HTTP1_OTHER));
}

static void test_versions(void **state)
{
    struct http1_request request;

    (void)state;
    take_request(HEAD("GET / HTTP/1.9") "\r\n", &request);
    assert_int_equal(request.minor, 1);
    assert_true(request.keep_alive);
    take_request("GET / HTTP/1.0\r\n\r\n", &request);
    assert_int_equal(request.minor, 0);
    assert_false(request.keep_alive || request.has_host);
}

static void test_a_fragment_where_it_is_allowed(void **state)
{
    static const struct http1_limits limits = {HTTP1_TEST_HEAD_MAX, true};
    static const struct {
        const char *line, *target, *query, *fragment;
    } cases[] = {
        {"GET /a?b#c HTTP/1.1", "/a?b", "b", "c"},
        {"GET /a#?b HTTP/1.1", "/a", "", "?b"},
        {"GET /a# HTTP/1.1", "/a", "", ""},
        {"GET http://x#c HTTP/1.1", "http://x", "", "c"},
    };
    static const char *const refused[] = {"GET #a HTTP/1.1", "GET /a#b#c HTTP/1.1",
                                          "OPTIONS *#a HTTP/1.1", "CONNECT h:1#a HTTP/1.1"};
    struct http1_request request;
    char text[128];
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        struct http1_scan scan = {0};

        (void)snprintf(text, sizeof text, HEAD("%s") "\r\n", cases[i].line);
        assert_int_equal(http1_request_parse(slice_of(text), &scan, &limits, &request),
                         HTTP1_PARSE_DONE);
        assert_true(request.has_fragment);
        assert_slice(request.target, cases[i].target);
        assert_slice(request.query, cases[i].query);
        assert_slice(request.fragment, cases[i].fragment);
    }
    for (i = 0; i < COUNT(refused); i++) {
        struct http1_scan scan = {0};

        (void)snprintf(text, sizeof text, HEAD("%s") "\r\n", refused[i]);
        assert_int_equal(http1_request_parse(slice_of(text), &scan, &limits, &request),
                         HTTP1_PARSE_ERROR);
        assert_int_equal(request.status, 400);
    }
}

/* ---- fields ------------------------------------------------------------------------------ */

/* Every name of the table is recognised, in any case; and nothing that only looks like one. */
static void test_names(void **state)
{
    static const struct {
        const char *text;
        uint8_t id;
        bool always_hop;
    } names[] = {
#define X(name, text, always_hop) {text, HTTP1_NAME_##name, always_hop},
        HTTP1_NAMES(X)
#undef X
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(names); i++) {
        struct http1_scan scan = {0};
        struct http1_fields fields;
        const char *error;
        char text[256];
        size_t len, last = strlen(names[i].text) - 1;

        (void)snprintf(text, sizeof text, "%s: 1\r\n%s: 1\r\n%s: 1\r\nx%s: 1\r\n\r\n",
                       names[i].text, names[i].text, names[i].text, names[i].text);
        text[0] = (char)(text[0] - 0x20);  /* a capital letter */
        text[(last + 6) * 2 + last] = '~'; /* another last byte */
        assert_int_equal(
            http1_trailers_parse(slice_of(text), &scan, sizeof text, &fields, &len, &error),
            HTTP1_PARSE_DONE);
        assert_int_equal(fields.list[0].id, names[i].id);
        assert_int_equal(fields.list[0].hop, names[i].always_hop);
        assert_int_equal(fields.list[1].id, names[i].id);
        assert_int_equal(fields.list[2].id, HTTP1_NAME_OTHER);
        assert_int_equal(fields.list[3].id, HTTP1_NAME_OTHER);
    }
}

static void test_values(void **state)
{
    struct http1_request request;

    (void)state;
    take_request(
        HEAD("GET / HTTP/1.1") "A:\r\nB: \t \r\nC:x\r\nD:\t y z\t\r\nE: \xff\xfe \xc3\xbc\r\n"
                               "a: second\r\nF: long enough for\ta word: \"twice\"\r\n\r\n",
        &request);
    assert_slice(request.fields.list[1].value, "");
    assert_slice(request.fields.list[2].value, "");
    assert_slice(request.fields.list[3].value, "x");
    assert_slice(request.fields.list[4].value, "y z");
    assert_slice(request.fields.list[5].value, "\xff\xfe \xc3\xbc");
    assert_slice(request.fields.list[6].name, "a");
    assert_slice(request.fields.list[6].value, "second");
    assert_slice(request.fields.list[7].value, "long enough for\ta word: \"twice\"");
}

static void test_every_byte_of_a_value(void **state)
{
    unsigned byte, at;

    (void)state;
    for (byte = 0; byte < 256; byte++) {
        for (at = 0; at < 17; at++) {
            char text[] = "GET / HTTP/1.1\r\nHost: h\r\nX: 01234567890123456\r\n\r\n";
            bool is_text = (byte >= 0x20 && byte != 0x7f) || byte == '\t';
            const struct http1_limits limits = {.head_max = sizeof text};
            struct http1_scan scan = {0};
            struct http1_request request;

            text[strcspn(text, "X") + 3 + at] = (char)byte;
            assert_int_equal(
                http1_request_parse(slice_make(text, sizeof text - 1), &scan, &limits, &request),
                is_text ? HTTP1_PARSE_DONE : HTTP1_PARSE_ERROR);
        }
    }
}

static void test_every_byte_of_a_name(void **state)
{
    unsigned byte;

    (void)state;
    for (byte = 1; byte < 256; byte++) {
        char text[] = "GET / HTTP/1.1\r\nHost: h\r\nXaY: 1\r\n\r\n";
        bool is_token = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') ||
                        (byte >= 'A' && byte <= 'Z') ||
                        strchr("!#$%&'*+-.^_`|~", (int)byte) != NULL;
        struct http1_request request;

        *strchr(text, 'a') = (char)byte;
        /* a colon ends the name: the rest is the value */
        assert_int_equal(parse_request(text, &request),
                         is_token || byte == ':' ? HTTP1_PARSE_DONE : HTTP1_PARSE_ERROR);
    }
}

/* ---- Connection -------------------------------------------------------------------------- */

struct keep_case {
    const char *text;
    bool keep_alive;
};

static const struct keep_case keep_cases[] = {
    {"GET / HTTP/1.0\r\n\r\n", false},
    {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true},
    {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true},
    {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", false},
    {"GET / HTTP/1.0\r\nProxy-Connection: keep-alive\r\n\r\n", false},
    {HEAD("GET / HTTP/1.1") "Connection: keep-alive\r\n\r\n", true},
    {HEAD("GET / HTTP/1.1") "CONNECTION: foo ,\tClose\r\n\r\n", false},
    {HEAD("GET / HTTP/1.1") "Connection: foo\r\nConnection: close\r\n\r\n", false},
    {HEAD("GET / HTTP/1.1") "Connection: closed, not-close, \"close\"\r\n\r\n", true},
    {HEAD("GET / HTTP/1.1") "Connection:\r\nConnection: ,,\r\n\r\n", true},
};

static void test_keep_alive(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(keep_cases); i++) {
        struct http1_request request;

        take_request(keep_cases[i].text, &request);
        if (request.keep_alive != keep_cases[i].keep_alive) {
            fail_msg("keep_alive %d: %s", request.keep_alive, keep_cases[i].text);
        }
    }
}

static void test_upgrade(void **state)
{
    struct http1_request request;

    (void)state;
    take_request(HEAD("GET / HTTP/1.1") "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
                 &request);
    assert_true(request.has_upgrade);
    take_request(HEAD("GET / HTTP/1.1") "Upgrade: websocket\r\n\r\n", &request);
    assert_false(request.has_upgrade);
    take_request(HEAD("GET / HTTP/1.1") "Connection: upgrade\r\n\r\n", &request);
    assert_false(request.has_upgrade);
    take_request(HEAD("GET / HTTP/1.1") "Connection: upgrade\r\nUpgrade:\r\n\r\n", &request);
    assert_false(request.has_upgrade);
    take_request("GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", &request);
    assert_false(request.has_upgrade);
}

/* What follows it may be another protocol. */
static void test_connect_ends_the_connection(void **state)
{
    struct http1_request request;

    (void)state;
    take_request(HEAD("CONNECT h:443 HTTP/1.1") "Connection: keep-alive\r\n"
                                                "Content-Length: 5\r\n\r\n",
                 &request);
    assert_int_equal(request.body, HTTP1_BODY_NONE);
    assert_false(request.keep_alive);
}

static void test_fields_that_connection_names(void **state)
{
    struct http1_request request;

    (void)state;
    take_request(HEAD("GET / HTTP/1.1") "X-A: 1\r\nConnection: x-a, close,,X-C\r\nX-B: 2\r\n"
                                        "x-c: 3\r\nX-C: 4\r\nKeep-Alive: 5\r\nTE: trailers\r\n\r\n",
                 &request);
    assert_names(&request.fields, true, "X-A Connection x-c X-C Keep-Alive TE ");
    assert_names(&request.fields, false, "Host X-B ");
}

/* Connection cannot remove what frames or routes a request, or what tells who sent it. */
static void test_a_hostile_connection(void **state)
{
    struct http1_request request;

    (void)state;
    take_request(HEAD("POST / HTTP/1.1") "Connection: host, content-length, x-forwarded-for\r\n"
                                         "Connection: X-Forwarded-Host, x-forwarded-proto, via\r\n"
                                         "Connection: forwarded, cookie, date, max-forwards\r\n"
                                         "Connection: expect, trailer\r\n"
                                         "Content-Length: 3\r\nX-Forwarded-For: 192.0.2.1\r\n"
                                         "X-Forwarded-Host: a\r\nX-Forwarded-Proto: b\r\nVia: c\r\n"
                                         "Forwarded: d\r\nCookie: e\r\nDate: f\r\n"
                                         "Max-Forwards: 1\r\nExpect: 100-continue\r\n"
                                         "Trailer: g\r\n\r\n",
                 &request);
    assert_names(&request.fields, true, "Connection Connection Connection Connection ");
    assert_names(&request.fields, false,
                 "Host Content-Length X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto Via "
                 "Forwarded Cookie Date Max-Forwards Expect Trailer ");
    assert_slice(request.host, "h");
    assert_int_equal(request.content_length, 3);
    assert_true(request.expect_continue);
}

/* ---- framing ----------------------------------------------------------------------------- */

struct body_case {
    const char *fields;
    enum http1_body body;
    uint64_t content_length;
    bool has_content_length;
};

static const struct body_case body_cases[] = {
    {"", HTTP1_BODY_NONE, 0, false},
    {"Content-Length: 0\r\n", HTTP1_BODY_NONE, 0, true},
    {"Content-Length: 007\r\n", HTTP1_BODY_LENGTH, 7, true},
    {"content-length:\t7 \r\n", HTTP1_BODY_LENGTH, 7, true},
    {"Content-Length: 5, 5\r\n", HTTP1_BODY_LENGTH, 5, true},
    {"Content-Length: 5\r\nX: y\r\nCONTENT-LENGTH: 5\r\n", HTTP1_BODY_LENGTH, 5, true},
    {"Content-Length: 999999999999999999\r\n", HTTP1_BODY_LENGTH, 999999999999999999, true},
    {"Transfer-Encoding: chunked\r\n", HTTP1_BODY_CHUNKED, 0, false},
    {"Transfer-Encoding: \tChunked \r\n", HTTP1_BODY_CHUNKED, 0, false},
};

static void test_bodies(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(body_cases); i++) {
        const struct body_case *c = &body_cases[i];
        struct http1_request request;
        char text[128];

        (void)snprintf(text, sizeof text, HEAD("GET / HTTP/1.1") "%s\r\n", c->fields);
        take_request(text, &request);
        assert_int_equal(request.body, c->body);
        assert_int_equal(request.content_length, c->content_length);
        assert_int_equal(request.has_content_length, c->has_content_length);
    }
}

static void test_expectations(void **state)
{
    struct http1_request request;

    (void)state;
    take_request(HEAD("POST / HTTP/1.1") "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n",
                 &request);
    assert_true(request.expect_continue);
    take_request(HEAD("POST / HTTP/1.1") "Expect: 200-ok\r\nContent-Length: 1\r\n\r\n", &request);
    assert_false(request.expect_continue);
    take_request("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", &request);
    assert_false(request.expect_continue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_request),
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_the_authority_replaces_host),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_idempotent_methods),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_a_fragment_where_it_is_allowed),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_every_byte_of_a_value),
        cmocka_unit_test(test_every_byte_of_a_name),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_upgrade),
        cmocka_unit_test(test_connect_ends_the_connection),
        cmocka_unit_test(test_fields_that_connection_names),
        cmocka_unit_test(test_a_hostile_connection),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_expectations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
