/*
 * The keys and values of a load, and what it can be sent to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cmd_load_items.h"
#include "cmd_load_target.h"

static struct load_items_options plain(uint64_t n)
{
    return (struct load_items_options){
        .n = n, .prefix = "bench:", .key_bytes = 32, .value_bytes = 100};
}

static void test_keys_are_found_again(void **state)
{
    struct load_items_options options = plain(1000);
    char key[LOAD_ITEMS_MAX_KEY_BYTES];
    struct load_items items;

    (void)state;
    for (int etc = 0; etc < 2; etc++) {
        options.etc_keys = etc == 1;
        load_items_init(&items, &options);
        for (uint64_t i = 0; i < 1000; i++) {
            size_t len = load_items_key(&items, i, key);

            assert_int_equal(load_items_find(&items, key, len), i);
        }
        load_items_deinit(&items);
    }
}

static void test_text_of_a_key(void **state)
{
    struct load_items_options options = plain(1000);
    char key[LOAD_ITEMS_MAX_KEY_BYTES];
    struct load_items items;

    (void)state;
    load_items_init(&items, &options);
    assert_int_equal(load_items_key(&items, 123, key), 32);
    assert_memory_equal(key, "bench:.................000000123", 32);
    load_items_deinit(&items);
}

static void test_other_keys_are_not_ours(void **state)
{
    static const char *const others[] = {
        "",
        "123",
        "bench:.................00000012x",
        "bench:.................000001000", /* the first that is not there */
        "bench:................000000123",  /* a byte less */
        "Bench:.................000000123",
        "bench:.........x.......000000123",
    };
    struct load_items_options options = plain(1000);
    struct load_items items;

    (void)state;
    load_items_init(&items, &options);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_true(load_items_find(&items, others[i], strlen(others[i])) == UINT64_MAX);
    }
    load_items_deinit(&items);
}

/* The same in another process and with other numbers of keys; another one for another key. */
static void test_values_belong_to_keys(void **state)
{
    struct load_items_options options = plain(1000);
    struct load_items one, other;

    (void)state;
    load_items_init(&one, &options);
    options.n = 2000;
    options.value_bytes = 50;
    load_items_init(&other, &options);
    for (uint64_t i = 0; i < 1000; i++) {
        size_t len, other_len, next_len;
        const char *value = load_items_value(&one, i, &len);
        const char *same = load_items_value(&other, i, &other_len);
        const char *next = load_items_value(&one, (i + 1) % 1000, &next_len);

        assert_int_equal(len, 100);
        assert_int_equal(other_len, 50);
        assert_memory_equal(value, same, 50);
        assert_memory_not_equal(value, next, 50);
    }
    load_items_deinit(&one);
    load_items_deinit(&other);
}

/* The distribution functions, turned round by hand: exp(-(1 + k x)^(-1/k)) for the keys. */
static void test_sizes_of_the_etc_mix(void **state)
{
    (void)state;
    /* At u = 1/e the generalised extreme value distribution is at its location, 30.7984. */
    assert_int_equal(load_items_etc_key_bytes(0.36788), 30);
    /* Median: 30.7984 + 8.20449 / 0.078688 * (0.693147^-0.078688 - 1) = 33.85 */
    assert_int_equal(load_items_etc_key_bytes(0.5), 33);
    assert_int_equal(load_items_etc_key_bytes(1e-9), LOAD_ITEMS_ETC_MIN_KEY_BYTES);
    assert_int_equal(load_items_etc_key_bytes(1 - 1e-9), LOAD_ITEMS_ETC_MAX_KEY_BYTES);

    assert_int_equal(load_items_etc_value_bytes(0.005), 0);
    assert_int_equal(load_items_etc_value_bytes(0.0055), 1);
    assert_int_equal(load_items_etc_value_bytes(0.1), 2);
    assert_int_equal(load_items_etc_value_bytes(0.4415), 14);
    assert_int_equal(load_items_etc_value_bytes(0.4416), 15);
    /* The middle of the rest: 15 + 214.476 / 0.348238 * (2^0.348238 - 1) = 183.1 */
    assert_int_equal(load_items_etc_value_bytes(0.44155 + 0.55845 / 2), 183);
    assert_int_equal(load_items_etc_value_bytes(1 - 1e-16), LOAD_ITEMS_ETC_MAX_VALUE_BYTES);
}

static void test_the_etc_mix_has_many_sizes(void **state)
{
    struct load_items_options options = plain(100000);
    uint64_t key_bytes = 0, value_bytes = 0;
    struct load_items items;

    (void)state;
    options.etc_keys = true;
    options.etc_values = true;
    load_items_init(&items, &options);
    for (uint64_t i = 0; i < options.n; i++) {
        char key[LOAD_ITEMS_MAX_KEY_BYTES];
        size_t len;

        key_bytes += load_items_key(&items, i, key);
        load_items_value(&items, i, &len);
        assert_true(len <= items.max_value_bytes);
        value_bytes += len;
    }
    /* Means of the two distributions: 36.2, and 0.44 * 5.6 + 0.56 * (15 + 329) = 194. */
    assert_in_range(key_bytes / options.n, 35, 37);
    assert_in_range(value_bytes / options.n, 185, 205);
    load_items_deinit(&items);
}

static void check_target(const char *text, const char *host, unsigned port, const char *path)
{
    struct load_target target;

    assert_null(load_target_parse(&target, text));
    assert_string_equal(target.host, host);
    assert_int_equal(target.port, port);
    assert_string_equal(target.path, path);
    load_target_deinit(&target);
}

static void test_targets(void **state)
{
    static const char *const wrong[] = {
        "",         "127.0.0.1:1", "https://a:1",  "memcached://",  "memcached://a",
        "http://a", "http://a:x/", "http://a:1/?", "http://a:1/ b",
    };
    struct load_target target;

    (void)state;
    check_target("memcached://127.0.0.1:11211", "127.0.0.1", 11211, "/");
    check_target("memcached://[::1]:11211", "::1", 11211, "/");
    check_target("memcached://unix:/run/m.sock", "/run/m.sock", 0, "/");
    check_target("http://cache.local:80", "cache.local", 80, "/");
    check_target("http://cache.local:80/", "cache.local", 80, "/");
    check_target("http://127.0.0.1:80/a/b", "127.0.0.1", 80, "/a/b/");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_non_null(load_target_parse(&target, wrong[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_are_found_again),
        cmocka_unit_test(test_text_of_a_key),
        cmocka_unit_test(test_other_keys_are_not_ours),
        cmocka_unit_test(test_values_belong_to_keys),
        cmocka_unit_test(test_sizes_of_the_etc_mix),
        cmocka_unit_test(test_the_etc_mix_has_many_sizes),
        cmocka_unit_test(test_targets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
