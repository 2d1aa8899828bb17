/*
 * HTTP requests to routes and keys, from configurations and request heads as they are written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/http_site.h"

#include "topology/http_route.h"

/* ---- keys ---------------------------------------------------------------------------------- */

struct key_case {
    const char *head, *template, *key; /* key NULL: none */
};

/* The key of one request by one template, with exactly the room that is asked for. */
static void check_key(const struct key_case *wanted, const char *options)
{
    char routes[1024];
    struct site site;
    struct message message;
    struct slice key;
    bool found;

    snprintf(routes, sizeof(routes), "{key: '%s', pool: web%s}", wanted->template, options);
    site_open(&site, routes, "");
    message_read(&message, wanted->head);
    uint8_t *room = malloc(http_route_key_max(site.config));
    found = http_route_key(&site.listener->http_routes[0], &message.request, slice_of("192.0.2.9"),
                           room, &key, NULL);
    if (found != (wanted->key != NULL)) {
        fail_msg("%s of %s: %s", wanted->template, wanted->head, found ? "a key" : "no key");
    }
    if (found) {
        assert_slice(key, wanted->key, wanted->template);
    }
    free(room);
    free(message.bytes);
    site_close(&site);
}

static void test_variables(void **state)
{
    static const struct key_case cases[] = {
        {"GET /a/b?c=d HTTP/1.1\r\n" HOST, "{path}", "/a/b"},
        {"GET / HTTP/1.1\r\n" HOST, "{path}", "/"},
        {"GET http://h HTTP/1.1\r\n" HOST, "{path}", "/"},
        {"OPTIONS * HTTP/1.1\r\n" HOST, "{path}", "*"},
        {"GET /%7ea/./b HTTP/1.1\r\n" HOST, "{path}", "/%7ea/./b"},
        {"GET /a/b?c=d#e HTTP/1.1\r\n" HOST, "{uri}", "/a/b?c=d"},
        {"GET /a? HTTP/1.1\r\n" HOST, "{uri}", "/a?"},
        {"GET /a HTTP/1.1\r\n" HOST, "{uri}", "/a"},
        {"GET /a?b?c HTTP/1.1\r\n" HOST, "{uri}", "/a?b?c"},
        {"GET http://h/a?b HTTP/1.1\r\n" HOST, "{uri}", "/a?b"},
        {"GET http://h?b HTTP/1.1\r\n" HOST, "{uri}", "/?b"},
        {"GET http://h HTTP/1.1\r\n" HOST, "{uri}", "/"},
        {"OPTIONS * HTTP/1.1\r\n" HOST, "{uri}", "*"},
        {"GET /a?b=1&c HTTP/1.1\r\n" HOST, "{query}", "b=1&c"},
        {"GET /a HTTP/1.1\r\n" HOST, "{query}", NULL},
        {"GET /a? HTTP/1.1\r\n" HOST, "{query}", NULL},
        {"GET /a#b HTTP/1.1\r\n" HOST, "{fragment}", "b"},
        {"GET /a?c#b?d HTTP/1.1\r\n" HOST, "{fragment}", "b?d"},
        {"GET /a# HTTP/1.1\r\n" HOST, "{fragment}", NULL},
        {"GET /a HTTP/1.1\r\n" HOST, "{fragment}", NULL},
        {"GET /a HTTP/1.1\r\nHost: h.test\r\n", "{host}", "h.test"},
        {"GET /a HTTP/1.1\r\nHost: H.Test:80\r\n", "{host}", "h.test"},
        {"GET /a HTTP/1.1\r\nHost: [2001:DB8::1]:80\r\n", "{host}", "[2001:db8::1]"},
        {"GET /a HTTP/1.1\r\nHost: [::1]\r\n", "{host}", "[::1]"},
        {"GET http://Other:1/a HTTP/1.1\r\n" HOST, "{host}", "other"},
        {"GET /a HTTP/1.1\r\nHost:\r\n", "{host}", NULL},
        {"GET /a HTTP/1.0\r\n", "{host}", NULL},
        {"PURGE /a HTTP/1.1\r\n" HOST, "{method}", "PURGE"},
        {"GET /a HTTP/1.1\r\n" HOST, "{client_ip}", "192.0.2.9"},
    };
    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        check_key(&cases[i], "");
    }
}

