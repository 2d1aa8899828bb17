/*
 * Where a described HTTP request goes, or why it goes nowhere.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/http_site.h"

#include "topology/http_explain.h"

#define TRUSTED "10.0.0.0/8, 192.0.2.1, 'fd00::/8'"

static const char explained[] =
    "{match: {path_prefix: /u/}, key: ['{query.u}', '{path.2}'], key_missing: error, pool: web},"
    "{match: {path_prefix: /ip}, key: '{client_ip}', pool: web},"
    "{match: {path_prefix: /h}, key: '{host}{header.x}', pool: web},"
    "{match: {path_prefix: /f}, key: '{fragment}', pool: web}";

struct explain_case {
    const char *method, *url, *header, *client;
    enum http_explain_result result;
    size_t route;
    const char *text; /* the key, or the reason */
};

static void check_explanation(const struct site *site, const struct explain_case *wanted)
{
    struct slice header = slice_of(wanted->header);
    struct http_explain_query query = {.method = slice_of(wanted->method),
                                       .url = slice_of(wanted->url),
                                       .headers = &header,
                                       .n_headers = header.len > 0,
                                       .client = slice_of(wanted->client)};
    char text[HTTP_EXPLAIN_PROBLEM_BYTES];
    struct http_explain explain;

    if (http_explain(&explain, site->topology, &query, text) != 0) {
        fail_msg("%s: %s", wanted->url, text);
    }
    http_explain_reason(&explain, text);
    if (explain.result != wanted->result || explain.route_number != wanted->route) {
        fail_msg("%s: route %zu, %s", wanted->url, explain.route_number, text);
    }
    if (explain.result == HTTP_EXPLAIN_HOME) {
        const struct hashring *ring = site->topology->pools[1].ring;
        assert_slice(explain.key, wanted->text, wanted->url);
        assert_string_equal(explain.pool->config->name, "web");
        assert_int_equal(explain.hash, hashring_hash(ring, wanted->text, strlen(wanted->text)));
        assert_int_equal(explain.shard, hashring_home(ring, explain.hash));
        assert_non_null(explain.template);
    } else {
        assert_string_equal(text, wanted->text);
        assert_null(explain.template);
    }
    http_explain_deinit(&explain);
}

static void test_explanations(void **state)
{
    static const struct explain_case cases[] = {
        {"", "/u/7", "", "", HTTP_EXPLAIN_HOME, 1, "7"},
        {"", "/u/7?u=8", "", "", HTTP_EXPLAIN_HOME, 1, "8"},
        {"PUT", "http://h/u/7", "", "", HTTP_EXPLAIN_HOME, 1, "7"},
        {"", "/u/", "", "", HTTP_EXPLAIN_NO_KEY, 1,
         "no key: answered with 400, by key_missing: error"},
        {"", "/ip", "", "", HTTP_EXPLAIN_HOME, 2, "127.0.0.1"},
        {"", "/ip", "X-Forwarded-For: 1.1.1.1", "", HTTP_EXPLAIN_HOME, 2, "127.0.0.1"},
        {"", "/ip", "", "192.0.2.7", HTTP_EXPLAIN_HOME, 2, "192.0.2.7"},
        {"", "/ip", "X-Forwarded-For: 1.1.1.1", "10.0.0.1", HTTP_EXPLAIN_HOME, 2, "1.1.1.1"},
        {"", "/h", "x:1", "", HTTP_EXPLAIN_HOME, 3, "localhost1"},
        {"", "HTTP://Shop:80/h", "x: 1", "", HTTP_EXPLAIN_HOME, 3, "shop1"},
        {"", "/h", "", "", HTTP_EXPLAIN_RANDOM, 3, "no key: any shard, by key_missing: random"},
        {"", "/f#a/b", "", "", HTTP_EXPLAIN_HOME, 4, "a/b"},
        {"", "/x", "", "", HTTP_EXPLAIN_NO_ROUTE, 0, "no route: answered with 404"},
        {"", "http://h", "", "", HTTP_EXPLAIN_NO_ROUTE, 0, "no route: answered with 404"},
        {"", "http://h?u=/u/", "", "", HTTP_EXPLAIN_NO_ROUTE, 0, "no route: answered with 404"},
        {"OPTIONS", "*", "", "", HTTP_EXPLAIN_NO_ROUTE, 0, "no route: answered with 404"},
    };
    struct site site;

    (void)state;
    site_open(&site, explained, TRUSTED);
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        check_explanation(&site, &cases[i]);
    }
    site_close(&site);
}

