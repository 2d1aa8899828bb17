/*
 * What HTTP/1 targets, cookies and lists hold.
 */
#include "support/http1_assert.h"

static void test_lists(void **state)
{
    (void)state;
    assert_true(http1_list_has(slice_of("a, b ,\tC"), "c"));
    assert_true(http1_list_has(slice_of("close"), "Close"));
    assert_true(http1_list_has(slice_of(",close"), "close"));
    assert_false(http1_list_has(slice_of("closed, not-close"), "close"));
    assert_false(http1_list_has(slice_of("a b"), "a"));
    assert_false(http1_list_has(slice_of(""), "close"));
    assert_false(http1_list_has(slice_make(NULL, 0), "close"));
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
    for (i = 0; i < COUNT(cases); i++) {
        uint8_t out[16];
        ptrdiff_t n = http1_percent_decode(slice_of(cases[i].in), out);

        if (cases[i].out == NULL) {
            assert_int_equal(n, -1);
        } else {
            assert_slice(slice_make(out, (size_t)n), cases[i].out);
        }
    }
}

static void assert_in_query(const char *query, const char *name, const char *expected)
{
    struct slice value;

    if (!http1_query_find(slice_of(query), slice_of(name), &value)) {
        assert_null(expected);
        return;
    }
    assert_non_null(expected);
    assert_slice(value, expected);
}

static void test_queries(void **state)
{
    struct slice value;

    (void)state;
    assert_in_query("a=1&bc=2=3&d&e=&a=9", "a", "1");
    assert_in_query("a=1&bc=2=3&d&e=&a=9", "bc", "2=3");
    assert_in_query("a=1&bc=2=3&d&e=&a=9", "d", "");
    assert_in_query("a=1&bc=2=3&d&e=&a=9", "e", "");
    assert_in_query("a=1&bc=2=3&d&e=&a=9", "b", NULL);
    assert_in_query("A=1&%61=2", "a", NULL);
    assert_in_query("&&a=1", "a", "1");
    assert_in_query("a%3d=1", "a%3d", "1");
    assert_false(http1_query_find(slice_make(NULL, 0), slice_of("b"), &value));
}

static void assert_in_cookies(const char *cookies, const char *name, const char *expected)
{
    struct slice value;

    if (!http1_cookie_find(slice_of(cookies), slice_of(name), &value)) {
        assert_null(expected);
        return;
    }
    assert_non_null(expected);
    assert_slice(value, expected);
}

static void test_cookies(void **state)
{
    (void)state;
    assert_in_cookies("a=1; b=2", "a", "1");
    assert_in_cookies("a=1; b=2", "b", "2");
    assert_in_cookies("a=1;b=2;\tc=\"3\"", "c", "\"3\"");
    assert_in_cookies("a=1; a=2", "a", "1");
    assert_in_cookies("a=x=y; b=", "a", "x=y");
    assert_in_cookies("a=x=y; b=", "b", "");
    assert_in_cookies("A=1; ab=2; xa=3", "a", NULL);
    assert_in_cookies("a; b=1", "a", NULL);
    assert_in_cookies("b=\"a=1\"; a=2", "a", "2");
    assert_in_cookies("", "a", NULL);
}

static void test_paths(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ""},
        {"/", "/"},
        {"/a/b", "/a/b"},
        {"/a/b/", "/a/b/"},
        {"//a//b", "//a//b"},
        {"/a/./b", "/a/b"},
        {"/a/b/.", "/a/b/"},
        {"/a/b/..", "/a/"},
        {"/a/b/../c", "/a/c"},
        {"/a/../../../b", "/b"},
        {"/..", "/"},
        {"/.", "/"},
        {"/../a/..", "/"},
        {"/a//../b", "/a/b"},
        {"/mid/content=5/../6", "/mid/6"},
        {"/a/b/c/./../../g", "/a/g"},
        {"/.../..a/a../.b", "/.../..a/a../.b"},
        {"/%7Eu%73er/%2e%2E/x", "/x"},
        {"/%61%2f%2F%c3%Bc", "/a%2F%2F%C3%BC"},
        {"/%25%2e%", "/%25.%"},
        {"/%zz%4", "/%zz%4"},
        {"/%2525", "/%2525"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < COUNT(cases); i++) {
        uint8_t out[64];

        assert_slice(slice_make(out, http1_path_normalize(slice_of(cases[i].in), out)),
                     cases[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),   cmocka_unit_test(test_percent_decoding),
        cmocka_unit_test(test_queries), cmocka_unit_test(test_cookies),
        cmocka_unit_test(test_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
