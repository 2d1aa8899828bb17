/*
 * Who an HTTP client is: trusted proxies and what they say.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "support/http_site.h"

#include "topology/http_route.h"

#define TRUSTED "10.0.0.0/8, 192.0.2.1, 'fd00::/8'"

static void test_trusted(void **state)
{
    static const struct {
        const char *address;
        bool trusted;
    } cases[] = {
        {"", true},
        {"10.0.0.0", true},
        {"10.255.255.255", true},
        {"11.0.0.0", false},
        {"9.255.255.255", false},
        {"192.0.2.1", true},
        {"192.0.2.0", false},
        {"::ffff:10.1.2.3", true},
        {"::ffff:a01:203", true},
        {"::10.1.2.3", false},
        {"fd00::", true},
        {"fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true},
        {"fe00::1", false},
        {"10.1.2", false},
        {"10.1.2.3:80", false},
        {"localhost", false},
        {"fd00:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", false},
    };
    struct site site;

    (void)state;
    site_open(&site, "{key: '{uri}', pool: web}", TRUSTED);
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        if (http_route_is_trusted(site.listener, slice_of(cases[i].address)) != cases[i].trusted) {
            fail_msg("%s: %s", cases[i].address, cases[i].trusted ? "not trusted" : "trusted");
        }
    }
    assert_false(http_route_is_trusted(site.listener, slice_make("10.0.0.1\0", 9)));
    site_close(&site);
    site_open(&site, "{key: '{uri}', pool: web}", "");
    assert_false(http_route_is_trusted(site.listener, slice_of("10.0.0.1")));
    assert_true(http_route_is_trusted(site.listener, slice_of("")));
    site_close(&site);
}

static void test_prefix_lengths(void **state)
{
    static const struct {
        const char *network, *within, *without;
    } cases[] = {
        {"0.0.0.0/0", "255.0.0.1", "fd00::1"},   {"10.0.0.0/9", "10.127.0.1", "10.128.0.1"},
        {"10.0.0.2/31", "10.0.0.3", "10.0.0.4"}, {"'fd00::/127'", "fd00::1", "fd00::2"},
        {"10.0.0.0/32", "10.0.0.0", "10.0.0.1"}, {"'::1'", "::1", "0.0.0.1"},
    };
    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        struct site site;
        site_open(&site, "{key: '{uri}', pool: web}", cases[i].network);
        assert_true(http_route_is_trusted(site.listener, slice_of(cases[i].within)));
        assert_false(http_route_is_trusted(site.listener, slice_of(cases[i].without)));
        site_close(&site);
    }
}

static void test_the_client(void **state)
{
    static const struct {
        const char *peer, *fields, *client;
    } cases[] = {
        {"198.51.100.1", "", "198.51.100.1"},
        {"198.51.100.1", "X-Forwarded-For: 203.0.113.1\r\n", "198.51.100.1"},
        {"::ffff:198.51.100.1", "", "198.51.100.1"},
        {"10.0.0.1", "", "10.0.0.1"},
        {"10.0.0.1", "X-Forwarded-For: 203.0.113.1\r\n", "203.0.113.1"},
        {"::ffff:10.0.0.1", "X-Forwarded-For: 203.0.113.1\r\n", "203.0.113.1"},
        {"", "X-Forwarded-For: 203.0.113.1\r\n", "203.0.113.1"},
        {"", "", ""},
        {"10.0.0.1", "X-Forwarded-For: 1.1.1.1, 203.0.113.1\r\n", "203.0.113.1"},
        {"10.0.0.1", "X-Forwarded-For: 1.1.1.1,203.0.113.1 ,\t10.0.0.2\r\n", "203.0.113.1"},
        {"10.0.0.1", "X-Forwarded-For: 1.1.1.1\r\nX-Forwarded-For: 10.0.0.2\r\n", "1.1.1.1"},
        {"10.0.0.1", "X-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: 2.2.2.2\r\n", "2.2.2.2"},
        {"10.0.0.1", "X-Forwarded-For: 10.0.0.3, 10.0.0.2\r\n", "10.0.0.3"},
        {"10.0.0.1", "X-Forwarded-For: 10.0.0.3\r\nX-Forwarded-For: 10.0.0.2\r\n", "10.0.0.3"},
        {"10.0.0.1", "X-Forwarded-For:\r\n", "10.0.0.1"},
        {"10.0.0.1", "X-Forwarded-For: , ,\r\n", "10.0.0.1"},
        {"10.0.0.1", "X-Forwarded-For: 1.1.1.1, ,\r\n", "1.1.1.1"},
        {"10.0.0.1", "X-Forwarded-For: unknown\r\n", "10.0.0.1"},
        {"10.0.0.1", "X-Forwarded-For: 1.1.1.1, unknown, 10.0.0.2\r\n", "10.0.0.1"},
        {"10.0.0.1", "X-Forwarded-For: unknown, 1.1.1.1\r\n", "1.1.1.1"},
        {"10.0.0.1", "X-Forwarded-For: 1.1.1.1:8080\r\n", "1.1.1.1"},
        {"10.0.0.1", "X-Forwarded-For: [2001:db8::1]:80\r\n", "2001:db8::1"},
        {"10.0.0.1", "X-Forwarded-For: [2001:db8::1]\r\n", "2001:db8::1"},
        {"10.0.0.1", "X-Forwarded-For: 2001:db8::1\r\n", "2001:db8::1"},
        {"10.0.0.1", "X-Forwarded-For: ::ffff:1.1.1.1\r\n", "1.1.1.1"},
        {"10.0.0.1", "X-Forwarded-For: 2001:db8::1, [fd00::2]:80\r\n", "2001:db8::1"},
        {"10.0.0.1", "X-Forwarded-For: [2001:db8::1]x:80\r\n", "10.0.0.1"},
        {"10.0.0.1", "X-Forwarded-For: [\r\n", "10.0.0.1"},
        {"10.0.0.1", "X-Forwarded-For: ]:\r\n", "10.0.0.1"},
        {"10.0.0.1", "X-Forwarded-For: :.\r\n", "10.0.0.1"},
        {"10.0.0.1", "X-Forwarded-For: 1.1.1.1\r\nConnection: x-forwarded-for\r\n", "1.1.1.1"},
        {"fd00::1", "X-Forwarded-For: 1.1.1.1\r\n", "1.1.1.1"},
    };
    struct site site;

    (void)state;
    site_open(&site, "{key: '{uri}', pool: web}", TRUSTED);
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        char head[512];
        struct message message;
        snprintf(head, sizeof(head), "GET / HTTP/1.1\r\n" HOST "%s", cases[i].fields);
        message_read(&message, head);
        struct slice client =
            http_route_client_ip(site.listener, slice_of(cases[i].peer), &message.request);
        assert_slice(client, cases[i].client, cases[i].fields);
        free(message.bytes);
    }
    site_close(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trusted),
        cmocka_unit_test(test_prefix_lengths),
        cmocka_unit_test(test_the_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