/* What the parser refuses is said with the status that the proxy answers. */
static void test_refused_requests(void **state)
{
    static const struct {
        const char *method, *url, *header;
        int status;
    } cases[] = {
        {"", "*", "", 400},
        {"A\tB", "/", "", 400},
        {"LONGLONGLONGLONGLONGLONGLONGLONGL", "/", "", 501},
        {"", "http://user@h/", "", 400},
        {"", "/", "a b: c", 400},
        {"", "/", " folded: c", 400},
        {"", "/\xc3\xa4", "", 400},
        {"", "/", "Transfer-Encoding: gzip, chunked", 501},
    };
    struct site site;

    (void)state;
    site_open(&site, explained, "");
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        struct slice header = slice_of(cases[i].header);
        struct http_explain_query query = {.method = slice_of(cases[i].method),
                                           .url = slice_of(cases[i].url),
                                           .headers = &header,
                                           .n_headers = header.len > 0};
        char text[HTTP_EXPLAIN_PROBLEM_BYTES], wanted[64];
        struct http_explain explain;

        assert_int_equal(http_explain(&explain, site.topology, &query, text), 0);
        assert_int_equal(explain.result, HTTP_EXPLAIN_REFUSED);
        assert_int_equal(explain.request.status, cases[i].status);
        http_explain_reason(&explain, text);
        snprintf(wanted, sizeof(wanted), "refused: answered with %d, ", cases[i].status);
        assert_memory_equal(text, wanted, strlen(wanted));
        http_explain_deinit(&explain);
    }
    site_close(&site);
}

/* Another listener has other routes, and no fragments. */
static void test_the_listener_asked(void **state)
{
    struct http_explain_query query = {.url = slice_of("/f#a"),
                                       .listener = slice_of("127.0.0.1:8081")};
    char text[HTTP_EXPLAIN_PROBLEM_BYTES];
    struct http_explain explain;
    struct site site;

    (void)state;
    site_open(&site, explained, "");
    assert_int_equal(http_explain(&explain, site.topology, &query, text), 0);
    assert_int_equal(explain.result, HTTP_EXPLAIN_REFUSED);
    assert_string_equal(explain.listener->bind.text, "127.0.0.1:8081");
    http_explain_deinit(&explain);
    query.url = slice_of("/f?a");
    assert_int_equal(http_explain(&explain, site.topology, &query, text), 0);
    assert_int_equal(explain.result, HTTP_EXPLAIN_HOME);
    assert_string_equal(explain.pool->config->name, "other");
    assert_string_equal(explain.template->text, "{uri}");
    assert_slice(explain.key, "/f?a", "the key by the option pool");
    http_explain_deinit(&explain);
    site_close(&site);
}

static void test_no_description_of_a_request(void **state)
{
    static const struct {
        const char *method, *url, *header, *client, *listener, *problem;
    } cases[] = {
        {"", "", "", "", "",
         "URL: found \"\"; accepted: http://HOST[:PORT]/PATH or /PATH, without spaces"},
        {"", "shop/cart", "", "", "",
         "URL: found \"shop/cart\"; accepted: http://HOST[:PORT]/PATH or /PATH, without spaces"},
        {"", "ftp://h/", "", "", "",
         "URL: found \"ftp://h/\"; accepted: http://HOST[:PORT]/PATH or /PATH, without spaces"},
        {"", "http:///a", "", "", "",
         "URL: found \"http:///a\"; accepted: http://HOST[:PORT]/PATH or /PATH, without spaces"},
        {"", "/a\r\nX: y", "", "", "",
         "URL: found \"/a??X: y\"; accepted: http://HOST[:PORT]/PATH or /PATH, without spaces"},
        {"CONNECT", "/", "", "", "",
         "method: found \"CONNECT\"; accepted: the name of a method; CONNECT is never routed"},
        {"A B", "/", "", "", "",
         "method: found \"A B\"; accepted: the name of a method; CONNECT is never routed"},
        {"", "/", "Name", "", "", "header: found \"Name\"; accepted: Name: value"},
        {"", "/", "a: b\r\nc: d", "", "", "header: found \"a: b??c: d\"; accepted: Name: value"},
        {"", "/", "", "h", "", "client: found \"h\"; accepted: an IPv4 or IPv6 address"},
        {"", "/", "", "", "127.0.0.1:1",
         "listener: found \"127.0.0.1:1\"; accepted: 127.0.0.1:8080, 127.0.0.1:8081"},
    };
    struct site site;

    (void)state;
    site_open(&site, explained, "");
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        struct slice header = slice_of(cases[i].header);
        struct http_explain_query query = {.method = slice_of(cases[i].method),
                                           .url = slice_of(cases[i].url),
                                           .headers = &header,
                                           .n_headers = header.len > 0,
                                           .client = slice_of(cases[i].client),
                                           .listener = slice_of(cases[i].listener)};
        char problem[HTTP_EXPLAIN_PROBLEM_BYTES];
        struct http_explain explain;

        assert_int_equal(http_explain(&explain, site.topology, &query, problem), -1);
        assert_string_equal(problem, cases[i].problem);
    }
    site_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_explanations),
        cmocka_unit_test(test_refused_requests),
        cmocka_unit_test(test_the_listener_asked),
        cmocka_unit_test(test_no_description_of_a_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