static void test_segments(void **state)
{
    static const struct key_case cases[] = {
        {"GET /users/7 HTTP/1.1\r\n" HOST, "{path.1}", "users"},
        {"GET /users/7 HTTP/1.1\r\n" HOST, "{path.2}", "7"},
        {"GET /users/7?x/y HTTP/1.1\r\n" HOST, "{path.2}", "7"},
        {"GET /users/7 HTTP/1.1\r\n" HOST, "{path.3}", NULL},
        {"GET /users/7/ HTTP/1.1\r\n" HOST, "{path.2}", "7"},
        {"GET /users/7/ HTTP/1.1\r\n" HOST, "{path.3}", NULL},
        {"GET /a//b HTTP/1.1\r\n" HOST, "{path.2}", NULL},
        {"GET /a//b HTTP/1.1\r\n" HOST, "{path.3}", "b"},
        {"GET / HTTP/1.1\r\n" HOST, "{path.1}", NULL},
        {"GET http://h HTTP/1.1\r\n" HOST, "{path.1}", NULL},
        {"OPTIONS * HTTP/1.1\r\n" HOST, "{path.1}", NULL},
        {"GET /users/7/x HTTP/1.1\r\n" HOST, "{path.1-1}", "users"},
        {"GET /users/7/x HTTP/1.1\r\n" HOST, "{path.1-2}", "users/7"},
        {"GET /users/7 HTTP/1.1\r\n" HOST, "{path.1-2}", "users/7"},
        {"GET /users/7 HTTP/1.1\r\n" HOST, "{path.1-3}", NULL},
        {"GET /users/ HTTP/1.1\r\n" HOST, "{path.1-2}", NULL},
        {"GET /a//b HTTP/1.1\r\n" HOST, "{path.1-3}", NULL},
        {"GET //a HTTP/1.1\r\n" HOST, "{path.1-2}", NULL},
        {"OPTIONS * HTTP/1.1\r\n" HOST, "{path.1-1}", NULL},
    };
    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        check_key(&cases[i], "");
    }
}

static void test_named_values(void **state)
{
    static const struct key_case cases[] = {
        {"GET /a?u=1&u=2 HTTP/1.1\r\n" HOST, "{query.u}", "1"},
        {"GET /a?uu=1&u=%41+ HTTP/1.1\r\n" HOST, "{query.u}", "%41+"},
        {"GET /a?u= HTTP/1.1\r\n" HOST, "{query.u}", NULL},
        {"GET /a?U=1 HTTP/1.1\r\n" HOST, "{query.u}", NULL},
        {"GET /a HTTP/1.1\r\n" HOST "x-USER: \t7 \r\n", "{header.X-User}", "7"},
        {"GET /a HTTP/1.1\r\n" HOST "X-User: 1\r\nX-User: 2\r\n", "{header.X-User}", "1"},
        {"GET /a HTTP/1.1\r\n" HOST "X-User:\r\nX-User: 2\r\n", "{header.X-User}", NULL},
        {"GET /a HTTP/1.1\r\n" HOST "X-Users: 1\r\n", "{header.X-User}", NULL},
        {"GET /a HTTP/1.1\r\n" HOST "X-User: 1\r\nConnection: x-user\r\n", "{header.X-User}", "1"},
        {"GET /a HTTP/1.1\r\n" HOST "Cookie: b=2; s=1; s=3\r\n", "{cookie.s}", "1"},
        {"GET /a HTTP/1.1\r\n" HOST "Cookie: b=2\r\ncookie: s=1\r\n", "{cookie.s}", "1"},
        {"GET /a HTTP/1.1\r\n" HOST "Cookie: s=\r\n", "{cookie.s}", NULL},
        {"GET /a HTTP/1.1\r\n" HOST "Cookie: S=1\r\n", "{cookie.s}", NULL},
        {"GET /a HTTP/1.1\r\n" HOST "X-Cookie: s=1\r\n", "{cookie.s}", NULL},
    };
    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        check_key(&cases[i], "");
    }
}

static void test_text_and_several_variables(void **state)
{
    static const struct key_case cases[] = {
        {"GET /a HTTP/1.1\r\n" HOST, "all", "all"},
        {"GET /a/b HTTP/1.1\r\n" HOST, "user:{path.2}", "user:b"},
        {"GET /a/b HTTP/1.1\r\n" HOST, "{{{path.2}}", "{b}"},
        {"GET /a?b HTTP/1.1\r\nHost: H\r\n", "{method} http://{host}{uri}", "GET http://h/a?b"},
        {"GET http://H?b HTTP/1.1\r\n" HOST, "{host}{uri}{host}{path}", "h/?bh/"},
        {"GET /a HTTP/1.1\r\n" HOST, "{path}{query.u}", NULL},
        {"GET /a HTTP/1.1\r\n" HOST, "{client_ip}|{path.1}", "192.0.2.9|a"},
    };
    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        check_key(&cases[i], "");
    }
}

