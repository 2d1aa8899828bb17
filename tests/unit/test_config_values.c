/*
 * Single values: numbers with units, addresses, words in messages.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/address.h"
#include "config/tree.h"
#include "config/units.h"
#include "config/words.h"

#define N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

static void test_numbers(void **state)
{
    static const char *const bad[] = {"",   "-1", "+1", "1.5", "0x10", "01",
                                      "00", "1 ", " 1", "1_0", "1e3",  "18446744073709551616"};
    uint64_t value = 7;

    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
        assert_false(units_parse_number(bad[i], &value));
        assert_int_equal(value, 7);
    }
    assert_true(units_parse_number("0", &value));
    assert_int_equal(value, 0);
    assert_true(units_parse_number("18446744073709551615", &value));
    assert_int_equal(value, UINT64_MAX);
}

struct unit_case {
    const char *text;
    uint64_t value;
};

static void test_durations(void **state)
{
    static const struct unit_case good[] = {
        {"0", 0},        {"0s", 0},         {"1us", 1},         {"250ms", 250000},
        {"3s", 3000000}, {"2m", 120000000}, {"1h", 3600000000}, {"720h", UINT64_C(2592000000000)},
    };
    static const char *const bad[] = {"",    "10",   "s",   "1 s", "1S",  "1min",       "1d",
                                      "-1s", "1.5s", "01s", "1s1", "1ss", "5124095577h"};
    uint64_t us;

    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(good); i++) {
        assert_true(units_parse_duration(good[i].text, &us));
        assert_int_equal(us, good[i].value);
    }
    for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
        assert_false(units_parse_duration(bad[i], &us));
    }
}

static void test_sizes(void **state)
{
    static const struct unit_case good[] = {
        {"0", 0},         {"0B", 0},         {"7B", 7},
        {"16KiB", 16384}, {"1MiB", 1048576}, {"2GiB", 2147483648},
        {"3KB", 3000},    {"4MB", 4000000},  {"5GB", 5000000000},
    };
    static const char *const bad[] = {"",    "10", "1K",    "1kib",
                                      "1TB", "1b", "1MiBs", "17179869184GiB"};
    uint64_t bytes;

    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(good); i++) {
        assert_true(units_parse_size(good[i].text, &bytes));
        assert_int_equal(bytes, good[i].value);
    }
    for (size_t i = 0; i < N_ELEMENTS(bad); i++) {
        assert_false(units_parse_size(bad[i], &bytes));
    }
}

static void test_write_units(void **state)
{
    char text[UNITS_TEXT_BYTES];

    (void)state;
    units_write_duration(0, text);
    assert_string_equal(text, "0s");
    units_write_duration(90000000, text);
    assert_string_equal(text, "90s");
    units_write_duration(7200000000, text);
    assert_string_equal(text, "2h");
    units_write_duration(1, text);
    assert_string_equal(text, "1us");
    units_write_size(0, text);
    assert_string_equal(text, "0B");
    units_write_size(1536, text);
    assert_string_equal(text, "1536B");
    units_write_size(UINT64_C(4) << 30, text);
    assert_string_equal(text, "4GiB");
    units_write_size(UINT64_MAX, text);
    assert_string_equal(text, "18446744073709551615B");
}

struct address_case {
    const char *text, *canonical, *host;
    enum config_address_kind kind;
    uint16_t port;
    bool is_numeric;
};

static void test_good_addresses(void **state)
{
    static const struct address_case cases[] = {
        {"127.0.0.1:11211", "127.0.0.1:11211", "127.0.0.1", CONFIG_ADDRESS_TCP, 11211, true},
        {"0.0.0.0:0", "0.0.0.0:0", "0.0.0.0", CONFIG_ADDRESS_TCP, 0, true},
        {"localhost:1", "localhost:1", "localhost", CONFIG_ADDRESS_TCP, 1, false},
        {"a-b.c_d.example.:65535", "a-b.c_d.example.:65535", "a-b.c_d.example.", CONFIG_ADDRESS_TCP,
         65535, false},
        {"[::1]:80", "[::1]:80", "::1", CONFIG_ADDRESS_TCP, 80, true},
        {"[0:0::0:1]:80", "[::1]:80", "::1", CONFIG_ADDRESS_TCP, 80, true},
        {"[2001:DB8::A]:80", "[2001:db8::a]:80", "2001:db8::a", CONFIG_ADDRESS_TCP, 80, true},
        {"[fe80::1%eth0.5]:80", "[fe80::1%eth0.5]:80", "fe80::1%eth0.5", CONFIG_ADDRESS_TCP, 80,
         true},
        {"unix:/run/a b.sock", "unix:/run/a b.sock", "/run/a b.sock", CONFIG_ADDRESS_UNIX, 0,
         false},
    };
    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        struct config_address address = {0};
        const char *wrong = address_parse(&address, cases[i].text, true);
        if (wrong != NULL) {
            fail_msg("%s: %s", cases[i].text, wrong);
        }
        assert_string_equal(address.text, cases[i].canonical);
        assert_string_equal(address.host, cases[i].host);
        assert_int_equal(address.kind, cases[i].kind);
        assert_int_equal(address.port, cases[i].port);
        assert_int_equal(address.is_numeric, cases[i].is_numeric);
        address_deinit(&address);
    }
}

static void test_bad_addresses(void **state)
{
    static const char *const cases[][2] = {
        {"", "no port"},
        {"127.0.0.1", "no port"},
        {":80", "no host"},
        {"a:", "the port is not a number up to 65535"},
        {"a:0", "port 0"},
        {"a:65536", "the port is not a number up to 65535"},
        {"a:080", "the port is not a number up to 65535"},
        {"a:-1", "the port is not a number up to 65535"},
        {"a:80x", "the port is not a number up to 65535"},
        {"a:18446744073709551617", "the port is not a number up to 65535"},
        {"::1:80", "an IPv6 address needs brackets"},
        {"[::1]", "no port"},
        {"[::1", "no closing bracket"},
        {"[::g]:80", "not an IPv6 address between the brackets"},
        {"[127.0.0.1]:80", "not an IPv6 address between the brackets"},
        {"[]:80", "not an IPv6 address between the brackets"},
        {"[fe80::1%]:80", "the zone is not the name of an interface"},
        {"[fe80::1%a/b]:80", "the zone is not the name of an interface"},
        {"[fe80::1%0123456789abcdef]:80", "the zone is not the name of an interface"},
        {"1.2.3:80", "not an IPv4 address"},
        {"256.0.0.1:80", "not an IPv4 address"},
        {"a b:80", "the host has a character that no name has"},
        {"*:80", "the host has a character that no name has"},
        {"-a:80", "not a host name"},
        {".a:80", "not a host name"},
        {"a..b:80", "not a host name"},
        {"unix:", "the path does not begin with /"},
        {"unix:a", "the path does not begin with /"},
        {"unix:/", "no path"},
        {"unix:/a\nb", "a control character in the path"},
    };
    (void)state;
    for (size_t i = 0; i < N_ELEMENTS(cases); i++) {
        struct config_address address = {0};
        const char *wrong = address_parse(&address, cases[i][0], false);
        if (wrong == NULL || strcmp(wrong, cases[i][1]) != 0) {
            fail_msg("%s: %s", cases[i][0], wrong != NULL ? wrong : "accepted");
        }
        assert_null(address.text);
    }
}

static void test_path_limits(void **state)
{
    struct config_address address;
    char text[400];

    (void)state;
    snprintf(text, sizeof(text), "unix:/%0106d", 0);
    assert_null(address_parse(&address, text, false));
    assert_int_equal(strlen(address.host), ADDRESS_MAX_PATH_BYTES);
    address_deinit(&address);
    snprintf(text, sizeof(text), "unix:/%0107d", 0);
    assert_string_equal(address_parse(&address, text, false), "the path is longer than 107 bytes");
    memset(text, 'a', 253);
    strcpy(text + 253, ":1");
    assert_null(address_parse(&address, text, false));
    address_deinit(&address);
    memset(text, 'a', 254);
    strcpy(text + 254, ":1");
    assert_string_equal(address_parse(&address, text, false), "not a host name");
}

static void test_nearest_word(void **state)
{
    struct words words = {0};

    (void)state;
    words_add(&words, "workers", 7);
    words_add(&words, "admin", 5);
    words_add(&words, "log", 3);
    words_add(&words, "workers", 7);
    assert_string_equal(words_text(&words), "workers, admin, log");
    assert_string_equal(words_nearest(&words, "workrs"), "workers");
    assert_string_equal(words_nearest(&words, "woorkerss"), "workers");
    assert_string_equal(words_nearest(&words, "amdin"), "admin");
    assert_string_equal(words_nearest(&words, "lug"), "log");
    assert_null(words_nearest(&words, "wrkrz"));
    assert_null(words_nearest(&words, ""));
    words_deinit(&words);
    assert_string_equal(words_text(&words), "");
    words_deinit(&words);
}

static void test_quote(void **state)
{
    char out[TREE_TEXT_BYTES];
    char text[201];

    (void)state;
    tree_quote("a\"b\\c\n\x7f\xc3\xa4", out, sizeof(out));
    assert_string_equal(out, "\"a\\\"b\\\\c\\x0a\\x7f\xc3\xa4\"");
    memset(text, '\n', 200);
    text[200] = '\0';
    tree_quote(text, out, sizeof(out));
    assert_int_equal(strlen(out), 2 + 60 * 4 + 3);
    /* A character of two bytes is not cut in two. */
    memset(text, 'a', 59);
    strcpy(text + 59, "\xc3\xa4\xc3\xa4");
    tree_quote(text, out, sizeof(out));
    assert_int_equal(strlen(out), 2 + 59 + 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_sizes),          cmocka_unit_test(test_write_units),
        cmocka_unit_test(test_good_addresses), cmocka_unit_test(test_bad_addresses),
        cmocka_unit_test(test_path_limits),    cmocka_unit_test(test_nearest_word),
        cmocka_unit_test(test_quote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