static void test_normalized_keys(void **state)
{
    static const struct key_case cases[] = {
        {"GET /%7Ea/./b/../c HTTP/1.1\r\n" HOST, "{path}", "/~a/c"},
        {"GET /%7Ea/./b?x=%7E HTTP/1.1\r\n" HOST, "{uri}", "/~a/b?x=%7E"},
        {"GET /a%2fb HTTP/1.1\r\n" HOST, "{path}", "/a%2Fb"},
        {"GET /x/../a/b HTTP/1.1\r\n" HOST, "{path.1}", "a"},
        {"GET /x/../a/b HTTP/1.1\r\n" HOST, "{path.1-2}", "a/b"},
        {"GET /a.b/c. HTTP/1.1\r\n" HOST, "{uri}", "/a.b/c."},
        {"GET /../.. HTTP/1.1\r\n" HOST, "{uri}", "/"},
        {"GET http://h HTTP/1.1\r\n" HOST, "{uri}", "/"},
        {"GET http://H?./x HTTP/1.1\r\n" HOST, "{host}{uri}", "h/?./x"},
        {"GET /./%61?b HTTP/1.1\r\nHost: H\r\n", "{host}{path} {uri}", "h/a /a?b"},
        {"OPTIONS * HTTP/1.1\r\n" HOST, "{uri}", "*"},
        {"GET /a?u=%41 HTTP/1.1\r\n" HOST, "{query.u}", "%41"},
    };
    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        check_key(&cases[i], ", normalize: true");
    }
}

static void test_the_first_complete_template_is_used(void **state)
{
    static const struct {
        const char *head, *key;
        size_t which;
    } cases[] = {
        {"GET /a?u=1 HTTP/1.1\r\nHost: H\r\nCookie: s=2\r\n", "1", 0},
        {"GET /a?u= HTTP/1.1\r\nHost: H\r\nCookie: s=2\r\n", "h:2", 1},
        {"GET /a HTTP/1.1\r\nHost: H\r\n", "/a", 2},
    };
    struct site site;

    (void)state;
    site_open(&site, "{key: ['{query.u}', '{host}:{cookie.s}', '{path}'], pool: web}", "");
    uint8_t *room = malloc(http_route_key_max(site.config));
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        struct message message;
        struct slice key;
        size_t which = 99;

        message_read(&message, cases[i].head);
        assert_true(http_route_key(&site.listener->http_routes[0], &message.request, slice_of(""),
                                   room, &key, &which));
        assert_slice(key, cases[i].key, cases[i].head);
        assert_int_equal(which, cases[i].which);
        free(message.bytes);
    }
    free(room);
    site_close(&site);
}

/* One variable, and nothing to change: the key is where the request is. */
static void test_a_key_is_not_copied(void **state)
{
    static const char *const templates[] = {"{uri}", "{path}", "{path.1}", "{host}", "{header.x}"};

    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(templates); i++) {
        char routes[128];
        struct site site;
        struct message message;
        struct slice key;

        snprintf(routes, sizeof(routes), "{key: '%s', normalize: true, pool: web}", templates[i]);
        site_open(&site, routes, "");
        message_read(&message, "GET /a/b?c HTTP/1.1\r\nHost: h:1\r\nX: y\r\n");
        assert_true(http_route_key(&site.listener->http_routes[0], &message.request, slice_of(""),
                                   NULL, &key, NULL));
        assert_in_range((uintptr_t)key.data, (uintptr_t)message.bytes,
                        (uintptr_t)message.bytes + message.request.head_len);
        free(message.bytes);
        site_close(&site);
    }
}

/* The longest head that is accepted, its parts used as often as a template allows. */
static void test_the_room_is_enough(void **state)
{
    char head[16384], routes[256] = "{key: '";
    struct site site;
    struct message message;
    struct slice key;

    (void)state;
    for (int i = 0; i < 16; i++) {
        strcat(routes, "{uri}");
    }
    for (int i = 0; i < 16; i++) {
        strcat(routes, "{host}");
    }
    strcat(routes, "', normalize: true, pool: web}");
    site_open(&site, routes, "");
    size_t len = sizeof(head) - 3;
    memset(head, 'a', len);
    memcpy(head, "GET /./", 7);
    memcpy(head + 8000, " HTTP/1.1\r\nHost: A", 18);
    memcpy(head + len - 2, "\r\n", 3);
    message_read(&message, head);
    uint8_t *room = malloc(http_route_key_max(site.config));
    assert_true(http_route_key(&site.listener->http_routes[0], &message.request, slice_of(""), room,
                               &key, NULL));
    assert_int_equal(key.len, 16 * (message.request.path.len - 2 + message.request.host.len));
    free(room);
    free(message.bytes);
    site_close(&site);
}

/* ---- routes -------------------------------------------------------------------------------- */

struct match_case {
    const char *head;
    size_t number; /* from 1; 0: none */
};

static void check_matches(const char *routes, const struct match_case *cases, size_t n)
{
    struct site site;

    site_open(&site, routes, "");
    for (size_t i = 0; i < n; i++) {
        const struct config_http_route *route;
        struct message message;
        size_t number;

        message_read(&message, cases[i].head);
        route = http_route_match(site.listener, &message.request);
        number = route == NULL ? 0 : (size_t)(route - site.listener->http_routes) + 1;
        if (number != cases[i].number) {
            fail_msg("%s: route %zu instead of %zu", cases[i].head, number, cases[i].number);
        }
        free(message.bytes);
    }
    site_close(&site);
}

static void test_the_first_route_that_matches(void **state)
{
    static const struct match_case cases[] = {
        {"GET /a/b HTTP/1.1\r\n" HOST, 2},
        {"PUT /a/b HTTP/1.1\r\n" HOST, 1},
        {"put /a/b HTTP/1.1\r\n" HOST, 2},
        {"GET /a HTTP/1.1\r\n" HOST, 0},
        {"GET /%61/b HTTP/1.1\r\n" HOST, 0},
        {"GET /x/../a/b HTTP/1.1\r\n" HOST, 0},
        {"GET http://h/a/ HTTP/1.1\r\n" HOST, 2},
        {"GET /x HTTP/1.1\r\nHost: Shop.Test:8080\r\n", 3},
        {"GET /x HTTP/1.1\r\nHost: shop.test\r\n", 3},
        {"GET http://SHOP.test/x HTTP/1.1\r\n" HOST, 3},
        {"GET /x HTTP/1.1\r\nHost: shop.tes\r\n", 0},
        {"GET /x HTTP/1.1\r\nHost: shop.test.\r\n", 0},
        {"GET /a/b HTTP/1.1\r\nHost: shop.test\r\n", 2},
        {"GET /x HTTP/1.1\r\nHost: [::1]:80\r\n", 4},
    };
    (void)state;
    check_matches("{match: {path_prefix: /a/, method: PUT}, key: '{uri}', pool: web},"
                  "{match: {path_prefix: /a/}, key: '{uri}', pool: web},"
                  "{match: {host: shop.test}, key: '{uri}', pool: web},"
                  "{match: {host: '[::1]'}, key: '{uri}', pool: web}",
                  cases, N_ELEMENTS(cases));
}

static void test_root_and_no_path(void **state)
{
    static const struct match_case cases[] = {
        {"GET / HTTP/1.1\r\n" HOST, 1},          {"GET http://h HTTP/1.1\r\n" HOST, 1},
        {"GET http://h?a HTTP/1.1\r\n" HOST, 1}, {"OPTIONS * HTTP/1.1\r\n" HOST, 2},
        {"GET //a HTTP/1.1\r\n" HOST, 1},
    };
    (void)state;
    check_matches("{match: {path_prefix: /}, key: '{uri}', pool: web}, {key: '{uri}', pool: web}",
                  cases, N_ELEMENTS(cases));
}

static void test_normalized_prefix(void **state)
{
    static const struct match_case cases[] = {
        {"GET /a/b HTTP/1.1\r\n" HOST, 1},        {"GET /%61/b HTTP/1.1\r\n" HOST, 1},
        {"GET /x/../a/b HTTP/1.1\r\n" HOST, 1},   {"GET /a/../b HTTP/1.1\r\n" HOST, 2},
        {"GET /a/%2e%2e/b HTTP/1.1\r\n" HOST, 2}, {"GET /./a%2Fb HTTP/1.1\r\n" HOST, 2},
        {"GET /a/.b HTTP/1.1\r\n" HOST, 1},
    };
    (void)state;
    check_matches("{match: {path_prefix: /a/}, normalize: true, key: '{uri}', pool: web},"
                  "{key: '{uri}', pool: web}",
                  cases, N_ELEMENTS(cases));
}

static void test_a_long_path_is_normalized(void **state)
{
    char head[8192];
    struct match_case wanted = {head, 1};
    size_t len;

    (void)state;
    len = (size_t)snprintf(head, sizeof(head), "GET /x/../%%61/%07000d HTTP/1.1\r\n" HOST, 0);
    assert_in_range(len, 7000, sizeof(head) - 1);
    check_matches("{match: {path_prefix: /a/}, normalize: true, key: '{uri}', pool: web}", &wanted,
                  1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_variables),
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_named_values),
        cmocka_unit_test(test_text_and_several_variables),
        cmocka_unit_test(test_normalized_keys),
        cmocka_unit_test(test_the_first_complete_template_is_used),
        cmocka_unit_test(test_a_key_is_not_copied),
        cmocka_unit_test(test_the_room_is_enough),
        cmocka_unit_test(test_the_first_route_that_matches),
        cmocka_unit_test(test_root_and_no_path),
        cmocka_unit_test(test_normalized_prefix),
        cmocka_unit_test(test_a_long_path_is_normalized),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
